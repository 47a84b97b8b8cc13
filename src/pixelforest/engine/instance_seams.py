"""Merge connected components that were found block by block: what blocks tell of themselves, and who is whose.

Every block is labelled together with the first voxels of its neighbours above it: one voxel more at the upper end of
every axis. Two voxels that touch, in whatever connectivity, lie in a cube of two voxels per axis; the block that owns
the cube's lowest corner holds both. So a component of the whole is a chain of components of blocks which share voxels,
and shared voxels are all that has to be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pixelforest.features.patch import Window

Offset = tuple[int, ...]
"""0 or 1 on every axis: where a neighbour lies."""
Position = tuple[int, ...]
"""Of a block among the blocks."""
Pairs = tuple[Position, Position, NDArray[np.int64]]
"""Two blocks and the components, ``(n_pairs, 2)``, that they share."""


@dataclass(frozen=True, eq=False)
class Seams:
    """What a block has to tell of its components.

    Attributes
    ----------
    first : ndarray of int64, shape (n_components,)
        Position of the first voxel of each component in the flattened whole.
    upper : dict of Offset to ndarray
        Components at the voxels that are shared with, and owned by, the neighbour at each offset.
    lower : dict of Offset to ndarray
        Components at the voxels of the block itself that the neighbour at the negative offset shares.
    """

    first: NDArray[np.int64]
    upper: Mapping[Offset, NDArray[Any]]
    lower: Mapping[Offset, NDArray[Any]]


@dataclass(frozen=True)
class Finder:
    """Labels the blocks of one image.

    Parameters
    ----------
    shape : tuple of int
        Of the whole image.
    label : int, optional
        The class whose voxels are connected; by default all that are not zero.
    connectivity : int
        How many axes two touching voxels may differ on.
    """

    shape: tuple[int, ...]
    label: int | None
    connectivity: int

    def grown(self, core: Window) -> Window:
        """Return what has to be read for a block: itself and one voxel more per axis, where the image goes on."""
        return Window(core.start, tuple(min(b + 1, n) for b, n in zip(core.stop, self.shape, strict=True)))

    def components(self, block: NDArray[Any]) -> NDArray[np.int32]:
        """Return the components of a grown block, 1, 2, …, and 0 outside."""
        structure = ndimage.generate_binary_structure(block.ndim, self.connectivity)
        found, _ = ndimage.label(block if self.label is None else block == self.label, structure)
        return np.asarray(found, dtype=np.int32)

    def seams(self, block: NDArray[Any], core: Window) -> Seams:
        """Return what others have to know of the components of a grown block."""
        found = self.components(block)
        values, at = np.unique(found, return_index=True)
        local = np.unravel_index(at[values > 0], found.shape)
        places = tuple(i.astype(np.int64) + a for i, a in zip(local, core.start, strict=True))
        first = np.ravel_multi_index(places, self.shape).astype(np.int64)
        upper, lower = {}, {}
        for offset in product((0, 1), repeat=found.ndim):
            crossed = [axis for axis, o in enumerate(offset) if o]
            if crossed and all(core.stop[axis] < self.shape[axis] for axis in crossed):
                upper[offset] = found[_face(offset, core.shape, above=True)].copy()
            if crossed and all(core.start[axis] > 0 for axis in crossed):
                lower[offset] = found[_face(offset, core.shape, above=False)].copy()
        return Seams(first, upper, lower)

    def instances(self, block: NDArray[Any], core: Window, numbers: NDArray[Any]) -> NDArray[Any]:
        """Return the instances in a block, by the numbers that `merge_components` gave its components."""
        found = self.components(block)[tuple(slice(n) for n in core.shape)]
        instances: NDArray[Any] = numbers[found]
        return instances


def _face(offset: Offset, core: tuple[int, ...], *, above: bool) -> tuple[slice, ...]:
    """Return the voxels just above a block in the direction of `offset`, or its own lowest ones."""
    return tuple((slice(n, n + 1) if above else slice(1)) if o else slice(n) for o, n in zip(offset, core, strict=True))


def neighbours_above(at: Position) -> Iterator[tuple[Offset, Position]]:
    """Yield offsets and positions of the blocks above one."""
    for offset in product((0, 1), repeat=len(at)):
        if any(offset):
            yield offset, tuple(a + o for a, o in zip(at, offset, strict=True))


def shared_pairs(below: NDArray[Any], above: NDArray[Any]) -> NDArray[np.int64]:
    """Return which components of two blocks share voxels, ``(n_pairs, 2)``.

    Parameters
    ----------
    below, above : ndarray of int
        The same voxels as the lower and as the upper block labels them.
    """
    both = below > 0
    pairs: NDArray[np.int64] = np.unique(np.stack([below[both], above[both]], axis=1).astype(np.int64), axis=0)
    return pairs


def merge_components(
    firsts: Mapping[Position, NDArray[np.int64]], pairs: Sequence[Pairs], dtype: np.dtype[Any]
) -> dict[Position, NDArray[Any]]:
    """Return for every block the instance of each of its components, and 0 for the background.

    Instances are numbered by their first voxel in the whole, so the numbers do not depend on the blocks.

    Parameters
    ----------
    firsts : mapping of Position to ndarray of int64
        `Seams.first` of every block.
    pairs : sequence of Pairs
    dtype : dtype
        Of the instances.

    Raises
    ------
    OverflowError
        More instances than `dtype` can number.
    """
    stops = np.cumsum([len(first) for first in firsts.values()])
    begins = {at: int(stop) - len(firsts[at]) for at, stop in zip(firsts, stops, strict=True)}
    n_components = int(stops[-1])
    edges = [p + np.array([begins[a] - 1, begins[b] - 1]) for a, b, p in pairs]
    rows, columns = np.concatenate([np.empty((0, 2), np.int64), *edges]).T
    graph = coo_array((np.ones(len(rows), np.bool_), (rows, columns)), shape=(n_components, n_components))
    n_instances, group = connected_components(graph, directed=False)
    if n_instances > np.iinfo(dtype).max:
        raise OverflowError(f"`dtype` {dtype} cannot number {n_instances} instances")
    earliest = np.full(n_instances, np.iinfo(np.int64).max)
    np.minimum.at(earliest, group, np.concatenate(list(firsts.values())))
    number = np.empty(n_instances, dtype)
    number[np.argsort(earliest)] = np.arange(1, n_instances + 1, dtype=dtype)
    instances = number[group]
    background = np.zeros(1, dtype)
    return {at: np.concatenate([background, instances[begins[at] :][: len(first)]]) for at, first in firsts.items()}
