"""`AugmentedTraining`: learn from altered copies too, predict images as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from pixelforest.augment.augmentation import Augmentation, augment
from pixelforest.estimators.feature_stack import ImageFeatureStack
from pixelforest.estimators.pixels import PixelLabelsMixin
from pixelforest.estimators.segmenter import ImageSegmenter


def _has(name: str) -> Any:
    def check(self: AugmentedTraining) -> bool:
        return hasattr(getattr(self, "estimator_", self.estimator) or ImageSegmenter(), name)

    return check


class AugmentedTraining(PixelLabelsMixin, MetaEstimatorMixin, BaseEstimator):
    """Fit a segmenter to images and altered copies of them; everything else goes to the segmenter as it is.

    Only `fit` augments. So in cross-validation and searches training images have copies and test images have none,
    and no copy of a test image is learnt from.

    Parameters
    ----------
    estimator : ImageSegmenter or Pipeline, optional
        What learns from images and label images. Default: ``ImageSegmenter()``.
    augmentation : Augmentation, optional
        Default: flips and quarter turns.
    copies : int
        Of every image.
    spatial_ndim : {2, 3}, optional
    channel_axis : int, optional
        How images are laid out; needed only where `estimator` is no ImageSegmenter, which says it itself.
    random_state : int, RandomState or None

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    classes_ : ndarray of int

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> image = np.zeros((32, 32))
    >>> image[:, 16:] = 1
    >>> scribbles = np.zeros((32, 32), dtype=np.uint8)
    >>> scribbles[4, 2:12], scribbles[4, 20:30] = 1, 2
    >>> model = pf.AugmentedTraining(augmentation=pf.Augmentation(noise=0.1), copies=3, random_state=0)
    >>> model.fit([image], [scribbles]).predict(image)[20, [3, 28]]
    array([1, 2], dtype=uint8)
    """

    def __init__(
        self,
        estimator: Any = None,
        augmentation: Augmentation | None = None,
        *,
        copies: int = 1,
        spatial_ndim: int | None = None,
        channel_axis: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.augmentation = augmentation
        self.copies = copies
        self.spatial_ndim = spatial_ndim
        self.channel_axis = channel_axis
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> AugmentedTraining:
        """Learn from images and their copies.

        Parameters
        ----------
        X : list of array-like
        y : list of array-like of int
        sample_weight : list of array-like, optional
            One weight image per image.

        Raises
        ------
        TypeError, ValueError
            See `augment`, and what `estimator` refuses.
        """
        estimator = ImageSegmenter() if self.estimator is None else clone(self.estimator)
        spatial_ndim, channel_axis = self._layout(estimator)
        parts = augment(
            X,
            y,
            self.augmentation,
            copies=self.copies,
            sample_weight=sample_weight,
            spatial_ndim=spatial_ndim,
            channel_axis=channel_axis,
            random_state=self.random_state,
        )
        weights = {} if sample_weight is None else {"sample_weight": parts[2]}
        self.estimator_ = estimator.fit(parts[0], parts[1], **weights)
        self.classes_ = np.asarray(self.estimator_.classes_)
        self.n_features_in_ = self.estimator_.n_features_in_
        return self

    def predict(self, X: Any) -> Any:
        """Return what the fitted estimator predicts for the images as they are."""
        check_is_fitted(self)
        return self.estimator_.predict(X)

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Return the fitted estimator's class probabilities for the images as they are."""
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @property
    def unlabeled(self) -> int | None:  # type: ignore[override]
        """The estimator's value for pixels that are not annotated, which `score` leaves out."""
        found = getattr(self, "estimator_", self.estimator)
        last = found[-1] if hasattr(found, "steps") else found
        return getattr(last, "unlabeled", 0)

    def _layout(self, estimator: Any) -> tuple[int, int | None]:
        if not isinstance(estimator, ImageSegmenter):
            return (2 if self.spatial_ndim is None else self.spatial_ndim), self.channel_axis
        axes = (estimator.features or ImageFeatureStack()).axes()
        given = (self.spatial_ndim, self.channel_axis)
        if given not in ((None, None), (axes.spatial_ndim, axes.channel_axis)):
            raise ValueError(
                "`spatial_ndim` and `channel_axis` must be None, or those of the segmenter's features, "
                f"{axes.spatial_ndim} and {axes.channel_axis}, got {self.spatial_ndim} and {self.channel_axis}"
            )
        return axes.spatial_ndim, axes.channel_axis
