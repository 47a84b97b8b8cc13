"""OME-Zarr volumes of any size on disk, made chunk by chunk, and the model that segments them."""

from __future__ import annotations

import os
from itertools import product
from math import log2
from pathlib import Path

import numpy as np
import zarr
from numpy.typing import NDArray

import pixelforest as pf
from benchmarks.features.workloads import noisy_photograph

SIDE = 128
"""Of a chunk, in voxels."""
DTYPE = np.dtype(np.uint16)
FEATURES = ("gaussian=1", "laplacian_of_gaussian=1", "gaussian=2")
TREES, DEPTH = 10, 4


def shape_of(megabytes: int) -> tuple[int, int, int]:
    """Return the shape of a volume: a chunk, of which the shortest axis is doubled again and again.

    Raises
    ------
    ValueError
        Not 4 MiB times a power of two.

    Examples
    --------
    >>> shape_of(64)
    (256, 256, 512)
    """
    doublings = log2(megabytes * 2**20 / (SIDE**3 * DTYPE.itemsize))
    if doublings < 0 or doublings % 1:
        raise ValueError(f"`megabytes` must be 4 times a power of two, got {megabytes}")
    z, y, x = (SIDE * 2 ** ((int(doublings) + axis) // 3) for axis in range(3))
    return z, y, x


def noisy_voxels(shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """Return a volume as a 12-bit camera gives it."""
    return np.clip(noisy_photograph(shape) * 16, 0, 4095).astype(DTYPE)


def write_volume(path: Path, megabytes: int) -> None:
    """Write an OME-Zarr image without compression, chunk by chunk, and take it out of the system's file cache."""
    shape = shape_of(megabytes)
    group = zarr.create_group(str(path), zarr_format=3)
    array = group.create_array("0", shape=shape, chunks=(SIDE,) * 3, dtype=DTYPE, compressors=None)
    axes = [{"name": name, "type": "space"} for name in "zyx"]
    scale = {"type": "scale", "scale": [1.0, 1.0, 1.0]}
    datasets = [{"path": "0", "coordinateTransformations": [scale]}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    chunk = noisy_voxels((SIDE,) * 3)
    for number, corner in enumerate(product(*(range(0, n, SIDE) for n in shape))):
        array[tuple(slice(a, a + SIDE) for a in corner)] = np.roll(chunk, 17 * number, axis=number % 3)
    forget(path)


def forget(path: Path) -> None:
    """Write files to disk and take them out of the system's cache, so that they are read from disk again."""
    for file in path.rglob("*"):
        if file.is_file() and hasattr(os, "posix_fadvise"):
            handle = os.open(file, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def volume_model(device: str) -> pf.ImageSegmenter:
    """Return a segmenter of few features and shallow trees: reading and writing have to count."""
    corner = noisy_voxels((32, 64, SIDE))
    strokes = np.zeros(corner.shape, np.uint8)
    strokes[:, ::16] = 1 + (corner > np.median(corner))[:, ::16]
    stack = pf.ImageFeatureStack(features=list(FEATURES), spatial_ndim=3, device=device)
    forest = pf.OpenCLRandomForestClassifier(TREES, max_depth=DEPTH, random_state=0, device=device)
    return pf.ImageSegmenter(stack, forest).fit([corner], [strokes])
