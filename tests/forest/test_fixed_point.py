"""Integers instead of leaf values: bounds that hold, sums that fit, and labels that are right or sent to the host."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)

from pixelforest.backends.numpy.forest import NumpyForestProgram, _walk
from pixelforest.forest.categories import as_compared
from pixelforest.forest.fixed_point import fixed_point, remainder
from pixelforest.forest.read import read_forest
from pixelforest.forest.representation import make_forest

LIMITS = {"uint": (0, 2**32), "ulong": (0, 2**64), "long": (-(2**63), 2**63), "int": (-(2**31), 2**31)}
DTYPES = {"uint": np.uint32, "int": np.int32, "long": np.int64}


def leaves_only(values, *, n_outputs=None, decision="none", baseline=None, averages=False, **options):
    """One tree per row of `values`: each a node that is a leaf."""
    values = np.asarray(values, float)
    n_trees = len(values)
    return make_forest(
        feature=[0] * n_trees, threshold=[0] * n_trees, left=[-1] * n_trees, right=[-1] * n_trees,
        missing_left=[False] * n_trees, leaf=np.arange(n_trees), roots=np.arange(n_trees), leaf_values=values,
        n_features=1, n_outputs=n_outputs, decision=decision, baseline=baseline, averages=averages, **options,
    )  # fmt: skip


def integer_sums(forest, numbers, rows):
    """Sums of Python's integers, ``(n_rows, n_outputs)``; checks that none leaves its type on the way."""
    low, high = LIMITS[numbers.sum_type]
    leaves = forest.leaf[_walk(forest, as_compared(forest, rows))]
    sums = np.tile(numbers.start.astype(object), (len(rows), 1))
    for tree, first in enumerate(forest.first_output):
        stored = numbers.leaves[leaves[:, tree]].astype(object)
        sums[:, first : first + stored.shape[1]] += stored
        assert (sums >= low).all()
        assert (sums < high).all()
    if numbers.is_complement:
        sums[:, -1] = numbers.whole - sums[:, :-1].sum(axis=1)
    return sums


@given(
    st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=12),
    st.floats(-1e300, 1e300) | st.just(0.0),
)
def test_signed_sums_are_within_their_bound_and_type(values, baseline):
    forest = leaves_only(np.array(values)[:, np.newaxis], baseline=[baseline])
    numbers = fixed_point(forest)
    assert numbers.leaves.dtype == DTYPES[numbers.leaf_type]
    assert np.frexp(numbers.scale)[0] == 0.5
    total = integer_sums(forest, numbers, np.zeros((1, 1)))[0, 0]
    exact = Fraction(baseline) + sum(Fraction(value) for value in values)
    error = abs(Fraction(int(total)) / Fraction(numbers.scale) - exact)
    assert error <= Fraction(numbers.error)
    if numbers.leaf_type == "int":
        assert error <= Fraction(1, 10**6) * sum(abs(Fraction(value)) for value in values)
    else:
        largest = abs(Fraction(baseline)) + sum(abs(Fraction(value)) for value in values)
        assert error <= largest * (len(values) + 1) / 2**60


def boosted(n_classes, kind=GradientBoostingClassifier, **parameters):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)).round(1)
    y = np.digitize(X[:, 0] + rng.normal(size=300) / 2, np.linspace(-1, 1, n_classes - 1))
    return read_forest(kind(**parameters).fit(X, y)), X


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (GradientBoostingClassifier, {"n_estimators": 30}),
        (GradientBoostingClassifier, {"n_estimators": 1, "max_depth": 1, "init": "zero"}),
        (HistGradientBoostingClassifier, {"max_iter": 40}),
        (RandomForestClassifier, {"n_estimators": 30, "max_depth": 3}),
    ],
)
def test_labels_are_right_or_sent_to_the_host(kind, parameters, n_classes):
    forest, X = boosted(n_classes, kind, **parameters)
    numbers = fixed_point(forest)
    sums = integer_sums(forest, numbers, X)
    if forest.decision == "sign":
        labels, distance = sums[:, 0] > 0, np.abs(sums[:, 0])
    else:
        ordered = np.sort(sums, axis=1)
        labels, distance = sums.argmax(axis=1), ordered[:, -1] - ordered[:, -2]
    decided = distance >= numbers.margin
    assert np.array_equal(labels[decided], NumpyForestProgram(forest).class_indices(X)[decided])
    assert decided.mean() > 0.95
    divisor = numbers.scale * (forest.n_averaged if forest.averages else 1)
    errors = np.abs((sums / divisor).astype(float) - NumpyForestProgram(forest).values(X))
    assert errors.max() <= numbers.error + 1e-12


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(("decision", "link"), [("sign", "logistic"), ("largest", "softmax"), ("largest", "logistic")])
def test_the_margin_covers_what_links_and_roundings_merge(decision, link, precision):
    """Sums some ulp beside ties: wherever the model decides otherwise than the integers, the margin says so."""
    rng = np.random.default_rng(0)
    unit = 2.0 ** (-24 if precision == "float32" else -53)
    n_outputs = 1 if decision == "sign" else 3
    for _ in range(200):
        level = 0 if decision == "sign" else rng.choice([0, 1, 17])
        values = level + rng.integers(-40, 41, n_outputs) * unit * max(level, 1)
        if precision == "float32":
            values = values.astype(np.float32)
        forest = leaves_only(
            np.asarray(values)[:, np.newaxis], n_outputs=n_outputs, decision=decision, link=link,
            decides_on="probabilities", sum_precision=precision, first_output=np.arange(n_outputs),
        )  # fmt: skip
        numbers = fixed_point(forest)
        sums = integer_sums(forest, numbers, np.zeros((1, 1)))[0]
        label = NumpyForestProgram(forest).class_indices(np.zeros((1, 1)))[0]
        ordered = sorted(sums)
        distance = abs(sums[0]) if decision == "sign" else ordered[-1] - ordered[-2]
        if distance >= numbers.margin:
            assert label == (sums[0] > 0 if decision == "sign" else sums.argmax())


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_margin_covers_roundings_of_many_sums(precision):
    """Trees whose exact sum is near 0 while their sum in floats is not, and the other way round."""
    rng = np.random.default_rng(0)
    wrong = 0
    for n_trees in [3, 10, 100] * 100:
        values = rng.normal(size=n_trees).astype(precision)
        values[-1] = -np.cumsum(values[:-1], dtype=precision)[-1]
        options = {"decision": "sign", "sum_precision": precision, "decides_on": "values", "tie_class": 1}
        forest = leaves_only(values.astype(float)[:, np.newaxis], **options)
        numbers = fixed_point(forest)
        total = integer_sums(forest, numbers, np.zeros((1, 1)))[0, 0]
        label = NumpyForestProgram(forest).class_indices(np.zeros((1, 1)))[0]
        wrong += label != (total > 0)
        assert abs(total) < numbers.margin or label == (total > 0)
        assert numbers.margin / numbers.scale < n_trees * 1e-6 * np.abs(values).sum()
    assert wrong > 50


