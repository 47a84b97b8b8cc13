"""Models of LightGBM, from the text or the JSON that it documents; LightGBM itself is not imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pixelforest.forest.categories import CategoryColumns
from pixelforest.forest.readers.joined import join_trees
from pixelforest.forest.readers.lightgbm_trees import Splits, splits_of_dump, splits_of_text, tree_arrays
from pixelforest.forest.representation import Decision, Forest, Link, make_forest

OBJECTIVES: dict[str, tuple[Decision, Link]] = {
    "": ("none", "identity"),
    "custom": ("none", "identity"),
    "regression": ("none", "identity"),
    "regression_l1": ("none", "identity"),
    "huber": ("none", "identity"),
    "fair": ("none", "identity"),
    "quantile": ("none", "identity"),
    "mape": ("none", "identity"),
    "lambdarank": ("none", "identity"),
    "rank_xendcg": ("none", "identity"),
    "poisson": ("none", "exp"),
    "gamma": ("none", "exp"),
    "tweedie": ("none", "exp"),
    "cross_entropy": ("none", "logistic"),
    "cross_entropy_lambda": ("none", "softplus"),
    "binary": ("sign", "logistic"),
    "multiclass": ("largest", "softmax"),
    "multiclassova": ("largest", "logistic"),
}


@dataclass(frozen=True)
class _Model:
    trees: list[Splits]
    objective: str
    n_features: int
    n_outputs: int
    averages: bool


def read_lightgbm(model: Any) -> Forest:
    """Read a model of LightGBM.

    Rows are float64, ``x <= threshold`` goes left, and numbers within 1e-35 of 0 are 0. NaN is 0 where the node knows
    no missing values, else it takes the node's default. A split on categories sends the members of its set (of the
    integer part of the number) left, others and NaN right. Sums add leaves in float64, iteration by iteration; random
    forests divide by the number of iterations. Of two classes, the second wins where its probability is above 1/2; of
    several, the first with the largest probability.

    Parameters
    ----------
    model : fitted Booster, estimator of ``lightgbm.sklearn``, path of a text model, its text, or the JSON dump
        Read up to the best iteration, as it predicts.

    Returns
    -------
    Forest

    Raises
    ------
    ValueError
        Linear trees, an objective that is not in `OBJECTIVES`, zeros as missing values where that matters, or a model
        that is not fitted.

    Examples
    --------
    >>> dump = {
    ...     "objective": "binary sigmoid:1", "max_feature_idx": 0, "num_tree_per_iteration": 1,
    ...     "tree_info": [{"tree_structure": {"leaf_value": 0.25}}],
    ... }
    >>> read_lightgbm(dump).link
    'logistic'
    """
    try:
        parts = _parts_of_dump(model) if isinstance(model, Mapping) else _parts_of_text(_text(model))
    except KeyError as error:
        raise ValueError(f"`model` must hold LightGBM's text or dump, got one without {error}") from error
    name, *options = parts.objective.split() or [""]
    if name not in OBJECTIVES:
        raise ValueError(f"`model` must have one of the objectives {', '.join(filter(None, OBJECTIVES))}, got {name!r}")
    decision, link = OBJECTIVES[name]
    settings = dict(option.split(":", 1) for option in options if ":" in option)
    if "sqrt" in options:
        link = "signed_square"
    if not parts.trees:
        raise ValueError("`model` must have at least one tree, got none")
    columns = CategoryColumns(parts.n_features)
    trees = [tree_arrays(splits, columns) for splits in parts.trees]
    return make_forest(
        **join_trees(trees),
        n_features=parts.n_features,
        first_output=np.arange(len(trees)) % parts.n_outputs,
        n_outputs=parts.n_outputs,
        averages=parts.averages,
        precision="float64",
        decision=decision,
        decides_on="values" if decision == "none" else "probabilities",
        link=link,
        link_scale=float(settings.get("sigmoid", 1)),
        categorical=tuple(columns.splits),
    )


def _text(model: Any) -> str:
    if isinstance(model, str) and model.startswith("tree\n"):
        return model
    if isinstance(model, str | Path):
        return Path(model).read_text(encoding="utf-8")
    if not hasattr(model, "model_to_string"):
        if not model.__sklearn_is_fitted__():
            raise ValueError(f"`model` must be fitted, got an unfitted {type(model).__name__}")
        model = model.booster_
    return str(model.model_to_string())


def _parts_of_text(text: str) -> _Model:
    head, *trees = text.split("end of trees", maxsplit=1)[0].split("\nTree=")
    entries = _entries(head)
    return _Model(
        trees=[splits_of_text(_entries(tree)) for tree in trees],
        objective=entries.get("objective", ""),
        n_features=int(entries["max_feature_idx"]) + 1,
        n_outputs=int(entries["num_tree_per_iteration"]),
        averages="average_output" in entries,
    )


def _parts_of_dump(dump: Mapping[str, Any]) -> _Model:
    return _Model(
        trees=[splits_of_dump(tree["tree_structure"]) for tree in dump["tree_info"]],
        objective=str(dump.get("objective", "")),
        n_features=int(dump["max_feature_idx"]) + 1,
        n_outputs=int(dump["num_tree_per_iteration"]),
        averages=bool(dump.get("average_output", False)),
    )


def _entries(lines: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in lines.splitlines())}
