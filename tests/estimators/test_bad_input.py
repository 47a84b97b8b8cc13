"""Bad input raises, names what is wrong, and leaves the estimator as it was."""

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

import pixelforest as pf
from pixelforest.exceptions import InstanceMaskWarning


def image(seed=0, shape=(20, 24), dtype=np.float32):
    return (np.random.default_rng(seed).uniform(0, 50, shape) + np.linspace(0, 50, shape[-1])).astype(dtype)


def labels(shape=(20, 24)):
    result = np.zeros(shape, np.uint8)
    result[..., 3, :8] = 1
    result[..., 9, -8:] = 2
    return result


IMAGES, LABELS = [image(0), image(1)], [labels(), labels()]


def segmenter(**stack):
    how = {"filters": ("gaussian",), "sigmas": (1,)} | stack
    return pf.ImageSegmenter(pf.ImageFeatureStack(**how), DecisionTreeClassifier(random_state=0))


def second(value):
    """Return labels whose second image is `value`."""
    return [labels(), value]


def with_pixel(value, dtype=np.float64):
    bad = image(1, dtype=dtype)
    bad[3, 2] = value
    return [image(0), bad]


def assert_refuses(call, kind, words):
    """Check that `call` raises `kind` itself with a message that holds all `words`."""
    with pytest.raises(kind) as failure:
        call()
    assert type(failure.value) in (ValueError, TypeError, NotFittedError)
    message = str(failure.value)
    assert not [word for word in words if word not in message], message


BAD_TRAINING = {
    "labels of another shape": (IMAGES, second(labels((20, 23))), ValueError, ("`y[1]`", "(20, 24)", "(20, 23)")),
    "labels transposed": (IMAGES, second(labels().T), ValueError, ("`y[1]`", "(20, 24)", "(24, 20)")),
    "labels with channels": (
        IMAGES,
        second(labels((20, 24))[..., None]),
        ValueError,
        ("`y[1]`", "(20, 24)", "(20, 24, 1)"),
    ),
    "float labels": (IMAGES, second(labels().astype(float)), TypeError, ("`y[1]`", "integer", "float64")),
    "bool labels": (IMAGES, second(labels() > 0), TypeError, ("`y[1]`", "integer", "bool")),
    "negative labels": (IMAGES, second(labels().astype(int) - 1), ValueError, ("`y[1]`", "negative", "-1")),
    "labels of text": (IMAGES, second(labels().astype(str)), TypeError, ("`y[1]`", "integer", "<U3")),
    "a lone image": (IMAGES[0], LABELS[0], ValueError, ("`X`", "(20, 24)", "fit([image], [labels])")),
    "a lone label image": (IMAGES, LABELS[0], ValueError, ("`y`", "2", "20")),
    "nothing annotated": (
        IMAGES,
        [np.zeros_like(labels())] * 2,
        ValueError,
        ("`y`", "no annotated pixel", "2 image(s)", "`unlabeled`"),
    ),
    "one class": (
        IMAGES,
        [(labels() > 0).astype(int)] * 2,
        ValueError,
        ("`y`", "two classes", "[1]", "unlabeled=None"),
    ),
    "no labels": (IMAGES, None, ValueError, ("`y`", "required", "None")),
    "too few labels": (IMAGES, LABELS[:1], ValueError, ("`y`", "2", "1")),
    "too many labels": (IMAGES, [*LABELS, labels()], ValueError, ("`y`", "2", "3")),
    "a tuple of labels": (IMAGES, tuple(LABELS), TypeError, ("`y`", "list", "tuple")),
    "a tuple of images": (tuple(IMAGES), LABELS, TypeError, ("`X`", "tuple", "list")),
    "no image": ([], [], ValueError, ("`X`", "0 samples")),
    "an image without pixels": ([image(), image()[:0]], LABELS, ValueError, ("`X[1]`", "empty", "(0, 24)")),
    "a row": ([image(), image()[0]], LABELS, ValueError, ("`X[1]`", "2 axes (y, x)", "(24,)")),
    "a volume": ([image(), image(shape=(3, 20, 24))], LABELS, ValueError, ("`X[1]`", "2 axes", "`spatial_ndim`")),
    "text": ("image.tif", LABELS, TypeError, ("`X`", "str")),
    "NaN at a stroke": (with_pixel(np.nan), LABELS, ValueError, ("`X[1]`", "NaN", "(3, 2)", "nan_policy='mask'")),
    "inf at a stroke": (with_pixel(-np.inf), LABELS, ValueError, ("`X[1]`", "inf", "(3, 2)")),
    "complex images": ([image(), image() * 1j], LABELS, TypeError, ("`X[1]`", "real numbers", "complex64")),
    "images of dates": ([image(), image().astype("M8[s]")], LABELS, TypeError, ("`X[1]`", "real", "datetime64")),
    "beyond float32": (with_pixel(1e300), LABELS, ValueError, ("`X[1]`", "float32")),
}


