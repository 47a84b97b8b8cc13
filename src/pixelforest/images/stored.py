"""Images that lie somewhere else (zarr, HDF5, lazy arrays): read and written part by part, never whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


def is_stored(image: Any) -> bool:
    """Return whether `image` is an array that is not in memory as NumPy's are, but can be cut before it is read.

    Examples
    --------
    >>> is_stored(np.zeros((2, 3))), is_stored([[0, 1]])
    (False, False)
    """
    return (
        not isinstance(image, np.ndarray)
        and isinstance(getattr(image, "dtype", None), np.dtype)
        and all(hasattr(image, name) for name in ("shape", "ndim", "__getitem__"))
    )


def items_of(stack: Any, n_axes: int = 1) -> list[Any]:
    """Return the items of a stack along its first axes, the last of these running fastest, without reading any.

    Examples
    --------
    >>> [item.shape for item in items_of(np.zeros((2, 4, 5)))]
    [(4, 5), (4, 5)]
    >>> len(items_of(np.zeros((2, 3, 4, 5)), 2))
    6
    """
    is_cut_lazily = hasattr(stack, "__dask_graph__") or hasattr(stack, "dims") or not is_stored(stack)
    items = [stack[i] if is_cut_lazily else StoredItem(stack, i) for i in range(stack.shape[0])]
    return items if n_axes == 1 else [inner for item in items for inner in items_of(item, n_axes - 1)]


@dataclass(frozen=True)
class StoredItem:
    """One item of a stored array along its first axis; reads and writes parts.

    Parameters
    ----------
    array : array-like
        With `shape`, `dtype`, `ndim` and slicing.
    index : int
        Which item.
    """

    array: Any
    index: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the item."""
        return tuple(self.array.shape[1:])

    @property
    def ndim(self) -> int:
        """Number of axes of the item."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Its dtype."""
        dtype: np.dtype[Any] = self.array.dtype
        return dtype

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Sides of the parts in which it is written; None if it has none."""
        sides = getattr(self.array, "shards", None) or getattr(self.array, "chunks", None)
        return sides[1:] if isinstance(sides, tuple) else None

    @property
    def read_only(self) -> bool:
        """Whether it refuses to be written."""
        return bool(getattr(self.array, "read_only", False))

    def __getitem__(self, part: tuple[slice, ...]) -> NDArray[Any]:
        return np.asarray(self.array[(self.index, *part)])

    def __setitem__(self, part: tuple[slice, ...], values: NDArray[Any]) -> None:
        self.array[(self.index, *part)] = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.array[self.index], dtype)


@dataclass(frozen=True)
class StoredPlanes:
    r"""A stored image with channels first; cutting it reads that part.

    Parameters
    ----------
    image : array-like
        With `shape`, `dtype`, `ndim` and slicing.
    channel_axis : int, optional
        Where its channels are.
    """

    image: Any
    channel_axis: int | None

    @property
    def shape(self) -> tuple[int, ...]:
        r"""``(n_channels, *spatial)``."""
        shape = tuple(self.image.shape)
        if self.channel_axis is None:
            return (1, *shape)
        channel = self.channel_axis % len(shape)
        return (shape[channel], *shape[:channel], *shape[channel + 1 :])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the image."""
        dtype: np.dtype[Any] = self.image.dtype
        return dtype

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Sides of the parts in which it is read, channels first; None if it has none."""
        sides = getattr(self.image, "chunks", None)
        if not isinstance(sides, tuple) or not all(isinstance(side, int) for side in sides):
            return None
        if self.channel_axis is None:
            return (1, *sides)
        channel = self.channel_axis % len(sides)
        return (sides[channel], *sides[:channel], *sides[channel + 1 :])

    def __getitem__(self, part: Sequence[slice]) -> NDArray[Any]:
        channels, *spatial = part
        if self.channel_axis is None:
            return np.asarray(self.image[tuple(spatial)])[np.newaxis]
        spatial.insert(self.channel_axis % self.image.ndim, channels)
        return np.moveaxis(np.asarray(self.image[tuple(spatial)]), self.channel_axis, 0)


@dataclass(frozen=True)
class KnownPart:
    r"""An image with channels first of which only a part is at hand; it is cut by positions in the whole.

    Parameters
    ----------
    values : ndarray, shape (n_channels, \*part)
    start : tuple of int
        Where the part begins.
    spatial_shape : tuple of int
        Shape of the whole image.
    """

    values: NDArray[Any]
    start: tuple[int, ...]
    spatial_shape: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        r"""``(n_channels, *spatial)`` of the whole image."""
        return (self.values.shape[0], *self.spatial_shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the image."""
        return self.values.dtype

    def __getitem__(self, part: Sequence[slice]) -> NDArray[Any]:
        channels, *spatial = part
        inside = [slice(s.start - a, s.stop - a) for s, a in zip(spatial, self.start, strict=True)]
        cut: NDArray[Any] = self.values[(channels, *inside)]
        return cut
