"""`ObjectSegmenter`: which pixels, which objects, in every container; what it refuses; searches grouped by image."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage
from sklearn.linear_model import Perceptron
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline

import pixelforest as pf
from pixelforest.exceptions import ClassAnnotationWarning
from pixelforest.io.model_files import load_model, save_model
from pixelforest.metrics import ObjectScorer, object_f1, object_f1_scorer

FOREST = pf.OpenCLRandomForestClassifier(10, max_depth=6, random_state=0)


def stack(**how):
    return pf.ImageFeatureStack(("gaussian", "laplacian_of_gaussian"), (1, 2), **how)


def segmenter(**how):
    return pf.ObjectSegmenter(how.pop("features", stack()), FOREST, **how)


def discs(seed, n=6, shape=(60, 64)):
    """Return an image of bright discs with noise, and the discs, of which many touch."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    at = np.indices(shape)
    for label, centre in enumerate(rng.uniform(6, np.array(shape) - 6, (n, len(shape))), 1):
        inside = sum((a - c) ** 2 for a, c in zip(at, centre, strict=True)) < 7**2
        labels[inside & (labels == 0)] = label
    return (100.0 * (labels > 0) + rng.normal(0, 10, shape)).astype(np.float32), labels


IMAGES, OBJECTS = (list(part) for part in zip(*(discs(seed) for seed in range(4)), strict=True))


@pytest.fixture(scope="module")
def classes():
    """Return sparse annotations: every fifth pixel."""
    result = [pf.instance_classes(labels) for labels in OBJECTS]
    for labels in result:
        labels.reshape(-1)[np.arange(labels.size) % 5 > 0] = 0
    return result


def test_by_default_objects_are_the_connected_components_of_the_class(classes):
    """apoc's rule: components of the pixels of class 2, face neighbours."""
    model = segmenter().fit(IMAGES[:3], classes[:3])
    pixels = pf.ImageSegmenter(stack(), FOREST).fit(IMAGES[:3], classes[:3]).predict(IMAGES)
    for found, labels in zip(model.predict(IMAGES), pixels, strict=True):
        assert_array_equal(found, ndimage.label(labels == 2)[0])
        assert found.dtype == np.uint32
    other = segmenter(positive_class=1).fit(IMAGES[:3], classes[:3]).predict(IMAGES[3])
    assert_array_equal(other, ndimage.label(pixels[3] == 1)[0])


def test_threshold_and_smoothing_are_of_the_probability(classes):
    proba = pf.ImageSegmenter(stack(), FOREST).fit(IMAGES[:3], classes[:3]).predict_proba(IMAGES[3])
    model = segmenter(threshold=0.7, smoothing=1.5).fit(IMAGES[:3], classes[:3])
    smoothed = ndimage.gaussian_filter(proba[..., 1], 1.5, mode="nearest")
    assert_array_equal(model.predict(IMAGES[3]), ndimage.label(smoothed >= 0.7)[0])
    model.set_params(threshold=None)
    other = ndimage.gaussian_filter(proba[..., 0], 1.5, mode="nearest")
    assert_array_equal(model.predict(IMAGES[3]), ndimage.label(smoothed > other)[0])


def test_border_class_belongs_to_objects_but_not_to_their_inside():
    classes = [pf.instance_classes(labels, border_width=2) for labels in OBJECTS]
    how = {"positive_class": 2, "border_class": 3}
    model = segmenter(**how).fit(IMAGES[:3], classes[:3])
    pixels = model.segmenter_.predict(IMAGES[3])
    assert_array_equal(model.predict(IMAGES[3]), ndimage.label(pixels > 1)[0])
    split = segmenter(split="probability", smoothing=1, threshold=0.5, **how).fit(IMAGES[:3], classes[:3])
    assert split.score(IMAGES[3:], OBJECTS[3:]) > 0.8


