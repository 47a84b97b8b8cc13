"""Forests without the features that no tree looks at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pixelforest.forest.representation import Forest


def used_features(forest: Forest) -> tuple[int, ...]:
    """Return the columns of a row that some tree looks at, ascending; the first one if trees look at none.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from pixelforest.forest.read import read_forest
    >>> used_features(read_forest(DecisionTreeClassifier().fit([[0, 0, 5], [0, 1, 5]], [0, 1])))
    (1,)
    """
    looked_at = forest.feature[forest.leaf < 0]
    derived = [split.feature for split in forest.categorical]  # what trees do not look at is not derived
    used = np.union1d(looked_at[looked_at < forest.n_features], derived).astype(int)
    return tuple(used.tolist()) or (0,)


def narrow_forest(forest: Forest, features: tuple[int, ...]) -> Forest:
    """Return the forest for rows that hold only the columns `features`; it decides and sums as `forest` does.

    Parameters
    ----------
    forest : Forest
    features : tuple of int
        Ascending, with all of `used_features`.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from pixelforest.forest.read import read_forest
    >>> forest = narrow_forest(read_forest(DecisionTreeClassifier().fit([[0, 0], [0, 1]], [0, 1])), (1,))
    >>> forest.n_features, forest.feature.tolist()
    (1, [0, 0, 0])
    """
    where = np.zeros(forest.n_features + len(forest.categorical), np.int32)
    where[list(features)] = np.arange(len(features))
    where[forest.n_features :] = len(features) + np.arange(len(forest.categorical))
    feature = np.where(forest.leaf < 0, where[forest.feature], 0).astype(np.int32)
    feature.flags.writeable = False
    splits = tuple(replace(split, feature=int(where[split.feature])) for split in forest.categorical)
    return replace(forest, feature=feature, n_features=len(features), categorical=splits)
