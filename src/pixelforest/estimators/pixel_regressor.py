"""`PixelRegressor`: any scikit-learn regressor, applied to every pixel of feature images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from pixelforest.engine.chunked import is_chunked, map_pixels
from pixelforest.engine.xarrays import name_like, values_of
from pixelforest.estimators.feature_rows import FeatureRowsMixin
from pixelforest.estimators.fit_clone import fit_clone
from pixelforest.estimators.pixels import default_regression_forest, gather_rows
from pixelforest.estimators.shapes import ImageInputMixin, checked_n_channels, map_images, spatial_shapes
from pixelforest.images.containers import NanPolicy, collect_images
from pixelforest.images.targets import read_targets


class PixelRegressor(FeatureRowsMixin, ImageInputMixin, RegressorMixin, MetaEstimatorMixin, BaseEstimator):
    """Predict a number for every pixel from its features: the last step of a pipeline over images.

    The wrapped estimator sees an ordinary table: one row per annotated pixel.

    Parameters
    ----------
    estimator : scikit-learn regressor, optional
        Cloned by `fit`. Without one: `OpenCLRandomForestRegressor` with 100 trees of depth at most 10.
    spatial_ndim : {2, 3}
        Number of spatial axes; features are on the last axis.
    nan_policy : {"raise", "mask"}
        What NaN or inf features do: raise, or make the result NaN.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    n_features_in_ : int
        Features per pixel.

    See Also
    --------
    PixelClassifier : The same for classes.

    Examples
    --------
    One stain from another, learned from two strokes:

    >>> import numpy as np
    >>> import pixelforest as pf
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> image = np.linspace(0, 1, 64).reshape(8, 8)
    >>> target = np.full((8, 8), np.nan)
    >>> target[1, 2:6] = 3 * image[1, 2:6] + 1
    >>> target[6] = 3 * image[6] + 1
    >>> model = make_pipeline(pf.ImageFeatureStack(["original"]), pf.PixelRegressor(LinearRegression()))
    >>> bool(np.allclose(model.fit([image], [target]).predict(image), 3 * image + 1))
    True
    """

    def __init__(self, estimator: Any = None, *, spatial_ndim: int = 2, nan_policy: NanPolicy = "raise") -> None:
        self.estimator = estimator
        self.spatial_ndim = spatial_ndim
        self.nan_policy = nan_policy

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> PixelRegressor:
        """Fit the estimator to the annotated pixels of all images.

        Parameters
        ----------
        X : list of array-like, shape (*spatial, n_features)
            Feature images; they may differ in size.
        y : list of array-like of float, shape (*spatial)
            Images of numbers, NaN where nothing is annotated.
        sample_weight : list of array-like, optional
            One weight image per image.

        Raises
        ------
        ValueError, TypeError
            Lone arrays; targets that are integers (which have no NaN), infinite, or of another shape than their image;
            no annotated pixel; NaN or inf features. The message names the image.
        """
        axes = self.axes()
        batch = collect_images(X, axes, allow_single=False)
        n_features = checked_n_channels(batch, axes, what="features")
        annotations = read_targets(y, spatial_shapes(batch, axes), sample_weight=sample_weight)
        rows, values, weights = gather_rows(batch, annotations, self.annotated_rows)
        estimator = default_regression_forest() if self.estimator is None else self.estimator
        self.estimator_, self.n_features_in_ = fit_clone(estimator, rows, values, weights), n_features
        return self

    def predict(self, X: Any) -> Any:
        """Return images of numbers.

        Parameters
        ----------
        X : list of array-like, stack, or one feature image

        Returns
        -------
        list of ndarray, stack, or one ndarray
            As `X`; float64.
        """
        check_is_fitted(self)
        axes = self._checked(X)

        def numbers_of(image: Any, index: int) -> Any:
            job, values = _NumberJob(self, index), values_of(image)
            is_lazy = is_chunked(values)
            return name_like(
                map_pixels(job, values, None, np.dtype(np.float64)) if is_lazy else job(values), image, axes
            )

        return map_images(X, axes, numbers_of)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R² over all annotated pixels of all images.

        Parameters
        ----------
        X, y, sample_weight : list
            As in `fit`.
        """
        predictions = self.predict(X)
        annotations = read_targets(y, [np.shape(image) for image in predictions], sample_weight=sample_weight)
        predicted = [np.asarray(predictions[a.index]).ravel()[a.pixels] for a in annotations]
        weights = None if sample_weight is None else np.concatenate([a.weights for a in annotations])
        return float(
            r2_score(np.concatenate([a.labels for a in annotations]), np.concatenate(predicted), sample_weight=weights)
        )


@dataclass(frozen=True)
class _NumberJob:
    """Numbers of an image, or of a part of one."""

    model: PixelRegressor
    index: int

    def __call__(self, image: Any) -> NDArray[np.float64]:
        rows, valid, shape = self.model._rows(image, self.index)
        values = np.full(len(rows), np.nan)
        if valid.any():
            values[valid] = self.model.estimator_.predict(rows if valid.all() else rows[valid])
        return values.reshape(shape)
