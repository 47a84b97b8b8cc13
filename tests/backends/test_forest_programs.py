import math
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from pixelforest.backends.numpy.features import HostBlock
from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.forest.keys import round_down
from pixelforest.forest.read import read_forest
from pixelforest.forest.representation import make_forest

SPECIAL = np.array(
    [0.0, -0.0, 1e-45, -1e-45, 1e-40, -1e-40, 0.5, 1, 3.4028235e38, -3.4028235e38, np.inf, -np.inf, np.nan], np.float32
)
NUMBERS = st.sampled_from(SPECIAL[:10].tolist())


@pytest.fixture(scope="module")
def device(opencl_engine):
    from pixelforest.backends.opencl.runtime import open_device

    return open_device(opencl_engine.name)


def load(device, forest, **options):
    from pixelforest.backends.opencl.forest import OpenCLForestProgram

    return OpenCLForestProgram(device, forest, **options)


def fitted(n_estimators=12, n_classes=3, n_features=5, kind=RandomForestClassifier, **parameters):
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(200, n_features)).round(1), rng.integers(0, n_classes, 200)
    y[:n_classes] = np.arange(n_classes)
    return kind(n_estimators, random_state=0, **parameters).fit(X, y)


def rows_for(forest, n_rows=203):
    """Rows of exact thresholds, their neighbours and special values."""
    rng = np.random.default_rng(4)
    rows = rng.choice(np.append(SPECIAL, rng.normal(size=20).round(1)), (n_rows, forest.n_features)).astype(np.float32)
    inner = np.flatnonzero(forest.leaf < 0)
    if inner.size:
        nodes = rng.choice(inner, n_rows)
        exact = round_down(forest.threshold[nodes])
        with np.errstate(over="ignore"):
            above = np.nextafter(exact, np.float32(np.inf))
        rows[np.arange(n_rows), forest.feature[nodes]] = np.where(rng.random(n_rows) < 0.5, exact, above)
    return rows


def check(program, rows):
    """Labels and flagged probabilities of every entry point equal the twin's."""
    twin = NumpyForestProgram(program.forest)
    expected = twin.class_probabilities(rows)
    labels = expected.argmax(axis=1)
    probabilities = program.class_probabilities(rows)
    assert np.abs(probabilities - expected).max() < 2.5e-7
    assert np.array_equal(probabilities.argmax(axis=1), labels)
    assert np.array_equal(program.class_indices(rows), labels)
    block = program._device.upload(np.ascontiguousarray(rows.T).reshape(rows.shape[1], -1, 7))
    spatial = block.shape[1:]
    indices = program.block_class_indices(block)
    assert indices.dtype == twin.block_class_indices(HostBlock(block.to_host())).dtype
    assert np.array_equal(indices, labels.reshape(spatial))
    in_block = program.block_probabilities(block)
    assert in_block.dtype == np.float32
    assert in_block.shape == (program.forest.n_classes, *spatial)
    assert np.abs(in_block.reshape(len(in_block), -1).T - expected).max() < 1e-6


def test_numpy_is_scikit_learn_bit_for_bit():
    for parameters in ({}, {"max_depth": 2}, {"min_samples_leaf": 3, "n_classes": 9}, {"max_leaf_nodes": 7}):
        model = fitted(**parameters)
        forest = read_forest(model)
        rows = rows_for(forest)
        rows = rows[~np.isinf(rows).any(axis=1)]
        with np.errstate(all="ignore"):  # scikit-learn looks for inf in the sum of all values
            expected = model.predict_proba(rows)
        program = NumpyForestProgram(forest)
        assert np.array_equal(program.class_probabilities(rows), expected)
        assert np.array_equal(program.class_indices(rows), expected.argmax(axis=1))
        block = HostBlock(rows.T.reshape(rows.shape[1], 1, -1))
        assert np.array_equal(program.block_class_indices(block)[0], expected.argmax(axis=1))
        assert np.array_equal(program.block_probabilities(block)[:, 0].T, expected.astype(np.float32))


@pytest.mark.parametrize("form", ["traverse", "shared", "coherent", "shallow"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"max_depth": 1, "n_classes": 2},
        {"max_depth": 2},
        {"max_depth": 3, "n_classes": 6, "n_features": 40},
        {"max_depth": 4, "class_weight": "balanced"},
        {"max_depth": 3, "kind": ExtraTreesClassifier, "n_features": 1},
    ],
)
def test_all_forms_equal_the_twin_on_shallow_forests(device, form, parameters):
    forest = read_forest(fitted(**parameters))
    check(load(device, forest, form=form), rows_for(forest))


