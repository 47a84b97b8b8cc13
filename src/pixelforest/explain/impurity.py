"""`impurity_importances`: how much each feature sorted the training pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pixelforest.explain.named_model import named_model


def impurity_importances(model: Any, *, feature_names: Sequence[str] | None = None) -> pd.DataFrame:
    """Return how much each feature reduced the impurity of nodes, by name.

    The numbers are the model's own ``feature_importances_``. They describe the training pixels, not what the model is
    worth on others, favour features with many values, and share out what correlated features have in common:
    `permutation_importances` on images that were held out answers the other questions.

    Parameters
    ----------
    model : fitted estimator
        `ImageSegmenter`, `PixelClassifier`, a pipeline that ends in one, or any model with ``feature_importances_``.
    feature_names : sequence of str, optional
        Names of the columns that the model looks at. Default: those of the `ImageFeatureStack` in front of it, or
        those that it was fitted with, or x0, x1, …

    Returns
    -------
    pandas.DataFrame
        One row per feature; columns ``importance`` and ``std``, the standard deviation over the trees with at least one
        split (NaN where the trees of a model do not tell).

    Raises
    ------
    ValueError
        `model` keeps no impurities (compiled forests, histogram gradient boosting), or there are more or fewer
        `feature_names` than columns.
    NotFittedError
        `model` is not fitted.

    Examples
    --------
    >>> import pixelforest as pf
    >>> from pixelforest.demo_data import load_blobs
    >>> image, scribbles = load_blobs()
    >>> model = pf.ImageSegmenter(pf.ImageFeatureStack(("gaussian",), sigmas=(1, 10))).fit([image], [scribbles])
    >>> table = pf.explain.impurity_importances(model)
    >>> table["importance"].idxmax()
    'gaussian_sigma_1'
    """
    named = named_model(model, feature_names)
    importances = getattr(named.model, "feature_importances_", None)
    if importances is None:
        raise ValueError(
            f"`model` must have `feature_importances_`, and a {type(named.model).__name__} has none; "
            "`permutation_importances` needs predictions only"
        )
    names = named.checked_names(len(importances))
    table = pd.DataFrame({"importance": importances, "std": _std_over_trees(named.model)}, dtype=np.float64)
    return table.set_axis(pd.Index(names, name="feature"))


def _std_over_trees(model: Any) -> Any:
    """Return the standard deviation of the importances of the trees that the model averages."""
    trees = [tree for tree in np.ravel(getattr(model, "estimators_", [])) if hasattr(tree, "tree_")]
    each = [tree.feature_importances_ for tree in trees if tree.tree_.node_count > 1]
    return np.std(each, axis=0) if each else np.nan