def test_saturated_independent_probabilities_go_to_the_host():
    forest = leaves_only(
        [[40.0], [60.0]], n_outputs=2, decision="largest", link="logistic", decides_on="probabilities",
        first_output=[0, 1],
    )  # fmt: skip
    assert NumpyForestProgram(forest).class_indices([[0.0]])[0] == 0  # both are 1.0
    numbers = fixed_point(forest)
    assert numbers.margin > 20 * numbers.scale


@pytest.mark.parametrize(
    ("values", "leaf_type"),
    [([[1.0], [2.0]], "int"), ([[1e-9], [1.0]], "int"), ([[1e-9], [1e-9], [-1e-9]], "int"), ([[0.0], [0.3]], "int")],
)
def test_narrow_leaves_where_every_path_has_its_bound(values, leaf_type):
    assert fixed_point(leaves_only(values)).leaf_type == leaf_type


def test_wide_leaves_where_a_path_might_be_nearly_zero():
    forest = make_forest(
        feature=[0, 0, 0], threshold=[0, 0, 0], left=[1, -1, -1], right=[2, -1, -1], missing_left=[False] * 3,
        leaf=[-1, 0, 1], roots=[0], leaf_values=[[1e-7 / 3], [1000.0]], n_features=1, decision="none",
    )  # fmt: skip
    numbers = fixed_point(forest)
    assert (numbers.leaf_type, numbers.sum_type, numbers.margin) == ("long", "long", 0)
    assert numbers.error < 1e-6 * 1e-7 / 3


def test_regressors_are_signed_and_need_no_host():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    for model in (RandomForestRegressor(20), GradientBoostingRegressor(n_estimators=20)):
        forest = read_forest(model.fit(X, X[:, 0] * 100 + 7))
        numbers = fixed_point(forest)
        assert (numbers.sum_type, numbers.is_complement, numbers.margin) == ("long", False, 0)
        divisor = numbers.scale * (forest.n_averaged if forest.averages else 1)
        found = (integer_sums(forest, numbers, X.astype(np.float32)) / divisor).astype(float)
        assert np.abs(found - NumpyForestProgram(forest).values(X)).max() <= numbers.error + 1e-11


def test_sums_beyond_float64_are_refused():
    with pytest.raises(ValueError, match="`leaf_values` must be small enough"):
        fixed_point(leaves_only([[1e308], [1e308]]))


def test_the_remainder_adds_what_rounding_took_away():
    values = np.array([[1e14], [3e-9]])  # on different paths
    forest = make_forest(
        feature=[0, 0, 0], threshold=[0, 0, 0], left=[1, -1, -1], right=[2, -1, -1], missing_left=[False] * 3,
        leaf=[-1, 0, 1], roots=[0], leaf_values=values, n_features=1, averages=False, decision="none",
    )  # fmt: skip
    numbers = fixed_point(forest)
    assert not numbers.is_fine
    rest = remainder(forest, numbers)
    assert np.array_equal(numbers.leaves / numbers.scale + rest.leaf_values, values)
    assert fixed_point(rest).is_fine or fixed_point(rest).scale > numbers.scale
    assert fixed_point(leaves_only([[1.0], [0.5]])).is_fine
