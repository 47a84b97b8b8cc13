"""`ObjectClassifier`: scikit-image's measurements, scikit-learn's estimators, classes painted back onto objects."""

import pickle

import numpy as np
import pandas as pd
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from skimage.measure import regionprops_table
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import pixelforest as pf
from pixelforest.exceptions import AmbiguousAnnotationWarning, UnlabeledImageWarning
from tests.estimators.object_images import LARGE, SMALL, discs, dots

IMAGES = [discs(seed, side) for seed, side in enumerate((96, 110, 96, 101, 96, 96))]
SAMPLES = [(labels, image) for labels, image, _ in IMAGES]
STROKES = [dots(labels, classes) for labels, _, classes in IMAGES]
MAPPINGS = [classes for _, _, classes in IMAGES]
TREE = DecisionTreeClassifier(random_state=0)


def test_classes_are_those_of_scikit_image_and_scikit_learn():
    """The same table made by hand, the same forest, the same classes."""
    names = ("area", "intensity_mean", "eccentricity")
    forest = RandomForestClassifier(20, random_state=3)
    model = pf.ObjectClassifier(names, forest).fit(SAMPLES[:3], STROKES[:3])
    tables = [pd.DataFrame(regionprops_table(*sample, properties=("label", *names))) for sample in SAMPLES]
    rows, classes = [], []
    for table, sample, strokes in zip(tables[:3], SAMPLES, STROKES, strict=False):
        found = [strokes[sample[0] == label].max() for label in table["label"]]
        rows.append(table[np.array(found) > 0])
        classes += [value for value in found if value]
    by_hand = clone(forest).fit(pd.concat(rows)[list(names)], classes)
    for (labels, _), table, got in zip(SAMPLES, tables, model.predict(SAMPLES), strict=True):
        expected = np.zeros(labels.shape, np.uint8)
        for label, value in zip(table["label"], by_hand.predict(table[list(names)]), strict=True):
            expected[labels == label] = value
        assert_array_equal(got, expected)
        assert got.dtype == np.uint8


def test_default_learns_sizes_of_other_images():
    model = pf.ObjectClassifier().fit(SAMPLES[:3], STROKES[:3])
    assert model.score(SAMPLES[3:], MAPPINGS[3:]) == model.score(SAMPLES[3:], STROKES[3:]) == 1
    assert model.feature_names_in_.tolist()[-2:] == ["intensity_mean", "intensity_std"]
    assert model.n_features_in_ == len(model.feature_names_in_) == model.estimator_.n_features_in_
    alone = pf.ObjectClassifier().fit([labels for labels, _ in SAMPLES[:3]], STROKES[:3])
    assert "intensity_mean" not in alone.feature_names_in_


def test_mapping_and_strokes_are_the_same():
    few = [
        {label: value for label, value in classes.items() if strokes[labels == label].any()}
        for (labels, _, classes), strokes in zip(IMAGES, STROKES, strict=True)
    ]
    shuffled = [dict(reversed(mapping.items())) for mapping in few]
    forest = RandomForestClassifier(5, random_state=0)
    model = pf.ObjectClassifier(estimator=forest)
    expected = model.fit(SAMPLES, STROKES).predict(SAMPLES)
    for got, wanted in zip(model.fit(SAMPLES, shuffled).predict(SAMPLES), expected, strict=True):
        assert_array_equal(got, wanted)


def test_class_values_stay_as_they_are():
    labels, _, classes = IMAGES[0]
    renamed = {label: {SMALL: 300, LARGE: 3}[value] for label, value in classes.items()}
    model = pf.ObjectClassifier(["area"], TREE).fit([labels], [renamed])
    assert model.classes_.tolist() == [3, 300]
    predicted = model.predict(labels)
    assert predicted.dtype == np.uint16
    assert all((predicted[labels == label] == value).all() for label, value in renamed.items())
    assert (predicted[labels == 0] == 0).all()


def test_tables_hold_every_object_and_any_class():
    labels, image, classes = IMAGES[0]
    named = {label: {SMALL: "debris", LARGE: "cell"}[value] for label, value in classes.items()}
    model = pf.ObjectClassifier(["area"], TREE, output="table").fit(SAMPLES[:1], [named])
    table = model.predict((labels, image))
    assert table.index.name == "label"
    assert table["class"].to_dict() == named
    chances = model.predict_proba(SAMPLES[:2])
    assert [list(chance.columns) for chance in chances] == [["cell", "debris"]] * 2
    assert chances[0].idxmax(axis=1).to_dict() == named
    assert model.score(SAMPLES[:1], [named]) == 1
    zero = pf.ObjectClassifier(["area"], TREE, output="table").fit(
        SAMPLES[:1], [{k: v - 1 for k, v in classes.items()}]
    )
    assert zero.classes_.tolist() == [0, 1]