@pytest.mark.parametrize("rows_together", [128, 256, 512, 1024])
def test_shallow_tiles_of_any_size_equal_the_twin(device, rows_together):
    forest = read_forest(fitted(200, max_depth=3))  # several chunks of trees
    program = load(device, forest, form="shallow", rows_together=rows_together)
    rows = rows_for(forest, 2002)
    check(program, rows)
    check(program, np.nan_to_num(rows, posinf=1, neginf=-1))
    smooth = np.sort(np.nan_to_num(rows, posinf=1, neginf=-1), axis=0)  # ranges decide most of it
    check(program, smooth)


@pytest.mark.parametrize(
    ("form", "rows_together"),
    [("traverse", None), ("traverse", 1), ("shared", 1), ("coherent", 128), ("coherent", 256), ("coherent", 512)],
)
@pytest.mark.parametrize("parameters", [{}, {"n_classes": 10, "min_samples_leaf": 4}, {"max_leaf_nodes": 12}])
def test_deep_forests_equal_the_twin(device, form, rows_together, parameters):
    forest = read_forest(fitted(**parameters))
    check(load(device, forest, form=form, rows_together=rows_together), rows_for(forest))


@pytest.mark.parametrize("form", ["coherent", "shallow"])
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 40), (40, 1), (3, 16), (9, 17), (4, 5, 19), (8, 15), (17, 33), (9, 1100), (16, 1024)]
)
def test_tiles_cover_images_of_any_shape(device, form, shape):
    forest = read_forest(fitted(max_depth=3))
    rows = rows_for(forest, math.prod(shape))
    program = load(device, forest, form=form)
    for values in (rows, np.sort(np.nan_to_num(rows, posinf=1, neginf=-1), axis=0)):  # ranges decide nothing, or most
        expected = NumpyForestProgram(forest).class_probabilities(values)
        block = device.upload(np.ascontiguousarray(values.T.reshape(-1, *shape)))
        assert np.array_equal(program.block_class_indices(block), expected.argmax(axis=1).reshape(shape))
        probabilities = program.block_probabilities(block).reshape(forest.n_classes, -1).T
        assert np.abs(probabilities - expected).max() < 1e-6
        image = values.reshape(*shape, -1)
        assert np.array_equal(program.class_indices(image), expected.argmax(axis=1).reshape(shape))


@pytest.mark.parametrize("form", ["coherent", "shallow"])
def test_single_nan_among_numbers_that_all_go_the_other_way(device, form):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)).astype(np.float32)
    X[rng.random(X.shape) < 0.2] = np.nan
    forest = read_forest(RandomForestClassifier(20, max_depth=3, random_state=0).fit(X, np.isnan(X).sum(axis=1)))
    assert 0 < forest.missing_left[forest.leaf < 0].mean() < 1
    image = np.sort(rng.normal(size=(4, 24 * 160)).astype(np.float32), axis=1).reshape(4, 24, 160)
    image[rng.integers(0, 4, 30), rng.integers(0, 24, 30), rng.integers(0, 160, 30)] = np.nan
    rows = image.reshape(4, -1).T
    expected = NumpyForestProgram(forest).class_probabilities(rows)
    program = load(device, forest, form=form)
    block = device.upload(image)
    assert np.array_equal(program.block_class_indices(block).ravel(), expected.argmax(axis=1))
    assert np.abs(program.block_probabilities(block).reshape(len(expected.T), -1).T - expected).max() < 1e-6


@pytest.mark.parametrize("form", ["traverse", "coherent", "shallow"])
def test_many_trees_are_summed_in_64_bits(device, form):
    trees = fitted(10, max_depth=3).estimators_
    forest = read_forest(SimpleNamespace(estimators_=trees * 210))
    program = load(device, forest, form=form)
    assert ("SUM", "ulong") in program.plan.constants
    check(program, rows_for(forest))


