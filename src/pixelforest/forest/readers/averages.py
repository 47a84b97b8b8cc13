"""Random forests, extremely randomised trees and single trees of scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from pixelforest.forest.readers.joined import TreeArrays, join_trees
from pixelforest.forest.representation import Forest, make_forest

FORESTS = (RandomForestClassifier, RandomForestRegressor, ExtraTreesClassifier, ExtraTreesRegressor)
TREES = (DecisionTreeClassifier, DecisionTreeRegressor)


def trees_of(model: Any) -> Sequence[Any]:
    """Return the fitted trees of a forest or of a single tree.

    Parameters
    ----------
    model : fitted scikit-learn estimator
        A random forest, extremely randomised trees, or a single tree; or an object with ``estimators_`` that is no
        estimator of scikit-learn.

    Returns
    -------
    sequence
        Objects with a ``tree_``, in the order in which they are summed.

    Raises
    ------
    ValueError
        `model` has no trees, or adds them up otherwise.

    Examples
    --------
    >>> model = RandomForestClassifier(3, random_state=0).fit([[0], [1]], [0, 1])
    >>> len(trees_of(model))
    3
    """
    averages = isinstance(model, FORESTS) or not isinstance(model, BaseEstimator)
    trees = [model] if isinstance(model, TREES) else list(getattr(model, "estimators_", ())) if averages else []
    if not trees or not all(isinstance(tree, TREES) and hasattr(tree, "tree_") for tree in trees):
        raise ValueError(f"`model` must be a fitted forest or tree of scikit-learn, got {type(model).__name__}")
    return trees


def read_averages(model: Any) -> list[Forest]:
    """Read trees whose leaf values are averaged.

    They convert rows to float32 and compare with a float64 threshold, ``x <= threshold`` goes left; NaN goes where the
    node's ``missing_go_to_left`` says. Leaves hold class fractions (since scikit-learn 1.4) or target values, which
    are added up in float64 in the order of the trees and divided by their number.

    Parameters
    ----------
    model : fitted scikit-learn estimator
        See `trees_of`.

    Returns
    -------
    list of Forest
        One for a regressor, with one output per target; for a classifier one per target.

    Raises
    ------
    ValueError
        See `trees_of`.

    Examples
    --------
    >>> model = RandomForestClassifier(3, random_state=0).fit([[0], [1]], [[0, 1], [1, 1]])
    >>> [forest.n_outputs for forest in read_averages(model)]
    [2, 1]
    """
    trees = trees_of(model)
    n_features = int(trees[0].tree_.n_features)
    if not is_classifier(trees[0]):
        nodes = join_trees([tree_arrays(tree.tree_) for tree in trees])
        return [make_forest(**nodes, n_features=n_features, decision="none")]
    n_classes = np.atleast_1d(trees[0].n_classes_)
    return [
        make_forest(
            **join_trees([tree_arrays(tree.tree_, target, int(count)) for tree in trees]), n_features=n_features
        )
        for target, count in enumerate(n_classes)
    ]


def tree_arrays(tree: Any, target: int | None = None, n_classes: int = 1) -> TreeArrays:
    """Read a ``tree_`` of scikit-learn.

    Parameters
    ----------
    tree : sklearn.tree._tree.Tree
        What to read.
    target : int, optional
        For a classifier: whose class fractions are read; else the values of all targets are.
    n_classes : int
        Of the target.

    Returns
    -------
    TreeArrays

    Examples
    --------
    >>> model = DecisionTreeRegressor().fit([[0.0], [1.0]], [5.0, 7.0])
    >>> tree_arrays(model.tree_).values.ravel().tolist()
    [6.0, 5.0, 7.0]
    """
    return TreeArrays(
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=tree.missing_go_to_left,
        values=tree.value[:, :, 0] if target is None else tree.value[:, target, :n_classes],
    )
