"""Pixels of feature images as rows: what `PixelClassifier` and `PixelRegressor` share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.estimators.shapes import checked_n_channels
from pixelforest.images.containers import ImageAxes, NanPolicy, channels_first, checked_axes, collect_images
from pixelforest.images.labels import Annotation


class FeatureRowsMixin:
    """Rows of estimators with `spatial_ndim` and `nan_policy`, whose images have features on the last axis."""

    spatial_ndim: int
    nan_policy: NanPolicy
    n_features_in_: int

    def axes(self) -> ImageAxes:
        """Return how one feature image is laid out."""
        if self.nan_policy not in ("raise", "mask"):
            raise ValueError(f"`nan_policy` must be 'raise' or 'mask', got {self.nan_policy!r}")
        return checked_axes(self.spatial_ndim, -1)

    def _checked(self, X: Any) -> ImageAxes:
        axes = self.axes()
        checked_n_channels(collect_images(X, axes), axes, expected=self.n_features_in_, what="features")
        return axes

    def _rows(self, image: Any, index: int) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[int, ...]]:
        """Return the pixels as rows (a view where the layout allows), which are valid, and the spatial shape."""
        planes = channels_first(image, self.axes(), index=index)
        rows = planes.reshape(planes.shape[0], -1).T
        valid = np.isfinite(rows).all(axis=1)
        if self.nan_policy == "raise" and not valid.all():
            raise ValueError(f"`X[{index}]` holds NaN or inf features; pass nan_policy='mask' to leave such pixels out")
        return rows, valid, planes.shape[1:]

    def annotated_rows(self, image: Any, annotation: Annotation) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return the features of an image at its annotated pixels, and which of these are valid.

        Parameters
        ----------
        image : array-like, shape (*spatial, n_features)
        annotation : Annotation

        Returns
        -------
        rows : ndarray, shape (n_pixels, n_features)
        valid : ndarray of bool, shape (n_pixels,)

        Raises
        ------
        ValueError
            NaN or inf anywhere in the image, under ``nan_policy="raise"``.
        """
        rows, valid, _ = self._rows(image, annotation.index)
        return rows[annotation.pixels], valid[annotation.pixels]