@pytest.mark.parametrize(("X", "y", "kind", "words"), BAD_TRAINING.values(), ids=BAD_TRAINING)
def test_segmenter_refuses_bad_training_data_and_stays_as_it_was(X, y, kind, words):
    model = segmenter()
    before = dict(vars(model))
    assert_refuses(lambda: model.fit(X, y), kind, words)
    assert vars(model) == before

    model.fit(IMAGES, LABELS)
    before, expected = dict(vars(model)), model.predict(IMAGES)
    assert_refuses(lambda: model.fit(X, y), kind, words)
    assert vars(model) == before
    for got, wanted in zip(model.predict(IMAGES), expected, strict=True):
        assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("X", "y", "kind", "words"),
    [case for title, case in BAD_TRAINING.items() if "image" not in title and "beyond" not in title],
    ids=[title for title in BAD_TRAINING if "image" not in title and "beyond" not in title],
)
def test_pixel_classifier_refuses_the_same(X, y, kind, words):
    def as_features(images):
        return [np.stack([i, i], axis=-1) for i in images] if isinstance(images, list) else images

    model = pf.PixelClassifier(DecisionTreeClassifier())
    before = dict(vars(model))
    if "`X" in words[0] and "axes" in words[1]:
        words = ("`X[1]`", "axes")
    words = [word for word in words if word != "(3, 2)"]  # rows have no position
    assert_refuses(lambda: model.fit(as_features(X), y), kind, words)
    assert vars(model) == before


@pytest.mark.parametrize(
    ("weights", "kind", "words"),
    [
        ([np.ones((20, 24)), np.ones((20, 23))], ValueError, ("`sample_weight[1]`", "(20, 24)", "(20, 23)")),
        ([np.ones((20, 24))], ValueError, ("`sample_weight`", "2", "1")),
        ((np.ones((20, 24)), np.ones((20, 24))), TypeError, ("`sample_weight`", "tuple")),
    ],
)
def test_bad_weights_are_named(weights, kind, words):
    assert_refuses(lambda: segmenter().fit(IMAGES, LABELS, sample_weight=weights), kind, words)


def test_classifiers_without_weights_are_named():
    model = pf.ImageSegmenter(pf.ImageFeatureStack(sigmas=(1,)), KNeighborsClassifier())
    weights = [np.ones((20, 24))] * 2
    assert_refuses(
        lambda: model.fit(IMAGES, LABELS, sample_weight=weights),
        ValueError,
        ("`sample_weight`", "KNeighborsClassifier"),
    )


@pytest.mark.parametrize(
    "model",
    [
        pf.ImageSegmenter(pf.ImageFeatureStack(("original",)), DecisionTreeClassifier(), unlabeled=None),
        make_pipeline(
            pf.ImageFeatureStack(("original",)), pf.PixelClassifier(DecisionTreeClassifier(), unlabeled=None)
        ),
    ],
    ids=["segmenter", "pipeline"],
)
def test_instance_masks_are_met_with_a_warning(model):
    instances = np.arange(480).reshape(20, 24) // 10
    with pytest.warns(InstanceMaskWarning, match="48 classes: is this an instance mask"):
        model.fit([image()], [instances])


