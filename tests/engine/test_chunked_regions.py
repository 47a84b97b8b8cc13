"""Regions of label images in chunks are measured to the bit as those of the whole image."""

import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from skimage import data as pictures
from skimage.measure import label

from pixelforest.engine.chunked_regions import measure_chunks
from pixelforest.regions.catalog import PROPERTIES
from pixelforest.regions.measure import measure
from pixelforest.regions.names import parse_properties
from pixelforest.regions.regions import Regions

SLOW = ("feret_diameter_max", "feret_diameter_min", "area_convex", "solidity")


def every_property(ndim, without=()):
    return [
        name if PROPERTIES[name].default or not PROPERTIES[name].parameter else f"{name}=3"
        for name in PROPERTIES
        if name not in without and (ndim == 2 or not PROPERTIES[name].only_2d)
    ]


def assert_chunks_are_whole(labels, planes, chunks, names, spacing=None):
    asked = parse_properties(names, labels.ndim)
    spacing = (1.0,) * labels.ndim if spacing is None else spacing
    whole = measure(Regions(labels, planes, spacing, True), asked)
    lazy = None if planes is None else da.from_array(planes, chunks=(1, *chunks))
    found = measure_chunks(da.from_array(labels, chunks=chunks), lazy, asked, spacing, has_channels=True)
    assert_array_equal(found.labels, whole.labels)
    assert found.names == whole.names
    for name in whole.names:
        assert_array_equal(found.column(name), whole.column(name), err_msg=name)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_every_property(dtype):
    image = pictures.coins()[:150, :200]
    labels = label(image > 110) * 7
    planes = np.stack([image, 255 - image]).astype(dtype) / dtype(3 if dtype is np.float32 else 1)
    assert_chunks_are_whole(labels, planes.astype(dtype), (70, 64), every_property(2))


def test_every_property_of_volumes():
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 9, (4, 5, 5)), np.ones((3, 4, 4), int))
    planes = rng.random((1, *labels.shape))
    assert_chunks_are_whole(labels, planes, (5, 7, 20), every_property(3), (2.0, 0.5, 1.0))


@given(st.data())
def test_any_chunks(data):
    shape = tuple(data.draw(st.integers(1, 8)) for _ in range(data.draw(st.sampled_from([2, 2, 3]))))
    chunks = tuple(data.draw(st.integers(1, 8)) for _ in shape)
    rng = np.random.default_rng(data.draw(st.integers(0, 9999)))
    labels = rng.choice([0, 0, 1, 2, 3, 10**12], shape)  # scattered: parts of a region need not touch
    with dask.config.set(scheduler="synchronous"):
        names = ["area", "bbox", "intensity_mean", "intensity_std", "centroid_weighted", "axis_major_length"]
        names += ["max_distance_to_centroid", "touching_neighbor_count", "touch_portion"]
        names += ["average_distance_of_touching_neighbors", "average_distance_of_n_nearest_neighbors=2"]
        names += ["perimeter", "perimeter_crofton", "moments"] if len(shape) == 2 else []
        assert_chunks_are_whole(labels, rng.random((1, *shape)), chunks, names)


def test_labels_in_memory_take_the_chunks_of_the_image():
    shapes = []

    def read(block):
        shapes.append(block.shape)
        return block

    image = pictures.coins()[None, :120, :120]
    labels = label(image[0] > 110)
    lazy = da.from_array(image, chunks=(1, 50, 50)).map_blocks(read, meta=np.empty((0, 0, 0), image.dtype))
    asked = parse_properties("intensity_sum", 2)
    found = measure_chunks(labels, lazy, asked, (1.0, 1.0), has_channels=False)
    assert_array_equal(found.values, measure(Regions(labels, image, (1.0, 1.0), False), asked).values)
    assert max(shapes) == (1, 50, 50)


def test_a_region_across_many_chunks():
    """A spiral of one region around others."""
    rows, columns = np.mgrid[-32:32, -32:32]
    turn = (np.hypot(rows, columns) + 4 * np.arctan2(rows, columns) / np.pi) % 8
    labels = np.where(turn < 4, 1, 0)
    labels[turn > 5] = 1 + label(turn > 5)[turn > 5]
    assert_chunks_are_whole(labels, None, (9, 16), ["area", "euler_number", "solidity", "touch_portion", "centroid"])


def test_neighbours_alone_can_be_asked_for():
    labels = np.kron(np.arange(1, 13).reshape(3, 4), np.ones((3, 3), int))
    assert_chunks_are_whole(labels, None, (4, 4), ["touching_neighbor_count"])


def test_no_region():
    assert_chunks_are_whole(np.zeros((6, 6), int), None, (4, 4), every_property(2, SLOW)[:20])


def test_chunks_are_read_twice_at_most():
    reads = []

    def read(block):
        reads.append(block.shape)
        return block

    labels = label(pictures.coins() > 110)
    lazy = da.from_array(labels, chunks=100).map_blocks(read, dtype=labels.dtype, meta=np.empty((0, 0), labels.dtype))
    asked = parse_properties(["area"], 2)
    with dask.config.set(scheduler="synchronous"):
        measure_chunks(lazy, None, asked, (1.0, 1.0), has_channels=False)
    assert len(reads) <= 2 * lazy.npartitions


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.ones((4, 4)), TypeError, "must hold integers"),
        (np.array([[1, 2], [3, -4]]), ValueError, "must not hold negative labels, got -4"),
    ],
)
def test_bad_labels_raise_when_they_are_read(labels, error, message):
    with pytest.raises(error, match=message):
        measure_chunks(
            da.from_array(labels, chunks=2), None, parse_properties("area", 2), (1.0,) * 2, has_channels=False
        )


def test_nan_raises_when_it_is_read():
    image = np.array([[0, 1, 2, np.nan]])
    labels = da.from_array(np.ones((1, 4), int), chunks=2)
    asked = parse_properties("intensity_max", 2)
    with pytest.raises(ValueError, match="holds NaN or inf"):
        measure_chunks(labels, da.from_array(image[None], chunks=2), asked, (1.0, 1.0), has_channels=False)


def test_unknown_chunks_raise():
    labels = da.from_array(np.arange(9).reshape(3, 3), chunks=2)
    with pytest.raises(ValueError, match="chunks of unknown sizes"):
        measure_chunks(labels[labels[:, 0] > 2], None, parse_properties("area", 2), (1.0, 1.0), has_channels=False)
