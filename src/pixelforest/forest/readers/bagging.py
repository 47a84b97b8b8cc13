"""Bagging of trees by scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.ensemble import BaggingClassifier, BaggingRegressor

from pixelforest.forest.readers.averages import TREES, tree_arrays
from pixelforest.forest.readers.joined import TreeArrays, join_trees
from pixelforest.forest.representation import Forest, make_forest

MODELS = (BaggingClassifier, BaggingRegressor)


def read_bagging(model: Any) -> Forest:
    """Read a bag of decision trees.

    Its trees decide as those of a random forest do, each on columns of its own, and NaN goes where
    ``missing_go_to_left`` says. Class fractions or target values are averaged in float64; a class that a tree has not
    seen gets nothing from it.

    Parameters
    ----------
    model : fitted BaggingClassifier or BaggingRegressor
        Whose estimators are trees.

    Returns
    -------
    Forest

    Raises
    ------
    ValueError
        `model` is not fitted, or its estimators are no trees.

    Examples
    --------
    >>> model = BaggingClassifier(n_estimators=7, max_features=1, random_state=0).fit([[0, 1], [1, 0]] * 9, [0, 1] * 9)
    >>> forest = read_bagging(model)
    >>> forest.n_trees, forest.n_features
    (7, 2)
    """
    trees = list(getattr(model, "estimators_", ()))
    if not trees:
        raise ValueError(f"`model` must be fitted, got an unfitted {type(model).__name__}")
    for tree in trees:
        if not isinstance(tree, TREES):
            raise ValueError(f"`model.estimator` must be a decision tree, got {type(tree).__name__}")
    n_classes = len(model.classes_) if is_classifier(model) else 0
    arrays = [
        _in_the_bag(tree, np.asarray(columns), n_classes)
        for tree, columns in zip(trees, model.estimators_features_, strict=True)
    ]
    decision = "largest" if is_classifier(model) else "none"
    return make_forest(**join_trees(arrays), n_features=int(model.n_features_in_), decision=decision)  # type: ignore[arg-type]


def _in_the_bag(tree: Any, columns: NDArray[Any], n_classes: int) -> TreeArrays:
    own = tree_arrays(tree.tree_, 0, int(tree.n_classes_)) if n_classes else tree_arrays(tree.tree_)
    values = own.values
    if n_classes:
        values = np.zeros((len(own.left), n_classes))
        values[:, np.asarray(tree.classes_, np.intp)] = own.values
    return TreeArrays(
        left=own.left,
        right=own.right,
        feature=columns[np.where(own.left < 0, 0, own.feature)],
        threshold=own.threshold,
        missing_left=own.missing_left,
        values=values,
    )