@pytest.mark.parametrize(
    ("parameters", "kind", "words"),
    [
        ({"classes": [1, 1, 2]}, ValueError, ("`classes`", "twice")),
        ({"classes": [0, 1, 2]}, ValueError, ("`classes`", "0", "`unlabeled`")),
        ({"classes": [1, 3]}, ValueError, ("`y`", "`classes`", "[2]")),
        ({"classes": [1.0, 2.0]}, ValueError, ("`classes`", "integers")),
        ({"unlabeled": 0.5}, TypeError, ("`unlabeled`", "0.5")),
        ({"unlabeled": True}, TypeError, ("`unlabeled`", "True")),
    ],
)
def test_bad_class_parameters_are_named(parameters, kind, words):
    for model in segmenter().set_params(**parameters), pf.PixelClassifier(DecisionTreeClassifier(), **parameters):
        X = IMAGES if isinstance(model, pf.ImageSegmenter) else [i[..., None] for i in IMAGES]
        assert_refuses(lambda model=model, X=X: model.fit(X, LABELS), kind, words)


# --- parameters of the features ----------------------------------------------------------------------------------

BAD_FEATURES = {
    "misspelt filter": ({"filters": ("gausian",)}, ValueError, ("unknown filter", "'gausian'", "'gaussian'")),
    "misspelt in a string": (
        {"features": "gaussian_blurr=1"},
        ValueError,
        ("`features`", "did you mean 'gaussian_blur'"),
    ),
    "misspelt preset": (
        {"features": "object_size_1_to_5_pix"},
        ValueError,
        ("`features`", "did you mean 'object_size_1_to_5_px'"),
    ),
    "string without sigma": ({"features": "gaussian_blur"}, ValueError, ("`features`", "number as sigma")),
    "sigma 0": ({"sigmas": (1, 0)}, ValueError, ("sigma", "> 0", "got 0", "'gaussian'")),
    "sigma negative": ({"sigmas": (-1,)}, ValueError, ("sigma", "> 0", "got -1")),
    "sigma NaN": ({"sigmas": (float("nan"),)}, ValueError, ("sigma", "> 0", "got nan")),
    "sigma of text": ({"sigmas": ("1",)}, ValueError, ("sigma", "number", "'1'")),
    "sigma 0 in a string": ({"features": "gaussian_blur=0"}, ValueError, ("sigma", "> 0", "got 0")),
    "lone sigma": ({"sigmas": 2}, ValueError, ("`sigmas`", "sequence", "2")),
    "lone filter": ({"filters": "gaussian"}, ValueError, ("`filters`", "sequence", "'gaussian'")),
    "no filter": ({"filters": ()}, ValueError, ("`filters`", "()")),
    "features and filters": (
        {"features": "original", "filters": ("gaussian",)},
        ValueError,
        ("`features`", "`filters`", "'original'", "('gaussian',)"),
    ),
    "features and sigmas": ({"features": "original", "sigmas": (9,)}, ValueError, ("`features`", "`sigmas`", "(9,)")),
    "spacing too short": ({"spacing": (1,)}, ValueError, ("`spacing`", "2", "(1,)")),
    "spacing too long": ({"spacing": (1, 1, 1)}, ValueError, ("`spacing`", "2", "(1, 1, 1)")),
    "spacing 0": ({"spacing": (1, 0)}, ValueError, ("`spacing`", "> 0", "(1, 0)")),
    "device that is absent": ({"device": "Babbage"}, ValueError, ("`device`", "Babbage")),
    "device of another type": ({"device": 3}, TypeError, ("`device`", "int")),
    "nan_policy": ({"nan_policy": "omit"}, ValueError, ("`nan_policy`", "'raise'", "'mask'", "'omit'")),
    "spatial_ndim": ({"spatial_ndim": 4}, ValueError, ("`spatial_ndim`", "2 or 3", "4")),
    "channel_axis": ({"channel_axis": 3}, ValueError, ("`channel_axis`", "[-3, 3)", "3")),
    "channel_axis of another type": ({"channel_axis": "c"}, TypeError, ("`channel_axis`", "'c'")),
}


