"""`EncodedLabels`: a classifier that learns classes as 0, 1, …, whatever they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils.metaestimators import available_if


def asks_for_codes(estimator: Any) -> bool:
    """Return whether an estimator, or one inside it, refuses classes other than 0, 1, …: XGBoost's do."""
    inside = [estimator, *estimator.get_params(deep=True).values()] if hasattr(estimator, "get_params") else [estimator]
    return any(base.__module__.split(".")[0] == "xgboost" for one in inside for base in type(one).__mro__)


def _has_predict_proba(self: EncodedLabels) -> bool:
    return hasattr(getattr(self, "estimator_", self.estimator), "predict_proba")


class EncodedLabels(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Fit a classifier to the positions of classes in their sorted order, and give the classes back.

    Pixel estimators put it around classifiers of XGBoost, which refuse every `y` that is not 0, 1, … without gaps.

    Parameters
    ----------
    estimator : classifier

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone; its classes are 0, 1, …
    classes_ : ndarray
        Classes as they were given.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> model = EncodedLabels(DecisionTreeClassifier()).fit([[0.0], [1.0]], [1, 3])
    >>> model.predict([[1.0]]), model.classes_, model.estimator_.classes_
    (array([3]), array([1, 3]), array([0, 1]))
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> EncodedLabels:
        """Fit a clone of the classifier.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        y : array-like, shape (n_samples,)
        sample_weight : array-like, shape (n_samples,), optional
        """
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.estimator_ = clone(self.estimator).fit(X, codes, **weights)
        return self