@pytest.mark.parametrize("split", ["distance", "probability"])
def test_splitting_finds_discs_that_touch(split):
    model = segmenter(learn_from="instances", smoothing=1).fit(IMAGES[:3], OBJECTS[:3])
    together = model.score(IMAGES, OBJECTS)
    apart = model.set_params(split=split).score(IMAGES, OBJECTS)
    assert apart > together + 0.05


def test_learning_from_objects_is_learning_from_two_classes():
    model = segmenter(learn_from="instances").fit(IMAGES[:3], OBJECTS[:3])
    same = segmenter().fit(IMAGES[:3], [pf.instance_classes(labels) for labels in OBJECTS[:3]])
    assert_array_equal(model.predict(IMAGES[3]), same.predict(IMAGES[3]))
    assert model.classes_.tolist() == [1, 2]


def test_score_is_the_mean_f1_of_objects():
    model = segmenter(learn_from="instances").fit(IMAGES[:3], OBJECTS[:3])
    assert (
        model.score(IMAGES, OBJECTS)
        == object_f1(OBJECTS, model.predict(IMAGES))
        == object_f1_scorer(model, IMAGES, OBJECTS)
    )


def test_score_warns_where_it_gets_classes(classes):
    model = segmenter().fit(IMAGES, classes)
    with pytest.warns(ClassAnnotationWarning, match="every object has a number of its own"):
        model.score(IMAGES, classes)


def test_searches_grouped_by_image_with_processes_and_pipelines():
    pipeline = make_pipeline(pf.ImageNormalizer(), segmenter(learn_from="instances", smoothing=1, split="distance"))
    search = GridSearchCV(
        pipeline,
        {"objectsegmenter__seed_depth": [0.75, 20]},
        scoring=pickle.loads(pickle.dumps(ObjectScorer(threshold=0.6))),
        cv=GroupKFold(2),
        error_score="raise",
    ).fit(IMAGES, OBJECTS, groups=[0, 0, 1, 1])
    assert search.best_params_ == {"objectsegmenter__seed_depth": 0.75}
    assert 0.5 < search.best_score_ <= 1


def test_model_files_hold_it(tmp_path):
    model = segmenter(learn_from="instances", split="distance").fit(IMAGES[:2], OBJECTS[:2])
    save_model(model, tmp_path / "model.skops")
    assert_array_equal(load_model(tmp_path / "model.skops").predict(IMAGES[3]), model.predict(IMAGES[3]))


def test_named_images_keep_their_names():
    xarray = pytest.importorskip("xarray")
    model = segmenter(learn_from="instances", split="distance").fit(IMAGES[:2], OBJECTS[:2])
    named = xarray.DataArray(IMAGES[3], dims=("y", "x"), coords={"x": np.arange(64) * 0.5})
    found = model.predict([named])[0]
    assert found.dims == ("y", "x")
    assert_array_equal(found.coords["x"], named.coords["x"])
    assert_array_equal(found, model.predict(IMAGES[3]))


def test_masked_pixels_belong_to_no_object(classes):
    image = IMAGES[3].copy()
    image[20:30, 20:40] = np.nan
    for how in ({}, {"smoothing": 1}, {"threshold": 0.0, "split": "probability"}):
        model = segmenter(features=stack(nan_policy="mask"), positive_class=1, **how).fit(IMAGES[:2], classes[:2])
        assert not model.predict(image)[20:30, 20:40].any()
    model = segmenter(features=stack(nan_policy="mask"), learn_from="instances").fit(IMAGES[:2], OBJECTS[:2])
    found = model.predict(image)
    assert found.max() > 2
    assert not found[20:30, 20:40].any()


def test_dask_arrays_give_components_lazily(classes):
    da = pytest.importorskip("dask.array")
    model = segmenter().fit(IMAGES[:3], classes[:3])
    found = model.predict(da.from_array(IMAGES[3], chunks=(17, 30)))
    assert isinstance(found, da.Array)
    assert_array_equal(found.compute(), model.predict(IMAGES[3]))