@pytest.mark.parametrize(("parameters", "kind", "words"), BAD_FEATURES.values(), ids=BAD_FEATURES)
def test_bad_feature_parameters_are_named(parameters, kind, words):
    how = parameters if "features" in parameters else {"filters": ("gaussian",), "sigmas": (1,)} | parameters
    stack = pf.ImageFeatureStack(**how)  # nothing is checked before data come
    assert_refuses(lambda: stack.transform(IMAGES), kind, words)
    model = pf.ImageSegmenter(stack, DecisionTreeClassifier())
    before = dict(vars(model))
    assert_refuses(lambda: model.fit(IMAGES, LABELS), kind, words)
    assert vars(model) == before
    if "device" not in parameters:
        assert_refuses(lambda: stack.fit(IMAGES), kind, words)
        assert not hasattr(stack, "n_features_in_")


@pytest.mark.parametrize("low_high", [(50, 50), (60, 40), (-1, 50), (1, 101)])
def test_bad_percentiles_are_named(low_high):
    words = ("`low`", "`high`", str(low_high[0]), str(low_high[1]))
    assert_refuses(lambda: pf.ImageNormalizer(*low_high).fit_transform(IMAGES), ValueError, words)


def test_the_device_of_the_forest_is_named_too():
    model = pf.ImageSegmenter(
        pf.ImageFeatureStack(sigmas=(1,)), pf.OpenCLRandomForestClassifier(n_estimators=2, device="Babbage")
    )
    with pytest.raises(ValueError, match=r"`device`.*Babbage"):
        model.fit(IMAGES, LABELS).predict(IMAGES)


def test_segmenter_names_its_own_parameters():
    model = pf.ImageSegmenter(make_pipeline(pf.ImageFeatureStack()))
    assert_refuses(lambda: model.fit(IMAGES, LABELS), TypeError, ("`features`", "ImageFeatureStack", "Pipeline"))
    for tile_shape in ((8,), (8, 0), (8, 8, 8)):
        model = segmenter().set_params(tile_shape=tile_shape)
        words = ("`tile_shape`", "2 integers", str(tile_shape))
        assert_refuses(lambda model=model: model.fit(IMAGES, LABELS), ValueError, words)


# --- images at predict -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [pf.ImageSegmenter(), pf.PixelClassifier(), make_pipeline(pf.ImageFeatureStack(), pf.PixelClassifier())],
    ids=["segmenter", "pixel classifier", "pipeline"],
)
@pytest.mark.parametrize("method", ["predict", "predict_proba"])
@pytest.mark.filterwarnings("ignore:This Pipeline instance is not fitted yet:FutureWarning")
def test_unfitted_models_say_so(model, method):
    X = [i[..., None] for i in IMAGES] if isinstance(model, pf.PixelClassifier) else IMAGES
    with pytest.raises(NotFittedError):
        getattr(model, method)(X)


@pytest.mark.parametrize("channel_axis", [0, -1])
def test_a_missing_channel_is_named(channel_axis):
    images = [np.stack([i] * 3, axis=channel_axis) for i in IMAGES]
    model = segmenter(channel_axis=channel_axis).fit(images, LABELS)
    two = images[1][:2] if channel_axis == 0 else images[1][..., :2]
    words = ("`X[1]`", "3 channels", "2")
    assert_refuses(lambda: model.predict([images[0], two]), ValueError, words)
    assert_refuses(lambda: model.predict_proba([images[0], two]), ValueError, words)
    assert_refuses(lambda: segmenter(channel_axis=channel_axis).fit([images[0], two], LABELS), ValueError, words)
    stack = pf.ImageFeatureStack(sigmas=(1,), channel_axis=channel_axis).fit(images)
    assert_refuses(lambda: stack.transform([images[0], two]), ValueError, words)
    for call in (
        stack.transform,
        model.predict,
        model.predict_proba,
    ):  # images that agree with each other, not with `fit`
        assert_refuses(lambda call=call: call([two, two]), ValueError, ("`X[0]`", "3 channels", "2"))
    assert_refuses(lambda: model.predict(IMAGES), ValueError, ("`X[0]`", "3 axes", "channel", "(20, 24)"))


