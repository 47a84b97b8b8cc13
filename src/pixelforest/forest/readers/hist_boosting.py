"""Gradient boosting by histograms of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from pixelforest.forest.categories import CategoryColumns, CategorySplit
from pixelforest.forest.readers.joined import TreeArrays, join_trees
from pixelforest.forest.representation import Forest, Link, make_forest

MODELS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
REGRESSION_LINKS: dict[str, Link] = {"IdentityLink": "identity", "LogLink": "exp"}


def read_hist_boosting(model: Any) -> Forest:
    """Read a histogram gradient boosting classifier or regressor.

    Rows are float64, ``x <= threshold`` goes left, NaN goes where the node's ``missing_go_to_left`` says. A split on
    categories looks up the value of the row among those seen in `fit`; unknown ones go where NaN goes. Sums start at
    the baseline and add leaf values in float64, iteration by iteration. Of two classes, the second wins where the sum
    is positive; of several, the first with the largest sum.

    Parameters
    ----------
    model : fitted HistGradientBoostingClassifier or HistGradientBoostingRegressor
        Any loss. Categories must be numbers.

    Returns
    -------
    Forest

    Raises
    ------
    ValueError
        `model` is not fitted, or splits on categories that are no numbers, or has a link of its own.

    Examples
    --------
    >>> model = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=1).fit([[0], [1]], [3.0, 5.0])
    >>> forest = read_hist_boosting(model)
    >>> forest.n_trees, forest.precision, forest.baseline.tolist()
    (5, 'float64', [4.0])
    """
    if not hasattr(model, "_predictors"):
        raise ValueError(f"`model` must be fitted, got an unfitted {type(model).__name__}")
    predictors = [predictor for iteration in model._predictors for predictor in iteration]
    n_outputs = int(model.n_trees_per_iteration_)
    columns = _Columns(model)
    nodes = join_trees([columns.tree_arrays(predictor) for predictor in predictors])
    return make_forest(
        **nodes,
        n_features=int(model.n_features_in_),
        first_output=np.tile(np.arange(n_outputs), len(model._predictors)),
        n_outputs=n_outputs,
        baseline=np.ravel(model._baseline_prediction),
        averages=False,
        precision="float64",
        decision="none" if not is_classifier(model) else "sign" if n_outputs == 1 else "largest",
        link=_link(model),
        categorical=tuple(columns.derived.splits),
    )


def _link(model: Any) -> Link:
    if is_classifier(model):
        return "logistic" if model.n_trees_per_iteration_ == 1 else "softmax"
    name = type(model._loss.link).__name__
    if name not in REGRESSION_LINKS:
        raise ValueError(f"`model` must have one of the links {', '.join(REGRESSION_LINKS)}, got {name}")
    return REGRESSION_LINKS[name]


class _Columns:
    """From the columns that the trees see, encoded categories first, to those of the user's rows."""

    def __init__(self, model: Any) -> None:
        self.derived = CategoryColumns(int(model.n_features_in_))
        self.original = np.arange(self.derived.n_features)
        self.categories: list[NDArray[Any]] = []
        if model.is_categorical_ is not None:
            is_categorical = np.asarray(model.is_categorical_, bool)
            self.original = np.concatenate([np.flatnonzero(is_categorical), np.flatnonzero(~is_categorical)])
            self.categories = model._preprocessor.named_transformers_["encoder"].categories_

    def tree_arrays(self, predictor: Any) -> TreeArrays:
        nodes = predictor.nodes
        is_leaf = nodes["is_leaf"].astype(bool)
        left, right = (np.where(is_leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
        feature = self.original[np.where(is_leaf, 0, nodes["feature_idx"])]
        threshold = np.where(is_leaf, 0.0, nodes["num_threshold"])
        for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~is_leaf):
            bits = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]]
            missing_left = bool(nodes["missing_go_to_left"][node])
            feature[node] = self._derived(int(nodes["feature_idx"][node]), bits, missing_left)
            threshold[node] = 0.5
            if not missing_left:  # here the members are those that go left
                left[node], right[node] = right[node], left[node]
        return TreeArrays(
            left=left,
            right=right,
            feature=feature,
            threshold=threshold,
            missing_left=nodes["missing_go_to_left"].astype(bool),
            values=nodes["value"][:, np.newaxis],
        )

    def _derived(self, column: int, bits: NDArray[np.uint32], missing_left: bool) -> int:
        """Return the column whose members go left; or, where NaN goes left, those that go right."""
        known = self.categories[column]
        if known.dtype.kind not in "fiub":
            feature = self.original[column]
            raise ValueError(
                f"`model` must have categories that are numbers, got {known[0]!r} in feature {feature}; encode them "
                "before the model"
            )
        known = known[~np.isnan(known.astype(np.float64))].astype(np.float64)  # NaN comes last and is no category
        code = np.arange(len(known))
        goes_left = bits[code // 32] >> (code % 32).astype(np.uint32) & 1 != 0
        members = known[~goes_left if missing_left else goes_left]
        split = CategorySplit(feature=int(self.original[column]), members=tuple(members.tolist()))
        return self.derived.column(split)