@pytest.mark.parametrize(
    "how",
    [
        {"split": "distance"},
        {"split": "probability"},
        {"smoothing": 1},
        {"threshold": 0.5},
        {"fill_holes": True},
        {"min_size": 3},
        {"clear_border": True},
    ],
    ids=str,
)
def test_dask_arrays_with_what_needs_whole_images_raise_by_name(classes, how):
    da = pytest.importorskip("dask.array")
    model = segmenter(**how).fit(IMAGES[:3], classes[:3])
    with pytest.raises(ValueError, match=f"`{next(iter(how))}` must be .* for dask arrays, got"):
        model.predict(da.from_array(IMAGES[3], chunks=(17, 30)))


def test_dask_arrays_beside_others_raise(classes):
    da = pytest.importorskip("dask.array")
    with pytest.raises(ValueError, match="`X` must hold dask arrays only, or none"):
        segmenter().fit(IMAGES, classes).predict([da.from_array(IMAGES[0]), IMAGES[1]])


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"learn_from": "masks"}, ValueError, "`learn_from` must be one of 'classes', 'instances', got 'masks'"),
        ({"split": "watershed"}, ValueError, "`split` must be one of None, 'distance', 'probability', got 'watershed'"),
        ({"positive_class": 5}, ValueError, "`positive_class` must be one of the classes in `y`, .1, 2., got 5"),
        ({"border_class": 3}, ValueError, "`border_class` must be one of the classes in `y`, .1, 2., got 3"),
        ({"border_class": 2}, ValueError, "`border_class` must differ from `positive_class`"),
        ({"border_class": 1}, ValueError, "`y` must hold a class besides those of objects"),
        ({"smoothing": -1}, ValueError, "`smoothing` must be a number >= 0, got -1"),
        ({"smoothing": None}, TypeError, "`smoothing` must be a number, got None"),
        ({"threshold": 1.5}, ValueError, "`threshold` must be a number >= 0 and <= 1, got 1.5"),
        ({"seed_depth": np.nan}, ValueError, "`seed_depth` must be a number >= 0, got nan"),
        ({"min_size": "10"}, TypeError, "`min_size` must be a number, got '10'"),
    ],
)
def test_bad_parameters_are_named(classes, how, error, message):
    with pytest.raises(error, match=message):
        segmenter(**how).fit(IMAGES, classes)


def test_what_learning_from_objects_refuses():
    model = segmenter(learn_from="instances")
    for y, error, message in (
        (OBJECTS[:2], ValueError, "`y` must hold one image per sample, 4, got 2"),
        ([labels.astype(float) for labels in OBJECTS], TypeError, r"`y\[0\]` must hold integer labels"),
        ([*OBJECTS[:3], -OBJECTS[3]], ValueError, r"`y\[3\]` must not hold negative labels"),
        ([*OBJECTS[:3], OBJECTS[3][1:]], ValueError, r"`y\[3\]` must have the shape of its image"),
        (None, ValueError, "`y` is required"),
    ):
        with pytest.raises(error, match=message):
            model.fit(IMAGES, y)
    for how in ({"positive_class": 1}, {"border_class": 3}):
        with pytest.raises(ValueError, match="learn_from='instances' makes the classes 1, background"):
            segmenter(learn_from="instances", **how).fit(IMAGES, OBJECTS)
    with pytest.raises(TypeError, match="`features` must be an ImageFeatureStack"):
        segmenter(learn_from="instances", features=FOREST).fit(IMAGES, OBJECTS)


def test_probabilities_need_a_classifier_that_has_them(classes):
    with pytest.raises(ValueError, match=r"`classifier` must have `predict_proba` .* got Perceptron"):
        pf.ObjectSegmenter(stack(), Perceptron(), smoothing=1).fit(IMAGES, classes)
    assert pf.ObjectSegmenter(stack(), Perceptron()).fit(IMAGES, classes).predict(IMAGES[0]).max() > 0
