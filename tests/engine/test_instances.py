"""Instances found block by block are those of `scipy.ndimage.label` for the whole image, number for number."""

import weakref

import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage

from pixelforest.engine.instances import WindowInstances, label_instances
from pixelforest.engine.tiling import tiles


def expected(condition: np.ndarray, connectivity: int) -> np.ndarray:
    return ndimage.label(condition, ndimage.generate_binary_structure(condition.ndim, connectivity))[0]


def cut(n: int, data) -> tuple[int, ...]:
    """Draw chunks of any sizes, down to one voxel, that make up `n`."""
    stops = sorted(data.draw(st.sets(st.integers(1, n), max_size=4)) | {n})
    return tuple(int(size) for size in np.diff([0, *stops]))


@given(st.data())
def test_dask_arrays_are_labelled_as_if_whole(data):
    ndim = data.draw(st.sampled_from([2, 2, 3, 4]))
    shape = tuple(data.draw(st.integers(1, 9 if ndim < 4 else 4)) for _ in range(ndim))
    connectivity = data.draw(st.integers(1, ndim))
    labels = np.random.default_rng(data.draw(st.integers(0, 9999))).integers(0, data.draw(st.integers(2, 4)), shape)
    label = data.draw(st.sampled_from([None, 0, 1, 3]))
    chunks = tuple(cut(n, data) for n in shape)
    with dask.config.set(scheduler="synchronous"):
        found = label_instances(da.from_array(labels, chunks=chunks), label=label, connectivity=connectivity)
        assert found.chunks == chunks
        assert found.dtype == np.uint32
        computed = found.compute()
    assert computed.dtype == np.uint32
    assert_array_equal(computed, expected(labels != 0 if label is None else labels == label, connectivity))


@given(st.data())
def test_windows_are_labelled_as_if_whole(data):
    ndim = data.draw(st.integers(2, 4))
    shape = tuple(data.draw(st.integers(1, 12 if ndim < 4 else 5)) for _ in range(ndim))
    tile_shape = tuple(data.draw(st.integers(1, 6)) for _ in range(ndim))
    connectivity = data.draw(st.integers(1, ndim))
    density = data.draw(st.floats(0, 1))
    labels = np.random.default_rng(data.draw(st.integers(0, 9999))).random(shape) < density
    instances = WindowInstances(labels, tile_shape, connectivity=connectivity)
    whole = expected(labels, connectivity)
    assert instances.n_instances == whole.max()
    for window in tiles(shape, tile_shape):
        assert_array_equal(instances(window), whole[window.slices])


def serpentine(shape: tuple[int, int]) -> np.ndarray:
    """One long path that goes to and fro through every chunk many times."""
    image = np.zeros(shape, bool)
    image[::2] = True
    image[1::4, -1] = image[3::4, 0] = True
    return image


@pytest.mark.parametrize("chunks", [(5, 7), (3, 2), (40, 3)])
def test_a_component_that_crosses_every_chunk_is_one(chunks):
    image = serpentine((21, 18))
    found = label_instances(da.from_array(image, chunks=chunks)).compute(scheduler="synchronous")
    assert_array_equal(found, image)


def test_more_instances_than_two_bytes_number():
    image = np.zeros((600, 601), bool)
    image[::2, ::2] = True
    lazy = da.from_array(image, chunks=(256, 200))
    found = label_instances(lazy).compute()
    assert found.max() == 300 * 301 > 65_535
    assert_array_equal(found, expected(image, 1))
    with pytest.raises(OverflowError, match="`dtype` uint16 cannot number 90300 instances"):
        label_instances(lazy, dtype=np.uint16).compute(scheduler="synchronous")


def test_nothing_is_computed_before_it_is_asked_for():
    def fail(block):
        raise AssertionError("computed")

    lazy = da.ones((20, 20), chunks=5, dtype=int).map_blocks(fail, dtype=int, meta=np.empty((0, 0), int))
    label_instances(lazy)


def test_input_chunks_are_not_held_until_the_merge():
    """However many chunks there are, one is alive at a time; each is read twice, for its seams and for its numbers."""
    alive, most, read_chunks = 0, 0, []

    class Chunk(np.ndarray):
        """An array that a weak reference can watch."""

    def forget(_):
        nonlocal alive
        alive -= 1

    def read(block, block_id):
        nonlocal alive, most
        found = np.zeros((4, 4), np.uint8).view(Chunk)
        alive += 1
        most = max(most, alive)
        read_chunks.append(weakref.ref(found, forget))
        return found

    lazy = da.zeros((32, 32), chunks=4, dtype=np.uint8).map_blocks(
        read, dtype=np.uint8, meta=np.empty((0, 0), np.uint8)
    )
    label_instances(lazy).store(np.empty((32, 32), np.uint32), scheduler="synchronous", lock=False)
    assert len(read_chunks) == 2 * 64
    assert most < 5


def test_bad_input_is_told_in_words():
    lazy = da.zeros((6, 6), chunks=3, dtype=int)
    with pytest.raises(TypeError, match="`labels` must be a dask array, got ndarray"):
        label_instances(np.zeros((6, 6), int))
    with pytest.raises(TypeError, match="`labels` must hold integers or booleans, got dtype float32"):
        label_instances(lazy.astype("f4"))
    with pytest.raises(TypeError, match="`dtype` must be an integer type, got float64"):
        label_instances(lazy, dtype=float)
    for connectivity in (0, 3):
        with pytest.raises(ValueError, match=f"`connectivity` must lie in 1 to 2, got {connectivity}"):
            label_instances(lazy, connectivity=connectivity)
    with pytest.raises(ValueError, match="chunks of unknown sizes; call its `compute_chunk_sizes"):
        label_instances(lazy[da.ones(6, chunks=3, dtype=bool)])
    assert label_instances(da.zeros((0, 6), dtype=int)).compute().shape == (0, 6)
    assert label_instances(lazy).compute().max() == 0
