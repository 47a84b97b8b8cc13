"""All that is kept of a model that was compiled: its forests, and how its methods behave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.validation import check_is_fitted

from pixelforest.estimators.input_rules import InputRules, read_input_rules
from pixelforest.forest.read import read_forests
from pixelforest.forest.representation import Forest

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "apply")


@dataclass(frozen=True, eq=False, repr=False)
class ModelRecord:
    """A copy of what a fitted model knows.

    Attributes
    ----------
    name : str
        What was read, for messages.
    forests : tuple of Forest
        One, or one per target of a classifier.
    rules : InputRules
        Which rows it takes.
    methods : frozenset of str
        Those of `METHODS` that it has.
    classes : ndarray or list of ndarray, optional
        Labels of a classifier, of each of several targets.
    leaf_shape : tuple of int
        What ``apply`` returns for one row.
    leaf_dtype : dtype
        Of ``apply``.
    """

    name: str
    forests: tuple[Forest, ...]
    rules: InputRules
    methods: frozenset[str]
    classes: NDArray[Any] | list[NDArray[Any]] | None
    leaf_shape: tuple[int, ...]
    leaf_dtype: np.dtype[Any]

    def __repr__(self) -> str:
        return f"<{self.name}, {self.forests[0].n_trees} trees>"


def read_model(model: Any) -> ModelRecord:
    """Read a fitted model.

    Parameters
    ----------
    model : object
        See `pixelforest.forest.read.read_forests`.

    Returns
    -------
    ModelRecord

    Raises
    ------
    NotFittedError
        An estimator is not fitted.
    ValueError
        See `read_forests`; or a classifier whose trees tell no classes apart.

    Examples
    --------
    >>> record = read_model(DecisionTreeClassifier().fit([[0], [1]], ["no", "yes"]))
    >>> record, sorted(record.methods), record.classes.tolist()
    (<DecisionTreeClassifier, 1 trees>, ['apply', 'predict', 'predict_log_proba', 'predict_proba'], ['no', 'yes'])
    """
    _check_fitted(model)
    forests = tuple(read_forests(model))
    is_classifier = forests[0].decision != "none"
    classes = getattr(model, "classes_", None)
    if classes is not None and not is_classifier:
        raise ValueError(
            f"`model` must tell its classes apart, got a {type(model).__name__} whose objective gives sums"
        )
    is_estimator = hasattr(model, "predict") and hasattr(model, "get_params")
    if is_estimator:
        methods = frozenset(name for name in METHODS if hasattr(model, name))
    else:  # a dump, or a booster, which predicts otherwise
        methods = frozenset({"predict", "predict_proba"} if is_classifier else {"predict"})
    if is_classifier:
        classes = _labels(classes, forests)
    return ModelRecord(
        name=_name(model),
        forests=forests,
        rules=read_input_rules(model, forests[0]),
        methods=methods,
        classes=classes,
        leaf_shape=_leaf_shape(model, forests[0]),
        leaf_dtype=_leaf_dtype(model),
    )


def _check_fitted(model: Any) -> None:
    if isinstance(model, type):
        raise ValueError(f"`model` must be a fitted model, got the class {model.__name__}")
    if isinstance(model, BaseEstimator):
        try:
            check_is_fitted(model)
        except NotFittedError as error:
            raise NotFittedError(f"`model` must be fitted, got an unfitted {type(model).__name__}") from error


def _labels(classes: Any, forests: tuple[Forest, ...]) -> NDArray[Any] | list[NDArray[Any]]:
    if classes is None:
        return np.arange(forests[0].n_classes)
    return np.array(classes) if len(forests) == 1 else [np.array(labels) for labels in classes]


def _name(model: Any) -> str:
    if isinstance(model, str) and model.startswith("tree\n"):
        return "LightGBM model"
    if isinstance(model, str | Path):
        return Path(model).name
    if isinstance(model, Mapping):
        return "XGBoost model" if "learner" in model else "LightGBM model"
    return type(model).__name__


def _leaf_shape(model: Any, forest: Forest) -> tuple[int, ...]:
    if isinstance(model, DecisionTreeClassifier | DecisionTreeRegressor):
        return ()
    if forest.averages or not hasattr(getattr(model, "estimators_", None), "shape"):
        return (forest.n_trees,)
    n_iterations, n_outputs = model.estimators_.shape  # gradient boosting
    return (n_iterations, n_outputs) if forest.decision != "none" else (n_iterations,)


def _leaf_dtype(model: Any) -> np.dtype[Any]:
    """Return scikit-learn's integers, but its floats of gradient boosting, and XGBoost's."""
    if hasattr(getattr(model, "estimators_", None), "shape"):
        return np.dtype(np.float64)
    return np.dtype(np.float32 if hasattr(model, "get_booster") else np.intp)