def test_exact_ties_go_where_scikit_learn_sends_them(device):
    """Two classes share every leaf in thirds and sevenths, so only the rounding of float64 sums decides."""
    rng = np.random.default_rng(5)
    n_trees = 9
    values = []
    for _ in range(n_trees):
        a, b = rng.choice([1 / 3, 1 / 7, 2 / 7, 0.1], 2, replace=False)
        values += [[a, b, 1 - a - b], [b, a, 1 - a - b]]
    forest = make_forest(
        feature=[0, 0, 0] * n_trees,
        threshold=[0.0] * 3 * n_trees,
        left=np.concatenate([[3 * t + 1, -1, -1] for t in range(n_trees)]),
        right=np.concatenate([[3 * t + 2, -1, -1] for t in range(n_trees)]),
        missing_left=[False] * 3 * n_trees,
        leaf=np.concatenate([[-1, 2 * t, 2 * t + 1] for t in range(n_trees)]),
        roots=3 * np.arange(n_trees),
        leaf_values=values,
        n_features=1,
    )
    for form in ("traverse", "shared", "coherent", "shallow"):
        check(load(device, forest, form=form), rows_for(forest, 49))
    deep = read_forest(fitted(2, n_classes=2, min_samples_leaf=2, max_depth=9))
    program = load(device, deep)
    rows = np.random.default_rng(0).normal(size=(2000, 5)).astype(np.float32)
    kernels, there = program._compared(rows)
    close = kernels._launch(there, 0, len(rows), "LABELS", device.allocate((len(rows),), np.uint8))
    twin = np.sort(program._host.class_probabilities(rows), axis=1)
    assert set(np.flatnonzero(twin[:, -1] - twin[:, -2] < 1e-12)) <= set(close)
    assert len(close) < len(rows) / 5


def test_values_that_are_no_fractions_are_decided_by_the_host(device):
    forest = make_forest(
        feature=[0, 0, 0], threshold=[0, 0, 0], left=[1, -1, -1], right=[2, -1, -1], missing_left=[False] * 3,
        leaf=[-1, 0, 1], roots=[0], leaf_values=[[5.0, -1.0], [2.0, 3.0]], n_features=1,
    )  # fmt: skip
    check(load(device, forest), rows_for(forest, 21))


@pytest.mark.parametrize("form", ["traverse", "shared", "coherent", "shallow"])
def test_leaves_of_all_magnitudes_keep_their_digits(device, form):
    forest = make_forest(
        feature=[0, 0, 0], threshold=[0, 0, 0], left=[1, -1, -1], right=[2, -1, -1], missing_left=[False] * 3,
        leaf=[-1, 0, 1], roots=[0], leaf_values=[[1e14], [3.3e-9]], n_features=1, averages=False, decision="none",
    )  # fmt: skip
    rows = np.array([[-1.0], [1.0], [0.5]], np.float32)
    expected = NumpyForestProgram(forest).values(rows)
    assert np.allclose(load(device, forest, form=form).values(rows), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("n_classes", [1, 300])
def test_one_class_and_many_classes(device, n_classes):
    rng = np.random.default_rng(0)
    model = RandomForestClassifier(3, random_state=0).fit(rng.normal(size=(600, 4)), np.arange(600) % n_classes)
    forest = read_forest(model)
    program = load(device, forest)
    check(program, rows_for(forest, 35))
    assert program.class_indices(rows_for(forest)).dtype == (np.uint8 if n_classes == 1 else np.uint16)


def test_trees_that_decide_nothing(device):
    model = RandomForestClassifier(3, random_state=0).fit(np.zeros((6, 2)), [0, 1, 1, 1, 2, 1])
    forest = read_forest(model)
    check(load(device, forest), rows_for(forest, 7))


def test_many_features_are_read_in_place(device):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2000)).astype(np.float32)
    model = ExtraTreesClassifier(100, max_features=1, random_state=0).fit(X, rng.integers(0, 2, 60))
    forest = read_forest(model)
    program = load(device, forest)
    assert ("CAPACITY", 0) in program.plan.constants
    check(program, rows_for(forest, 35))
    assert np.array_equal(program.class_indices(np.asfortranarray(X)), model.predict(X))


