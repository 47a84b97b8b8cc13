"""Label rules: which pixels are annotated, which classes there are, and what labels are stored as."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.exceptions import InstanceMaskWarning, UnlabeledImageWarning

MANY_CLASSES = 32
"""More classes than this look like an instance mask."""


@dataclass(frozen=True)
class Annotation:
    """The annotated pixels of one image.

    Parameters
    ----------
    index : int
        Which image.
    pixels : ndarray of intp
        Flat positions (C order) of the annotated pixels, ascending.
    labels : ndarray of integers
        Their labels.
    weights : ndarray of float64 or None
        Their sample weights.
    """

    index: int
    pixels: NDArray[np.intp]
    labels: NDArray[Any]
    weights: NDArray[np.float64] | None


def as_labels(labels: Any, shape: tuple[int, ...], *, index: int, argument: str = "y") -> NDArray[Any]:
    """Return one label image as an integer array.

    Raises
    ------
    TypeError
        Labels that are not integers.
    ValueError
        Another shape than the image's, or negative labels.
    """
    array = np.asarray(labels)
    if array.dtype.kind not in "ui":
        raise TypeError(f"`{argument}[{index}]` must hold integer labels, got dtype {array.dtype}")
    if array.shape != tuple(shape):
        raise ValueError(f"`{argument}[{index}]` must have the shape of its image, {tuple(shape)}, got {array.shape}")
    if array.dtype.kind == "i" and array.size and array.min() < 0:
        raise ValueError(f"`{argument}[{index}]` must not hold negative labels, got {array.min()}")
    return array


def read_annotations(
    y: Any, shapes: Sequence[tuple[int, ...]], *, unlabeled: int | None, sample_weight: Any = None
) -> list[Annotation]:
    """Return the annotated pixels of every image that has some.

    Parameters
    ----------
    y : list of array-like of int
        One label image per image.
    shapes : list of tuple of int
        Spatial shapes of the images.
    unlabeled : int or None
        The label that means "not annotated"; ``None``: every pixel counts.
    sample_weight : list of array-like, optional
        One weight image per image.

    Raises
    ------
    TypeError, ValueError
        See `as_labels`; another number of label or weight images than images; no annotated pixel at all.

    Warns
    -----
    UnlabeledImageWarning
        Names the images that have no annotated pixel.
    """
    label_images = one_per_image(y, len(shapes), "y")
    weight_images = one_weight_image_each(sample_weight, len(shapes))
    annotations, empty = [], []
    for index, (labels, weights, shape) in enumerate(zip(label_images, weight_images, shapes, strict=True)):
        array = as_labels(labels, shape, index=index).ravel()
        pixels = np.arange(array.size) if unlabeled is None else np.flatnonzero(array != unlabeled)
        if not pixels.size:
            empty.append(index)
            continue
        annotations.append(Annotation(index, pixels, array[pixels], weights_at(pixels, weights, shape, index)))
    if not annotations:
        raise ValueError(
            f"`y` holds no annotated pixel in {len(shapes)} image(s): every label is {unlabeled} (`unlabeled`)"
        )
    if empty:
        warnings.warn(f"images without annotated pixels are left out: {empty}", UnlabeledImageWarning, stacklevel=4)
    return annotations


def one_per_image(values: Any, n_images: int, argument: str) -> list[Any]:
    """Return what belongs to each of `n_images` samples: labels, weights, annotations.

    Raises
    ------
    TypeError, ValueError
        No list, or one of another length.
    """
    if values is None:
        raise ValueError(f"`{argument}` is required: one label image per image, got None")
    if isinstance(values, tuple) or not hasattr(values, "__len__"):
        raise TypeError(f"`{argument}` must be a list with one image per sample, got {type(values).__name__}")
    if len(values) != n_images:
        raise ValueError(f"`{argument}` must hold one image per sample, {n_images}, got {len(values)}")
    return [values[i] for i in range(n_images)]


def one_weight_image_each(sample_weight: Any, n_images: int) -> list[Any]:
    """Return one weight image per sample, or None for each."""
    return [None] * n_images if sample_weight is None else one_per_image(sample_weight, n_images, "sample_weight")


def weights_at(
    pixels: NDArray[np.intp], weights: Any, shape: tuple[int, ...], index: int
) -> NDArray[np.float64] | None:
    """Return the sample weights of the annotated pixels of one image.

    Raises
    ------
    ValueError
        Weights of another shape than the image.
    """
    if weights is None:
        return None
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != tuple(shape):
        raise ValueError(
            f"`sample_weight[{index}]` must have the shape of its image, {tuple(shape)}, got {array.shape}"
        )
    return array.ravel()[pixels]


def resolve_classes(
    annotations: Sequence[Annotation], classes: Sequence[int] | None, *, unlabeled: int | None
) -> NDArray[Any]:
    """Return the classes in column order: `classes` where given, else those that are annotated, sorted.

    Raises
    ------
    ValueError
        Fewer than two annotated classes, a label that `classes` lacks, or `classes` that repeats one, is not made of
        integers ≥ 0 or holds the unlabelled value.

    Warns
    -----
    InstanceMaskWarning
        More than 32 classes.
    """
    found = np.unique(np.concatenate([np.unique(a.labels) for a in annotations]))
    if found.size < 2:
        hint = "" if unlabeled is None else f" ({unlabeled} means not annotated; for a full mask pass `unlabeled=None`)"
        raise ValueError(f"`y` must hold at least two classes, got only {found.tolist()}{hint}")
    if found.size > MANY_CLASSES:
        warnings.warn(
            f"`y` holds {found.size} classes: is this an instance mask? Each instance is learned as a class of its own",
            InstanceMaskWarning,
            stacklevel=4,
        )
    if classes is None:
        return found.astype(label_dtype(found))
    columns = np.asarray(classes)
    if columns.ndim != 1 or columns.dtype.kind not in "ui" or (columns < 0).any():
        raise ValueError(f"`classes` must be a list of integers >= 0, got {classes!r}")
    if np.unique(columns).size != columns.size:
        raise ValueError(f"`classes` holds a class twice: {classes!r}")
    if unlabeled is not None and unlabeled in columns:
        raise ValueError(f"`classes` holds {unlabeled}, which means not annotated (`unlabeled`): {classes!r}")
    if unknown := sorted(set(found.tolist()) - set(columns.tolist())):
        raise ValueError(f"`y` holds labels that `classes` lacks: {unknown}; classes={classes!r}")
    return columns.astype(label_dtype(columns))


def label_dtype(classes: NDArray[Any]) -> np.dtype[Any]:
    """Return the smallest unsigned dtype that holds all `classes` (and 0, which predictions use for masked pixels).

    Examples
    --------
    >>> label_dtype(np.array([1, 300]))
    dtype('uint16')
    """
    return np.min_scalar_type(int(classes.max()))
