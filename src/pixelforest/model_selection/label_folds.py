"""Cross-validate a single image: pairs of label images, to train on and to test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from pixelforest.images.labels import as_labels
from pixelforest.model_selection.block_k_fold import BlockKFold
from pixelforest.model_selection.pixel_table import stroke_numbers

LabelPairs = list[tuple[NDArray[Any], NDArray[Any]]]


def block_masks(
    labels: Any,
    *,
    block: int | Sequence[int],
    buffer: int | Sequence[int] = 0,
    n_splits: int = 5,
    unlabeled: int = 0,
    shuffle: bool = False,
    random_state: Any = None,
) -> LabelPairs:
    r"""Return the label images of a cross-validation by blocks of one image.

    Parameters
    ----------
    labels : array-like of int, shape (\*spatial)
        Label image.
    block, buffer, n_splits, shuffle, random_state
        See `BlockKFold`.
    unlabeled : int
        The label that means "not annotated".

    Returns
    -------
    list of (ndarray, ndarray)
        For every fold the labels to train on and those to test; both are `unlabeled` elsewhere.

    Raises
    ------
    ValueError, TypeError
        Labels that are not integers, or all of them unlabelled; see `BlockKFold.split`.

    Examples
    --------
    >>> import pixelforest as pf
    >>> from pixelforest.demo_data import load_blobs
    >>> image, annotation = load_blobs()
    >>> folds = pf.model_selection.block_masks(annotation, block=48, n_splits=3)
    >>> scores = [pf.ImageSegmenter().fit([image], [train]).score([image], [test]) for train, test in folds]
    >>> len(scores)
    3
    """
    array, positions, values = _annotated(labels, unlabeled)
    cv = BlockKFold(n_splits, block=block, buffer=buffer, shuffle=shuffle, random_state=random_state)
    return _masks(array, positions, cv.split(values, values, positions), unlabeled)


def scribble_masks(
    labels: Any, *, n_splits: int = 5, unlabeled: int = 0, shuffle: bool = False, random_state: Any = None
) -> LabelPairs:
    r"""Return the label images of a cross-validation by strokes of one image.

    Parameters
    ----------
    labels : array-like of int, shape (\*spatial)
        Label image; pixels of one class that touch, also by corners, are a stroke.
    n_splits, shuffle, random_state
        See scikit-learn's `StratifiedGroupKFold`.
    unlabeled : int
        The label that means "not annotated".

    Returns
    -------
    list of (ndarray, ndarray)
        For every fold the labels to train on and those to test; both are `unlabeled` elsewhere.

    Raises
    ------
    ValueError, TypeError
        Labels that are not integers, or all of them unlabelled; fewer strokes than folds.

    Examples
    --------
    >>> import pixelforest as pf
    >>> from pixelforest.demo_data import load_blobs
    >>> _, annotation = load_blobs()
    >>> [(int((a > 0).sum()), int((b > 0).sum())) for a, b in pf.model_selection.scribble_masks(annotation, n_splits=2)]
    [(162, 936), (936, 162)]
    """
    array, positions, values = _annotated(labels, unlabeled)
    strokes = stroke_numbers(positions, values)
    if strokes.max() + 1 < n_splits:
        raise ValueError(f"`n_splits` must not exceed the number of strokes, {strokes.max() + 1}, got {n_splits}")
    cv = StratifiedGroupKFold(n_splits, shuffle=shuffle, random_state=random_state)
    return _masks(array, positions, cv.split(values, values, strokes), unlabeled)


def _annotated(labels: Any, unlabeled: int) -> tuple[NDArray[Any], NDArray[np.intp], NDArray[Any]]:
    """Return the label image, positions ``(0, *pixel)`` and values of its annotated pixels."""
    array = as_labels(labels, np.shape(labels), index=0, argument="labels")
    if array.ndim not in (2, 3):
        raise ValueError(f"`labels` must be one label image with 2 or 3 axes, got shape {array.shape}")
    pixels = np.argwhere(array != unlabeled)
    if not len(pixels):
        raise ValueError(f"`labels` holds no annotated pixel: every label is {unlabeled} (`unlabeled`)")
    return array, np.insert(pixels, 0, 0, axis=1), array[tuple(pixels.T)]


def _masks(
    array: NDArray[Any],
    positions: NDArray[np.intp],
    folds: Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]],
    unlabeled: int,
) -> LabelPairs:
    def only(rows: NDArray[np.intp]) -> NDArray[Any]:
        at = tuple(positions[rows, 1:].T)
        mask = np.full_like(array, unlabeled)
        mask[at] = array[at]
        return mask

    return [(only(train), only(test)) for train, test in folds]
