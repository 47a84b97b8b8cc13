"""What estimators of objects refuse: the right exception, and words that name the argument and the image."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import pixelforest as pf
from tests.estimators.object_images import discs, dots
from tests.estimators.test_bad_input import assert_refuses

LABELS, IMAGE, CLASSES = discs()
STROKES = dots(LABELS, CLASSES)
BACKGROUND = np.where(LABELS == 0, 1, 0) * (np.indices(LABELS.shape).sum(axis=0) % 7 == 0)
X, Y = [(LABELS, IMAGE)] * 2, [STROKES] * 2
ABSENT = max(CLASSES) + 1


def second(sample):
    return [X[0], sample]


BAD_SAMPLES = {
    "float labels": (second((LABELS.astype(float), IMAGE)), TypeError, ("`X[1][0]`", "integers", "float64")),
    "bool labels": (second((LABELS > 0, IMAGE)), TypeError, ("`X[1][0]`", "bool", "skimage.measure.label")),
    "negative labels": (second((LABELS - 1, IMAGE)), ValueError, ("`X[1][0]`", "negative", "-1")),
    "image of another shape": (second((LABELS, IMAGE[1:])), ValueError, ("`X[1][1]`", "(96, 96)", "(95, 96)")),
    "image with channels": (second((LABELS, IMAGE[..., None])), ValueError, ("`X[1][1]`", "`channel_axis`")),
    "image of text": (second((LABELS, IMAGE.astype(str))), TypeError, ("`X[1][1]`", "real numbers")),
    "NaN in the image": (second((LABELS, np.where(LABELS == 0, np.nan, IMAGE))), ValueError, ("`X[1][1]`", "NaN")),
    "inf in the image": (second((LABELS, np.where(LABELS == 0, np.inf, IMAGE))), ValueError, ("`X[1][1]`", "inf")),
    "three in a tuple": (second((LABELS, IMAGE, IMAGE)), ValueError, ("`X[1]`", "(labels, image)", "3")),
    "a volume": (second((LABELS[None], IMAGE[None])), ValueError, ("`X[1]`", "2 axes", "`spatial_ndim`")),
    "no pixels": (second((LABELS[:0], IMAGE[:0])), ValueError, ("`X[1]`", "empty")),
    "no image where others have one": (second(LABELS), ValueError, ("`X[1]` has no image", "`X[0]` has one")),
    "no sample": ([], ValueError, ("`X`", "0 samples")),
    "a lone pair": ((LABELS, IMAGE), ValueError, ("`X`", "fit([labels], [annotation])")),
    "a lone label image": (LABELS, ValueError, ("`X`", "fit([labels], [annotation])")),
    "text": ("labels.tif", TypeError, ("`X`", "str")),
}


def classifier(**parameters):
    properties = parameters.pop("properties", ["area", "intensity_mean"])
    return pf.ObjectClassifier(properties, DecisionTreeClassifier(random_state=0), **parameters)


@pytest.mark.parametrize(("samples", "kind", "words"), BAD_SAMPLES.values(), ids=BAD_SAMPLES)
def test_bad_samples_are_named(samples, kind, words):
    model = classifier()
    before = dict(vars(model))
    assert_refuses(lambda: model.fit(samples, Y), kind, words)
    assert vars(model) == before
    model.fit(X, Y)
    before, expected = dict(vars(model)), model.predict(X[0])
    if "lone" not in str(words) and "fit([labels]" not in str(words):
        assert_refuses(lambda: model.predict(samples), kind, words)
        assert_refuses(lambda: model.predict_proba(samples), kind, words)
    assert vars(model) == before
    assert_array_equal(model.predict(X[0]), expected)


BAD_CLASSES = {
    "float classes": ([STROKES, STROKES.astype(float)], TypeError, ("`y[1]`", "integer", "float64")),
    "negative classes": ([STROKES, STROKES.astype(int) - 1], ValueError, ("`y[1]`", "negative", "-1")),
    "another shape": ([STROKES, STROKES[1:]], ValueError, ("`y[1]`", "(96, 96)", "(95, 96)")),
    "beside all objects": ([STROKES, BACKGROUND], ValueError, ("`y[1]`", "marks no object")),
    "nothing annotated": ([STROKES * 0] * 2, ValueError, ("`y`", "nothing", "2")),
    "empty mappings": ([{}, {}], ValueError, ("`y`", "nothing")),
    "one class": (
        [STROKES > 0 for _ in X] and [(STROKES > 0).astype(int)] * 2,
        ValueError,
        ("`y`", "two classes", "[1]"),
    ),
    "a mapping of no object": ([CLASSES, {ABSENT: 1}], ValueError, ("`y[1]`", "no objects", str(ABSENT))),
    "a mapping of background": ([CLASSES, {0: 1}], ValueError, ("`y[1]`", "no objects", "0")),
    "a mapping of names": ([CLASSES, {"a": 1}], TypeError, ("`y[1]`", "integers", "'a'")),
    "a mapping to floats": ([CLASSES, dict.fromkeys(CLASSES, 1.5)], TypeError, ("`y[1]`", "integers or all strings")),
    "a mapping to both": ([CLASSES, {min(CLASSES): "a", max(CLASSES): 2}], TypeError, ("`y[1]`", "one type")),
    "both in two images": ([CLASSES, dict.fromkeys(CLASSES, "a")], TypeError, ("`y`", "integers or all strings")),
    "names in images": ([dict.fromkeys(CLASSES, "a"), dict.fromkeys(CLASSES, "b")], ValueError, ("output='table'",)),
    "class 0 in images": ([CLASSES, dict.fromkeys(CLASSES, 0)], ValueError, ("integers > 0", "output='table'")),
    "too few": ([STROKES], ValueError, ("`y`", "2", "1")),
    "a tuple": ((STROKES, STROKES), TypeError, ("`y`", "list", "tuple")),
    "none": (None, ValueError, ("`y`", "required")),
}


@pytest.mark.parametrize(("y", "kind", "words"), BAD_CLASSES.values(), ids=BAD_CLASSES)
def test_bad_annotations_are_named(y, kind, words):
    model = classifier()
    before = dict(vars(model))
    assert_refuses(lambda: model.fit(X, y), kind, words)
    assert vars(model) == before


NUMBERS = np.where(STROKES > 0, STROKES * 1.5, np.nan)
BAD_NUMBERS = {
    "integers": ([NUMBERS, STROKES], TypeError, ("`y[1]`", "floats", "NaN", "uint8")),
    "another shape": ([NUMBERS, NUMBERS[1:]], ValueError, ("`y[1]`", "(96, 96)", "(95, 96)")),
    "inf": ([NUMBERS, np.where(STROKES > 0, np.inf, np.nan)], ValueError, ("`y[1]`", "finite", "inf")),
    "inf in a mapping": ([NUMBERS, dict.fromkeys(CLASSES, np.inf)], ValueError, ("`y[1]`", "finite", "inf")),
    "beside all objects": ([NUMBERS, np.where(LABELS == 0, 1.0, np.nan)], ValueError, ("`y[1]`", "marks no object")),
    "nothing annotated": ([NUMBERS * np.nan] * 2, ValueError, ("`y`", "nothing")),
    "a mapping to names": ([NUMBERS, dict.fromkeys(CLASSES, "a")], TypeError, ("`y[1]`", "numbers", "'a'")),
    "a mapping of no object": ([NUMBERS, {ABSENT: 1.0}], ValueError, ("`y[1]`", "no objects")),
}


@pytest.mark.parametrize(("y", "kind", "words"), BAD_NUMBERS.values(), ids=BAD_NUMBERS)
def test_bad_numbers_are_named(y, kind, words):
    model = pf.ObjectRegressor(["area"], DecisionTreeRegressor())
    assert_refuses(lambda: model.fit(X, y), kind, words)
    assert not hasattr(model, "estimator_")


BAD_PARAMETERS = {
    "unknown property": ({"properties": ["aera"]}, ValueError, ("`properties`", "'aera'", "'area'")),
    "no property": ({"properties": []}, ValueError, ("`properties`", "[]")),
    "output": ({"output": "csv"}, ValueError, ("`output`", "'image'", "'table'", "'csv'")),
    "spacing": ({"spacing": (1, 0)}, ValueError, ("`spacing`", "> 0")),
    "spatial_ndim": ({"spatial_ndim": 4}, ValueError, ("`spatial_ndim`", "4")),
    "channel_axis": ({"channel_axis": 3}, ValueError, ("`channel_axis`", "3")),
}


@pytest.mark.parametrize(("parameters", "kind", "words"), BAD_PARAMETERS.values(), ids=BAD_PARAMETERS)
def test_bad_parameters_are_named(parameters, kind, words):
    assert_refuses(lambda: classifier(**parameters).fit(X, Y), kind, words)


def test_other_channels_than_in_fit_are_named():
    two, three = (np.stack([IMAGE] * n) for n in (2, 3))
    model = classifier(channel_axis=0, properties=["intensity_mean"]).fit([(LABELS, two)], [STROKES])
    assert_refuses(lambda: model.predict([(LABELS, three)]), ValueError, ("`X[0]`", "intensity_mean-2", "`fit`"))
    both = [(LABELS, two), (LABELS, three)]
    assert_refuses(lambda: classifier(channel_axis=0).fit(both, Y), ValueError, ("`X[1]`", "intensity_mean-2"))


def test_images_that_are_missing_are_named():
    model = classifier().fit(X, Y)
    assert_refuses(lambda: model.predict([LABELS]), ValueError, ("'intensity_mean'", "(labels, image)"))
    assert_refuses(lambda: model.predict([LABELS, X[0]]), ValueError, ("`X[1]` has an image", "`X[0]` has none"))


def test_unfitted_models_say_so():
    models = pf.ObjectClassifier(), pf.ObjectRegressor(), pf.ObjectSelector(), pf.ObjectMerger()
    for model in models:
        with pytest.raises(NotFittedError):
            model.predict(X)
        with pytest.raises(NotFittedError):
            model.score(X, Y)


def test_probabilities_are_there_where_the_estimator_has_them():
    assert hasattr(pf.ObjectClassifier(), "predict_proba")
    assert not hasattr(pf.ObjectClassifier(estimator=SVC()), "predict_proba")


BAD_PAIRS = {
    "strokes that cross nothing": ([LABELS * 0 + (LABELS > 0)], ValueError, ("`y[0]`", "cross no border")),
    "other values": ([STROKES + (STROKES > 0) * 5], ValueError, ("`y[0]`", "1 (merge)", "2 (keep apart)", "[6, 7]")),
    "nothing": ([STROKES * 0], ValueError, ("`y`", "nothing")),
    "floats": ([NUMBERS], TypeError, ("`y[0]`", "integer")),
    "objects that do not touch": ([{tuple(sorted(CLASSES)[:2]): 1}], ValueError, ("`y[0]`", "do not touch")),
    "labels": ([CLASSES], TypeError, ("`y[0]`", "pairs of labels")),
    "a third class": ([{(1, 2): 3}], ValueError, ("`y[0]`", "1 (merge)", "[3]")),
}


@pytest.mark.parametrize(("y", "kind", "words"), BAD_PAIRS.values(), ids=BAD_PAIRS)
def test_bad_annotations_of_pairs_are_named(y, kind, words):
    model = pf.ObjectMerger(["touch_portion"], DecisionTreeClassifier())
    assert_refuses(lambda: model.fit([LABELS], y), kind, words)
    assert not hasattr(model, "estimator_")


def test_bad_merges_are_named():
    labels = np.array([[1, 2, 3], [1, 2, 3]])
    merger = pf.ObjectMerger(["touch_portion"], DecisionTreeClassifier())
    assert_refuses(lambda: merger.fit([labels], [{(1, 2): 1}]), ValueError, ("`y`", "merge", "keep apart", "[1]"))
    twice = {(1, 2): 1, (2, 1): 1, (2, 3): 2}
    assert_refuses(lambda: merger.fit([labels], [twice]), ValueError, ("`y[0]`", "twice"))
    y = [{(1, 2): 1, (2, 3): 2}]
    for name, words in {"touch": ("`properties`", "'touch'", "touch_count"), "aera_difference": ("'area'",),
                        "mean_touch_intensity": ("`properties`", "image")}.items():  # fmt: skip
        merger.set_params(properties=[name])
        assert_refuses(lambda: merger.fit([labels], y), ValueError, words)
    assert_refuses(lambda: merger.set_params(properties=[]).fit([labels], y), ValueError, ("`properties`", "[]"))


def test_selectors_name_their_own_parameters():
    for keep, words in ((3, ("`keep`", "[1, 2]", "[3]")), ([1, 7], ("`keep`", "[7]")), ("a", ("`keep`", "'a'"))):
        model = pf.ObjectSelector(classifier(), keep=keep)
        assert_refuses(lambda model=model: model.fit(X, Y), ValueError, words)
        assert not hasattr(model, "classifier_")
    wrong = pf.ObjectSelector(DecisionTreeClassifier())
    assert_refuses(lambda: wrong.fit(X, Y), TypeError, ("`classifier`", "ObjectClassifier", "DecisionTree"))
