"""`Flatten`: pixels of images as rows of a table, for unsupervised learners."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from pixelforest.estimators.shapes import ImageInputMixin, checked_n_channels, spatial_shapes
from pixelforest.images.containers import ImageAxes, channels_first, checked_axes, collect_images


class Flatten(ImageInputMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Turn images into a table with one row per pixel and one column per channel.

    It gives many rows per image, so it serves unsupervised pipelines. A *supervised* classifier after it would meet
    label images of another length than its table; use `PixelClassifier` there, which ravels features and labels
    together and drops pixels that nobody annotated.

    Parameters
    ----------
    spatial_ndim : {2, 3}
    channel_axis : int or None
        Axis of one image that holds channels; features are on the last one. ``None``: one column.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen by `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.pipeline import make_pipeline
    >>> rgb = [np.random.default_rng(i).integers(0, 255, (10, 12, 3), dtype=np.uint8) for i in range(2)]
    >>> pf.Flatten().transform(rgb).shape
    (240, 3)
    >>> make_pipeline(pf.Flatten(), KMeans(2, random_state=0)).fit_predict(rgb).shape
    (240,)
    >>> maps = pf.Flatten().inverse_transform(np.arange(240), like=rgb)
    >>> maps[1].shape
    (10, 12)
    """

    def __init__(self, *, spatial_ndim: int = 2, channel_axis: int | None = -1) -> None:
        self.spatial_ndim = spatial_ndim
        self.channel_axis = channel_axis

    def fit(self, X: Any, y: Any = None) -> Flatten:
        """Check parameters and remember the number of channels.

        Parameters
        ----------
        X : list of array-like, stack, or one image
        y : ignored
        """
        axes = self._axes()
        self.n_features_in_ = checked_n_channels(collect_images(X, axes), axes)
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the pixels of all images, image after image, each in C order.

        Parameters
        ----------
        X : list of array-like, stack, or one image

        Returns
        -------
        ndarray, shape (n_pixels, n_channels)
            A view for one image, where its memory layout allows that.
        """
        axes = self._axes()
        batch = collect_images(X, axes)
        checked_n_channels(batch, axes, expected=getattr(self, "n_features_in_", None))
        tables = [
            planes.reshape(planes.shape[0], -1).T
            for planes in (channels_first(image, axes, index=i) for i, image in enumerate(batch.images))
        ]
        return tables[0] if len(tables) == 1 else np.concatenate(tables)

    def inverse_transform(self, X: Any, *, like: Any) -> Any:
        """Return a value, or a vector of values, per pixel as images again.

        Parameters
        ----------
        X : array-like, shape (n_pixels,) or (n_pixels, n_values)
            Values such as cluster labels, in the order of `transform`.
        like : list of array-like, stack, or one image
            The images that were flattened: their shapes and their container are taken.

        Raises
        ------
        ValueError
            Another number of rows than `like` has pixels.
        """
        values = np.asarray(X)
        batch = collect_images(like, self._axes(), argument="like")
        shapes = spatial_shapes(batch, self._axes())
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        if values.ndim not in (1, 2) or len(values) != ends[-1]:
            raise ValueError(f"`X` must hold one row per pixel of `like`, {ends[-1]}, got shape {values.shape}")
        parts = np.split(values, ends[:-1])
        return batch.restore(
            [part.reshape(*shape, *values.shape[1:]) for part, shape in zip(parts, shapes, strict=True)]
        )

    def _axes(self) -> ImageAxes:
        return checked_axes(self.spatial_ndim, self.channel_axis)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags
