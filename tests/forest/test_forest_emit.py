from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.forest.emit import emit_opencl
from pixelforest.forest.fixed_point import fixed_point
from pixelforest.forest.lower import round_down
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
def test_export_and_kernels_decide_alike(opencl_engine, which):
    from pixelforest.backends.opencl.forest import OpenCLForestProgram
    from pixelforest.backends.opencl.runtime import open_device

    device = open_device(opencl_engine.name)
    rng = np.random.default_rng(0)
    if which == "golden":
        forest = small_forest()
    else:
        X, y = rng.normal(size=(100, 4)).round(1), rng.integers(0, 3, 100)
        forest = read_forest(RandomForestClassifier(6, max_depth=5, random_state=0).fit(X, y))
    exact = round_down(forest.threshold)
    values = np.concatenate([exact, np.nextafter(exact, np.float32(np.inf)), [np.nan, np.inf, -np.inf, 0]])
    rows = rng.choice(values, (500, forest.n_features)).astype(np.float32)
    winners, votes = run_export(device, forest, rows)
    program = OpenCLForestProgram(device, forest)
    sums, close = program._launch(program._upload(rows), 0, len(rows), "SUMS")
    assert np.array_equal(votes, sums)
    clear = np.setdiff1d(np.arange(len(rows)), close)
    assert np.array_equal(winners[clear], program.class_indices(rows)[clear])
    expected = NumpyForestProgram(forest).class_probabilities(rows)
    assert np.abs(votes / fixed_point(forest).scale / forest.n_trees - expected).max() < 1e-7
