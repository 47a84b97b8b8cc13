"""Pairs of touching objects against loops over pixels, scikit-image's adjacency graph and records of apoc."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from skimage import io
from skimage.graph import RAG
from skimage.measure import regionprops

from pixelforest.regions.touching_pairs import find_touching_pairs, measure_pairs

label_images = st.integers(2, 3).flatmap(
    lambda ndim: arrays(np.int64, st.tuples(*[st.integers(1, 5)] * ndim), elements=st.sampled_from([0, 1, 2, 7, 2**33]))
)


def faces_by_loops(labels, image):
    """Return the mean of both pixels at every face between two labels, by pair."""
    faces: dict[tuple[int, int], list[float]] = {}
    for at in product(*map(range, labels.shape)):
        for axis in range(labels.ndim):
            other = tuple(n + (axis == i) for i, n in enumerate(at))
            if other[axis] < labels.shape[axis] and labels[at] != labels[other]:
                pair = tuple(sorted((int(labels[at]), int(labels[other]))))
                faces.setdefault(pair, []).append((image[at] + image[other]) / 2)
    return faces


@given(label_images, st.integers(0, 2**32 - 1))
def test_touches_are_those_of_loops_over_pixels(labels, seed):
    image = np.random.default_rng(seed).uniform(0, 9, labels.shape)
    faces = faces_by_loops(labels, image)
    border = {label: sum(len(f) for pair, f in faces.items() if label in pair) for label in np.unique(labels).tolist()}
    inner = {pair: f for pair, f in sorted(faces.items()) if pair[0] > 0}
    names = "touch_count touch_portion smaller_touch_portion mean_touch_intensity"
    table = measure_pairs(labels, image, properties=names)
    assert list(zip(table.pairs.first.tolist(), table.pairs.second.tolist(), strict=True)) == list(inner)
    assert table.names == tuple(names.split())
    for row, ((first, second), found) in zip(table.values, inner.items(), strict=True):
        portions = len(found) / border[first], len(found) / border[second]
        assert_allclose(row, [len(found), max(portions), min(portions), np.mean(found)])


@given(label_images)
def test_rows_are_found_in_either_order(labels):
    pairs = find_touching_pairs(labels)
    rows = np.arange(len(pairs.first))
    assert_array_equal(pairs.row_of(pairs.first, pairs.second), rows)
    assert_array_equal(pairs.row_of(pairs.second, pairs.first), rows)
    everything = np.array([0, 1, 2, 3, 7, 2**33])
    first, second = (side.ravel() for side in np.meshgrid(everything, everything))
    known = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    is_known = [(min(a, b), max(a, b)) in known for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    assert_array_equal(pairs.row_of(first, second) >= 0, is_known)


def test_differences_and_distances_are_those_of_the_objects():
    labels = np.zeros((3, 6, 7), int)
    labels[:, 1:5, 1:4], labels[1:, 2:6, 4:], labels[0, 1, 4:6] = 9, 4, 30
    image = np.stack([np.arange(labels.size).reshape(labels.shape), np.sqrt(np.arange(labels.size).reshape(3, 6, 7))])
    names = ["area_difference", "centroid_distance", "mean_intensity_difference", "centroid_difference"]
    table = measure_pairs(labels, image, properties=names, spacing=(2, 1, 0.5), channel_axis=0)
    assert table.names[1:4] == ("centroid_distance", "mean_intensity-0_difference", "mean_intensity-1_difference")
    assert list(zip(table.pairs.first.tolist(), table.pairs.second.tolist(), strict=True)) == [(4, 9), (9, 30)]
    found = {p.label: p for p in regionprops(labels, np.moveaxis(image, 0, -1), spacing=(2, 1, 0.5))}
    for row, (a, b) in zip(table.values, [(4, 9), (9, 30)], strict=True):
        centre = np.subtract(found[a].centroid, found[b].centroid)
        means = np.abs(np.subtract(found[a].intensity_mean, found[b].intensity_mean))
        expected = [abs(found[a].area - found[b].area), np.linalg.norm(centre), *means, *np.abs(centre)]
        assert_allclose(row, expected)


def test_memory_does_not_grow_with_the_square_of_objects():
    """40,000 objects of one pixel: their square matrix would take 12 GB."""
    labels = np.arange(1, 40_001).reshape(200, 200)
    table = measure_pairs(labels, properties=["touch_count", "centroid_distance"])
    assert len(table.pairs.first) == 2 * 200 * 199
    assert (table.values == 1).all()


@pytest.fixture(scope="module")
def oversegmented(data_folder: Path) -> np.ndarray:
    path = data_folder / "bia" / "membrane2d_oversegmented.tif"
    if not path.is_file():
        pytest.skip("the data folder has no membranes")
    return np.asarray(io.imread(path))


def test_real_cells_touch_as_in_scikit_image(oversegmented):
    pairs = find_touching_pairs(oversegmented)
    edges = sorted(tuple(sorted(edge)) for edge in RAG(oversegmented, connectivity=1).edges)
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == edges


def test_real_cells_touch_as_in_apoc(oversegmented, data_folder):
    """Sums recorded from the matrices of pyclesperanto_prototype 0.24.6 that apoc's ObjectMerger learns from."""
    image = np.asarray(io.imread(data_folder / "bia" / "membrane2d.tif"))
    names = "touch_count touch_portion smaller_touch_portion mean_touch_intensity"
    table = measure_pairs(oversegmented, image.astype(int), properties=names)
    assert len(table.values) == 117
    assert_allclose(table.values[:, :3].sum(axis=0), [4184, 38.498197, 15.501804], rtol=1e-6)
    assert_allclose(table.values[:, 3].mean(), 6565.088839539096, atol=0.5)  # it cuts halves off
