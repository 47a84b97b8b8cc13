"""`ImageNormalizer`: bring images of differing brightness onto one scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from pixelforest.engine.scaling import PercentileScaling, measure_scales
from pixelforest.engine.xarrays import name_like
from pixelforest.estimators.shapes import ImageInputMixin, checked_n_channels, map_images
from pixelforest.images.containers import ImageAxes, channels_first, checked_axes, collect_images


class ImageNormalizer(ImageInputMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Scale every image, and every channel of it, by its own percentiles.

    ``(f - P_low) / (P_high - P_low)``, so the low percentile becomes 0 and the high one 1. A constant channel becomes
    0. Stateless: nothing of one image enters another. `ImageFeatureStack` and `ImageSegmenter` do the same tile by tile
    with ``normalization="percentile"``.

    Parameters
    ----------
    low, high : float
        Percentiles, ``0 <= low < high <= 100``.
    clip : bool
        Whether values outside the percentiles are cut to 0 and 1.
    spatial_ndim : {2, 3}
    channel_axis : int, optional
        Axis of one image that holds channels.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen by `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> image = np.arange(101.0).reshape(1, 101)
    >>> pf.ImageNormalizer(low=10, high=90).transform(image)[0, [10, 50, 90]]
    array([0. , 0.5, 1. ], dtype=float32)
    """

    def __init__(
        self,
        low: float = 1.0,
        high: float = 99.8,
        *,
        clip: bool = False,
        spatial_ndim: int = 2,
        channel_axis: int | None = None,
    ) -> None:
        self.low = low
        self.high = high
        self.clip = clip
        self.spatial_ndim = spatial_ndim
        self.channel_axis = channel_axis

    def fit(self, X: Any, y: Any = None) -> ImageNormalizer:
        """Check parameters and remember the number of channels.

        Parameters
        ----------
        X : list of array-like, stack, or one image
        y : ignored
        """
        axes = self._checked_axes()
        self.n_features_in_ = checked_n_channels(collect_images(X, axes), axes)
        return self

    def transform(self, X: Any) -> Any:
        """Return the scaled images as float32, in the container and the layout that came.

        Parameters
        ----------
        X : list of array-like, stack, or one image

        Raises
        ------
        ValueError
            Bad percentiles, NaN or inf pixels (with the index of the image), another number of channels than in `fit`.
        """
        axes = self._checked_axes()
        checked_n_channels(collect_images(X, axes), axes, expected=getattr(self, "n_features_in_", None))
        return map_images(X, axes, lambda image, index: self._normalize(image, index, axes))

    def _normalize(self, image: Any, index: int, axes: ImageAxes) -> Any:
        planes = channels_first(image, axes, index=index)
        scaled = measure_scales(planes, self._scaling(), "raise", index).apply(planes, index=index)
        if axes.channel_axis is None:
            return name_like(scaled[0], image, axes)
        result = np.moveaxis(scaled, 0, axes.channel_axis)
        return image.copy(data=result) if hasattr(image, "coords") else result

    def _checked_axes(self) -> ImageAxes:
        self._scaling()
        return checked_axes(self.spatial_ndim, self.channel_axis)

    def _scaling(self) -> PercentileScaling:
        return PercentileScaling(self.low, self.high, self.clip)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags
