"""Fit a copy of any estimator to rows, with weights where there are some."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter


def fit_clone(estimator: Any, X: Any, y: NDArray[Any], weights: Any = None) -> Any:
    """Return a clone of `estimator` fitted to rows, with sample weights where there are some.

    Raises
    ------
    ValueError
        Weights for an estimator that takes none.
    """
    fit_params = {} if weights is None else {_weight_parameter(estimator): weights}
    with config_context(enable_metadata_routing=False):  # the weights have arrived; steps inside take them by name
        return clone(estimator).fit(X, y, **fit_params)


def _weight_parameter(estimator: Any) -> str:
    """Return the name under which `estimator.fit` takes sample weights."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return f"{name}__{_weight_parameter(last)}"
    if not has_fit_parameter(estimator, "sample_weight"):
        raise ValueError(f"`sample_weight` was given, but {type(estimator).__name__}.fit takes none")
    return "sample_weight"
