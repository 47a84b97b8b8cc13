"""`to_table`: annotated pixels as rows of a plain table, with groups for honest cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pixelforest.images.containers import channels_first, checked_axes, collect_images
from pixelforest.images.labels import read_annotations

GroupedBy = Literal["image", "scribble", "block", "position"]


def to_table(
    features: Any,
    labels: Any,
    *,
    by: GroupedBy = "image",
    block: int | Sequence[int] | None = None,
    unlabeled: int | None = 0,
    spatial_ndim: int = 2,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.intp]]:
    r"""Return annotated pixels as ``X, y, groups`` for all that takes a plain table.

    Neighbouring pixels are nearly the same pixel, so a split that puts them on both sides tests what was learnt by
    heart. Groups say what belongs together, for scikit-learn's `GroupKFold`, `StratifiedGroupKFold`,
    `LeaveOneGroupOut` and the like.

    Parameters
    ----------
    features : list of array-like, stack, or one array-like, shape (\*spatial, n_features)
        What `ImageFeatureStack.transform` returns.
    labels : list of array-like of int, stack, or one array-like, shape (\*spatial)
        Label images.
    by : {"image", "scribble", "block", "position"}
        Groups are images; strokes (pixels of one class that touch, also by corners); square blocks of an image; or
        positions, ``(image, *pixel)``, of which `BlockKFold` makes blocks with a buffer.
    block : int or sequence of int, optional
        Sides of blocks in pixels, on every spatial axis; for ``by="block"``.
    unlabeled : int or None
        The label that means "not annotated"; None: every pixel is a row.
    spatial_ndim : {2, 3}

    Returns
    -------
    X : ndarray, shape (n_pixels, n_features)
        In the order of images, and of pixels in each (C order). NaN stays NaN.
    y : ndarray of int, shape (n_pixels,)
    groups : ndarray of intp, shape (n_pixels,); for positions (n_pixels, 1 + spatial_ndim)

    Raises
    ------
    ValueError, TypeError
        Labels that do not fit their features, no annotated pixel, images with another number of features; `by`, or
        `block` missing or not needed.

    Examples
    --------
    >>> import pixelforest as pf
    >>> from pixelforest.demo_data import load_blobs
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
    >>> image, annotation = load_blobs()
    >>> X, y, strokes = pf.to_table(pf.ImageFeatureStack().transform(image), annotation, by="scribble")
    >>> X.shape, len(set(strokes.tolist()))
    ((1098, 25), 4)
    >>> scores = cross_val_score(RandomForestClassifier(5), X, y, groups=strokes, cv=StratifiedGroupKFold(2))
    """
    axes = checked_axes(spatial_ndim, -1)
    batch = collect_images(features, axes, argument="features")
    planes = [channels_first(f, axes, index=i, argument="features") for i, f in enumerate(batch.images)]
    if len({len(p) for p in planes}) > 1:
        raise ValueError(f"`features` must have one number of features, got {[len(p) for p in planes]}")
    label_images = [labels] if batch.container == "single" else labels
    shapes = [p.shape[1:] for p in planes]
    annotations = read_annotations(label_images, shapes, unlabeled=unlabeled, argument="labels")
    X = np.concatenate([planes[a.index].reshape(len(planes[a.index]), -1)[:, a.pixels].T for a in annotations])
    y = np.concatenate([a.labels for a in annotations])
    positions = np.concatenate(
        [
            np.column_stack([np.full(a.pixels.size, a.index), *np.unravel_index(a.pixels, shapes[a.index])])
            for a in annotations
        ]
    )
    if (block is None) == (by == "block"):
        raise ValueError(f"`block` is for by='block', which needs it; got block={block!r} and by={by!r}")
    if by == "image":
        return X, y, positions[:, 0]
    if by == "position":
        return X, y, positions
    if by == "block":
        return X, y, block_numbers(positions, block)
    if by != "scribble":
        raise ValueError(f"`by` must be 'image', 'scribble', 'block' or 'position', got {by!r}")
    return X, y, stroke_numbers(positions, y)


def block_numbers(positions: NDArray[np.intp], block: Any) -> NDArray[np.intp]:
    """Return for every pixel, ``(image, *pixel)``, the number of its block.

    Raises
    ------
    ValueError
        Sides that are not integers above 0, or of another number than there are axes.
    """
    sides = checked_pixels(block, positions.shape[1] - 1, "block", lowest=1)
    corners = positions // np.concatenate([[1], sides])
    return np.unique(corners, axis=0, return_inverse=True)[1].reshape(-1)


def stroke_numbers(positions: NDArray[np.intp], labels: NDArray[Any]) -> NDArray[np.intp]:
    """Return for every annotated pixel, ``(image, *pixel)``, the number of the stroke that it belongs to."""
    strokes, n_strokes = np.empty(len(positions), np.intp), 0
    for image, label in np.unique(np.column_stack([positions[:, 0], labels]), axis=0):
        members = np.flatnonzero((positions[:, 0] == image) & (labels == label))
        pixels = positions[members, 1:] - positions[members, 1:].min(axis=0)
        painted = np.zeros(pixels.max(axis=0) + 1, np.bool_)
        painted[tuple(pixels.T)] = True
        found, n_found = ndimage.label(painted, np.ones((3,) * painted.ndim))
        strokes[members] = found[tuple(pixels.T)] - 1 + n_strokes
        n_strokes += n_found
    return strokes


def checked_pixels(value: Any, ndim: int, name: str, *, lowest: int) -> NDArray[np.intp]:
    """Return one number of pixels per axis.

    Raises
    ------
    ValueError
        Not integers of at least `lowest`, or of another number than there are axes.
    """
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "ui" or numbers.shape not in ((), (ndim,)) or (numbers < lowest).any():
        raise ValueError(f"`{name}` must be an integer >= {lowest}, or one for each of {ndim} axes, got {value!r}")
    return np.broadcast_to(numbers, ndim).astype(np.intp)
