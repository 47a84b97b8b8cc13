from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.forest.categories import with_derived_columns
from pixelforest.forest.emit import emit_opencl
from pixelforest.forest.fixed_point import fixed_point
from pixelforest.forest.keys import round_down
from pixelforest.forest.read import read_forest
from pixelforest.forest.representation import make_forest

GOLDEN = Path(__file__).with_name("golden_forest.cl")


def small_forest():
    return make_forest(
        feature=[1, 0, 0, 0, 0, 0, 1, 0, 0, 0],
        threshold=[0.1, -2.5, 0, 0, 0, np.inf, -1e39, 0, 0, 0],
        left=[1, 2, -1, -1, -1, 6, 7, -1, -1, -1],
        right=[4, 3, -1, -1, -1, 9, 8, -1, -1, -1],
        missing_left=[True] + [False] * 9,
        leaf=[-1, -1, 0, 1, 2, -1, -1, 2, 1, 0],
        roots=[0, 5],
        leaf_values=[[1, 0, 0], [0.25, 0.5, 0.25], [0, 1 / 3, 2 / 3]],
        n_features=2,
    )


def test_text_is_the_golden_file():
    """Delete the file to write it anew, then read the difference."""
    text = emit_opencl(small_forest(), class_names=["sky", "a tree\\", ""])
    if not GOLDEN.exists():
        GOLDEN.write_text(text, encoding="utf-8")
        pytest.fail(f"{GOLDEN.name} was written; look at it")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_trees_deeper_than_recursion_are_written():
    depth = 3000
    nodes = np.arange(2 * depth + 1)
    inner = (nodes % 2 == 0) & (nodes < 2 * depth)
    forest = make_forest(
        feature=nodes * 0,
        threshold=nodes * 1.0,
        left=np.where(inner, nodes + 1, -1),
        right=np.where(inner, nodes + 2, -1),
        missing_left=nodes < 0,
        leaf=np.where(inner, -1, 0),
        roots=[0],
        leaf_values=[[1.0, 0.0]],
        n_features=1,
    )
    assert emit_opencl(forest).count("if (") >= depth


def run_export(device, forest, rows):
    program = device.program(emit_opencl(forest))
    winners = device.allocate((len(rows),), np.dtype(np.uint32))
    votes = device.allocate((len(rows), forest.n_classes), np.dtype(np.uint32))
    device.run(program, "predict", (len(rows),), None, device.upload(rows), winners, votes)
    return winners.to_host(), votes.to_host()


@pytest.mark.parametrize("which", ["golden", "fitted"])
def test_export_of_fractions_decides_as_the_twin(opencl_engine, which):
    from pixelforest.backends.opencl.runtime import open_device

    rng = np.random.default_rng(0)
    if which == "golden":
        forest = small_forest()
    else:
        X, y = rng.normal(size=(100, 4)).round(1), rng.integers(0, 3, 100)
        forest = read_forest(RandomForestClassifier(6, max_depth=5, random_state=0).fit(X, y))
    exact = round_down(forest.threshold)
    values = np.concatenate([exact, np.nextafter(exact, np.float32(np.inf)), [np.nan, np.inf, -np.inf, 0]])
    rows = rng.choice(values, (500, forest.n_features)).astype(np.float32)
    winners, votes = run_export(open_device(opencl_engine.name), forest, rows)
    numbers, twin = fixed_point(forest), NumpyForestProgram(forest)
    assert (votes.sum(axis=1) == numbers.whole).all()
    assert np.abs(votes / numbers.whole - twin.values(rows)).max() <= numbers.error + 1e-12
    top = np.sort(votes.astype(np.int64), axis=1)
    clear = top[:, -1] - top[:, -2] >= numbers.margin
    assert np.array_equal(winners[clear], twin.class_indices(rows)[clear])
    assert clear.mean() > 0.5


def boosted(kind, n_classes, hard_rows):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    X[:, 1] = rng.integers(0, 7, 120)
    y = np.digitize(X[:, 0] + (X[:, 1] % 2), [0, 1][: n_classes - 1]) if n_classes else X[:, 0] * 9
    options = {"categorical_features": [1], "min_samples_leaf": 3} if "Hist" in kind.__name__ else {"n_estimators": 5}
    forest = read_forest(kind(**options, random_state=0).fit(X, y))
    return forest, hard_rows(forest, float32=True, missing=False, infinite=False)


@pytest.mark.parametrize(
    ("kind", "n_classes"),
    [
        (GradientBoostingClassifier, 2),
        (GradientBoostingClassifier, 3),
        (HistGradientBoostingClassifier, 2),
        (HistGradientBoostingRegressor, 0),
        (RandomForestRegressor, 0),
    ],
)
def test_export_of_sums_decides_as_the_twin(opencl_engine, kind, n_classes, hard_rows):
    from pixelforest.backends.opencl.runtime import open_device

    forest, rows = boosted(kind, n_classes, hard_rows)
    device, numbers, twin = open_device(opencl_engine.name), fixed_point(forest), NumpyForestProgram(forest)
    winners = device.allocate((len(rows),), np.dtype(np.uint32))
    votes = device.allocate((len(rows), forest.n_outputs), np.dtype(np.int64))
    outputs = (winners, votes) if n_classes else (votes,)
    program = device.program(emit_opencl(forest))
    device.run(program, "predict", (len(rows),), None, device.upload(with_derived_columns(forest, rows)), *outputs)
    expected = twin.values(rows)
    divisor = numbers.scale * (forest.n_averaged if forest.averages else 1)
    assert np.abs(votes.to_host() / divisor - expected).max() <= numbers.error + 1e-12
    if n_classes:
        assert np.array_equal(winners.to_host(), twin.class_indices(rows))
