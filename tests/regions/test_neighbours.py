"""Neighbours are those of a square matrix of all pairs, which is never made."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import center_of_mass
from scipy.spatial.distance import cdist

from pixelforest.regions import measure_regions
from pixelforest.regions.neighbours import find_contacts


def face_counts(labels):
    """Return how many faces each pair of labels shares, as a square matrix, pixel by pixel."""
    matrix = np.zeros((labels.max() + 1,) * 2, int)
    for at in np.ndindex(labels.shape):
        for axis in range(labels.ndim):
            beside = (*at[:axis], at[axis] + 1, *at[axis + 1 :])
            if beside[axis] < labels.shape[axis] and labels[at] != labels[beside]:
                matrix[labels[at], labels[beside]] += 1
                matrix[labels[beside], labels[at]] += 1
    return matrix


@given(st.data())
def test_all_neighbours(data):
    shape = tuple(data.draw(st.integers(1, 7)) for _ in range(data.draw(st.sampled_from([2, 3]))))
    labels = np.random.default_rng(data.draw(st.integers(0, 999))).choice([0, 0, 1, 2, 3, 5, 8], shape)
    if not labels.any():
        return
    n, reach = data.draw(st.integers(1, 6)), data.draw(st.floats(0, 6))
    spacing = np.array([data.draw(st.sampled_from([1.0, 0.5, 3.0])) for _ in shape])
    names = (
        "touching_neighbor_count",
        "touch_portion",
        "average_distance_of_touching_neighbors",
        f"average_distance_of_n_nearest_neighbors={n}",
        f"proximal_neighbor_count={reach}",
    )
    found = measure_regions(labels, properties=names, spacing=spacing)
    ids = np.unique(labels[labels > 0])
    faces = face_counts(labels)
    centres = np.array([center_of_mass(labels == i) for i in ids]) * spacing
    distances = cdist(centres, centres)
    touches = faces[np.ix_(ids, ids)] > 0
    assert_array_equal(found.values[:, 0], touches.sum(1))
    total = faces[ids].sum(1)
    assert_allclose(found.values[:, 1], (total - faces[ids, 0]) / np.maximum(total, 1), rtol=1e-12)
    assert_allclose(found.values[:, 2], (distances * touches).sum(1) / np.maximum(touches.sum(1), 1), rtol=1e-12)
    others = np.sort(distances + np.diag([np.inf] * len(ids)), axis=1)[:, : min(n, len(ids) - 1)]
    expected = others.mean(1) if len(ids) > 1 else [np.nan]
    assert_allclose(found.values[:, 3], expected, rtol=1e-12)
    if not np.isclose(distances, reach).any():
        assert_array_equal(found.values[:, 4], (distances < reach).sum(1) - 1)


def test_diagonal_neighbours_and_background_do_not_touch():
    labels = np.array([[1, 0, 3], [0, 2, 3], [4, 4, 0]])
    found = measure_regions(labels, properties=["touching_neighbor_count"])
    assert_array_equal(found.values[:, 0], [0, 2, 1, 1])


def test_contacts_count_faces():
    found = find_contacts(np.array([[9, 9, 2], [9, 2, 2]]))
    assert_array_equal([found.first, found.second, found.n_faces], [[2], [9], [3 - 0]])


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 4), (2, 2, 1)])
def test_thin_images_have_no_contacts_beyond_them(shape):
    assert len(find_contacts(np.ones(shape, int)).first) == 0


def test_many_regions_need_no_square_matrix():
    labels = np.arange(1, 20_001).reshape(100, 200)
    names = ("touching_neighbor_count", "average_distance_of_n_nearest_neighbors=6", "proximal_neighbor_count=2.5")
    tracemalloc.start()
    found = measure_regions(labels, properties=names)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6  # a matrix of float32 takes 1,600e6
    assert_array_equal(np.bincount(found.values[:, 0].astype(int)), [0, 0, 4, 2 * 98 + 2 * 198, 98 * 198])
    assert found.values[10_050, 2] == 20
