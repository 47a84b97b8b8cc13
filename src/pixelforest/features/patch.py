"""Windows into an image, and patches: pixels read with their halo, to compute features on the window inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.features.host import StatisticsKey
from pixelforest.features.planes import Boundary


@dataclass(frozen=True)
class Window:
    """A box of pixels, ``start <= position < stop`` on every spatial axis."""

    start: tuple[int, ...]
    stop: tuple[int, ...]

    @classmethod
    def whole(cls, shape: tuple[int, ...]) -> Window:
        """Return the window that covers an image of `shape`."""
        return cls((0,) * len(shape), tuple(shape))

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent on every axis."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def slices(self) -> tuple[slice, ...]:
        """Slices that cut the window out of an image."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    def grow(self, margin: tuple[int, ...], shape: tuple[int, ...]) -> Window:
        """Return the window enlarged by `margin` on both sides of every axis, cut at the borders of an image."""
        return Window(
            tuple(max(0, a - m) for a, m in zip(self.start, margin, strict=True)),
            tuple(min(n, b + m) for b, m, n in zip(self.stop, margin, shape, strict=True)),
        )

    def within(self, outer: Window) -> tuple[slice, ...]:
        """Return slices that cut this window out of an array that holds `outer`."""
        return tuple(slice(a - o, b - o) for a, b, o in zip(self.start, self.stop, outer.start, strict=True))


@dataclass(frozen=True)
class Patch:
    r"""Pixels of an image around the window whose features are wanted.

    Parameters
    ----------
    planes : ndarray of float32, shape (n_channels, \*window.shape)
        Pixel values, C-contiguous.
    window : Window
        Where `planes` lie in the image: the target and its halo, cut at the borders of the image.
    target : Window
        Where features are wanted.
    image_shape : tuple of int
        Spatial shape of the whole image; only its true borders are extended by the boundary rule.
    statistics : mapping
        What filters that need statistics of the whole image have found there.
    """

    planes: NDArray[np.float32]
    window: Window
    target: Window
    image_shape: tuple[int, ...]
    statistics: Mapping[StatisticsKey, Any] = field(default_factory=dict)


def boundary_index(start: int, stop: int, size: int, boundary: Boundary) -> NDArray[np.intp]:
    """Return for the positions ``start .. stop - 1`` where an image of `size` pixels holds their values.

    Examples
    --------
    >>> boundary_index(-3, 6, 4, "reflect").tolist()
    [2, 1, 0, 0, 1, 2, 3, 3, 2]
    >>> boundary_index(-3, 6, 4, "nearest").tolist()
    [0, 0, 0, 0, 1, 2, 3, 3, 3]
    >>> boundary_index(-3, 6, 4, "mirror").tolist()
    [3, 2, 1, 0, 1, 2, 3, 2, 1]
    """
    positions: NDArray[np.intp] = np.arange(start, stop)
    if boundary == "nearest":
        return np.clip(positions, 0, size - 1)
    if boundary == "mirror":
        period = max(2 * size - 2, 1)  # an axis of one pixel repeats it
        positions %= period
        return np.minimum(positions, period - positions)
    positions %= 2 * size
    return np.minimum(positions, 2 * size - 1 - positions)
