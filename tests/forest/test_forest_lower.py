from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.ensemble import RandomForestClassifier

from pixelforest.forest.fixed_point import fixed_point
from pixelforest.forest.keys import order_keys, round_down
from pixelforest.forest.lower import IS_LEAF, lower_forest
from pixelforest.forest.read import read_forest

TINY = np.float32(1.401298464324817e-45)
LARGEST = np.finfo(np.float32).max
FLOATS = np.array([np.inf, LARGEST, 1.0, 1.17549435e-38, 1e-40, TINY, 0.0], np.float32)
FLOATS = np.concatenate([FLOATS, -FLOATS])
THRESHOLDS = np.concatenate([FLOATS[~np.isneginf(FLOATS)].astype(np.float64), [1e-50, -1e-50, 0.1, -0.1, 1e39, -1e39]])

any_threshold = st.one_of(
    st.sampled_from(THRESHOLDS.tolist()), st.floats(allow_nan=False, exclude_min=True, min_value=-np.inf)
)
any_float32 = st.one_of(st.sampled_from([*FLOATS.tolist(), np.nan]), st.floats(width=32))


def fitted(n_estimators=10, n_classes=3, **parameters):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(150, 6)), rng.integers(0, n_classes, 150)
    y[:n_classes] = np.arange(n_classes)
    return RandomForestClassifier(n_estimators, random_state=0, **parameters).fit(X, y)


def decide_by_keys(x, threshold, missing_left):
    key = int(order_keys(np.array([x], np.float32))[0])
    bound = int(order_keys(round_down(np.array([threshold])))[0])
    shifted = (key + missing_left + 2**31) % 2**32 - 2**31  # the kernel's wrapping addition
    return shifted <= bound + missing_left


@pytest.mark.parametrize("missing_left", [False, True])
def test_keys_decide_as_floats_on_all_special_values(missing_left):
    for x in [*FLOATS, np.float32(np.nan)]:
        for threshold in THRESHOLDS:
            expected = missing_left if np.isnan(x) else bool(np.float64(x) <= threshold)
            assert decide_by_keys(x, threshold, missing_left) == expected, (x, threshold)


@given(any_float32, any_threshold, st.booleans(), st.integers(-1, 1))
def test_keys_decide_as_floats(x, threshold, missing_left, step):
    x = np.float32(x)
    if step:
        with np.errstate(over="ignore"):
            x = np.nextafter(np.float32(round_down(np.array([threshold]))[0]), np.float32(step * np.inf))
    expected = missing_left if np.isnan(x) else bool(np.float64(x) <= threshold)
    assert decide_by_keys(x, threshold, missing_left) == expected


@given(hnp.arrays(np.float32, 20, elements=st.floats(width=32, allow_nan=False)))
def test_keys_order_as_floats(values):
    keys = order_keys(values)
    differ = values[:, None] != values[None, :]
    assert np.array_equal((keys[:, None] < keys[None, :])[differ], (values[:, None] < values[None, :])[differ])


@pytest.mark.parametrize("n_estimators", [1, 7, 511, 512, 3000])
@pytest.mark.parametrize("parameters", [{"max_depth": 2}, {"min_samples_leaf": 3, "n_classes": 7}])
def test_fixed_point_sums_keep_their_bound_and_do_not_overflow(n_estimators, parameters):
    model = fitted(5, **parameters)
    forest = read_forest(SimpleNamespace(estimators_=(model.estimators_ * 1000)[:n_estimators]))
    numbers = fixed_point(forest)
    assert numbers.error < 2.5e-7
    assert numbers.sum_type == ("uint" if n_estimators < 2048 else "ulong")
    assert numbers.scale.bit_count() == 1
    largest = n_estimators * int(numbers.leaves.astype(np.int64).max())
    assert max(largest, n_estimators * numbers.scale) < 2 ** (32 if numbers.sum_type == "uint" else 64)
    rest = numbers.scale - numbers.leaves.sum(axis=1, dtype=np.int64)
    integers = np.column_stack([numbers.leaves, rest]) / numbers.scale
    assert np.abs(integers - forest.leaf_values).max() <= forest.n_classes / 2 / numbers.scale


def test_pure_leaves_need_no_second_decision_and_fractions_little():
    assert fixed_point(read_forest(fitted(20, bootstrap=False))).margin == 0
    shallow = fixed_point(read_forest(fitted(20, max_depth=2)))
    assert 0 < shallow.margin / (20 * shallow.scale) < 1e-6


