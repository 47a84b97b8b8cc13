"""Runs: where the pixels of every region lie, in one pass over the label image.

A run is a stretch of one row that belongs to one region. There are far fewer runs than pixels; grouped by region, they
turn every sum, extremum and moment of all regions into one `reduceat`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_PIXELS = 2**18
"""Pixels that are looked at together; a region is never cut, so a larger one is a block of its own."""


@dataclass(frozen=True, eq=False)
class PixelBlock:
    """All pixels of some neighbouring regions, region after region, each in raster order.

    Attributes
    ----------
    regions : slice
        Which regions.
    first : ndarray of intp, shape (n_regions,)
        Where the pixels of each region begin.
    region : ndarray of intp, shape (n_pixels,)
        Of each pixel, counted from `regions.start`.
    at : ndarray of int64, shape (n_pixels,)
        Positions in the flattened image.
    """

    regions: slice
    first: NDArray[np.intp]
    region: NDArray[np.intp]
    at: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Runs:
    """The runs of all regions, grouped by region.

    Attributes
    ----------
    shape : tuple of int
        Of the label image.
    labels : ndarray of int64, shape (n_regions,)
        The regions, ascending.
    region : ndarray of intp, shape (n_runs,)
        Region of each run, ascending.
    start, length : ndarray of int64, shape (n_runs,)
        Position of the first pixel in the flattened image, and how many pixels there are.
    """

    shape: tuple[int, ...]
    labels: NDArray[np.int64]
    region: NDArray[np.intp]
    start: NDArray[np.int64]
    length: NDArray[np.int64]

    @cached_property
    def first(self) -> NDArray[np.intp]:
        """Where the runs of each region begin."""
        return np.searchsorted(self.region, np.arange(len(self.labels)))

    @cached_property
    def n_pixels(self) -> NDArray[np.int64]:
        """Pixels of each region."""
        return self.reduce(np.add, self.length)

    @cached_property
    def coordinates(self) -> NDArray[np.int64]:
        """Coordinates of the first pixel of each run, shape (ndim, n_runs)."""
        return np.stack(np.unravel_index(self.start, self.shape)).astype(np.int64, copy=False)

    def reduce(self, ufunc: np.ufunc, values: NDArray[Any]) -> NDArray[Any]:
        """Return the sum, minimum, … of `values`, one per run on the last axis, over the runs of each region."""
        if not len(self.labels):
            return np.empty((*values.shape[:-1], 0), values.dtype)
        reduced: NDArray[Any] = ufunc.reduceat(values, self.first, axis=-1)
        return reduced

    def blocks(self) -> Iterator[PixelBlock]:
        """Yield the pixels of all regions, some regions at a time."""
        stops = np.cumsum(self.n_pixels)
        begin = 0
        while begin < len(self.labels):
            before = stops[begin - 1] if begin else 0
            end = max(int(np.searchsorted(stops, before + BLOCK_PIXELS, "right")), begin + 1)
            yield self._block(begin, end)
            begin = end

    def _block(self, begin: int, end: int) -> PixelBlock:
        last = self.first[end] if end < len(self.labels) else len(self.start)
        runs = slice(self.first[begin], last)
        start, length, sizes = self.start[runs], self.length[runs], self.n_pixels[begin:end]
        before = np.cumsum(length) - length
        at = np.repeat(start - before, length)
        at += np.arange(len(at))
        return PixelBlock(slice(begin, end), np.cumsum(sizes) - sizes, np.repeat(np.arange(end - begin), sizes), at)


def find_runs(labels: NDArray[Any]) -> Runs:
    """Return the runs of all regions of a label image; 0 is no region.

    Parameters
    ----------
    labels : ndarray of int or bool
        Whole numbers, at most 2**63 - 1.

    Examples
    --------
    >>> runs = find_runs(np.array([[7, 7, 0, 2], [0, 7, 7, 7]]))
    >>> runs.labels.tolist(), runs.n_pixels.tolist(), runs.start.tolist()
    ([2, 7], [1, 5], [3, 0, 5])
    """
    flat = np.ascontiguousarray(labels).reshape(-1)
    is_first = np.empty(flat.size, np.bool_)
    np.not_equal(flat[1:], flat[:-1], out=is_first[1:])
    is_first[:: max(labels.shape[-1], 1)] = True
    start = np.flatnonzero(is_first)
    length = np.diff(start, append=flat.size)
    value = flat[start]
    start, length, value = start[value != 0], length[value != 0], value[value != 0]
    ids, region = _numbered(value)
    order = np.argsort(region, kind="stable")
    return Runs(labels.shape, ids.astype(np.int64), region[order], start[order], length[order])


def _numbered(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the distinct values, ascending, and the position of every value among them."""
    if not len(values) or values.max() > 4 * len(values):  # too sparse for a table
        distinct, position = np.unique(values, return_inverse=True)
        return distinct, position
    is_there = np.zeros(int(values.max()) + 1, np.bool_)
    is_there[values] = True
    return np.flatnonzero(is_there), (np.cumsum(is_there) - 1)[values]
