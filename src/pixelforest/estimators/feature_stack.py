"""`ImageFeatureStack`: images in, feature images out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from pixelforest.backends.select import open_backend
from pixelforest.engine.chunked import is_chunked
from pixelforest.engine.feature_cache import FeatureCache
from pixelforest.engine.scaling import PercentileScaling, scaled_planes
from pixelforest.engine.tile_job import TileJob, nan_reach
from pixelforest.engine.tiling import TileReader
from pixelforest.engine.xarrays import name_like, values_of
from pixelforest.estimators.image_jobs import map_job
from pixelforest.estimators.outputs import checked_dtype, checked_outputs
from pixelforest.estimators.shapes import ImageInputMixin, checked_n_channels, map_images
from pixelforest.estimators.tile_rules import FeatureRule
from pixelforest.estimators.whole_images import compute_image, recall_image
from pixelforest.features.build import build_plan, grid
from pixelforest.features.cascade import LargeSigma, checked_large_sigma
from pixelforest.features.conventions import ConventionName, checked_convention
from pixelforest.features.parse import parse_features
from pixelforest.features.plan import FeaturePlan
from pixelforest.features.spec import FeatureSpec
from pixelforest.images.containers import (
    ImageAxes,
    NanPolicy,
    checked_axes,
    checked_spacing,
    collect_images,
    planes_of,
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
    filters : sequence of str, CustomFilter, or object with `transform`
        Filters; each is computed at every sigma. Formulae: `pixelforest.features.filters`. Your own: see
        `register_filter`. An object with ``transform(image)`` sees the image once, channels last, and returns
        ``(*spatial)`` or ``(*spatial, n)``; it tells n by ``get_feature_names_out()`` or ``n_outputs``, and its halo by
        ``halo`` (without: whole images only). Wrap fitted scikit-learn transformers in `FrozenEstimator`, so that
        `clone` leaves them fitted.
    sigmas : sequence of float
        Scales in pixels, or in the unit of `spacing`.
    features : str or list, optional
        Instead of `filters` and `sigmas`: a preset (``"ilastik"``, ``"skimage"``, ``"weka"``,
        ``"apoc_object_size_1_to_5_px"``, …), a feature string such as
        ``"original gaussian_blur=1 sobel_of_gaussian_blur=5"``, or a list of `FeatureSpec` or such strings.
    spatial_ndim : {2, 3}
        Number of spatial axes. Never guessed: ``(5, 256, 256)`` is five images or one volume, and you say which.
    channel_axis : int, optional
        Axis of one image that holds channels; every filter is applied to every channel.
    convention : {"scipy", "ilastik", "clesperanto", "skimage"}
        Whose borders, kernels and edge operators, see `pixelforest.features.conventions`. Presets and apoc's names
        keep their own.
    large_sigma : {"direct", "cascade"}
        How Gaussians of 4.5 and more pixels, and all that is made of them, are computed: as smaller ones, or on a
        coarser grid, several times faster and, for Gaussians, within 6e-5 of the image's range
        (`pixelforest.features.cascade`). Only for the convention ``"scipy"``; the others promise the numbers of other
        libraries.
    filter_ndim : {2, 3}, optional
        2 filters volumes slice by slice; by default all spatial axes are filtered.
    spacing : sequence of float, optional
        Distance between pixels on each spatial axis, ``(z, y, x)`` order. Sigmas and derivatives are then physical.
    normalization : "percentile" or PercentileScaling, optional
        Scale every channel of every image by its own percentiles before it is filtered, as an `ImageNormalizer` in
        front would; exact under tiling, because the percentiles of the whole image are found first. "percentile" is
        ``PercentileScaling()``.
    nan_policy : {"raise", "mask"}
        What NaN or inf pixels do: raise, or make NaN of every feature that they reach.
    dtype : {"float32", "float16"}
        Of what `transform` returns. Values are computed as float32; float16 halves the memory and keeps 3 digits.
    device : str
        ``"auto"``, ``"numpy"``, or part of the name of an OpenCL platform or device.
    allow_mixed_devices : bool
        Whether devices that differ in name or driver, and hence perhaps in the last digits, may share the work on one
        machine or on several.
    cache : FeatureCache, optional
        Where `transform` keeps every feature of images in memory and finds it again; for searches, see `FeatureCache`.
        The chunks of dask arrays are computed without it.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen by `fit`.
    plan_ : FeaturePlan
        What is computed, and which intermediate results are shared; ``print(stack.plan_)`` shows it.

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
        convention: ConventionName = "scipy",
        large_sigma: LargeSigma = "direct",
        filter_ndim: int | None = None,
        spacing: Any = None,
        normalization: Literal["percentile"] | PercentileScaling | None = None,
        nan_policy: NanPolicy = "raise",
        dtype: Any = "float32",
        device: str = "auto",
        allow_mixed_devices: bool = False,
        cache: FeatureCache | None = None,
    ) -> None:
        self.filters = filters
        self.sigmas = sigmas
        self.features = features
        self.spatial_ndim = spatial_ndim
        self.channel_axis = channel_axis
        self.convention = convention
        self.large_sigma = large_sigma
        self.filter_ndim = filter_ndim
        self.spacing = spacing
        self.normalization = normalization
        self.nan_policy = nan_policy
        self.dtype = dtype
        self.device = device
        self.allow_mixed_devices = allow_mixed_devices
        self.cache = cache

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
        self.scaling()
        checked_dtype(self.dtype)
        self.n_features_in_ = n_channels
        return self

    def transform(self, X: Any, *, out: Any = None) -> Any:
        r"""Return the features of every image.

        Parameters
        ----------
        X : list of array-like, stack, or one image
        out : ndarray or list of ndarray, optional
            Arrays of the shape and dtype of the result to write into, one per image: memory that is used again is
            faster than fresh memory. Best in the layout that `transform` returns.

        Returns
        -------
        list of ndarray, stack, or one ndarray
            As `X`; of dtype `dtype`, shape ``(*spatial, n_features)`` per image: a view of a feature-major block.
            `out`, if it is given. DataArrays come back as DataArrays with a ``feature`` dim, and dask arrays as dask
            arrays of which nothing is computed yet.

        Raises
        ------
        ValueError, TypeError
            A parameter, an image or an output that is not what it should be; the message says which.
        """
        axes = self.axes()
        batch = collect_images(X, axes)
        plan = self.plan_for(checked_n_channels(batch, axes, expected=getattr(self, "n_features_in_", None)))
        dtype = checked_dtype(self.dtype)
        if any(is_chunked(values_of(image)) for image in batch.images):
            return map_job(self._job(plan, dtype), X, axes, out=out, last=("feature", plan.names))
        shapes = [(*axes.spatial(np.shape(image)), len(plan.outputs)) for image in batch.images]
        outputs = checked_outputs(out, batch, shapes, dtype)
        backend = open_backend(self.device)

        def features_of(image: Any, index: int) -> Any:
            reader = TileReader(self.planes_for(image, index), plan, self.nan_policy, index)
            block = outputs.block(index)
            if self.cache is None:
                compute_image(backend, reader, block)
            else:
                recall_image(self.cache, backend, reader, block)
            return name_like(np.moveaxis(block, 0, -1), image, axes, last=("feature", plan.names))

        results = map_images(X, axes, features_of)
        return results if out is None else out

    def _job(self, plan: FeaturePlan, dtype: np.dtype[Any]) -> TileJob:
        return TileJob(
            plan=plan,
            rule=FeatureRule(dtype, plan.names),
            dtype=dtype,
            n_values=len(plan.outputs),
            blank=np.nan,
            nan_policy=self.nan_policy,
            reach=nan_reach(plan),
            device=self.device,
            allow_mixed_devices=self.allow_mixed_devices,
            scaling=self.scaling(),
        )

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

    @property
    def plan_(self) -> FeaturePlan:
        """What is computed: every pass once, and which features it serves; print it to read it.

        Raises
        ------
        AttributeError
            Images have channels, and `fit` has not seen how many.
        """
        n_channels = getattr(self, "n_features_in_", 1 if self.channel_axis is None else None)
        if n_channels is None:
            raise AttributeError("`plan_` depends on the number of channels (`channel_axis` is set): call `fit` first")
        return self.plan_for(n_channels)

    def axes(self) -> ImageAxes:
        """Return how one image is laid out."""
        return checked_axes(self.spatial_ndim, self.channel_axis)

    def scaling(self) -> PercentileScaling | None:
        """Return how images are scaled.

        Raises
        ------
        ValueError
            `normalization` is none of those that it can be.
        """
        if self.normalization is None or isinstance(self.normalization, PercentileScaling):
            return self.normalization and replace(self.normalization)  # checked again: files do not ask
        if self.normalization != "percentile":
            raise ValueError(
                f"`normalization` must be None, 'percentile' or a PercentileScaling, got {self.normalization!r}"
            )
        return PercentileScaling()

    def planes_for(self, image: Any, index: int) -> Any:
        """Return one image with channels first as filters see it, read and scaled part by part."""
        planes = planes_of(image, self.axes(), index=index)
        return scaled_planes(planes, self.scaling(), self.nan_policy, index)

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
        if not isinstance(self.cache, FeatureCache | None):
            raise TypeError(f"`cache` must be a FeatureCache or None, got {self.cache!r}")
        checked_convention(self.convention)
        ndim = self.axes().spatial_ndim
        if self.filter_ndim is not None and (self.filter_ndim not in (2, 3) or self.filter_ndim > ndim):
            raise ValueError(f"`filter_ndim` must be None, 2 or 3 and at most {ndim}, got {self.filter_ndim!r}")
        spacing = checked_spacing(self.spacing, ndim)
        return build_plan(
            self.specs(),
            spacing,
            n_channels,
            convention=self.convention,
            filter_ndim=self.filter_ndim,
            large_sigma=checked_large_sigma(self.large_sigma),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.allow_nan = self.nan_policy == "mask"
        return tags
