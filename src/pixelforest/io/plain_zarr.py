"""Read Zarr arrays that say nothing of their axes; whoever opens them does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import zarr

from pixelforest.images.containers import ImageAxes
from pixelforest.io.ome_zarr import OmeZarrImage, check_array

VERSION = "none"


def is_plain_zarr(path: str | Path) -> bool:
    """Return whether there is a Zarr array, which is no OME-Zarr image."""
    try:
        zarr.open_array(str(path), mode="r")
    except (OSError, KeyError, ValueError, TypeError):  # a group, or nothing
        return False
    return True


def open_plain_zarr(path: str | Path, axes: ImageAxes, *, level: int = 0) -> OmeZarrImage:
    """Open an array as an image, or as a stack of images along its first axis, which is taken for time.

    Parameters
    ----------
    path : str or Path
        The array's folder, or an address that Zarr can open.
    axes : ImageAxes
        How one image is laid out.
    level : int
        Must be 0: an array has no pyramid.

    Raises
    ------
    ValueError
        An array of another number of axes, with an empty one, or a `level`.
    TypeError
        Voxels are not real numbers.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "plain.zarr"
    >>> _ = zarr.create_array(folder, shape=(5, 40, 30, 3), dtype="uint8", chunks=(1, 20, 20, 3))
    >>> image = open_plain_zarr(folder, ImageAxes(spatial_ndim=2, channel_axis=-1))
    >>> image.axes, image.channel_names
    (('t', 'y', 'x', 'c'), ('0', '1', '2'))
    """
    array: zarr.Array[Any] = zarr.open_array(str(path), mode="r")
    if level != 0:
        raise ValueError(f"`level` must be 0: {str(path)!r} is an array, without a pyramid, got {level}")
    if array.ndim not in (axes.ndim, axes.ndim + 1):
        raise ValueError(
            f"`source`: the model takes images of {axes.describe()}, or a stack of them, but the array {str(path)!r} "
            f"has shape {array.shape}"
        )
    names, types = list("zyx"[-axes.spatial_ndim :]), ["space"] * axes.spatial_ndim
    if axes.channel_axis is not None:
        names.insert(axes.channel_axis % axes.ndim, "c")
        types.insert(axes.channel_axis % axes.ndim, "channel")
    if array.ndim > axes.ndim:
        names, types = ["t", *names], ["time", *types]
    check_array(array, tuple(names), str(path))
    n_channels = array.shape[names.index("c")] if "c" in names else 0
    return OmeZarrImage(
        array=array,
        axes=tuple(names),
        types=tuple(types),
        units=("",) * array.ndim,
        scale=(1.0,) * array.ndim,
        translation=(0.0,) * array.ndim,
        channel_names=tuple(map(str, range(n_channels))),
        level=0,
        n_levels=1,
        steps=(),
        version=VERSION,
        path=str(path),
    )
