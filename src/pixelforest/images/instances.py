"""`instance_classes`: from a label image of single objects to the classes that a pixel classifier learns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def instance_classes(
    instances: Any, *, border_width: float = 0, background: int = 1, inside: int = 2, border: int = 3
) -> NDArray[np.uint8]:
    """Turn a label image of objects into classes: background, inside and, if wanted, border.

    A pixel of an object is border if a pixel of another value, background or another object, lies within
    `border_width` of it. Where the image ends, no border is.

    Parameters
    ----------
    instances : array-like of int, 2-D or 3-D
        0 is background, every other value is one object; all objects are there.
    border_width : float
        In pixels, between centres: 1 makes the outermost pixels of each object its border, 0 none.
    background, inside, border : int
        The classes, 0 to 255.

    Returns
    -------
    ndarray of uint8
        In the shape of `instances`.

    Raises
    ------
    TypeError
        `instances` does not hold integers.
    ValueError
        Negative labels, fewer than two axes, `border_width` below 0, or classes that are equal or outside 0 to 255.

    Examples
    --------
    >>> import pixelforest as pf
    >>> pf.instance_classes([[0, 7, 7, 7, 7, 4]], border_width=1)
    array([[1, 3, 2, 2, 3, 3]], dtype=uint8)
    """
    labels = np.asarray(instances)
    if labels.dtype.kind not in "ui":
        raise TypeError(f"`instances` must hold integer labels, got dtype {labels.dtype}")
    if labels.ndim < 2:
        raise ValueError(f"`instances` must be an image of two or more axes, got shape {labels.shape}")
    if labels.size and labels.min() < 0:
        raise ValueError(f"`instances` must not hold negative labels, got {labels.min()}")
    if not 0 <= border_width < np.inf:
        raise ValueError(f"`border_width` must be a number of pixels >= 0, got {border_width}")
    classes = (background, inside, border)
    if len(set(classes)) < len(classes) or min(classes) < 0 or max(classes) > np.iinfo(np.uint8).max:
        raise ValueError(f"`background`, `inside` and `border` must differ and lie in 0 to 255, got {classes}")
    result = np.where(labels > 0, np.uint8(inside), np.uint8(background))
    if border_width >= 1 and labels.size:
        reach = int(border_width)
        offsets = np.ogrid[(slice(-reach, reach + 1),) * labels.ndim]
        ball = np.asarray(sum(offset**2 for offset in offsets) <= border_width**2)
        highest = ndimage.maximum_filter(labels, footprint=ball, mode="nearest")
        lowest = ndimage.minimum_filter(labels, footprint=ball, mode="nearest")
        result[(labels > 0) & (highest > lowest)] = border
    return result
