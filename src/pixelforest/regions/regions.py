"""`Regions`: the regions of one label image, and what several measurements of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pixelforest.regions.runs import PixelBlock, Runs, find_runs

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Regions:
    r"""The regions of one label image; everything is computed when it is first asked for, and once.

    Attributes
    ----------
    image_labels : ndarray of int, shape (\*spatial)
    planes : ndarray, shape (n_channels, \*spatial), or None
        The image behind the labels.
    spacing : tuple of float
        Distance between pixels on every axis.
    has_channels : bool
        Whether measurements of the image have an axis of channels.
    start : tuple of int, optional
        Where the label image begins in a larger one, in whose coordinates regions are then described.
    """

    image_labels: NDArray[Any]
    planes: NDArray[Any] | None
    spacing: tuple[float, ...]
    has_channels: bool
    start: tuple[int, ...] | None = None
    _shared: dict[Callable[..., Any], Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return self.image_labels.ndim

    @property
    def labels(self) -> NDArray[np.int64]:
        """The regions, ascending."""
        return self.runs.labels

    @cached_property
    def runs(self) -> Runs:
        """Where the pixels of every region lie."""
        return find_runs(self.image_labels)

    @cached_property
    def compact(self) -> NDArray[np.int32]:
        """The label image with regions numbered 1, 2, … in the order of their labels."""
        found = np.zeros(self.image_labels.size, np.int32)
        for block in self.runs.blocks():
            found[block.at] = block.region + (block.regions.start + 1)
        return found.reshape(self.image_labels.shape)

    @cached_property
    def flat_planes(self) -> NDArray[Any]:
        """The image, shape (n_channels, n_pixels)."""
        if self.planes is None:
            raise ValueError("`image` is required for measurements of intensity")
        return self.planes.reshape(len(self.planes), -1)

    @cached_property
    def lower(self) -> NDArray[np.int64]:
        """Lowest coordinates, shape (n_regions, ndim)."""
        return self.runs.reduce(np.minimum, self.runs.coordinates).T + self.origin

    @cached_property
    def upper(self) -> NDArray[np.int64]:
        """Highest coordinates plus one, shape (n_regions, ndim)."""
        ends = self.runs.coordinates + 1
        ends[-1] += self.runs.length - 1
        return self.runs.reduce(np.maximum, ends).T + self.origin

    @property
    def origin(self) -> NDArray[np.int64]:
        """Coordinates of the first pixel of the label image."""
        return np.array((0,) * self.ndim if self.start is None else self.start, np.int64)

    def boxes(self) -> Iterator[tuple[slice, ...]]:
        """Yield the part of the label image that holds each region."""
        for lower, upper in zip(self.lower - self.origin, self.upper - self.origin, strict=True):
            yield tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))

    def coordinates_of(self, block: PixelBlock) -> list[NDArray[np.int64]]:
        """Return the coordinates of pixels, one array per axis."""
        at = np.unravel_index(block.at, self.image_labels.shape)
        return [coordinate + begin for coordinate, begin in zip(at, self.origin, strict=True)]

    @cached_property
    def centre(self) -> NDArray[np.float64]:
        """Mean coordinates in pixels, shape (n_regions, ndim)."""
        return self.lower + self.mean_offset

    @property
    def mean_offset(self) -> NDArray[np.float64]:
        """Mean coordinates, counted from `lower`, in pixels."""
        sums, _ = self.moment_sums
        found: NDArray[np.float64] = sums.astype(np.float64) / self.runs.n_pixels[:, None]
        return found

    @cached_property
    def moment_sums(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Sums of coordinates, (n_regions, ndim), and of their products, (n_regions, ndim, ndim); exact integers.

        Coordinates are counted from `lower`. Of regions whose sums do not fit into 64 bits they are Python's integers.
        """
        runs, ndim = self.runs, self.ndim
        extent = float((self.upper - self.lower).max(initial=1))
        is_small = extent**2 * float(runs.n_pixels.max(initial=1)) < 2**62
        at = (runs.coordinates - (self.lower - self.origin).T[:, runs.region]).astype(np.int64 if is_small else object)
        n = runs.length.astype(at.dtype)
        ramp = n * (n - 1) // 2  # sum of 0 .. n - 1
        first = [c * n for c in at[:-1]] + [at[-1] * n + ramp]
        sums = np.stack([runs.reduce(np.add, values) for values in first], axis=-1)
        products = np.empty((len(runs.labels), ndim, ndim), sums.dtype)
        for i in range(ndim):
            for j in range(i, ndim):
                squares = at[-1] ** 2 * n + 2 * at[-1] * ramp + ramp * (2 * n - 1) // 3
                values = squares if i == ndim - 1 else at[i] * first[j]
                products[:, i, j] = products[:, j, i] = runs.reduce(np.add, values)
        return sums, products

    @cached_property
    def covariance(self) -> NDArray[np.float64]:
        """Mean products of coordinates about the centre, in units of `spacing`, shape (n_regions, ndim, ndim)."""
        sums, products = self.moment_sums
        n = self.runs.n_pixels[:, None, None]
        quotient, rest = sums // n[:, 0], sums % n[:, 0]
        a, b, r, s = quotient[:, :, None], quotient[:, None, :], rest[:, :, None], rest[:, None, :]
        whole = products - n * a * b - a * s - b * r  # exact: nothing cancels in floating point
        centred = whole.astype(np.float64) - r.astype(np.float64) * s.astype(np.float64) / n
        scale = np.asarray(self.spacing)
        found: NDArray[np.float64] = centred / n * (scale[:, None] * scale)
        return found

    def shared(self, function: Callable[[Regions], T]) -> T:
        """Return ``function(self)``, computed once however many measurements ask for it."""
        if function not in self._shared:
            self._shared[function] = function(self)
        found: T = self._shared[function]
        return found

    def by_channel(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return `values`, channels on the last axis, without that axis if the image has none."""
        return values if self.has_channels else values[..., 0]


def ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[np.float64]:
    """Return a quotient that is NaN where the denominator is 0, for then it is not defined.

    Examples
    --------
    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
    [0.5, nan]
    """
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    return np.divide(numerator, denominator, out=np.full(shape, np.nan), where=np.asarray(denominator) != 0)
