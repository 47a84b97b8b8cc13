"""Numbers to learn: images that are NaN where nothing is annotated."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.exceptions import UnlabeledImageWarning
from pixelforest.images.labels import Annotation, one_per_image, weights_at


def as_targets(values: Any, shape: tuple[int, ...], *, index: int) -> NDArray[Any]:
    """Return one image of numbers.

    Raises
    ------
    TypeError
        Integers, which have no NaN: 0 would be learned as a number.
    ValueError
        Another shape than the image's, or inf.
    """
    array = np.asarray(values)
    if array.dtype.kind != "f":
        raise TypeError(f"`y[{index}]` must hold floats, NaN where nothing is annotated, got dtype {array.dtype}")
    if array.shape != tuple(shape):
        raise ValueError(f"`y[{index}]` must have the shape of its image, {tuple(shape)}, got {array.shape}")
    if np.isinf(array).any():
        raise ValueError(f"`y[{index}]` must hold finite numbers, or NaN, got inf")
    return array


def read_targets(y: Any, shapes: Sequence[tuple[int, ...]], *, sample_weight: Any = None) -> list[Annotation]:
    """Return the annotated pixels of every image that has some, with numbers for labels.

    Parameters
    ----------
    y : list of array-like of float
        One image of numbers per image.
    shapes : list of tuple of int
        Spatial shapes of the images.
    sample_weight : list of array-like, optional
        One weight image per image.

    Raises
    ------
    TypeError, ValueError
        See `as_targets`; another number of images than `shapes`; no annotated pixel at all.

    Warns
    -----
    UnlabeledImageWarning
        Names the images that have no annotated pixel.
    """
    targets = one_per_image(y, len(shapes), "y")
    weights = (
        [None] * len(shapes) if sample_weight is None else one_per_image(sample_weight, len(shapes), "sample_weight")
    )
    annotations, empty = [], []
    for index, shape in enumerate(shapes):
        array = as_targets(targets[index], shape, index=index).ravel()
        pixels = np.flatnonzero(~np.isnan(array))
        if not pixels.size:
            empty.append(index)
            continue
        at_pixels = weights_at(pixels, weights[index], shape, index)
        annotations.append(Annotation(index, pixels, array[pixels].astype(np.float64), at_pixels))
    if not annotations:
        raise ValueError(f"`y` holds no annotated pixel in {len(shapes)} image(s): every value is NaN")
    if empty:
        warnings.warn(f"images without annotated pixels are left out: {empty}", UnlabeledImageWarning, stacklevel=4)
    return annotations