@pytest.mark.parametrize("form", ["traverse", "shared", "coherent", "shallow"])
@given(
    thresholds=st.lists(st.floats(allow_nan=False, min_value=-1e300) | NUMBERS, min_size=1, max_size=8),
    values=hnp.arrays(np.float32, st.integers(1, 40), elements=st.floats(width=32) | st.sampled_from(SPECIAL.tolist())),
    missing_left=st.booleans(),
)  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_kernels_compare_as_the_twin(device, form, thresholds, values, missing_left):
    n_trees = len(thresholds)
    first = 3 * np.arange(n_trees)
    forest = make_forest(
        feature=[0, 0, 0] * n_trees,
        threshold=np.repeat(thresholds, 3),
        left=np.column_stack([first + 1, first * 0 - 1, first * 0 - 1]).ravel(),
        right=np.column_stack([first + 2, first * 0 - 1, first * 0 - 1]).ravel(),
        missing_left=[missing_left] * 3 * n_trees,
        leaf=[-1, 0, 1] * n_trees,
        roots=first,
        leaf_values=[[1.0, 0.0], [0.0, 1.0]],
        n_features=1,
    )
    X = np.concatenate([values, round_down(np.array(thresholds))])[:, np.newaxis]
    expected = NumpyForestProgram(forest).class_probabilities(X)
    assert np.array_equal(load(device, forest, form=form).class_probabilities(X), expected)


def test_strides_and_layouts_give_the_same(device):
    forest = read_forest(fitted())
    rows = rows_for(forest, 333)
    program = load(device, forest)
    expected = NumpyForestProgram(forest).class_indices(rows)
    wide = np.repeat(np.repeat(rows, 2, axis=0), 3, axis=1)
    read_only = rows.copy()
    read_only.flags.writeable = False
    for layout in (
        np.asfortranarray(rows),
        wide[::2, ::3],
        np.asfortranarray(wide)[::2, ::3],
        read_only,
        rows.astype("f8"),
    ):
        assert np.array_equal(program.class_indices(layout), expected)
    assert np.array_equal(program.class_indices(rows[::-1, :]), expected[::-1])
    assert program.class_probabilities(rows[:0]).shape == (0, 3)
    for n_rows in (1, 15, 16, 17, 33):
        assert np.array_equal(program.class_indices(rows[:n_rows]), expected[:n_rows])


def test_batches_give_the_same_and_shrink_when_memory_is_short(device, monkeypatch):
    from pixelforest.backends.opencl import forest_kernels as module

    forest = read_forest(fitted(min_samples_leaf=2))
    rows = rows_for(forest, 301)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 100)
    program = load(device, forest)
    check(program, rows)
    launch = program._kernels._launch

    def short_of_memory(rows, start, count, *results):
        if count > 30:
            raise MemoryError(f"no room for {count}")
        return launch(rows, start, count, *results)

    monkeypatch.setattr(program._kernels, "_launch", short_of_memory)
    check(program, rows)
    monkeypatch.setattr(program._kernels, "_launch", lambda *_: short_of_memory(None, 0, 31))
    with pytest.raises(MemoryError, match="no room"):
        program.class_indices(rows)


def test_wrong_shapes_and_strange_blocks_are_refused(device):
    program = load(device, read_forest(fitted()))
    with pytest.raises(ValueError, match=r"`X` must have shape \(n_rows, 5\), got \(2, 4\)"):
        program.class_indices(np.zeros((2, 4), np.float32))
    with pytest.raises(ValueError, match=r"`block` must be \(5, \*spatial\) float32, got \(4, 2\)"):
        program.block_class_indices(device.upload(np.zeros((4, 2), np.float32)))
    with pytest.raises(TypeError, match="`block` must be on"):
        program.block_probabilities(HostBlock(np.zeros((5, 2), np.float32)))


def test_sixteen_threads_share_a_program(device):
    forest = read_forest(fitted(min_samples_leaf=2))
    program = load(device, forest)
    batches = [rows_for(forest, 50 + i) for i in range(48)]
    expected = [NumpyForestProgram(forest).class_indices(batch) for batch in batches]
    with ThreadPoolExecutor(16) as pool:
        for labels, wanted in zip(pool.map(program.class_indices, batches), expected, strict=True):
            assert np.array_equal(labels, wanted)


@pytest.mark.parametrize(("form", "max_depth"), [("shallow", 3), ("traverse", None), ("coherent", None)])
def test_large_launches_do_not_overflow_the_stack(device, form, max_depth):
    forest = read_forest(fitted(3, n_classes=10, n_features=30, max_depth=max_depth))
    rows = np.tile(rows_for(forest, 100), (1500, 1))
    labels = load(device, forest, form=form).class_indices(rows)
    assert np.array_equal(labels, np.tile(NumpyForestProgram(forest).class_indices(rows[:100]), 1500))


def test_source_shows_text_and_constants(device):
    program = load(device, read_forest(fitted()))
    first, _, text = program.source.partition("\n")
    assert "-D STORED=2" in first
    assert "forest_coherent(" in text
    assert "FP_CONTRACT OFF" in text
