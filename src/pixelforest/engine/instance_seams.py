"""Merge connected components that were found block by block: what blocks tell of themselves, and who is whose.

Every block is labelled on its own. What it tells others is its outermost voxels: one array for each of its faces, edges
and corners. A pair of neighbours then finds which of their components touch, in any connectivity, from these alone.
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
"""-1, 0 or 1 on every axis: where a neighbour lies."""
Position = tuple[int, ...]
"""Of a block among the blocks."""
Pairs = tuple[Position, Position, NDArray[np.int64]]
"""Two blocks and the components, ``(n_pairs, 2)``, that touch."""


_SIDE: dict[int, Any] = {-1: 0, 0: slice(None), 1: -1}


@dataclass(frozen=True, eq=False)
class Seams:
    """What a block has to tell of its components.

    Attributes
    ----------
    first : ndarray of int64, shape (n_components,)
        Position of the first voxel of each component in the flattened whole.
    borders : dict of Offset to ndarray of int32
        Components at the block's voxels next to the neighbour at each offset, without the axes that are crossed.
    """

    first: NDArray[np.int64]
    borders: Mapping[Offset, NDArray[np.int32]]


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

    def components(self, block: NDArray[Any]) -> NDArray[np.int32]:
        """Return the components of a block, 1, 2, …, and 0 outside."""
        structure = ndimage.generate_binary_structure(block.ndim, self.connectivity)
        found, _ = ndimage.label(block if self.label is None else block == self.label, structure)
        return np.asarray(found, dtype=np.int32)

    def seams(self, block: NDArray[Any], window: Window) -> Seams:
        """Return what others have to know of the components of the block at `window`."""
        found = self.components(block)
        values, at = np.unique(found, return_index=True)
        local = np.unravel_index(at[values > 0], found.shape)
        places = tuple(i.astype(np.int64) + a for i, a in zip(local, window.start, strict=True))
        first = np.ravel_multi_index(places, self.shape).astype(np.int64)
        borders = {
            offset: found[tuple(_SIDE[o] for o in offset)].copy()
            for offset in product((-1, 0, 1), repeat=found.ndim)
            if 0 < np.count_nonzero(offset) <= self.connectivity
        }
        return Seams(first, borders)

    def touching(self, below: Seams, above: Seams, offset: Offset) -> NDArray[np.int64]:
        """Return which components of two neighbours touch, ``(n_pairs, 2)``.

        Parameters
        ----------
        below, above : Seams
        offset : Offset
            From the first block to the second.
        """
        one, other = below.borders[offset], above.borders[tuple(-o for o in offset)]
        left = self.connectivity - np.count_nonzero(offset)
        found = [np.empty((0, 2), np.int64)]
        for shift in product((-1, 0, 1), repeat=one.ndim):
            if np.count_nonzero(shift) > left:
                continue
            here = one[tuple({-1: slice(1, None), 0: slice(None), 1: slice(-1)}[s] for s in shift)]
            there = other[tuple({-1: slice(-1), 0: slice(None), 1: slice(1, None)}[s] for s in shift)]
            both = (here > 0) & (there > 0)
            found.append(np.unique(np.stack([here[both], there[both]], axis=1).astype(np.int64), axis=0))
        return np.unique(np.concatenate(found), axis=0)

    def neighbours(self, at: Position) -> Iterator[tuple[Offset, Position]]:
        """Yield offset and position of the neighbours that come after a block in raster order, in the grid or not."""
        for offset in product((-1, 0, 1), repeat=len(at)):
            if offset > (0,) * len(at) and np.count_nonzero(offset) <= self.connectivity:
                yield offset, tuple(a + o for a, o in zip(at, offset, strict=True))


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
