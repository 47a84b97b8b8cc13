"""How unsure predictions are: small where one class is certain, 1 where all are equally likely."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

ProbabilityMeasure = Literal["entropy", "margin", "least_confident"]


def uncertainty(
    probabilities: ArrayLike, measure: ProbabilityMeasure = "entropy", *, axis: int = -1
) -> NDArray[np.float64]:
    r"""Return how unsure predictions are, from 0 (one class is certain) to 1 (all classes are equally likely).

    With :math:`p_1 \ge p_2 \ge \dots` the probabilities of :math:`n` classes:

    - entropy: :math:`-\sum_i p_i \ln p_i / \ln n` (Shannon 1948);
    - margin: :math:`1 - (p_1 - p_2)` (Scheffer, Decomain and Wrobel 2001);
    - least_confident: :math:`(1 - p_1) \, n / (n - 1)` (Lewis and Gale 1994).

    For two classes the three put predictions in the same order. They are the usual ones of active learning, scaled.

    Parameters
    ----------
    probabilities : array-like, shape (..., n_classes, ...)
        Not negative, with sum 1 along `axis`; NaN gives NaN.
    measure : {"entropy", "margin", "least_confident"}
    axis : int
        The axis of classes.

    Returns
    -------
    ndarray of float64
        `probabilities` without `axis`.

    Raises
    ------
    ValueError
        An unknown `measure`, fewer than two classes.

    Examples
    --------
    >>> uncertainty([[1, 0], [0.5, 0.5], [0.75, 0.25]], "margin")
    array([0. , 1. , 0.5])
    """
    if measure not in get_args(ProbabilityMeasure):
        raise ValueError(f"`measure` must be one of {get_args(ProbabilityMeasure)}, got {measure!r}")
    # Class by class in contiguous memory, so that a pixel has the same bits wherever it lies.
    by_class = np.ascontiguousarray(np.moveaxis(np.asarray(probabilities, np.float64), axis, 0))
    n_classes = len(by_class)
    if n_classes < 2:
        raise ValueError(f"`probabilities` must have at least 2 classes on axis {axis}, got {n_classes}")
    if measure == "entropy":
        logarithms = np.log(np.where(by_class > 0, by_class, 1.0))
        entropy: NDArray[np.float64] = (by_class * -logarithms).sum(axis=0) / np.log(n_classes)
        return entropy + 0.0  # no -0.0
    if measure == "margin":
        second, first = np.partition(by_class, (-2, -1), axis=0)[-2:]
        return 1 - (first - second)
    return (1 - by_class.max(axis=0)) * n_classes / (n_classes - 1)
