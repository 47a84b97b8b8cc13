"""Read fitted forests of scikit-learn: the only file that touches ``tree_``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pixelforest.forest.representation import Forest, make_forest


def trees_of(model: Any) -> Sequence[Any]:
    """Return the fitted trees of a forest or of a single tree.

    Parameters
    ----------
    model : fitted scikit-learn classifier
        ``RandomForestClassifier``, ``ExtraTreesClassifier``, ``DecisionTreeClassifier`` or a kin of theirs.

    Returns
    -------
    sequence
        Objects with a ``tree_``, in the order in which they are summed.

    Raises
    ------
    ValueError
        `model` has no trees, or several outputs.
    """
    trees = getattr(model, "estimators_", None)
    trees = [model] if trees is None else list(trees)
    if not trees or not all(hasattr(tree, "tree_") for tree in trees):
        raise ValueError(f"`model` must be a fitted forest or tree of scikit-learn, got {type(model).__name__}")
    if getattr(model, "n_outputs_", 1) != 1:
        raise ValueError(f"`model` must have one output, got {model.n_outputs_}; several outputs cannot be compiled")
    return trees


def read_forest(model: Any) -> Forest:
    """Read a fitted classifier.

    Trees of scikit-learn compare float32 features with a float64 threshold, ``x <= threshold`` goes left; NaN goes
    where the node's ``missing_go_to_left`` says; leaf values are class fractions (since scikit-learn 1.4).

    Parameters
    ----------
    model : fitted scikit-learn classifier
        With one output; see `trees_of`.

    Returns
    -------
    Forest
        A copy: later changes of the model do not reach it.

    Raises
    ------
    ValueError
        `model` has no trees, several outputs, or trees that are no trees.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> model = RandomForestClassifier(n_estimators=3, max_depth=2, random_state=0).fit([[0], [1], [2]], [0, 0, 1])
    >>> read_forest(model).n_trees
    3
    """
    trees = [tree.tree_ for tree in trees_of(model)]
    counts = np.array([tree.node_count for tree in trees])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    is_leaf = np.concatenate([tree.children_left for tree in trees]) < 0
    shift = np.repeat(starts, counts)

    def joined(name: str) -> Any:
        return np.concatenate([getattr(tree, name) for tree in trees])

    return make_forest(
        feature=np.where(is_leaf, 0, joined("feature")),
        threshold=np.where(is_leaf, 0.0, joined("threshold")),
        left=np.where(is_leaf, -1, joined("children_left") + shift),
        right=np.where(is_leaf, -1, joined("children_right") + shift),
        missing_left=joined("missing_go_to_left").astype(bool),
        leaf=np.where(is_leaf, np.cumsum(is_leaf) - 1, -1),
        roots=starts,
        leaf_values=joined("value")[is_leaf, 0, :],
        n_features=int(trees[0].n_features),
    )