@pytest.mark.parametrize("form", ["traverse", "coherent"])
@pytest.mark.parametrize("parameters", [{}, {"max_leaf_nodes": 9}, {"max_depth": 3}])
def test_linked_nodes_keep_every_path(form, parameters):
    forest = read_forest(fitted(**parameters))
    tables = lower_forest(forest, form=form)
    pairs = list(zip(forest.roots.tolist(), tables.roots.tolist(), strict=True))
    while pairs:
        node, at = pairs.pop()
        if forest.leaf[node] >= 0:
            assert at == int(forest.leaf[node]) | IS_LEAF
            continue
        key, word, left, right = (int(value) for value in tables.nodes[at])
        expected = order_keys(round_down(forest.threshold[node : node + 1]))[0] + forest.missing_left[node]
        assert np.uint32(key).view(np.int32) == expected
        assert tables.columns[word >> 1] == forest.feature[node]
        assert word & 1 == forest.missing_left[node]
        pairs += [(forest.left[node], left), (forest.right[node], right)]


def test_bounds_are_those_of_the_leaves_below():
    forest = read_forest(fitted(max_depth=3))
    tables = lower_forest(forest, form="shallow")
    (bounds,) = tables.bounds
    n_inner, n_leaves = 7, 8
    stored = tables.numbers.leaves.reshape(forest.n_trees, n_leaves, -1).astype(np.int64)
    scores = np.concatenate([stored, tables.numbers.scale - stored.sum(axis=2, keepdims=True)], axis=2).clip(0)
    for tree in range(forest.n_trees):
        for node in range(n_inner + n_leaves):
            below = [node]
            while below[0] < n_inner:
                below = [child for n in below for child in (2 * n + 1, 2 * n + 2)]
            here = scores[tree, np.array(below) - n_inner]
            assert np.array_equal(bounds[tree, node], np.stack([here.min(axis=0), here.max(axis=0)], axis=-1))


def test_swings_to_come_bound_every_change_of_a_lead():
    forest = read_forest(fitted())
    (to_come,) = lower_forest(forest, form="coherent").bounds
    values = fixed_point(forest).scale * forest.leaf_values
    assert to_come.shape == (forest.n_trees + 1,)
    assert to_come[-1] == 0
    ends = np.append(forest.roots[1:], len(forest.leaf))
    for tree, (start, end) in enumerate(zip(forest.roots, ends, strict=True)):
        rows = forest.leaf[start:end]
        here = values[rows[rows >= 0]]
        assert abs(int(to_come[tree]) - int(to_come[tree + 1]) - np.ptp(here, axis=1).max()) <= 1


def test_forms_are_chosen_by_shape_and_can_be_forced():
    shallow, deep = read_forest(fitted(max_depth=2)), read_forest(fitted())
    assert lower_forest(shallow).plan.form == "shallow"
    assert lower_forest(shallow, form="traverse").plan.form == "traverse"
    assert lower_forest(deep).plan.form == "coherent"
    assert lower_forest(deep, form="traverse").plan.form == "traverse"
    assert "-D STORED=2" in lower_forest(deep).plan.options
    assert lower_forest(deep, local_bytes=1000).plan.form == "traverse"
    for local_bytes, n_trees in [(32_768, 1), (131_072, 2), (262_144, 4)]:
        assert ("TREES_AT_ONCE", n_trees) in lower_forest(deep, local_bytes=local_bytes).plan.constants
    with pytest.raises(ValueError, match="'shallow' needs trees of depth 1 to 4"):
        lower_forest(deep, form="shallow")
    with pytest.raises(ValueError, match=r"'coherent' needs .* bytes of local memory, got 1000"):
        lower_forest(deep, form="coherent", local_bytes=1000)
    with pytest.raises(ValueError, match=r"`rows_together` 1024 needs .* bytes of local memory, got 200000"):
        lower_forest(deep, form="coherent", rows_together=1024, local_bytes=200_000)
    with pytest.raises(ValueError, match="must be 'traverse', 'shared', 'coherent' or 'shallow', got 'magic'"):
        lower_forest(deep, form="magic")
    with pytest.raises(ValueError, match=r"'shared' needs nodes for half of 1000 bytes of local memory, got [0-9]+"):
        lower_forest(deep, form="shared", local_bytes=1000)
    with pytest.raises(ValueError, match="must be 128, 256, 512 or 1024 for form 'coherent', got 48"):
        lower_forest(deep, form="coherent", rows_together=48)


def test_lanes_walk_alone_and_share_nodes_that_fit():
    shallow, deep = read_forest(fitted(max_depth=2)), read_forest(fitted())
    tables = lower_forest(shallow, has_lanes=True)
    assert tables.plan.form == "shared"
    assert f"{(shallow.leaf < 0).sum()} nodes fit" in tables.plan.reason
    assert tables.rows_per_item == 1
    assert len(tables.nodes) == dict(tables.plan.constants)["SHARED_NODES"]  # all of them are copied
    assert len(tables.nodes) >= (shallow.leaf < 0).sum()
    tables = lower_forest(deep, has_lanes=True, local_bytes=1000)
    assert tables.plan.form == "traverse"
    assert "'shared' needs" in tables.plan.reason
    assert tables.rows_per_item == 1
    assert lower_forest(shallow, has_lanes=True, form="traverse").plan.form == "traverse"
