"""Rows on a device: tables, images with features last, and feature blocks, as they lie in memory."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.opencl.runtime import Device, DeviceArray

VALUE_TYPES = {
    "f4": "float", "f2": "half", "f8": "double", "u1": "uchar", "i1": "char", "u2": "ushort", "i2": "short",
    "u4": "uint", "i4": "int",
}  # fmt: skip
"""OpenCL types that kernels convert to float as NumPy does."""


@dataclass(frozen=True)
class Rows:
    """Rows on the device: element (row, feature) is at ``row * strides[0] + feature * strides[1]``.

    Attributes
    ----------
    values : DeviceArray
        The memory.
    strides : tuple of int
        Elements from one row, and from one feature, to the next.
    count, n_features : int
        How many there are.
    width : int
        Pixels in a row of the image, 0 for a table.
    """

    values: DeviceArray
    strides: tuple[int, int]
    count: int
    n_features: int
    width: int = 0

    @property
    def options(self) -> tuple[str, ...]:
        """Compiler options: the type of the values."""
        name = VALUE_TYPES[self.values.dtype.str[1:]]
        return (f"-D VALUE={name}", f"-D VALUE_IS_{name.upper()}")


def rows_of_block(block: DeviceArray) -> Rows:
    """Return the pixels of a feature block ``(n_features, *spatial)``."""
    n_pixels = prod(block.shape[1:])
    return Rows(block, (1, n_pixels), n_pixels, block.shape[0], block.shape[-1])


def rows_of_array(device: Device, X: NDArray[Any]) -> Rows:
    """Bring rows ``(..., n_features)`` to the device, without a copy where it reads the host's memory.

    Parameters
    ----------
    device : Device
        Where to compute.
    X : ndarray, shape (..., n_features)
        A table, or an image with features last; of any strides.

    Returns
    -------
    Rows
        Valid as long as `X` is not changed.
    """
    if not _is_readable(device, X.dtype):
        with np.errstate(over="ignore"):  # beyond float32 is infinity, as for the model
            X = X.astype(np.float32)
    count, n_features = prod(X.shape[:-1]), X.shape[-1]
    width = X.shape[-2] if X.ndim > 2 else 0
    strides = _row_strides(X)
    if strides is None or not X.size:
        X = np.ascontiguousarray(X)
        strides = (n_features, 1)
    span = (max(count, 1) - 1) * strides[0] + (n_features - 1) * strides[1] + 1
    if device.reads_host_memory or span == X.size:
        memory = np.lib.stride_tricks.as_strided(X, (span if X.size else 0,), (X.itemsize,), writeable=False)
        return Rows(device.borrow(memory), strides, count, n_features, width)
    X = X.reshape(count, n_features)
    if strides[0] < strides[1]:
        return Rows(device.upload(X.T), (1, count), count, n_features, width)
    return Rows(device.upload(X), (n_features, 1), count, n_features, width)


def _is_readable(device: Device, dtype: np.dtype[Any]) -> bool:
    return dtype.isnative and dtype.str[1:] in VALUE_TYPES and (dtype != np.float64 or device.has_doubles)


def _row_strides(X: NDArray[Any]) -> tuple[int, int] | None:
    """Return the elements from row to row and from feature to feature; None if there are no such numbers."""
    strides = [stride // X.itemsize for stride in X.strides]
    if any(stride % X.itemsize or stride < 0 for stride in X.strides) or not X.flags.aligned:
        return None
    *spatial, feature = zip(X.shape, strides, strict=True)
    spatial = [(length, stride) for length, stride in spatial if length != 1]
    for (_, outer), (length, inner) in pairwise(spatial):
        if outer != length * inner:
            return None
    return spatial[-1][1] if spatial else X.shape[-1], feature[1]
