"""Instance labels: connected components of a class, over images in blocks, numbered as if the image were whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pixelforest.engine.instance_seams import Finder, merge_components
from pixelforest.engine.tiling import tiles
from pixelforest.features.patch import Window


def label_instances(
    labels: Any, *, label: int | None = None, connectivity: int = 1, dtype: DTypeLike = np.uint32
) -> Any:
    """Label the connected components of a class in a dask array, lazily.

    The result is that of `scipy.ndimage.label` for the whole image, with the same numbers, whatever the chunks.
    Chunks are labelled twice, first to find what crosses their borders; so `labels` should be stored, for example in
    Zarr: dask then reads each chunk twice and holds only those that it works on. Chunks that other tasks compute stay
    in memory until all are known. Between the two passes, a chunk is its faces and the first voxel of each component.

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
    from dask.array.overlap import overlap

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
    seams = labels.map_blocks(task.seams, **per_chunk)
    around = overlap(seams, depth=dict.fromkeys(range(labels.ndim), 1), boundary="none", allow_rechunk=False)
    found = around.map_blocks(task.touching, **per_chunk)
    merged = dask.delayed(_merged)(found, number_type)
    numbers = da.from_delayed(merged, labels.numblocks, dtype=object).rechunk((1,) * labels.ndim)
    meta = np.empty((0,) * labels.ndim, number_type)
    return labels.map_blocks(task.instances, numbers, dtype=number_type, chunks=labels.chunks, meta=meta)


@dataclass(frozen=True)
class _ChunkTask:
    """What dask runs on the chunks of a label image; arrays of one object carry what chunks tell each other."""

    find: Finder
    chunks: tuple[tuple[int, ...], ...]

    def seams(self, block: NDArray[Any], block_id: tuple[int, ...]) -> NDArray[Any]:
        start = tuple(sum(sizes[:i]) for sizes, i in zip(self.chunks, block_id, strict=True))
        window = Window(start, tuple(a + n for a, n in zip(start, block.shape, strict=True)))
        return _boxed(self.find.seams(block, window), block.ndim)

    def touching(self, seams: NDArray[Any], block_id: tuple[int, ...]) -> NDArray[Any]:
        at = tuple(int(i > 0) for i in block_id)  # position of the chunk among its neighbours and itself
        pairs = [
            (block_id, tuple(i + o for i, o in zip(block_id, offset, strict=True)), touching)
            for offset, above in self.find.neighbours(at)
            if all(0 <= a < n for a, n in zip(above, seams.shape, strict=True))
            and len(touching := self.find.touching(seams[at], seams[above], offset))
        ]
        return _boxed((seams[at].first, pairs), seams.ndim)

    def instances(self, block: NDArray[Any], numbers: NDArray[Any]) -> NDArray[Any]:
        found: NDArray[Any] = numbers.item()[self.find.components(block)]
        return found


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
        windows = {self._position(window): window for window in tiles(labels.shape, tile_shape)}
        n_later = {at: sum(later in windows for _, later in self._find.neighbours(at)) for at in windows}
        firsts, pairs, waiting = {}, [], {}
        for at, window in windows.items():
            waiting[at] = seams = self._find.seams(np.asarray(labels[window.slices]), window)
            firsts[at] = seams.first
            for offset, _ in self._find.neighbours(at):
                earlier = tuple(a - o for a, o in zip(at, offset, strict=True))
                if earlier not in windows:
                    continue
                pairs.append((earlier, at, self._find.touching(waiting[earlier], seams, offset)))
                n_later[earlier] -= 1
                if not n_later[earlier]:
                    del waiting[earlier]
        self._numbers = merge_components(firsts, pairs, number_type)
        self.n_instances = max((int(n.max()) for n in self._numbers.values()), default=0)
        """How many instances there are."""

    def __call__(self, window: Window) -> NDArray[Any]:
        """Return the instances in one of the tiles."""
        found: NDArray[Any] = self._numbers[self._position(window)][
            self._find.components(np.asarray(self.labels[window.slices]))
        ]
        return found

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
