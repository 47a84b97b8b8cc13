"""What rows a fitted model takes and refuses, so that its compiled copy takes and refuses the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.utils import assert_all_finite, get_tags

from pixelforest.forest.representation import Forest, Precision

BAGS = (BaggingClassifier, BaggingRegressor)
HISTOGRAMS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
VALUES_AT_ONCE = 2**18
"""Values that are checked together: they stay in the second cache."""
FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class InputRules:
    """What a model says about rows.

    Attributes
    ----------
    model_name : str
        Class of the model, for messages.
    n_features : int
        Columns.
    feature_names : tuple of str, optional
        Names of the columns that it was fitted with.
    compares_names : {"always", "if given", "never"}
        "always", as scikit-learn: other names are errors, no names a warning; "if given", as XGBoost: other names are
        errors; "never", as LightGBM.
    dtype : {"float32", "float64"}
        What rows are converted to.
    allows_nan, allows_infinity : bool
        Whether rows may hold them; a number that is too large for `dtype` is infinity.
    columns : tuple of int, optional
        Columns that are looked at, if not all.
    allows_categories : bool
        Whether columns of pandas' dtype "category" are taken by their values.
    """

    model_name: str
    n_features: int
    feature_names: tuple[str, ...] | None
    compares_names: Literal["always", "if given", "never"]
    dtype: Precision
    allows_nan: bool
    allows_infinity: bool
    columns: tuple[int, ...] | None = None
    allows_categories: bool = True

    def check_finite(self, X: NDArray[Any]) -> None:
        """Raise for NaN and infinity where the model does.

        Nothing is checked under ``sklearn.config_context(assume_finite=True)``.

        Parameters
        ----------
        X : ndarray, shape (..., n_features)

        Raises
        ------
        ValueError
            In scikit-learn's words.

        Examples
        --------
        >>> from sklearn.tree import ExtraTreeClassifier, DecisionTreeClassifier
        >>> from pixelforest.forest.read import read_forest
        >>> model = DecisionTreeClassifier().fit([[0], [1]], [0, 1])
        >>> rules = read_input_rules(model, read_forest(model))
        >>> rules.check_finite(np.array([[np.nan]]))
        >>> rules.check_finite(np.array([[1e39]]))
        Traceback (most recent call last):
        ValueError: Input X contains infinity or a value too large for dtype('float32').
        """
        if (self.allows_nan and self.allows_infinity) or X.dtype.kind != "f" or get_config()["assume_finite"]:
            return
        if self.columns is not None:
            X = X[..., list(self.columns)]
        for part in _parts(X):
            if not _is_finite(part):
                with np.errstate(over="ignore"):
                    rows = part.astype(self.dtype).reshape(-1, 1)
                assert_all_finite(rows, allow_nan=self.allows_nan, estimator_name=self.model_name, input_name="X")


def read_input_rules(model: Any, forest: Forest) -> InputRules:
    """Return what a fitted model says about rows.

    Parameters
    ----------
    model : object
        See `pixelforest.forest.read.read_forests`.
    forest : Forest
        What was read from it.

    Returns
    -------
    InputRules

    Examples
    --------
    >>> from sklearn.ensemble import GradientBoostingRegressor
    >>> from pixelforest.forest.read import read_forest
    >>> model = GradientBoostingRegressor(n_estimators=2).fit([[0], [1]], [0, 1])
    >>> rules = read_input_rules(model, read_forest(model))
    >>> rules.dtype, rules.allows_nan, rules.allows_infinity
    ('float32', False, False)
    """
    is_ours = isinstance(model, BaseEstimator) and not _comes_from(model, "xgboost", "lightgbm")
    columns = None
    if isinstance(model, BAGS):  # its trees check, each its own columns
        columns = tuple(np.unique(np.concatenate(model.estimators_features_)).tolist())
        allows_nan = all(get_tags(tree).input_tags.allow_nan for tree in model.estimators_)
    elif isinstance(model, HISTOGRAMS) or not is_ours:
        allows_nan = True
    else:
        allows_nan = get_tags(model).input_tags.allow_nan
    names = None if _comes_from(model, "lightgbm") else getattr(model, "feature_names_in_", None)
    return InputRules(
        model_name=type(model).__name__,
        n_features=forest.n_features,
        feature_names=None if names is None else tuple(str(name) for name in names),
        compares_names="always" if is_ours else "if given" if names is not None else "never",
        dtype=forest.precision,
        allows_nan=allows_nan,
        allows_infinity=isinstance(model, HISTOGRAMS) or not is_ours,
        columns=columns,
        allows_categories=is_ours,
    )


def _comes_from(model: Any, *libraries: str) -> bool:
    return any(base.__module__.split(".")[0] in libraries for base in type(model).__mro__)


def _parts(X: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield all values in small parts, in the order of memory."""
    by_stride = sorted(range(X.ndim), key=lambda axis: -abs(X.strides[axis]))
    flat = X.transpose(by_stride)
    while flat.ndim > 1:  # join axes that lie behind one another
        joined = flat.shape[0] * flat.shape[1]
        if flat.strides[0] != flat.shape[1] * flat.strides[1]:
            break
        flat = flat.reshape(joined, *flat.shape[2:])
    step = max(VALUES_AT_ONCE // max(int(np.prod(flat.shape[1:])), 1), 1)
    for start in range(0, len(flat), step):
        yield flat[start : start + step]


def _is_finite(part: NDArray[Any]) -> bool:
    """Return whether all values are finite in float32, of float64 too; may say no wrongly, never yes."""
    if part.dtype.itemsize > 4:
        return bool(part.max(initial=0) <= FLOAT32_MAX and part.min(initial=0) >= -FLOAT32_MAX)
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(part.sum(dtype=np.float32)))
