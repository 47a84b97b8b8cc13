"""Which of the annotated pixels are learnt from: all, a share, or equally many of each class."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from sklearn.utils import check_random_state

from pixelforest.images.labels import Annotation

Sampling = Literal["natural", "balanced"]


def sample_annotations(
    annotations: list[Annotation], sampling: Sampling, max_samples: int | None, random_state: Any
) -> list[Annotation]:
    """Return annotations with the pixels that are learnt from.

    Parameters
    ----------
    annotations : list of Annotation
    sampling : {"natural", "balanced"}
        Whether classes keep their frequencies, or each gets as many pixels as the rarest has.
    max_samples : int or None
        Largest number of pixels in all; every class keeps one at least.
    random_state : int, RandomState or None
        Which pixels; drawn without replacement.

    Raises
    ------
    ValueError, TypeError
        A parameter that is not what it should be.

    Examples
    --------
    >>> labels = np.array([1, 1, 1, 1, 2, 2])
    >>> drawn = sample_annotations([Annotation(0, np.arange(6), labels, None)], "balanced", None, 0)
    >>> drawn[0].labels.tolist()
    [1, 1, 2, 2]
    """
    if sampling not in ("natural", "balanced"):
        raise ValueError(f"`sampling` must be 'natural' or 'balanced', got {sampling!r}")
    if max_samples is not None:
        if isinstance(max_samples, bool) or not isinstance(max_samples, int | np.integer):
            raise TypeError(f"`max_samples` must be an integer or None, got {max_samples!r}")
        if max_samples < 1:
            raise ValueError(f"`max_samples` must be at least 1, got {max_samples}")
    labels = np.concatenate([annotation.labels for annotation in annotations])
    classes, counts = np.unique(labels, return_counts=True)
    wanted = counts if sampling == "natural" else np.full(len(classes), counts.min())
    if max_samples is not None and max_samples < wanted.sum():
        wanted = np.maximum(wanted * max_samples // wanted.sum(), 1)
    if wanted.sum() == labels.size:
        return annotations
    random, keep = check_random_state(random_state), np.zeros(labels.size, np.bool_)
    for label, n_pixels in zip(classes, wanted, strict=True):
        keep[random.choice(np.flatnonzero(labels == label), n_pixels, replace=False)] = True
    kept = np.split(keep, np.cumsum([annotation.labels.size for annotation in annotations])[:-1])
    return [
        replace(
            annotation,
            pixels=annotation.pixels[some],
            labels=annotation.labels[some],
            weights=None if annotation.weights is None else annotation.weights[some],
        )
        for annotation, some in zip(annotations, kept, strict=True)
        if some.any()
    ]
