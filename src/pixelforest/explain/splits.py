"""`split_statistics`: which features trees split on, and how deep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pixelforest.estimators.compiled_forest import CompiledForest
from pixelforest.explain.named_model import named_model
from pixelforest.forest.read import read_forests
from pixelforest.forest.representation import Forest

Values = Literal["shares", "counts"]


def split_statistics(
    model: Any, *, feature_names: Sequence[str] | None = None, values: Values = "shares"
) -> pd.DataFrame:
    """Return which share of the splits at each depth each feature has.

    Counted from the nodes of the forest. A feature that is split on near the roots decides for many pixels; one that
    appears only deep down corrects single ones. Features that carry the same information share their splits, so a small
    share does not mean that a feature is useless: see `correlation_table`.

    Parameters
    ----------
    model : fitted estimator, or anything that `compile_forest` takes
        `ImageSegmenter`, `PixelClassifier`, a pipeline that ends in one, or a forest itself: of this package, compiled,
        or of another library.
    feature_names : sequence of str, optional
        Names of the columns that the forest looks at. Default: those of the `ImageFeatureStack` in front of it, or
        those that it was fitted with, or x0, x1, …
    values : {"shares", "counts"}
        Shares, which add up to 1 at every depth, or numbers of splits.

    Returns
    -------
    pandas.DataFrame
        One row per feature, also for those that no tree looks at; one column per depth, 0 for the roots.

    Raises
    ------
    ValueError
        `model` holds no forest that can be read, `values` is unknown, or there are more or fewer `feature_names` than
        columns.
    NotFittedError
        `model` is not fitted.

    Examples
    --------
    >>> import pixelforest as pf
    >>> from pixelforest.demo_data import load_blobs
    >>> image, scribbles = load_blobs()
    >>> forest = pf.OpenCLRandomForestClassifier(100, max_depth=2, random_state=0)
    >>> stack = pf.ImageFeatureStack(("original", "gaussian"), sigmas=(1, 5))
    >>> model = pf.ImageSegmenter(stack, forest).fit([image], [scribbles])
    >>> pf.explain.split_statistics(model, values="counts").sum().to_list()[0]  # every tree has a root
    100
    >>> list(pf.explain.split_statistics(model).index)
    ['original', 'gaussian_sigma_1', 'gaussian_sigma_5']
    """
    if values not in get_args(Values):
        raise ValueError(f"`values` must be one of {get_args(Values)}, got {values!r}")
    named = named_model(model, feature_names)
    # Of a classifier of several targets, all forests have the same nodes.
    forest = named.model.model.forests[0] if isinstance(named.model, CompiledForest) else read_forests(named.model)[0]
    counts = count_splits(forest)
    table = pd.DataFrame(
        counts,
        index=pd.Index(named.checked_names(forest.n_features), name="feature"),
        columns=pd.RangeIndex(counts.shape[1], name="depth"),
    )
    return table if values == "counts" else table / table.sum()


def count_splits(forest: Forest) -> NDArray[np.int64]:
    """Return how many nodes at each depth look at each feature, ``(n_features, max_depth)``.

    A split on categories counts for the feature that holds the category.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> forest = read_forests(DecisionTreeClassifier().fit([[0, 5], [1, 5], [2, 6]], [0, 1, 2]))[0]
    >>> count_splits(forest).sum(axis=0).tolist()
    [1, 1]
    """
    column = np.append(np.arange(forest.n_features), [split.feature for split in forest.categorical]).astype(np.intp)
    counts = np.zeros((forest.n_features, forest.max_depth), np.int64)
    for depth, level in enumerate(forest.levels[:-1]):  # the last one holds leaves only
        inner = level[forest.leaf[level] < 0]
        counts[:, depth] = np.bincount(column[forest.feature[inner]], minlength=forest.n_features)
    return counts
