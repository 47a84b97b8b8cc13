"""Gradient boosting of scikit-learn (not the one by histograms)."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from pixelforest.forest.readers.averages import tree_arrays
from pixelforest.forest.readers.joined import TreeArrays, join_trees
from pixelforest.forest.representation import Forest, make_forest

MODELS = (GradientBoostingClassifier, GradientBoostingRegressor)
RANDOM_STRATEGIES = ("stratified", "uniform")


def read_boosting(model: Any) -> Forest:
    """Read a gradient boosting classifier or regressor.

    Rows become float32, ``float64(x) <= threshold`` goes left, and NaN is refused by the model. Sums start at what the
    init estimator says and add ``learning_rate * value`` in float64, iteration by iteration. Of two classes, the second
    wins where the sum is not negative; of several, the first with the largest sum.

    Parameters
    ----------
    model : fitted GradientBoostingClassifier or GradientBoostingRegressor
        Any loss. Its ``init`` must be None, "zero", or a dummy estimator that does not draw at random.

    Returns
    -------
    Forest

    Raises
    ------
    ValueError
        `model` is not fitted, or its init estimator looks at the rows.

    Examples
    --------
    >>> model = GradientBoostingRegressor(n_estimators=5).fit([[0], [1]], [3.0, 5.0])
    >>> forest = read_boosting(model)
    >>> forest.n_trees, forest.baseline.tolist()
    (5, [4.0])
    """
    if not hasattr(model, "estimators_"):
        raise ValueError(f"`model` must be fitted, got an unfitted {type(model).__name__}")
    n_iterations, n_outputs = model.estimators_.shape
    trees = [_scaled(tree_arrays(tree.tree_), float(model.learning_rate)) for tree in model.estimators_.ravel()]
    is_exponential = getattr(model, "loss", None) == "exponential"
    n_features = int(model.estimators_[0, 0].tree_.n_features)
    return make_forest(
        **join_trees(trees),
        n_features=n_features,
        first_output=np.tile(np.arange(n_outputs), n_iterations),
        n_outputs=n_outputs,
        baseline=_baseline(model, n_features),
        averages=False,
        decision="none" if not is_classifier(model) else "sign" if n_outputs == 1 else "largest",
        tie_class=1,
        link="identity" if not is_classifier(model) else "logistic" if n_outputs == 1 else "softmax",
        link_scale=2.0 if is_exponential else 1.0,
    )


def _scaled(tree: TreeArrays, learning_rate: float) -> TreeArrays:
    return TreeArrays(
        left=tree.left,
        right=tree.right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=np.zeros(len(tree.left), bool),
        values=learning_rate * tree.values,
    )


def _baseline(model: Any, n_features: int) -> Any:
    init = model.init_
    is_constant = (isinstance(init, str) and init == "zero") or (
        isinstance(init, DummyClassifier | DummyRegressor) and init.strategy not in RANDOM_STRATEGIES
    )
    if not is_constant:
        expected = "None, 'zero' or an estimator that predicts a constant"
        raise ValueError(f"`model.init` must be {expected}, got {init!r}, whose predictions are no part of the trees")
    # Its value does not depend on the row.
    return model._raw_predict_init(np.zeros((1, n_features), np.float32))[0]
