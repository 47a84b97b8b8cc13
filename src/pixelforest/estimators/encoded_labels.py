"""`EncodedLabels`: a classifier that learns 0, 1, … in the place of classes, whatever these are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Tags, assert_all_finite, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from pixelforest.estimators.fit_clone import fit_clone


class EncodedLabels(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Fit a classifier to the positions of classes in their sorted order, and give the classes back.

    Estimators of pixels and of objects put it around classifiers of XGBoost, which refuse classes other than 0, 1, …
    without gaps.

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

        Raises
        ------
        ValueError
            Weights for a classifier that takes none; a `y` that is no classes.
        """
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        classes, codes = np.unique(np.asarray(y), return_inverse=True)
        self.estimator_ = fit_clone(self.estimator, X, codes, sample_weight)
        self.classes_ = classes
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each row.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        """
        check_is_fitted(self)
        return self.classes_[self.estimator_.predict(X)]

    @available_if(lambda self: hasattr(getattr(self, "estimator_", self.estimator), "predict_proba"))
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return class probabilities, columns in the order of `classes_`.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @property
    def n_features_in_(self) -> int:
        """Columns of `X`."""
        return self.estimator_.n_features_in_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags


def with_codes(classifier: Any) -> Any:
    """Return `EncodedLabels` of a classifier of XGBoost, or of one that holds such; every other as it is.

    One that is frozen stays, too: the classes that it was fitted with are not known to be positions.
    """
    inside = [classifier, *classifier.get_params().values()] if hasattr(classifier, "get_params") else []
    is_frozen = any(isinstance(one, FrozenEstimator) for one in inside)
    refuses = any(base.__module__.split(".")[0] == "xgboost" for one in inside for base in type(one).__mro__)
    return EncodedLabels(classifier) if refuses and not is_frozen else classifier
