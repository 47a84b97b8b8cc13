"""Arrays that a transformer writes into: fresh ones, or those that the caller gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.images.containers import ImageBatch

CACHE_LINE = 64
"""Bytes."""
DTYPES = (np.dtype(np.float32), np.dtype(np.float16))


def checked_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the dtype that features are to have.

    Raises
    ------
    ValueError
        It is neither float32 nor float16.
    """
    try:
        checked = np.dtype(dtype)
    except TypeError:
        checked = np.dtype(object)
    if dtype is None or checked not in DTYPES:
        raise ValueError(f"`dtype` must be 'float32' or 'float16', got {dtype!r}")
    return checked


def as_dtype(values: NDArray[np.float32], dtype: np.dtype[Any], names: Sequence[str]) -> NDArray[Any]:
    """Return a feature block, ``(n_features, *spatial)``, as `dtype`.

    Raises
    ------
    ValueError
        A feature is beyond the range of float16; the message names it.
    """
    if dtype == np.float32:
        return values
    largest = np.abs(values).reshape(len(values), -1).max(axis=1)
    limit = float(np.finfo(dtype).max)
    if (largest > limit).any():
        worst = int(largest.argmax())
        raise ValueError(
            f"feature {names[worst]!r} reaches {largest[worst]:.3g}, but float16 ends at {limit:.0f}; "
            "pass dtype='float32', or scale the image"
        )
    return values.astype(dtype)


@dataclass(frozen=True)
class OutputArrays:
    """Where the features of every image of a call go.

    Parameters
    ----------
    shapes : list of tuple of int
        ``(*spatial, n_features)`` of every image.
    dtype : dtype
    given : list of ndarray, optional
        What the caller wants to be written into.
    """

    shapes: list[tuple[int, ...]]
    dtype: np.dtype[Any]
    given: list[NDArray[Any]] | None

    def block(self, index: int) -> NDArray[Any]:
        """Return the feature-major array of one image: a view of what was given, or a new one."""
        if self.given is not None:
            return np.moveaxis(self.given[index], -1, 0)
        *spatial, n_features = self.shapes[index]
        return empty_block((n_features, *spatial), self.dtype)


def empty_block(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array that begins with a line of the cache: kernels write whole lines fastest."""
    n_bytes = prod(shape) * dtype.itemsize
    memory = np.empty(n_bytes + CACHE_LINE, np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    return memory[first : first + n_bytes].view(dtype).reshape(shape)


def checked_outputs(out: Any, batch: ImageBatch, shapes: list[tuple[int, ...]], dtype: np.dtype[Any]) -> OutputArrays:
    """Return where results go.

    Parameters
    ----------
    out : ndarray, list of ndarray, or None
        One array per image, or an array with a leading sample axis where the images came as a stack.
    batch : ImageBatch
    shapes : list of tuple of int
        Shape of every result.
    dtype : dtype

    Raises
    ------
    TypeError, ValueError
        Not as many arrays as images, or one of another shape or dtype, or one that cannot be written.
    """
    if out is None:
        return OutputArrays(shapes, dtype, None)
    given = batch.items(out)
    if len(given) != len(shapes):
        raise ValueError(f"`out` must hold {len(shapes)} arrays, one per image, got {len(given)}")
    for index, (array, shape) in enumerate(zip(given, shapes, strict=True)):
        name = "`out`" if batch.container == "single" else f"`out[{index}]`"
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{name} must be a NumPy array, got {type(array).__name__}")
        if array.shape != shape or array.dtype != dtype:
            raise ValueError(f"{name} must have shape {shape} and dtype {dtype}, got {array.shape} and {array.dtype}")
        if not array.flags.writeable:
            raise ValueError(f"{name} cannot be written to")
    return OutputArrays(shapes, dtype, given)


def checked_targets(
    out: Any, batch: ImageBatch, shapes: list[tuple[int, ...]], dtype: np.dtype[Any]
) -> list[Any] | None:
    """Return what results are written into, one array per image; None if nothing was given.

    Parameters
    ----------
    out : array, list of arrays, or None
        Anything with `shape`, `dtype` and assignment to slices; with a leading sample axis for a stack.
    batch : ImageBatch
    shapes : list of tuple of int
        Shape of every result.
    dtype : dtype
        Of results; `out` has one that holds all its values.

    Raises
    ------
    TypeError, ValueError
        Not as many arrays as images; one of another shape, of a dtype that does not hold the results, that cannot be
        written, or that lies where its image lies.
    """
    if out is None:
        return None
    given = batch.items(out)
    if len(given) != len(shapes):
        raise ValueError(f"`out` must hold {len(shapes)} arrays, one per image, got {len(given)}")
    for index, (array, shape) in enumerate(zip(given, shapes, strict=True)):
        name = "`out`" if batch.container == "single" else f"`out[{index}]`"
        if not (hasattr(array, "__setitem__") and hasattr(array, "shape") and hasattr(array, "dtype")):
            raise TypeError(f"{name} must be an array that is written by slices, got {type(array).__name__}")
        if hasattr(array, "__dask_graph__"):
            raise TypeError(f"{name} must be an array in memory or on disk, got {type(array).__name__}")
        if tuple(array.shape) != shape or not np.can_cast(dtype, array.dtype, "safe"):
            raise ValueError(
                f"{name} must have shape {shape} and a dtype that holds {dtype}, "
                f"got {tuple(array.shape)} and {array.dtype}"
            )
        is_array = isinstance(array, np.ndarray)
        if getattr(array, "read_only", False) or (is_array and not array.flags.writeable):
            raise ValueError(f"{name} cannot be written to")
        image = batch.images[index]
        if is_array and isinstance(image, np.ndarray) and np.may_share_memory(array, image):
            raise ValueError(f"{name} lies in the memory of `X`, which is still read while results are written")
    return given
