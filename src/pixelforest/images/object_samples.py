"""Samples of objects: a label image, alone or with the image behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.images.containers import ImageAxes, ImageBatch, collect_images


@dataclass(frozen=True, eq=False)
class ObjectSample:
    r"""The objects of one image.

    Parameters
    ----------
    labels : ndarray of integers, shape (\*spatial)
        0 is background; every other value is an object.
    image : ndarray or None
        Intensities, with channels where the axes say so.
    given : array-like
        The label image as it came; it may have names.
    """

    labels: NDArray[Any]
    image: NDArray[Any] | None
    given: Any


def collect_objects(X: Any, axes: ImageAxes, *, allow_single: bool = True) -> ImageBatch:
    """Return the `ObjectSample` of every image in `X`.

    Parameters
    ----------
    X : list whose items are label images or tuples (labels, image), stack of label images, or one sample
    axes : ImageAxes
        Of the images; label images have its spatial axes only.
    allow_single : bool
        Whether a lone sample is meant; `fit` refuses it.

    Raises
    ------
    TypeError
        Labels that are not integers, images that are not real numbers.
    ValueError
        No sample, a wrong number of axes, negative labels, an image of another shape than its labels or with NaN or
        inf, or a lone sample that is not allowed.

    Examples
    --------
    >>> labels, image = np.eye(4, dtype=int), np.ones((4, 4))
    >>> collect_objects((labels, image), ImageAxes(2, None)).container
    'single'
    >>> collect_objects([(labels, image), labels], ImageAxes(2, None)).images[1].image is None
    True
    """
    if isinstance(X, tuple):
        batch = ImageBatch([X], "single")
    elif isinstance(X, list) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        batch = ImageBatch(list(X), "list")
    else:
        batch = collect_images(X, axes.without_channels())
    if not batch.images:
        raise ValueError(f"`X` holds no label image (0 samples), got {X!r:.80}")
    if batch.container == "single" and not allow_single:
        raise ValueError("`X`: got one sample; write `fit([labels], [annotation])` or `fit([(labels, image)], ...)`")
    return ImageBatch([_read(item, axes, index) for index, item in enumerate(batch.images)], batch.container)


def _read(item: Any, axes: ImageAxes, index: int) -> ObjectSample:
    if isinstance(item, tuple) and len(item) != 2:
        raise ValueError(f"`X[{index}]` must be a label image or a tuple (labels, image), got {len(item)} items")
    given, image = item if isinstance(item, tuple) else (item, None)
    labels = np.asarray(given)
    if labels.ndim != axes.spatial_ndim:
        expected = axes.without_channels().describe()
        raise ValueError(
            f"`X[{index}]` must be a label image of {expected}, or a tuple (labels, image); "
            f"its labels have shape {labels.shape}"
        )
    if not labels.size:
        raise ValueError(f"`X[{index}]` is empty: its labels have shape {labels.shape}")
    if labels.dtype.kind not in "ui":
        raise TypeError(f"`X[{index}]` must hold integer labels, got dtype {labels.dtype}")
    if labels.dtype.kind == "i" and labels.min() < 0:
        raise ValueError(f"`X[{index}]` must not hold negative labels, got {labels.min()}")
    return ObjectSample(labels, None if image is None else _read_image(image, labels.shape, axes, index), given)


def _read_image(image: Any, shape: tuple[int, ...], axes: ImageAxes, index: int) -> NDArray[Any]:
    array = np.asarray(image)
    if array.dtype.kind not in "buif":
        raise TypeError(f"the image of `X[{index}]` must hold real numbers, got dtype {array.dtype}")
    if array.ndim != axes.ndim or axes.spatial(array.shape) != shape:
        raise ValueError(
            f"the image of `X[{index}]` must have {axes.describe()} and the shape of its labels, {shape}, "
            f"got {array.shape}; `channel_axis` says which axis holds channels"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"the image of `X[{index}]` holds NaN or inf")
    return array
