"""`ObjectRegressor` and `ObjectSelector`."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_regressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.tree import DecisionTreeClassifier

import pixelforest as pf
from tests.estimators.object_images import LARGE, SMALL, discs, dots

IMAGES = [discs(seed, side) for seed, side in enumerate((96, 110, 96, 101))]
LABELS = [labels for labels, _, _ in IMAGES]
AREAS = [dict(zip(*map(np.ndarray.tolist, np.unique(labels, return_counts=True)), strict=True)) for labels in LABELS]
TARGETS = [{label: 2.0 * area + 3 for label, area in areas.items() if label} for areas in AREAS]


def linear(**parameters):
    return pf.ObjectRegressor(["area"], LinearRegression(), **parameters)


def test_a_line_through_areas():
    model = linear().fit(LABELS[:2], [{k: v for k, v in TARGETS[i].items() if k % 2} for i in range(2)])
    assert is_regressor(model)
    assert model.score(LABELS[2:], TARGETS[2:]) == pytest.approx(1)
    for labels, targets, got in zip(LABELS, TARGETS, model.predict(LABELS), strict=True):
        expected = np.full(labels.shape, np.nan)
        for label, target in targets.items():
            expected[labels == label] = target
        assert_allclose(got, expected)
        assert got.dtype == np.float64


def test_images_of_numbers_count_by_their_mean_in_an_object():
    strokes = [np.full(labels.shape, np.nan, np.float32) for labels in LABELS]
    for image, labels, targets in zip(strokes, LABELS, TARGETS, strict=True):
        for label in sorted(targets)[::2]:
            at = np.argwhere(labels == label)
            image[tuple(at[0])], image[tuple(at[1])] = targets[label] - 1, targets[label] + 1
        image[0, 0] = 1e6  # background
    got = linear(output="table").fit(LABELS, strokes).predict(LABELS)
    for table, targets in zip(got, TARGETS, strict=True):
        assert list(table.columns) == ["value"]
        assert table["value"].to_dict() == pytest.approx(targets, rel=1e-4)


def test_nan_in_a_mapping_is_no_annotation():
    with_gap = TARGETS[0] | {min(TARGETS[0]): np.nan}
    without = {label: value for label, value in TARGETS[0].items() if label != min(TARGETS[0])}
    assert_array_equal(
        *(linear().fit(LABELS[:1], [y]).true_and_predicted(LABELS[:1], [y]) for y in (with_gap, without))
    )


def mean_error(model, X, y):
    return -mean_absolute_error(*model.true_and_predicted(X, y))


def test_searches_and_the_default_forest():
    search = GridSearchCV(linear(), {"properties": ["extent", "area"]}, scoring=mean_error, cv=GroupKFold(2))
    search.fit(LABELS, TARGETS, groups=[0, 1, 0, 1])
    assert search.best_params_ == {"properties": "area"}
    assert pf.ObjectRegressor("area").fit(LABELS[:3], TARGETS[:3]).score(LABELS[3:], TARGETS[3:]) > 0.9
    empty = np.zeros((3, 4), np.uint8)
    assert np.isnan(search.predict(empty)).all()


# --- ObjectSelector ----------------------------------------------------------------------------------------------


def selector(**parameters):
    return pf.ObjectSelector(pf.ObjectClassifier(["area"], DecisionTreeClassifier(random_state=0)), **parameters)


@pytest.mark.parametrize("keep", [SMALL, LARGE, [SMALL, LARGE], [LARGE]])
def test_objects_of_a_class_stay(keep):
    y = [dots(labels, classes) for labels, _, classes in IMAGES]
    model = selector(keep=keep).fit(LABELS, y)
    kept = [keep] if isinstance(keep, int) else keep
    renumbered = clone(model).set_params(relabel=True).fit(LABELS, y).predict(LABELS)
    for (labels, _, classes), got, new in zip(IMAGES, model.predict(LABELS), renumbered, strict=True):
        stays = sorted(label for label, value in classes.items() if value in kept)
        assert_array_equal(got, np.where(np.isin(labels, stays), labels, 0))
        assert got.dtype == new.dtype == labels.dtype
        assert_array_equal(new, np.searchsorted([0, *stays], got))
    assert model.score(LABELS, [classes for *_, classes in IMAGES]) == 1
    assert not hasattr(model.classifier, "estimator_"), "the given classifier stays as it was"


def test_classes_with_names_select_as_well():
    y = [{label: "round" if value == LARGE else "dust" for label, value in classes.items()} for *_, classes in IMAGES]
    model = selector(keep="round").fit(LABELS, y)
    expected = selector(keep=LARGE).fit(LABELS, [classes for *_, classes in IMAGES])
    assert_array_equal(model.predict(LABELS[0]), expected.predict(LABELS[0]))
    search = GridSearchCV(model, {"classifier__properties": ["extent", "area"]}, cv=2).fit(LABELS, y)
    assert search.best_params_ == {"classifier__properties": "area"}
