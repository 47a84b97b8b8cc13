"""`ImageFeatureStack`: images in, feature images out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from pixelforest.backends.protocol import Backend
from pixelforest.backends.select import open_backend
from pixelforest.engine.tiling import TileReader, tile_shape_for, tiles
from pixelforest.engine.xarrays import name_like
from pixelforest.estimators.shapes import ImageInputMixin, checked_n_channels, map_images
from pixelforest.features.build import build_plan, grid
from pixelforest.features.parse import parse_features
from pixelforest.features.plan import FeaturePlan
from pixelforest.features.spec import FeatureSpec
from pixelforest.images.containers import (
    ImageAxes,
    NanPolicy,
    channels_first,
    checked_axes,
    checked_spacing,
    collect_images,
)

DEFAULT_FILTERS = (
    "original",
    "gaussian",
    "difference_of_gaussians",
    "laplacian_of_gaussian",
    "gaussian_gradient_magnitude",
    "hessian_eigenvalues",
    "structure_tensor_eigenvalues",
)
DEFAULT_SIGMAS = (1, 2, 4)


class ImageFeatureStack(ImageInputMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Filter images at several scales; every pixel becomes a vector of features.

    Stateless: `transform` works without `fit`. What `fit` learns is the number of channels, which later images must
    then have. Intermediate results that several filters need are computed once.

    Parameters
    ----------
    filters : sequence of str
        Filters; each is computed at every sigma. Formulae: `pixelforest.features.filters`.
    sigmas : sequence of float
        Scales in pixels, or in the unit of `spacing`.
    features : str or list, optional
        Instead of `filters` and `sigmas`: a preset such as ``"object_size_1_to_5_px"``, a feature string such as
        ``"original gaussian_blur=1 sobel_of_gaussian_blur=5"``, or a list of `FeatureSpec` or such strings.
    spatial_ndim : {2, 3}
        Number of spatial axes. Never guessed: ``(5, 256, 256)`` is five images or one volume, and you say which.
    channel_axis : int, optional
        Axis of one image that holds channels; every filter is applied to every channel.
    spacing : sequence of float, optional
        Distance between pixels on each spatial axis, ``(z, y, x)`` order. Sigmas and derivatives are then physical.
    nan_policy : {"raise", "mask"}
        What NaN or inf pixels do: raise, or make NaN of every feature that they reach.
    device : str
        ``"auto"``, ``"numpy"``, or part of the name of an OpenCL platform or device.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen by `fit`.

    See Also
    --------
    ImageSegmenter : Features and classifier in one, tile by tile.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> image = np.random.default_rng(0).normal(size=(64, 48))
    >>> stack = pf.ImageFeatureStack(filters=("gaussian", "hessian_eigenvalues"), sigmas=(1, 2))
    >>> stack.transform(image).shape
    (64, 48, 6)
    >>> list(stack.get_feature_names_out()[:3])
    ['gaussian_sigma_1', 'gaussian_sigma_2', 'hessian_eigenvalues_0_sigma_1']
    """

    def __init__(
        self,
        filters: Any = DEFAULT_FILTERS,
        sigmas: Any = DEFAULT_SIGMAS,
        *,
        features: Any = None,
        spatial_ndim: int = 2,
        channel_axis: int | None = None,
        spacing: Any = None,
        nan_policy: NanPolicy = "raise",
        device: str = "auto",
    ) -> None:
        self.filters = filters
        self.sigmas = sigmas
        self.features = features
        self.spatial_ndim = spatial_ndim
        self.channel_axis = channel_axis
        self.spacing = spacing
        self.nan_policy = nan_policy
        self.device = device

    def fit(self, X: Any, y: Any = None) -> ImageFeatureStack:
        """Check parameters and remember the number of channels.

        Parameters
        ----------
        X : list of array-like, stack, or one image
        y : ignored

        Raises
        ------
        ValueError, TypeError
            A parameter or an image that is not what it should be; the message says which.
        """
        n_channels = checked_n_channels(collect_images(X, self.axes()), self.axes())
        self.plan_for(n_channels)
        self.n_features_in_ = n_channels
        return self

    def transform(self, X: Any) -> Any:
        """Return the features of every image.

        Parameters
        ----------
        X : list of array-like, stack, or one image

        Returns
        -------
        list of ndarray, stack, or one ndarray
            As `X`; float32, shape ``(*spatial, n_features)`` per image: a view of a feature-major block. DataArrays
            come back as DataArrays with a ``feature`` dim.

        Raises
        ------
        ValueError, TypeError
            A parameter or an image that is not what it should be; the message says which.
        """
        axes = self.axes()
        expected = getattr(self, "n_features_in_", None)
        plan = self.plan_for(checked_n_channels(collect_images(X, axes), axes, expected=expected))
        backend = open_backend(self.device)

        def features_of(image: Any, index: int) -> Any:
            reader = TileReader(channels_first(image, axes, index=index), plan, self.nan_policy, index)
            block = np.moveaxis(compute_image(backend, reader), 0, -1)
            return name_like(block, image, axes, last=("feature", plan.names))

        return map_images(X, axes, features_of)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the features: the last axis of what `transform` returns.

        Parameters
        ----------
        input_features : ignored

        Raises
        ------
        ValueError
            Images have channels, and `fit` has not seen how many.
        """
        n_channels = getattr(self, "n_features_in_", 1 if self.channel_axis is None else None)
        if n_channels is None:
            raise ValueError("the names depend on the number of channels (`channel_axis` is set): call `fit` first")
        return np.array(self.plan_for(n_channels).names, dtype=object)

    def axes(self) -> ImageAxes:
        """Return how one image is laid out."""
        return checked_axes(self.spatial_ndim, self.channel_axis)

    def specs(self) -> tuple[FeatureSpec, ...]:
        """Return the features as specifications.

        Raises
        ------
        ValueError
            Unknown names (with a suggestion), a bad sigma, or `features` together with `filters` or `sigmas`.
        """
        if self.features is not None:
            if tuple(self.filters) != DEFAULT_FILTERS or tuple(self.sigmas) != DEFAULT_SIGMAS:
                raise ValueError(
                    "`features` replaces `filters` and `sigmas`: give either, "
                    f"got features={self.features!r}, filters={self.filters!r} and sigmas={self.sigmas!r}"
                )
            return parse_features(self.features)
        for name in ("filters", "sigmas"):
            value = getattr(self, name)
            if isinstance(value, str) or not np.iterable(value) or not list(value):
                raise ValueError(f"`{name}` must be a sequence with at least one item, got {value!r}")
        return parse_features(list(grid(tuple(self.filters), tuple(self.sigmas))))

    def plan_for(self, n_channels: int) -> FeaturePlan:
        """Return what is computed for images with `n_channels` channels."""
        if self.nan_policy not in ("raise", "mask"):
            raise ValueError(f"`nan_policy` must be 'raise' or 'mask', got {self.nan_policy!r}")
        return build_plan(self.specs(), checked_spacing(self.spacing, self.axes().spatial_ndim), n_channels)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.allow_nan = self.nan_policy == "mask"
        return tags


def compute_image(backend: Backend, reader: TileReader) -> NDArray[np.float32]:
    """Return the features of a whole image, ``(n_features, *spatial)``; pixels that NaN reaches are NaN."""
    n_features = len(reader.plan.outputs)
    out = np.empty((n_features, *reader.shape), np.float32)
    for window in tiles(reader.shape, tile_shape_for(reader.shape, n_features)):
        patch, touched = reader.read(window)
        tile = out[(slice(None), *window.slices)]
        tile[...] = backend.compute_features(reader.plan, patch).to_host()
        if touched is not None:
            tile[:, touched] = np.nan
    return out
