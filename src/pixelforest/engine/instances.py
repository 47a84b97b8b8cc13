"""Instance labels: connected components of a class, over images in blocks, numbered as if the image were whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pixelforest.engine.instance_seams import Finder, Offset, Position, merge_components, neighbours_above, shared_pairs
from pixelforest.engine.tiling import tiles
from pixelforest.features.patch import Window


def label_instances(
    labels: Any, *, label: int | None = None, connectivity: int = 1, dtype: DTypeLike = np.uint32
) -> Any:
    """Label the connected components of a class in a dask array, lazily.

    The result is that of `scipy.ndimage.label` for the whole image, with the same numbers, whatever the chunks.
    Chunks are labelled twice, first to find what crosses their borders; so `labels` should be stored, not expensive
    to compute. Per chunk, only seams and first voxels leave a worker.

    Parameters
    ----------
    labels : dask array of int or bool
        A label image in two or more dimensions.
    label : int, optional
        The class; by default every voxel that is not zero.
    connectivity : int
        On how many axes touching voxels may differ: 1 for faces, up to the number of axes for corners.
    dtype : dtype
        Of the result, integer.

    Returns
    -------
    dask array
        Of the same chunks: 0 outside the class, 1, 2, … for the instances in the order of their first voxels.

    Raises
    ------
    TypeError
        `labels` is no dask array, or holds no integers or booleans, or `dtype` is no integer.
    ValueError
        Unknown chunk sizes, or `connectivity` out of range.
    OverflowError
        When computed: more instances than `dtype` can number.

    Examples
    --------
    >>> import dask.array as da
    >>> labels = np.array([[1, 1, 2, 1], [2, 2, 2, 1], [1, 2, 1, 1]])
    >>> label_instances(da.from_array(labels, chunks=(2, 2)), label=1).compute()
    array([[1, 1, 0, 2],
           [0, 0, 0, 2],
           [3, 0, 2, 2]], dtype=uint32)
    """
    import dask
    import dask.array as da
    from dask.graph_manipulation import bind

    if not isinstance(labels, da.Array):
        raise TypeError(f"`labels` must be a dask array, got {type(labels).__name__}")
    number_type = _checked_dtype(labels.dtype, labels.ndim, connectivity, dtype)
    if any(np.isnan(n) for n in labels.shape):
        raise ValueError("`labels` has chunks of unknown sizes; call its `compute_chunk_sizes()` first")
    if 0 in labels.shape:
        return da.zeros(labels.shape, dtype=number_type, chunks=labels.chunks)
    labels = labels.rechunk(tuple(tuple(n for n in sizes if n) for sizes in labels.chunks))
    task = _ChunkTask(Finder(labels.shape, label, connectivity), labels.chunks)
    per_chunk = {"dtype": object, "meta": np.empty((0,) * labels.ndim, object), "chunks": (1,) * labels.ndim}
    seams = _grown(labels).map_blocks(task.seams, **per_chunk)
    found = _grown(seams).map_blocks(task.pairs, **per_chunk)
    merged = dask.delayed(_merged)(found, number_type)
    numbers = da.from_delayed(merged, labels.numblocks, dtype=object).rechunk((1,) * labels.ndim)
    again = bind(
        labels, merged
    )  # read anew after the merge: otherwise dask would keep every chunk in memory until then
    return _grown(again).map_blocks(
        task.instances, numbers, dtype=number_type, chunks=labels.chunks, meta=np.empty((0,) * labels.ndim, number_type)
    )


def _grown(array: Any) -> Any:
    """Return a dask array whose chunks have the first voxel of the next one on every axis."""
    from dask.array.overlap import overlap

    return overlap(array, depth=dict.fromkeys(range(array.ndim), (0, 1)), boundary="none", allow_rechunk=False)


@dataclass(frozen=True)
class _ChunkTask:
    """What dask runs on the chunks of a label image; arrays of one object carry what chunks tell each other."""

    find: Finder
    chunks: tuple[tuple[int, ...], ...]

    def seams(self, block: NDArray[Any], block_id: tuple[int, ...]) -> NDArray[Any]:
        return _boxed(self.find.seams(block, self._core(block_id)), block.ndim)

    def pairs(self, seams: NDArray[Any], block_id: tuple[int, ...]) -> NDArray[Any]:
        own = seams[(0,) * seams.ndim]
        pairs = [
            (block_id, above, shared_pairs(own.upper[offset], seams[offset].lower[offset]))
            for offset, above in neighbours_above(block_id)
            if offset in own.upper
        ]
        return _boxed((own.first, pairs), seams.ndim)

    def instances(self, block: NDArray[Any], numbers: NDArray[Any], block_id: tuple[int, ...]) -> NDArray[Any]:
        return self.find.instances(block, self._core(block_id), numbers.item())

    def _core(self, at: tuple[int, ...]) -> Window:
        start = tuple(sum(sizes[:i]) for sizes, i in zip(self.chunks, at, strict=True))
        return Window(start, tuple(a + sizes[i] for a, sizes, i in zip(start, self.chunks, at, strict=True)))


def _merged(found: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the numbers of the components of every chunk, one array of numbers per chunk."""
    firsts = {at: found[at][0] for at in np.ndindex(*found.shape)}
    pairs = [pair for _, of_chunk in found.flat for pair in of_chunk]
    numbers = np.empty(found.shape, object)
    for at, values in merge_components(firsts, pairs, dtype).items():
        numbers[at] = values
    return numbers