def test_missing_features_are_named():
    model = pf.PixelClassifier(DecisionTreeClassifier()).fit([np.stack([i] * 3, axis=-1) for i in IMAGES], LABELS)
    X = [np.stack([i] * 2, axis=-1) for i in IMAGES]
    assert_refuses(lambda: model.predict(X), ValueError, ("`X[0]`", "3 features", "2"))


BAD_IMAGES = {
    "NaN": (with_pixel(np.nan), ValueError, ("`X[1]`", "NaN", "(3, 2)", "nan_policy='mask'")),
    "inf": (with_pixel(np.inf), ValueError, ("`X[1]`", "inf")),
    "NaN in float16": (with_pixel(np.nan, np.float16), ValueError, ("`X[1]`", "NaN")),
    "beyond float32": (with_pixel(-1e39), ValueError, ("`X[1]`", "float32")),
    "complex": ([image(), image() + 0j], TypeError, ("`X[1]`", "real", "complex")),
    "no rows": ([image(), image()[:0]], ValueError, ("`X[1]`", "empty", "(0, 24)")),
    "no columns": ([image(), image()[:, :0]], ValueError, ("`X[1]`", "empty", "(20, 0)")),
    "empty stack": (np.zeros((0, 20, 24)), ValueError, ("`X`", "0 samples")),
    "tuple": (tuple(IMAGES), TypeError, ("`X`", "tuple")),
    "number": (3.0, TypeError, ("`X`", "float")),
}


@pytest.mark.parametrize(("X", "kind", "words"), BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_bad_images_are_named_at_predict(X, kind, words):
    model = segmenter().fit(IMAGES, LABELS)
    before = dict(vars(model))
    for call in (model.predict, model.predict_proba, model.features_.transform):
        assert_refuses(lambda call=call: call(X), kind, words)
    assert vars(model) == before


def test_masking_needs_a_value_for_masked_pixels():
    model = segmenter(nan_policy="mask").set_params(unlabeled=None).fit(IMAGES, [1 + full for full in LABELS])
    assert_refuses(lambda: model.predict(with_pixel(np.nan)), ValueError, ("nan_policy='mask'", "`unlabeled`", "None"))
    assert np.isnan(model.predict_proba(with_pixel(np.nan))[1][3, 2]).all()


def test_nan_everywhere_in_reach_of_strokes():
    blank = [np.full((20, 24), np.nan)] * 2
    assert_refuses(lambda: segmenter(nan_policy="mask").fit(blank, LABELS), ValueError, ("`X`", "NaN", "annotated"))


def test_nan_that_leaves_one_class_is_refused_like_one_class():
    half = [image(0), image(1)]
    for i in half:
        i[9, -8:] = np.nan
    model = segmenter(nan_policy="mask")
    assert_refuses(lambda: model.fit(half, LABELS), ValueError, ("two classes",))
    assert not hasattr(model, "classes_")


# --- the pipeline everybody writes first -------------------------------------------------------------------------


@pytest.mark.parametrize("container", [list, np.stack], ids=["list", "stack"])
def test_flatten_before_a_forest_names_what_to_write(container):
    model = make_pipeline(pf.ImageFeatureStack(), pf.Flatten(), pf.OpenCLRandomForestClassifier())
    with pytest.raises(ValueError, match="PixelClassifier") as failure:
        model.fit(container(IMAGES), container(LABELS))
    message = str(failure.value)
    assert re.search(r"`y`.*2 label images", message)
    assert "ImageSegmenter" in message
    assert not hasattr(model[-1], "estimators_")


def test_everything_that_the_message_names_exists():
    with pytest.raises(ValueError) as failure:
        pf.OpenCLRandomForestClassifier().fit(np.zeros((960, 1)), LABELS)
    names = re.findall(r"`pixelforest\.(\w+)`", str(failure.value))
    assert "PixelClassifier" in names
    assert [name for name in names if not hasattr(pf, name)] == []
