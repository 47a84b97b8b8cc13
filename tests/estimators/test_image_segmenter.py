"""`ImageSegmenter` gives what the pipeline gives, whatever the classifier, the device and the tiles."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import pixelforest as pf
from pixelforest.engine.tiling import TileReader
from pixelforest.exceptions import UnlabeledImageWarning


def forest(**parameters):
    return pf.OpenCLRandomForestClassifier(**{"n_estimators": 10, "max_depth": 6, "random_state": 0} | parameters)


def stack(**parameters):
    return pf.ImageFeatureStack(("original", "gaussian", "hessian_eigenvalues"), (1, 2), **parameters)


@pytest.fixture(scope="module")
def scene(crops):
    """Two crops of real images of different sizes, and their scribbles."""
    return (
        [crops.images[0], crops.images[4][:58, 3:]],
        [crops.scribbles[0], crops.scribbles[4][:58, 3:]],
    )


class Recorder(ClassifierMixin, BaseEstimator):
    """Keeps the rows that it is given."""

    rows_at_fit: tuple = ()
    rows_at_predict: tuple = ()

    def fit(self, X, y):
        type(self).rows_at_fit = (X.copy(), y.copy())
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        type(self).rows_at_predict = (*type(self).rows_at_predict, X.copy())
        return np.full(len(X), self.classes_[0])


def make_linear():
    return make_pipeline(StandardScaler(), LogisticRegression())


CLASSIFIERS = {
    "our forest": forest,
    "our forest, unlimited": lambda: forest(max_depth=None, n_estimators=4),
    "our forest on NumPy": lambda: forest(device="numpy"),
    "forest of scikit-learn": lambda: RandomForestClassifier(10, max_depth=6, random_state=0),
    "linear": make_linear,
    "gradient boosting": lambda: HistGradientBoostingClassifier(max_iter=5, random_state=0),
    "without probabilities": lambda: LinearSVC(random_state=0, tol=1e-2, max_iter=20_000),
    "forest in a pipeline": lambda: make_pipeline(StandardScaler(), forest()),
}


# --- the same as the pipeline ------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["auto", "numpy"])
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_segmenter_is_the_pipeline(scene, kind, device):
    images, scribbles = [image / np.float32(255) for image in scene[0]], scene[1]
    pipeline = make_pipeline(stack(device=device), pf.PixelClassifier(CLASSIFIERS[kind]())).fit(images, scribbles)
    model = pf.ImageSegmenter(stack(device=device), CLASSIFIERS[kind](), tile_shape=(32, 40)).fit(images, scribbles)
    for got, expected in zip(model.predict(images), pipeline.predict(images), strict=True):
        assert_array_equal(got, expected)
        assert got.dtype == expected.dtype == np.uint8
        assert np.unique(got).size == 2
    assert hasattr(model, "predict_proba") == hasattr(pipeline, "predict_proba") == (kind != "without probabilities")
    if kind == "without probabilities":
        return
    for got, expected in zip(model.predict_proba(images), pipeline.predict_proba(images), strict=True):
        assert_allclose(got, expected, rtol=0, atol=1e-6)
        assert got.dtype == np.float32
        assert got.shape[-1] == 2
    assert model.score(images, scribbles) == pipeline.score(images, scribbles)


def test_classifier_sees_the_features_of_the_whole_image(scene):
    images, scribbles = scene
    model = pf.ImageSegmenter(stack(), Recorder(), tile_shape=(17, 23)).fit(images, scribbles)
    features = stack().transform(images)
    rows, labels = Recorder.rows_at_fit
    assert_array_equal(rows, np.concatenate([f[s > 0] for f, s in zip(features, scribbles, strict=True)]))
    assert_array_equal(labels, np.concatenate([s[s > 0] for s in scribbles]))

    Recorder.rows_at_predict = ()
    pf.ImageSegmenter(stack(), Recorder()).fit(images, scribbles).predict(images[0])
    assert_array_equal(np.concatenate(Recorder.rows_at_predict), features[0].reshape(-1, features[0].shape[-1]))
    assert model.features_.n_features_in_ == model.n_features_in_ == 1


def test_features_and_forest_may_live_on_different_devices(scene):
    images, scribbles = scene
    expected = pf.ImageSegmenter(stack(device="numpy"), forest(device="numpy")).fit(images, scribbles)
    mixed = pf.ImageSegmenter(stack(device="numpy"), forest(device="auto")).fit(images, scribbles)
    for got, wanted in zip(mixed.predict(images), expected.predict(images), strict=True):
        assert_array_equal(got, wanted)
    assert_allclose(mixed.predict_proba(images[0]), expected.predict_proba(images[0]), rtol=0, atol=1e-6)


def test_classifiers_without_probabilities_say_so_before_and_after_fit(scene):
    model = pf.ImageSegmenter(stack(), LinearSVC())
    assert not hasattr(model, "predict_proba")
    assert not hasattr(pf.PixelClassifier(LinearSVC()), "predict_proba")
    assert hasattr(pf.ImageSegmenter(), "predict_proba")
    assert hasattr(pf.PixelClassifier(), "predict_proba")


def test_defaults_are_a_forest_of_limited_depth(scene):
    model = pf.ImageSegmenter().fit(*scene)
    assert isinstance(model.classifier_, pf.OpenCLRandomForestClassifier)
    assert model.classifier_.max_depth is not None
    assert model.get_params(deep=False) == pf.ImageSegmenter().get_params(deep=False)
    pipeline = make_pipeline(pf.ImageFeatureStack(), pf.PixelClassifier()).fit(*scene)
    assert_array_equal(model.predict(scene[0][0]), pipeline.predict(scene[0][0]))


# --- tiled = whole -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(scene):
    model = pf.ImageSegmenter(stack(), forest()).fit(*scene)
    image = scene[0][1][:41, :37]
    return model, image, model.predict(image), model.predict_proba(image)


@given(tile_shape=st.tuples(st.integers(3, 50), st.integers(3, 50)))
def test_any_tiles_give_the_whole(whole, tile_shape):
    model, image, labels, probabilities = whole
    model.set_params(tile_shape=tile_shape)
    assert_array_equal(model.predict(image), labels)
    assert_array_equal(model.predict_proba(image), probabilities)
    model.set_params(tile_shape=None)


@pytest.mark.parametrize("device", ["auto", "numpy"])
@pytest.mark.parametrize("tile_shape", [(1, 1), (1, 30), (13, 1)])
def test_tiles_of_one_pixel_give_the_whole(scene, tile_shape, device):
    model = pf.ImageSegmenter(stack(device=device), forest(device=device)).fit(*scene)
    image = scene[0][0][10:21, 10:23]
    whole = model.predict(image), model.predict_proba(image)
    model.set_params(tile_shape=tile_shape)
    assert_array_equal(model.predict(image), whole[0])
    assert_array_equal(model.predict_proba(image), whole[1])


def volume_scene(channel_axis=None):
    rng = np.random.default_rng(0)
    shape = [8, 17, 19]
    labels = np.zeros(shape, np.uint8)
    labels[2:4, 3:6, 2:8] = 1
    labels[5:7, 9:12, 9:16] = 2
    if channel_axis is not None:
        shape.insert(channel_axis % 4, 2)
    image = rng.normal(size=shape) + np.linspace(0, 2, np.prod(shape)).reshape(shape)
    return image.astype(np.float32), labels


@given(tile_shape=st.tuples(st.integers(2, 9), st.integers(5, 20), st.integers(5, 20)))
@pytest.mark.parametrize("channel_axis", [None, 0, -1])
def test_volumes_are_the_pipeline_in_any_tiles(channel_axis, tile_shape):
    image, labels = volume_scene(channel_axis)
    features = pf.ImageFeatureStack(
        ("gaussian", "hessian_eigenvalues"), (1,), spatial_ndim=3, channel_axis=channel_axis, spacing=(2, 1, 1)
    )
    model = pf.ImageSegmenter(features, forest(), tile_shape=tile_shape).fit([image], [labels])
    pipeline = make_pipeline(features, pf.PixelClassifier(forest(), spatial_ndim=3)).fit([image], [labels])
    assert_array_equal(model.predict(image), pipeline.predict([image])[0])
    assert_allclose(model.predict_proba(image), pipeline.predict_proba([image])[0], rtol=0, atol=1e-6)


def test_channels_first_and_last_are_the_same(scene):
    images, scribbles = scene
    last = [np.stack([image, image[::-1]], axis=-1) for image in images]
    first = [np.moveaxis(image, -1, 0) for image in last]
    results = [
        pf.ImageSegmenter(stack(channel_axis=axis), forest()).fit(given_images, scribbles).predict(given_images)
        for axis, given_images in ((-1, last), (0, first))
    ]
    for a, b in zip(*results, strict=True):
        assert_array_equal(a, b)
        assert a.ndim == 2


# --- NaN ---------------------------------------------------------------------------------------------------------


@given(tile_shape=st.tuples(st.integers(4, 60), st.integers(4, 60)))
def test_masked_pixels_are_the_same_tiled_and_whole(scene, tile_shape):
    images, scribbles = scene
    model = pf.ImageSegmenter(stack(nan_policy="mask"), forest()).fit(images, scribbles)
    image = images[0].astype(float)
    image[30, 20], image[0, -1] = np.nan, np.inf
    labels, probabilities = model.predict(image), model.predict_proba(image)
    model.set_params(tile_shape=tile_shape)
    assert_array_equal(model.predict(image), labels)
    assert_array_equal(model.predict_proba(image), probabilities)


def test_masked_pixels_are_those_in_reach(scene):
    images, scribbles = scene
    model = pf.ImageSegmenter(stack(nan_policy="mask"), forest()).fit(images, scribbles)
    clean, image = model.predict(images[0].astype(float)), images[0].astype(float)
    image[30, 20] = np.nan
    labels, probabilities = model.predict(image), model.predict_proba(image)
    rows, columns = np.nonzero(labels == 0)
    reach = model.features_.plan_for(1).halo
    assert (rows.min(), rows.max()) == (30 - reach[0], 30 + reach[0])
    assert (columns.min(), columns.max()) == (20 - reach[1], 20 + reach[1])
    assert_array_equal(np.isnan(probabilities).all(axis=-1), labels == 0)
    assert_array_equal(np.isnan(probabilities).any(axis=-1), labels == 0)
    assert_array_equal(labels[labels != 0], clean[labels != 0])

    features = stack(nan_policy="mask").transform(image)
    assert_array_equal(np.isnan(features).all(axis=-1), labels == 0)
    pipeline = make_pipeline(stack(nan_policy="mask"), pf.PixelClassifier(forest(), nan_policy="mask"))
    assert_array_equal(pipeline.fit(images, scribbles).predict([image])[0], labels)


def test_training_leaves_masked_pixels_out(scene):
    images, scribbles = [image.astype(float) for image in scene[0]], scene[1]
    rows, columns = np.nonzero(scribbles[0])
    images[0][rows[0], columns[0]] = np.nan
    pf.ImageSegmenter(stack(nan_policy="mask"), Recorder()).fit(images, scribbles)
    features = stack(nan_policy="mask").transform(images)
    kept = [(s > 0) & np.isfinite(f).all(axis=-1) for f, s in zip(features, scribbles, strict=True)]
    assert 0 < kept[0].sum() < (scribbles[0] > 0).sum()
    assert_array_equal(Recorder.rows_at_fit[0], np.concatenate([f[k] for f, k in zip(features, kept, strict=True)]))
    assert len(Recorder.rows_at_fit[1]) == sum(k.sum() for k in kept)


# --- the cost of training follows the annotation -----------------------------------------------------------------


@pytest.fixture
def area_read(monkeypatch):
    """Sizes of the windows, with halo, of which features are computed."""
    areas = []
    read = TileReader.read

    def counted(self, target):
        patch, touched = read(self, target)
        areas.append(int(np.prod(patch.window.shape)))
        return patch, touched

    monkeypatch.setattr(TileReader, "read", counted)
    return areas


def test_fit_reads_the_surroundings_of_strokes_only(area_read):
    image = np.random.default_rng(0).normal(size=(1500, 1500)).astype(np.float32)
    strokes = np.zeros(image.shape, np.uint8)
    strokes[300:303, 200:260] = 1
    strokes[900:1000, 777] = 2
    features = pf.ImageFeatureStack(("gaussian", "hessian_eigenvalues"), (1, 2))
    pf.ImageSegmenter(features, Recorder()).fit([image], [strokes])
    assert 0 < sum(area_read) < image.size / 50
    near = np.s_[250:1050, 150:850]
    rows = np.concatenate([pf.ImageFeatureStack(("gaussian", "hessian_eigenvalues"), (1, 2)).transform(image[near])])
    assert_array_equal(Recorder.rows_at_fit[0], rows[strokes[near] > 0])
    assert_array_equal(Recorder.rows_at_fit[1], strokes[strokes > 0])


def test_strokes_across_cells_and_borders_give_the_features_of_the_whole_image(area_read):
    image = np.random.default_rng(1).normal(size=(530, 300)).astype(np.float32)
    strokes = np.zeros(image.shape, np.uint8)
    strokes[:, 255:257] = 1  # along the edge of cells, from border to border
    strokes[0, 3:9] = strokes[529, 290:] = 2
    pf.ImageSegmenter(stack(), Recorder()).fit([image], [strokes])
    assert len(area_read) > 2
    assert_array_equal(Recorder.rows_at_fit[0], stack().transform(image)[strokes > 0])


def test_volumes_are_read_near_strokes_only(area_read):
    image = np.random.default_rng(0).normal(size=(80, 150, 150)).astype(np.float32)
    strokes = np.zeros(image.shape, np.uint8)
    strokes[40, 20:24, 60:70] = 1
    strokes[63:65, 100:104, 60:70] = 2
    features = pf.ImageFeatureStack(("gaussian",), (1,), spatial_ndim=3)
    pf.ImageSegmenter(features, Recorder()).fit([image], [strokes])
    assert 0 < sum(area_read) < image.size / 50
    assert_array_equal(Recorder.rows_at_fit[0], features.transform(image)[strokes > 0])


# --- which pixels are annotated, which classes there are -------------------------------------------------------------


def test_unlabeled_images_are_left_out_with_a_warning(scene):
    images, scribbles = scene
    nothing = [np.zeros_like(labels) for labels in scribbles]
    with pytest.warns(UnlabeledImageWarning, match=r"\[1, 3\]"):
        model = pf.ImageSegmenter(stack(), forest()).fit(
            [images[0], images[1], images[1], images[0]], [scribbles[0], nothing[1], scribbles[1], nothing[0]]
        )
    assert_array_equal(
        model.predict(images[0]), pf.ImageSegmenter(stack(), forest()).fit(images, scribbles).predict(images[0])
    )


@pytest.mark.parametrize("make", [pf.ImageSegmenter, lambda **how: make_pipeline(stack(), pf.PixelClassifier(**how))])
def test_full_masks_have_a_class_0(scene, make):
    images = scene[0]
    masks = [(image > image.mean()).astype(np.uint8) for image in images]
    model = make(unlabeled=None).fit(images, masks)
    assert_array_equal(model.classes_, [0, 1])
    assert model.score(images, masks) > 0.99
    assert set(np.unique(model.predict(images[0])).tolist()) == {0, 1}


def test_another_value_may_mean_unlabeled(scene):
    images, scribbles = scene
    shifted = [np.where(labels == 0, 255, labels - 1).astype(np.uint8) for labels in scribbles]
    model = pf.ImageSegmenter(stack(), forest(), unlabeled=255).fit(images, shifted)
    expected = pf.ImageSegmenter(stack(), forest()).fit(images, scribbles)
    assert_array_equal(model.classes_, [0, 1])
    assert_array_equal(model.predict(images[0]), expected.predict(images[0]) - 1)
    assert model.score(images, shifted) == expected.score(images, scribbles)


@pytest.mark.parametrize("make", [pf.ImageSegmenter, lambda **how: make_pipeline(stack(), pf.PixelClassifier(**how))])
@pytest.mark.parametrize(("values", "dtype"), [((1, 3), np.uint8), ((3, 255), np.uint8), ((2, 300), np.uint16)])
def test_class_values_stay(scene, make, values, dtype):
    images, scribbles = scene
    renamed = [np.choose(labels, (0, *values)).astype(np.int32) for labels in scribbles]
    model = make().fit(images, renamed)
    reference = make().fit(images, scribbles)
    assert model.classes_.tolist() == list(values)
    labels = model.predict(images[0])
    assert labels.dtype == dtype
    assert_array_equal(labels, np.choose(reference.predict(images[0]), (0, *values)))


@pytest.mark.parametrize(
    "make",
    [
        lambda **how: pf.ImageSegmenter(stack(), **how),
        lambda **how: make_pipeline(stack(), pf.PixelClassifier(**how)),
        lambda **how: pf.ImageSegmenter(stack(), make_linear(), **how),
    ],
    ids=["segmenter", "pipeline", "linear"],
)
def test_classes_fix_the_order_of_columns(scene, make):
    images, scribbles = scene
    model = make(classes=[7, 2, 300, 1]).fit(images, scribbles)
    plain = make().fit(images, scribbles)
    probabilities, expected = model.predict_proba(images[0]), plain.predict_proba(images[0])
    assert model.classes_.tolist() == [7, 2, 300, 1]
    assert probabilities.shape[-1] == 4
    assert not probabilities[..., [0, 2]].any()
    assert_array_equal(probabilities[..., [3, 1]], expected)
    labels = model.predict(images[0])
    assert labels.dtype == np.uint16
    assert_array_equal(labels, plain.predict(images[0]))


def test_labels_may_have_any_integer_dtype(scene):
    images, scribbles = scene
    expected = pf.ImageSegmenter(stack(), forest()).fit(images, scribbles).predict(images[0])
    for dtype in (np.int8, np.uint16, np.int64, np.uint64, ">i4"):
        model = pf.ImageSegmenter(stack(), forest()).fit(images, [labels.astype(dtype) for labels in scribbles])
        assert_array_equal(model.predict(images[0]), expected)
        assert model.predict(images[0]).dtype == np.uint8


# --- weights and score -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["our forest", "forest of scikit-learn", "linear", "gradient boosting"])
def test_weight_images_are_the_weights_of_pixels(scene, kind):
    images, scribbles = scene
    weights = [np.random.default_rng(i).uniform(0, 5, labels.shape) ** 3 for i, labels in enumerate(scribbles)]
    model = pf.ImageSegmenter(stack(), CLASSIFIERS[kind]()).fit(images, scribbles, sample_weight=weights)
    features = stack().transform(images)
    rows = np.concatenate([f[s > 0] for f, s in zip(features, scribbles, strict=True)])
    labels = np.concatenate([s[s > 0] for s in scribbles])
    weight = np.concatenate([w[s > 0] for w, s in zip(weights, scribbles, strict=True)])
    name = "logisticregression__sample_weight" if kind == "linear" else "sample_weight"
    reference = CLASSIFIERS[kind]().fit(rows, labels, **{name: weight})
    got = model.predict_proba(images[0])
    assert_allclose(got, reference.predict_proba(features[0].reshape(-1, rows.shape[1])).reshape(got.shape), atol=1e-6)
    plain = pf.ImageSegmenter(stack(), CLASSIFIERS[kind]()).fit(images, scribbles)
    assert np.abs(plain.predict_proba(images[0]) - got).max() > 0.01


def test_score_is_the_accuracy_of_annotated_pixels(scene):
    images, scribbles = scene
    model = pf.ImageSegmenter(stack(), forest(max_depth=1)).fit(images, scribbles)
    hits = [(p == s)[s > 0] for p, s in zip(model.predict(images), scribbles, strict=True)]
    assert 0.5 < model.score(images, scribbles) < 1
    assert model.score(images, scribbles) == pytest.approx(np.concatenate(hits).mean(), abs=1e-12)
    weights = [np.random.default_rng(i).uniform(size=labels.shape) for i, labels in enumerate(scribbles)]
    weight = np.concatenate([w[s > 0] for w, s in zip(weights, scribbles, strict=True)])
    expected = np.average(np.concatenate(hits), weights=weight)
    assert model.score(images, scribbles, sample_weight=weights) == pytest.approx(expected, abs=1e-12)


def test_refit_takes_new_classes_and_channels(scene):
    images, scribbles = scene
    model = pf.ImageSegmenter(stack(), forest()).fit(images, scribbles)
    model.fit(images, [np.choose(labels, (0, 5, 9)) for labels in scribbles])
    assert model.classes_.tolist() == [5, 9]
    assert set(np.unique(model.predict(images[0])).tolist()) == {5, 9}


def test_predict_changes_nothing_and_warns_about_nothing(scene):
    model = pf.ImageSegmenter(stack(), forest()).fit(*scene)
    before = {name: repr(value) for name, value in vars(model).items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = model.predict(scene[0]), model.predict(scene[0])
    assert {name: repr(value) for name, value in vars(model).items()} == before
    for a, b in zip(first, second, strict=True):
        assert_array_equal(a, b)