def _boxed(value: Any, ndim: int) -> NDArray[Any]:
    box = np.empty((1,) * ndim, object)
    box[(0,) * ndim] = value
    return box


class WindowInstances:
    """Instance labels of any window of an image that is not loaded, for `pixelforest.io.tile_writer.write_tiles`.

    Reads the image twice: once here, block by block, for what crosses borders, and again when called.

    Parameters
    ----------
    labels : array-like
        Label image of integers or booleans, such as a Zarr array; read by slices.
    tile_shape : tuple of int
        Size of the blocks; windows must be these.
    label, connectivity, dtype
        See `label_instances`.

    Raises
    ------
    TypeError, ValueError, OverflowError
        See `label_instances`.

    Examples
    --------
    >>> labels = np.array([[1, 1, 2, 1], [2, 2, 2, 1], [1, 2, 1, 1]])
    >>> instances = WindowInstances(labels, (2, 2), label=1)
    >>> instances.n_instances, instances(Window((2, 0), (3, 2))).tolist()
    (3, [[3, 0]])
    """

    def __init__(
        self,
        labels: Any,
        tile_shape: tuple[int, ...],
        *,
        label: int | None = None,
        connectivity: int = 1,
        dtype: DTypeLike = np.uint32,
    ) -> None:
        number_type = _checked_dtype(labels.dtype, labels.ndim, connectivity, dtype)
        self.labels, self.tile_shape = labels, tile_shape
        self._find = Finder(labels.shape, label, connectivity)
        firsts, pairs = {}, []
        waiting: dict[tuple[Position, Offset], NDArray[np.int32]] = {}
        for core in tiles(labels.shape, tile_shape):
            at = self._position(core)
            seams = self._find.seams(self._voxels(core), core)
            firsts[at] = seams.first
            for offset in seams.lower:
                below = tuple(a - o for a, o in zip(at, offset, strict=True))
                pairs.append((below, at, shared_pairs(waiting.pop((below, offset)), seams.lower[offset])))
            waiting.update({(at, offset): shared for offset, shared in seams.upper.items()})
        self._numbers = merge_components(firsts, pairs, number_type)
        self.n_instances = max((int(n.max()) for n in self._numbers.values()), default=0)
        """How many instances there are."""

    def __call__(self, window: Window) -> NDArray[Any]:
        """Return the instances in one of the tiles."""
        return self._find.instances(self._voxels(window), window, self._numbers[self._position(window)])

    def _voxels(self, core: Window) -> NDArray[Any]:
        return np.asarray(self.labels[self._find.grown(core).slices])

    def _position(self, window: Window) -> tuple[int, ...]:
        return tuple(a // t for a, t in zip(window.start, self.tile_shape, strict=True))


def _checked_dtype(labels: Any, ndim: int, connectivity: int, dtype: DTypeLike) -> np.dtype[Any]:
    if np.dtype(labels).kind not in "bui":
        raise TypeError(f"`labels` must hold integers or booleans, got dtype {labels}")
    if np.dtype(dtype).kind not in "ui":
        raise TypeError(f"`dtype` must be an integer type, got {np.dtype(dtype)}")
    if not 1 <= connectivity <= ndim:
        raise ValueError(f"`connectivity` must lie in 1 to {ndim}, got {connectivity}")
    return np.dtype(dtype)
