"""Read fitted tree ensembles of any library."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pixelforest.forest.readers import bagging, boosting, hist_boosting
from pixelforest.forest.readers.averages import read_averages, trees_of
from pixelforest.forest.readers.lightgbm import read_lightgbm
from pixelforest.forest.readers.xgboost import read_xgboost
from pixelforest.forest.representation import Forest

__all__ = ["read_forest", "read_forests", "trees_of"]


def read_forest(model: Any) -> Forest:
    """Read a fitted model that one forest can represent.

    Parameters
    ----------
    model : object
        See `read_forests`. A classifier must have one target.

    Returns
    -------
    Forest
        A copy: later changes of the model do not reach it.

    Raises
    ------
    ValueError
        See `read_forests`; or `model` is a classifier of several targets.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> model = RandomForestClassifier(n_estimators=3, max_depth=2, random_state=0).fit([[0], [1], [2]], [0, 0, 1])
    >>> read_forest(model).n_trees
    3
    """
    forests = read_forests(model)
    if len(forests) != 1:
        reason = "several outputs cannot be compiled into one forest, but `read_forests` reads one for each"
        raise ValueError(f"`model` must have one output, got {len(forests)}; {reason}")
    return forests[0]


def read_forests(model: Any) -> list[Forest]:
    """Read a fitted model: one forest, or one per target of a classifier of several targets.

    Parameters
    ----------
    model : fitted estimator
        Of scikit-learn: a random forest, extremely randomised trees, a single tree, gradient boosting (with or without
        histograms), or bagging of trees. Of XGBoost: a booster, an estimator, the path of a JSON model or what it
        holds. Of LightGBM: a booster, an estimator, the path of a text model, its text, or its JSON dump.

    Returns
    -------
    list of Forest
        Copies: later changes of the model do not reach them.

    Raises
    ------
    ValueError
        `model` is not fitted, not supported, or has trees that are no trees.

    Examples
    --------
    >>> from sklearn.ensemble import ExtraTreesClassifier
    >>> model = ExtraTreesClassifier(n_estimators=3, random_state=0).fit([[0], [1], [2]], [[0, 0], [0, 1], [1, 2]])
    >>> [forest.n_outputs for forest in read_forests(model)]
    [2, 3]
    """
    if isinstance(model, boosting.MODELS):
        return [boosting.read_boosting(model)]
    if isinstance(model, hist_boosting.MODELS):
        return [hist_boosting.read_hist_boosting(model)]
    if isinstance(model, bagging.MODELS):
        return [bagging.read_bagging(model)]
    if _comes_from("xgboost", model) or _is_json(model):
        return [read_xgboost(model)]
    if _comes_from("lightgbm", model) or _is_text_or_dump(model):
        return [read_lightgbm(model)]
    return read_averages(model)


def _comes_from(library: str, model: Any) -> bool:
    """Return whether a base class of `model` is from a library, without importing it."""
    return any(base.__module__.split(".")[0] == library for base in type(model).__mro__)


def _is_json(model: Any) -> bool:
    return (isinstance(model, Mapping) and "learner" in model) or _has_suffix(model, ".json")


def _is_text_or_dump(model: Any) -> bool:
    is_text = isinstance(model, str) and model.startswith("tree\n")
    return is_text or (isinstance(model, Mapping) and "tree_info" in model) or _has_suffix(model, ".txt")


def _has_suffix(model: Any, suffix: str) -> bool:
    return isinstance(model, str | Path) and Path(model).suffix == suffix
