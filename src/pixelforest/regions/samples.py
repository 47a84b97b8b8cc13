"""Samples of objects: a label image, alone or with the image behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.images.containers import ImageAxes, ImageBatch, collect_images
from pixelforest.regions.input_checks import checked_planes, checked_regions


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
        inf, samples with an image among others without, or a lone sample that is not allowed.

    Examples
    --------
    >>> labels, image = np.eye(4, dtype=int), np.ones((4, 4))
    >>> collect_objects((labels, image), ImageAxes(2, None)).container
    'single'
    >>> collect_objects([labels, labels], ImageAxes(2, None)).images[1].image is None
    True
    """
    without_channels = axes.without_channels()
    if isinstance(X, tuple):
        batch = ImageBatch([X], "single")
    elif isinstance(X, list) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        batch = ImageBatch(list(X), "list")
    else:
        batch = collect_images(X, without_channels)
    if batch.container == "single" and not allow_single:
        raise ValueError("`X`: got one sample; write `fit([labels], [annotation])` or `fit([(labels, image)], ...)`")
    pairs = [item if isinstance(item, tuple) else (item, None) for item in batch.images]
    for index, pair in enumerate(pairs):
        if len(pair) != 2:
            raise ValueError(f"`X[{index}]` must be a label image or a tuple (labels, image), got {len(pair)} items")
        if (pair[1] is None) != (pairs[0][1] is None):
            has, first = ("no", "one") if pair[1] is None else ("an", "none")
            raise ValueError(f"`X[{index}]` has {has} image behind its labels, but `X[0]` has {first}")
    collect_images([labels for labels, _ in pairs], without_channels)
    samples = [_sample(labels, image, axes, index) for index, (labels, image) in enumerate(pairs)]
    return ImageBatch(samples, batch.container)


def _sample(given: Any, image: Any, axes: ImageAxes, index: int) -> ObjectSample:
    if image is None:
        return ObjectSample(checked_regions(given, argument=f"X[{index}]"), None, given)
    labels, image = checked_regions(given, argument=f"X[{index}][0]"), np.asarray(image)
    checked_planes(image, labels.shape, axes.channel_axis, argument=f"X[{index}][1]")
    return ObjectSample(labels, image, given)