def test_most_frequent_annotation_counts():
    labels = np.repeat([[1, 1, 1, 0, 4, 4, 0, 6, 6, 6]], 2, axis=0)
    strokes = np.array([[1, 1, 2, 2, 1, 2, 0, 2, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]])
    model = pf.ObjectClassifier(["centroid-1"], TREE)
    with pytest.warns(AmbiguousAnnotationWarning) as caught:
        model.fit([labels], [strokes])
    message = str(caught[0].message)
    assert "`y[0]`" in message
    assert "1: class 1 2 times, class 2 1 times" in message
    assert "4: class 1 1 times, class 2 1 times" in message
    assert "6:" not in message
    predicted = model.predict(labels)
    assert predicted[0, [0, 4, 7]].tolist() == [1, 2, 2], (
        "the most frequent class; the largest of equally frequent ones"
    )


def test_images_without_annotation_are_left_out():
    with pytest.warns(UnlabeledImageWarning, match=r"\[1\]"):
        model = pf.ObjectClassifier(["area"], TREE).fit(SAMPLES[:2], [STROKES[0], np.zeros_like(STROKES[1])])
    assert_array_equal(model.predict(SAMPLES[1]), pf.ObjectClassifier(["area"], TREE)
                       .fit(SAMPLES[:1], STROKES[:1]).predict(SAMPLES[1]))  # fmt: skip


def test_containers_and_empty_images():
    model = pf.ObjectClassifier(["area"], TREE).fit([labels for labels, _ in SAMPLES], MAPPINGS)
    stack = np.stack([SAMPLES[0][0], SAMPLES[2][0]])
    expected = model.predict([stack[0], stack[1]])
    assert_array_equal(model.predict(stack), np.stack(expected))
    named = xarray.DataArray(stack[0], dims=("y", "x"), coords={"x": np.arange(96) * 0.5}, attrs={"unit": "um"})
    result = model.predict(named)
    assert result.dims == ("y", "x")
    assert result.attrs == {"unit": "um"}
    assert_array_equal(result.values, expected[0])
    nothing = np.zeros((4, 5), np.uint8)
    assert_array_equal(model.predict(nothing), nothing)
    assert model.predict_proba(nothing).shape == (0, 2)
    assert clone(model).set_params(output="table").fit(stack, MAPPINGS[:3:2]).predict([nothing])[0].shape == (0, 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64, np.uint64, ">i4"])
def test_any_integer_labels(dtype):
    labels = np.where(SAMPLES[0][0] > 250, 0, SAMPLES[0][0])
    classes = {label: value for label, value in MAPPINGS[0].items() if label <= 250}
    model = pf.ObjectClassifier(["area"], TREE).fit([labels], [classes])
    assert_array_equal(model.predict(labels.astype(dtype)), model.predict(labels))


@given(
    arrays(np.int64, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 6)),
    st.permutations([1, 5, 70_000, 2**40, 9, 300]),
)
def test_numbers_of_objects_do_not_matter(labels, ids):
    """Objects in pieces, gaps, more than 65,535 and any order: the same objects get the same classes."""
    first = np.array([[1, 1, 1], [2, 0, 0]])
    model = pf.ObjectClassifier(["area", "extent"], TREE).fit([first], [{1: 7, 2: 8}])
    renumbered = np.array([0, *ids])[labels]
    assert_array_equal(model.predict(renumbered), model.predict(labels))
    assert_array_equal(model.predict(labels) > 0, labels > 0)


def test_measurements_that_are_nan_are_learned_by_forests_only():
    labels = np.zeros((30, 40), int)
    labels[2:6, 2:6], labels[2:6, 6:10], labels[20:29, 20:39] = 1, 2, 3
    alone = np.zeros((9, 9), int)
    alone[2:5, 2:5] = 4
    X, y = [labels, alone], [{1: 1, 2: 1, 3: 2}, {4: 2}]
    names = ["area", "average_distance_of_n_nearest_neighbors=1"]
    model = pf.ObjectClassifier(names).fit(X, y)
    assert model.predict(alone)[3, 3] in (1, 2)
    for bad in (SVC(), make_pipeline(StandardScaler(), SVC())):
        with pytest.raises(ValueError, match=r"average_distance_of_n_nearest_neighbors=1.*\[4\].*SimpleImputer"):
            pf.ObjectClassifier(names, bad).fit(X, y)
        trained = pf.ObjectClassifier(names, bad).fit(X[:1], y[:1])
        with pytest.raises(ValueError, match=r"objects of `X\[1\]` \[4\] are NaN.*SimpleImputer"):
            trained.predict(X)
    filled = pf.ObjectClassifier(names, make_pipeline(SimpleImputer(), StandardScaler(), SVC())).fit(X, y)
    assert filled.predict(alone)[3, 3] in (1, 2)


