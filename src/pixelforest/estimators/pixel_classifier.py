"""`PixelClassifier`: any scikit-learn classifier, applied to every pixel of feature images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from pixelforest.engine.chunked import is_chunked, map_pixels
from pixelforest.engine.xarrays import name_like, values_of
from pixelforest.estimators.feature_rows import FeatureRowsMixin
from pixelforest.estimators.pixels import PixelLabelsMixin, default_forest
from pixelforest.estimators.shapes import checked_n_channels, map_images
from pixelforest.images.containers import NanPolicy, collect_images

Kind = Literal["labels", "probabilities"]


def _has_predict_proba(self: PixelClassifier) -> bool:
    wrapped = getattr(self, "estimator_", self.estimator)
    return wrapped is None or hasattr(wrapped, "predict_proba")


class PixelClassifier(FeatureRowsMixin, PixelLabelsMixin, MetaEstimatorMixin, BaseEstimator):
    """Classify pixels by their features: the last step of a pipeline over images.

    The wrapped estimator sees an ordinary table: one row per annotated pixel. It stays a plain scikit-learn
    estimator, so scalers and PCA go inside it: ``PixelClassifier(make_pipeline(StandardScaler(), SVC()))``.

    Parameters
    ----------
    estimator : scikit-learn classifier, optional
        Cloned by `fit`; one from `compile_forest` stays as it was trained. Without one:
        `OpenCLRandomForestClassifier` with 100 trees of depth at most 10.
    unlabeled : int or None
        The label that means "not annotated"; it is never a class. ``None``: every pixel counts, and 0 is a class.
    classes : sequence of int, optional
        Classes in the order of the columns of `predict_proba`, also those that training data may lack.
    spatial_ndim : {2, 3}
        Number of spatial axes; features are on the last axis.
    nan_policy : {"raise", "mask"}
        What NaN or inf features do: raise, or give the pixel the unlabelled value and probability NaN.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    classes_ : ndarray of int
        Classes as they were given.
    n_features_in_ : int
        Features per pixel.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> from sklearn.pipeline import make_pipeline
    >>> image = np.zeros((32, 32))
    >>> image[:, 16:] = 1
    >>> scribbles = np.zeros((32, 32), dtype=np.uint8)
    >>> scribbles[4, 2:12] = 1
    >>> scribbles[4, 20:30] = 2
    >>> pipeline = make_pipeline(pf.ImageFeatureStack(), pf.PixelClassifier()).fit([image], [scribbles])
    >>> pipeline.predict([image])[0][20, [3, 28]]
    array([1, 2], dtype=uint8)
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        unlabeled: int | None = 0,
        classes: Any = None,
        spatial_ndim: int = 2,
        nan_policy: NanPolicy = "raise",
    ) -> None:
        self.estimator = estimator
        self.unlabeled = unlabeled
        self.classes = classes
        self.spatial_ndim = spatial_ndim
        self.nan_policy = nan_policy

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> PixelClassifier:
        """Fit the estimator to the annotated pixels of all images.

        Parameters
        ----------
        X : list of array-like, shape (*spatial, n_features)
            Feature images; they may differ in size.
        y : list of array-like of int, shape (*spatial)
            Label images.
        sample_weight : list of array-like, optional
            One weight image per image.

        Raises
        ------
        ValueError, TypeError
            Lone arrays, labels that are not integers or have another shape than their image, no annotated pixel,
            fewer than two classes, NaN or inf features; the message names the image.
        """
        axes = self.axes()
        batch = collect_images(X, axes, allow_single=False)
        n_features = checked_n_channels(batch, axes, what="features")
        estimator = default_forest() if self.estimator is None else self.estimator
        fitted, classes = self._learn(estimator, batch, axes, y, sample_weight, self.annotated_rows)
        self.estimator_, self.classes_, self.n_features_in_ = fitted, classes, n_features
        return self

    def predict(self, X: Any) -> Any:
        """Return label images.

        Parameters
        ----------
        X : list of array-like, stack, or one feature image

        Returns
        -------
        list of ndarray, stack, or one ndarray
            As `X`; the smallest unsigned dtype that holds the classes.
        """
        check_is_fitted(self)
        axes = self._checked(X)

        def labels_of(image: Any, index: int) -> Any:
            return name_like(self._of_pixels("labels", image, index), image, axes)

        return map_images(X, axes, labels_of)

    @available_if(_has_predict_proba)
    def predict_proba(self, X: Any) -> Any:
        """Return class probabilities.

        Parameters
        ----------
        X : list of array-like, stack, or one feature image

        Returns
        -------
        list of ndarray, stack, or one ndarray
            As `X`; shape ``(*spatial, n_classes)`` per image, columns in the order of `classes_`.
        """
        check_is_fitted(self)
        axes = self._checked(X)

        def probabilities_of(image: Any, index: int) -> Any:
            values = self._of_pixels("probabilities", image, index)
            return name_like(values, image, axes, last=("class", self.classes_))

        return map_images(X, axes, probabilities_of)

    def _of_pixels(self, kind: Kind, image: Any, index: int) -> Any:
        """Return labels or probabilities of one image, lazily where it is lazy."""
        job, image = _PixelJob(self, kind, index), values_of(image)
        if not is_chunked(image):
            return job(image)
        if kind == "labels":
            return map_pixels(job, image, None, self._label_dtype())
        return map_pixels(job, image, len(self.classes_), np.dtype(np.float64))


@dataclass(frozen=True)
class _PixelJob:
    """Labels or probabilities of an image, or of a part of one."""

    model: PixelClassifier
    kind: Kind
    index: int

    def __call__(self, image: Any) -> NDArray[Any]:
        rows, valid, shape = self.model._rows(image, self.index)
        if self.kind == "labels":
            labels = np.empty(len(rows), self.model._label_dtype())
            if not valid.all():
                labels[~valid] = self.model._masked_label()
            if valid.any():
                labels[valid] = self.model.estimator_.predict(rows if valid.all() else rows[valid])
            return labels.reshape(shape)
        values = np.full((len(rows), len(self.model.classes_)), np.nan)
        if valid.any():
            found = self.model.estimator_.predict_proba(rows if valid.all() else rows[valid])
            values[valid] = self.model._in_class_order(found, self.model.estimator_.classes_)
        return values.reshape(*shape, len(self.model.classes_))
