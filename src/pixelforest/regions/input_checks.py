"""What a label image and the image behind it must look like."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.images.containers import ImageAxes


def checked_regions(labels: Any, *, argument: str = "labels") -> NDArray[Any]:
    """Return a label image, 2-D or 3-D, of whole numbers that are not negative.

    Raises
    ------
    TypeError
        Labels that are not integers.
    ValueError
        Another number of axes, negative labels, or labels above 2**63 - 1.
    """
    array = np.asarray(labels)
    if array.dtype.kind not in "ui":
        hints = {
            "b": "; `skimage.measure.label` makes regions of a mask",
            "f": "; `labels.astype(int)` makes integers of whole numbers",
        }
        hint = hints.get(array.dtype.kind, "")
        raise TypeError(f"`{argument}` must hold integers, one per region, got dtype {array.dtype}{hint}")
    if array.ndim not in (2, 3):
        raise ValueError(f"`{argument}` must have 2 or 3 axes, (y, x) or (z, y, x), got shape {array.shape}")
    if array.size and array.dtype.kind == "i" and array.min() < 0:
        raise ValueError(f"`{argument}` must not hold negative labels, got {array.min()}")
    if array.size and array.dtype == np.uint64 and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"`{argument}` must not hold labels above 2**63 - 1, got {array.max()}")
    return array


def check_image_shape(image: Any, shape: tuple[int, ...], channel_axis: int | None, *, argument: str = "image") -> None:
    """Raise if an image, lazy or not, does not lie on a label image of a shape.

    Raises
    ------
    ValueError
        Another shape than that of the label image.
    """
    axes = ImageAxes(len(shape), channel_axis)
    if len(image.shape) == axes.ndim and axes.spatial(tuple(image.shape)) == tuple(shape):
        return
    where = "" if channel_axis is None else f", and channels on axis {channel_axis}"
    hint = "; `channel_axis` says which axis holds channels" if channel_axis is None else ""
    raise ValueError(
        f"`{argument}` must have the shape of its label image, {tuple(shape)}{where}; got {tuple(image.shape)}{hint}"
    )


def checked_planes(
    image: Any, shape: tuple[int, ...], channel_axis: int | None, *, argument: str = "image"
) -> NDArray[Any]:
    r"""Return an image of real numbers as ``(n_channels, *spatial)``.

    Raises
    ------
    TypeError
        Values that are not real numbers.
    ValueError
        Another shape than that of the label image, or NaN or infinity.
    """
    array = np.asarray(image)
    check_image_shape(array, shape, channel_axis, argument=argument)
    if array.dtype.kind not in "buif":
        raise TypeError(f"`{argument}` must hold real numbers, got dtype {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"`{argument}` holds NaN or inf: measurements of it are undefined")
    return array[np.newaxis] if channel_axis is None else np.moveaxis(array, channel_axis, 0)
