"""Models of XGBoost, from the JSON that it documents; XGBoost itself is not imported."""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.forest.categories import CategoryColumns
from pixelforest.forest.readers.joined import join_trees
from pixelforest.forest.readers.xgboost_trees import read_tree
from pixelforest.forest.representation import DecidesOn, Decision, Forest, Link, make_forest

OBJECTIVES: dict[str, tuple[Decision, DecidesOn, Link]] = {
    "reg:squarederror": ("none", "values", "identity"),
    "reg:squaredlogerror": ("none", "values", "identity"),
    "reg:absoluteerror": ("none", "values", "identity"),
    "reg:pseudohubererror": ("none", "values", "identity"),
    "reg:quantileerror": ("none", "values", "identity"),
    "rank:ndcg": ("none", "values", "identity"),
    "rank:map": ("none", "values", "identity"),
    "rank:pairwise": ("none", "values", "identity"),
    "binary:logitraw": ("none", "values", "identity"),
    "reg:logistic": ("none", "values", "logistic"),
    "count:poisson": ("none", "values", "exp"),
    "reg:gamma": ("none", "values", "exp"),
    "reg:tweedie": ("none", "values", "exp"),
    "survival:cox": ("none", "values", "exp"),
    "binary:logistic": ("sign", "probabilities", "logistic"),
    "multi:softprob": ("largest", "probabilities", "softmax"),
    "multi:softmax": ("largest", "values", "softmax"),
}


def read_xgboost(model: Any) -> Forest:
    """Read a model of XGBoost.

    Rows become float32, ``x < threshold`` in float32 goes left (here: ``x <=`` the float32 below it), NaN goes where
    the node's ``default_left`` says. A split on categories sends members of its set right, other numbers left. Sums
    start at the base score (as a margin) and add leaves in float32, tree by tree. Of two classes, the second wins where
    its float32 probability is above 0.5; of several, the first with the largest float32 probability.

    Parameters
    ----------
    model : fitted Booster, estimator of ``xgboost.sklearn``, path of a JSON model, or what such a file holds
        With the booster "gbtree". An estimator that stopped early is read up to its best iteration, as it predicts.

    Returns
    -------
    Forest

    Raises
    ------
    ValueError
        Another booster ("dart", "gblinear"), an objective that is not in `OBJECTIVES`, missing values that are not
        NaN, or a model that is not fitted.

    Examples
    --------
    >>> tree = {
    ...     "left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [0, 0, 0],
    ...     "split_conditions": [0.5, -1.0, 1.0], "default_left": [1, 0, 0], "split_type": [0, 0, 0],
    ...     "tree_param": {"size_leaf_vector": "1"},
    ... }
    >>> model = {"learner": {
    ...     "learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "1"},
    ...     "objective": {"name": "binary:logistic"},
    ...     "gradient_booster": {"name": "gbtree", "model": {"trees": [tree], "tree_info": [0]}},
    ... }}
    >>> read_xgboost(model).threshold[0] < 0.5
    np.True_
    """
    try:
        return _read_learner(model, _load(model)["learner"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"`model` must hold XGBoost's JSON, got something else: {error!r}") from error


def _read_learner(model: Any, learner: Mapping[str, Any]) -> Forest:
    booster = learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise ValueError(f"`model` must have the booster 'gbtree', got {booster['name']!r}")
    objective = learner["objective"]["name"]
    if objective not in OBJECTIVES:
        raise ValueError(f"`model` must have one of the objectives {', '.join(OBJECTIVES)}, got {objective!r}")
    decision, decides_on, link = OBJECTIVES[objective]
    parameters = learner["learner_model_param"]
    n_features = int(parameters["num_feature"])
    n_outputs = max(int(parameters["num_class"]), int(parameters.get("num_target", 1)), 1)
    if decision == "sign" and n_outputs > 1:
        raise ValueError(f"`model` must have one target where it tells two classes apart, got {n_outputs}")
    raw_trees = booster["model"]["trees"]
    n_trees = _n_trees_used(model, booster["model"])
    columns = CategoryColumns(n_features)
    trees = [read_tree(tree, columns) for tree in raw_trees[:n_trees]]
    if not trees:
        raise ValueError("`model` must have at least one tree, got none")
    has_vectors = trees[0].values.shape[1] == n_outputs > 1
    return make_forest(
        **join_trees(trees),
        n_features=n_features,
        first_output=np.array(booster["model"]["tree_info"][:n_trees]) * (not has_vectors),
        n_outputs=n_outputs,
        baseline=_baseline(parameters["base_score"], n_outputs, link),
        averages=False,
        sum_precision="float32",
        decision=decision,
        decides_on=decides_on,
        link=link,
        categorical=tuple(columns.splits),
    )


def _load(model: Any) -> Mapping[str, Any]:
    if isinstance(model, Mapping):
        return model
    if isinstance(model, str | Path):
        loaded: dict[str, Any] = json.loads(Path(model).read_text(encoding="utf-8"))
        return loaded
    if hasattr(model, "get_booster"):
        if not model.__sklearn_is_fitted__():
            raise ValueError(f"`model` must be fitted, got an unfitted {type(model).__name__}")
        if model.missing is not None and not isnan(model.missing):
            raise ValueError(
                f"`model.missing` must be NaN, got {model.missing}; other marks of missing values are lost"
            )
        model = model.get_booster()
    parsed: dict[str, Any] = json.loads(bytes(model.save_raw("json")))
    return parsed


def _n_trees_used(model: Any, booster: Mapping[str, Any]) -> int:
    """Return how many trees predict: an estimator that stopped early goes to its best iteration."""
    n_trees = len(booster["trees"])
    if getattr(model, "early_stopping_rounds", None) is None:
        return n_trees
    return int(booster["iteration_indptr"][model.best_iteration + 1])


def _baseline(text: str | float, n_outputs: int, link: Link) -> NDArray[np.float32]:
    """Return the base score on the scale of sums, rounded as float32 arithmetic rounds."""
    scores = np.atleast_1d(np.array(json.loads(str(text)), np.float64)).astype(np.float32)
    one = np.float32(1)
    if link == "logistic":
        scores = -np.array([_log(one / score - one) for score in scores], np.float32)
    elif link == "exp":
        scores = np.array([_log(score) for score in scores], np.float32)
    return np.broadcast_to(scores, (n_outputs,)).copy()


def _log(x: np.float32) -> float:
    """Return the float32 logarithm of the C library, which XGBoost calls: its last bit is in every sum."""
    try:
        function = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None).logf
    except (OSError, AttributeError):  # then rounded once, which differs in the last bit for 1 in 20 scores
        return float(np.float32(np.log(np.float64(x))))
    function.argtypes, function.restype = [ctypes.c_float], ctypes.c_float
    return float(function(float(x)))
