"""What a model makes of the values of its trees: probabilities, classes, predictions. Runs on the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from pixelforest.forest.representation import Forest, Link

EPSILON = np.float32(1e-16)
"""What XGBoost adds to the denominator of its logistic function."""

NEAR_ZERO = 2.0**-20
"""Below this magnitude, ``1 + expm1(x)`` rounds once: the error of ``expm1`` is far below the last bit of the sum."""


def probabilities(forest: Forest, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return class probabilities.

    Parameters
    ----------
    forest : Forest
        A classifier.
    values : ndarray of float64, shape (n_rows, n_outputs)
        Means or sums of its trees.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_classes)

    Raises
    ------
    ValueError
        `forest` is a regressor.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from pixelforest.forest.readers.averages import read_averages
    >>> forest = read_averages(DecisionTreeClassifier().fit([[0], [1]], [0, 1]))[0]
    >>> probabilities(forest, np.array([[0.25, 0.75]])).tolist()
    [[0.25, 0.75]]
    """
    if forest.decision == "none":
        raise ValueError("`forest` must be a classifier, got one whose `decision` is 'none'")
    linked = _linked(forest, values)
    if forest.decision == "largest":
        return linked.astype(np.float64)
    return np.column_stack([1 - linked[:, 0], linked[:, 0]]).astype(np.float64)


def class_indices(forest: Forest, values: NDArray[np.float64]) -> NDArray[np.unsignedinteger[Any]]:
    """Return the index of the class of each row, ties included as the model decides them.

    Parameters
    ----------
    forest : Forest
        A classifier.
    values : ndarray of float64, shape (n_rows, n_outputs)
        Means or sums of its trees.

    Returns
    -------
    ndarray of the smallest unsigned integers, shape (n_rows,)

    Raises
    ------
    ValueError
        `forest` is a regressor.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from pixelforest.forest.readers.averages import read_averages
    >>> forest = read_averages(DecisionTreeClassifier().fit([[0], [1]], [0, 1]))[0]
    >>> class_indices(forest, np.array([[0.25, 0.75], [0.5, 0.5]])).tolist()
    [1, 0]
    """
    if forest.decision == "none":
        raise ValueError("`forest` must be a classifier, got one whose `decision` is 'none'")
    scores = _linked(forest, values) if forest.decides_on == "probabilities" else values
    if forest.decision == "largest":
        indices = np.argmax(scores, axis=1)
    else:
        middle = 0.5 if forest.decides_on == "probabilities" else 0.0
        score = scores[:, 0]
        indices = np.where(score == middle, forest.tie_class, score > middle)
    result: NDArray[np.unsignedinteger[Any]] = indices.astype(np.min_scalar_type(forest.n_classes - 1))
    return result


def predictions(forest: Forest, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a regressor predicts: its values, after the inverse link.

    Parameters
    ----------
    forest : Forest
        A regressor.
    values : ndarray of float64, shape (n_rows, n_outputs)
        Means or sums of its trees.

    Returns
    -------
    ndarray of float64, shape (n_rows,) or, of several outputs, (n_rows, n_outputs)

    Raises
    ------
    ValueError
        `forest` is a classifier.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> from pixelforest.forest.readers.averages import read_averages
    >>> forest = read_averages(DecisionTreeRegressor().fit([[0], [1]], [5.0, 7.0]))[0]
    >>> predictions(forest, np.array([[7.0], [5.0]])).tolist()
    [7.0, 5.0]
    """
    if forest.decision != "none":
        raise ValueError(f"`forest` must be a regressor, got one whose `decision` is {forest.decision!r}")
    linked = _linked(forest, values).astype(np.float64)
    return linked[:, 0] if forest.n_outputs == 1 else linked


def decision_function(forest: Forest, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values in the shape of scikit-learn's ``decision_function``.

    Parameters
    ----------
    forest : Forest
        A classifier or regressor.
    values : ndarray of float64, shape (n_rows, n_outputs)
        Means or sums of its trees.

    Returns
    -------
    ndarray of float64, shape (n_rows,) or, of several outputs, (n_rows, n_outputs)

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> from pixelforest.forest.readers.averages import read_averages
    >>> forest = read_averages(DecisionTreeRegressor().fit([[0], [1]], [5.0, 7.0]))[0]
    >>> decision_function(forest, np.array([[7.0], [5.0]])).shape
    (2,)
    """
    return values[:, 0] if forest.n_outputs == 1 else values


def _linked(forest: Forest, values: NDArray[np.float64]) -> NDArray[Any]:
    """Apply the inverse link in the precision of the model's sums, in the model's own order of operations."""
    x: NDArray[Any] = values.astype(forest.sum_precision)
    if forest.link_scale != 1:
        x = x * x.dtype.type(forest.link_scale)
    with np.errstate(over="ignore"):
        linked: NDArray[Any] = LINKS[forest.link](x)
    return linked


def _logistic(x: NDArray[Any]) -> NDArray[Any]:
    return _float32_logistic(x) if x.dtype == np.float32 else expit(x)


def _float32_logistic(x: NDArray[np.float32]) -> NDArray[Any]:
    return np.float32(1) / (_exp(np.minimum(-x, np.float32(88.7))) + np.float32(1) + EPSILON)


def _exp(x: NDArray[Any]) -> NDArray[Any]:
    """Return exp rounded once, as C libraries do nearly always.

    NumPy's may be off by 2 ulp in float32 and by 1 in float64, which decides where probabilities are equal: near 0.
    """
    wide = x.astype(np.float64)
    near_one: NDArray[Any] = np.where(np.abs(wide) < NEAR_ZERO, 1 + np.expm1(wide), np.exp(wide))
    return near_one.astype(x.dtype)


def _softmax(x: NDArray[Any]) -> NDArray[Any]:
    exponentials = _exp(x - x.max(axis=1, keepdims=True))
    # XGBoost adds float32 exponentials up in float64 and rounds the sum; else this dtype is that of `x`.
    exponentials /= exponentials.sum(axis=1, keepdims=True, dtype=np.float64).astype(x.dtype)
    return exponentials


LINKS: dict[Link, Callable[[NDArray[Any]], Any]] = {
    "identity": np.positive,
    "logistic": _logistic,
    "softmax": _softmax,
    "exp": _exp,
    "signed_square": lambda x: np.sign(x) * x * x,
    "softplus": lambda x: np.log1p(np.exp(x)),
}