def test_the_estimator_sees_named_columns():
    by_name = make_pipeline(make_column_transformer(("passthrough", ["area"])), DecisionTreeClassifier(random_state=0))
    model = pf.ObjectClassifier(["extent", "area"], by_name).fit(SAMPLES, MAPPINGS)
    assert model.estimator_.feature_names_in_.tolist() == ["extent", "area"]
    assert model.score(SAMPLES, MAPPINGS) == 1


def test_channels_spacing_and_volumes():
    labels, image, classes = IMAGES[0]
    both = np.stack([image, np.zeros_like(image)])
    model = pf.ObjectClassifier(["intensity_mean", "area"], TREE, channel_axis=0).fit([(labels, both)], [classes])
    assert model.feature_names_in_.tolist() == ["intensity_mean-0", "intensity_mean-1", "area"]
    spaced = pf.ObjectClassifier(["area"], TREE, spacing=(0.5, 0.1)).fit([labels], [classes])
    smallest_large = min((labels == label).sum() for label, value in classes.items() if value == LARGE)
    assert 0 < spaced.estimator_.tree_.threshold[0] < smallest_large * 0.05
    volume = np.stack([labels, labels])
    model = pf.ObjectClassifier(["area"], TREE, spatial_ndim=3).fit([volume], [classes])
    assert_array_equal(
        model.predict(volume)[0] == LARGE, np.isin(labels, [k for k, v in classes.items() if v == LARGE])
    )


def macro_f1(model, X, y):
    return f1_score(*model.true_and_predicted(X, y), average="macro")


@pytest.mark.parametrize("y", [STROKES, MAPPINGS], ids=["strokes", "mappings"])
def test_scikit_learns_tools_keep_images_together(y):
    groups = [0, 0, 1, 1, 2, 2]
    model = pf.ObjectClassifier(["area", "extent"], RandomForestClassifier(3, random_state=0))
    assert is_classifier(model)
    scores = cross_val_score(model, SAMPLES, y, groups=groups, cv=GroupKFold(3))
    expected = []
    for held_out in range(3):
        train = [i for i, group in enumerate(groups) if group != held_out]
        test = [i for i, group in enumerate(groups) if group == held_out]
        fitted = clone(model).fit([SAMPLES[i] for i in train], [y[i] for i in train])
        expected.append(fitted.score([SAMPLES[i] for i in test], [y[i] for i in test]))
    assert sorted(scores) == sorted(expected)
    grid = {"properties": [["extent"], ["area"]], "estimator__max_depth": [1, 3]}
    search = GridSearchCV(model, grid, scoring=macro_f1, cv=GroupKFold(3)).fit(SAMPLES, y, groups=groups)
    assert search.best_params_["properties"] == ["area"]
    assert search.predict(SAMPLES[0]).shape == SAMPLES[0][0].shape
    predicted = pf.model_selection.cross_val_predict(model, SAMPLES, y, groups=groups, cv=GroupKFold(3))
    assert [image.shape for image in predicted] == [labels.shape for labels, _ in SAMPLES]


def test_models_are_pickled_with_what_they_learned():
    model = pf.ObjectClassifier(estimator=RandomForestClassifier(3)).fit(SAMPLES[:2], STROKES[:2])
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(SAMPLES[3]), model.predict(SAMPLES[3]))


def test_a_frozen_estimator_knows_the_classes_of_y():
    labels, _, classes = IMAGES[0]
    areas = np.array([[(labels == label).sum()] for label in classes])
    X = pd.DataFrame(areas, columns=["area"])
    frozen = FrozenEstimator(DecisionTreeClassifier().fit(X, list(classes.values())))
    assert pf.ObjectClassifier(["area"], frozen).fit([labels], [classes]).score([labels], [classes]) == 1
    other = FrozenEstimator(DecisionTreeClassifier().fit(X, [value * 300 for value in classes.values()]))
    model = pf.ObjectClassifier(["area"], other)
    with pytest.raises(ValueError, match=r"`estimator`.*\[300, 600\].*`y`.*\[1, 2\]"):
        model.fit([labels], [classes])
    assert not hasattr(model, "estimator_")


class Refuses(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        raise ValueError("my own reason")


def test_other_errors_of_the_estimator_stay_as_they_are():
    with pytest.raises(ValueError, match=r"^my own reason$"):
        pf.ObjectClassifier(["area"], Refuses()).fit(SAMPLES, STROKES)
