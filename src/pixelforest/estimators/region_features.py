"""`RegionFeatures`: label images in, a table of their regions out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError

from pixelforest.engine.chunked import is_chunked
from pixelforest.engine.chunked_regions import measure_chunks
from pixelforest.engine.xarrays import values_of
from pixelforest.estimators.shapes import ImageInputMixin
from pixelforest.images.containers import ImageAxes, checked_axes, checked_spacing, collect_images
from pixelforest.regions.input_checks import check_image_shape, checked_planes, checked_regions
from pixelforest.regions.measure import measure
from pixelforest.regions.names import Asked, check_applicable, parse_properties
from pixelforest.regions.region_table import RegionTable
from pixelforest.regions.regions import Regions

DEFAULT_PROPERTIES = ("area", "axis_major_length", "axis_minor_length", "extent", "max_distance_to_centroid")

Sample = tuple[NDArray[Any], NDArray[Any] | None]
"""A label image, and the image behind it with channels first."""


class RegionFeatures(TransformerMixin, ImageInputMixin, BaseEstimator):
    """Measure the regions of label images: one row per region, all images in one table.

    A sample is a label image, or a pair ``(labels, image)`` of one and the intensities behind it. 0 is background;
    every other number is a region, whatever the numbers are. Like `Flatten` it gives many rows per image, so it serves
    unsupervised pipelines and tables. Stateless: `transform` works without `fit`. What `fit` learns is the number of
    channels, which later images must then have.

    Parameters
    ----------
    properties : sequence of str, or str
        Measurements: all of `skimage.measure.regionprops` that are numbers, and those of ``docs/objects.md``. Names of
        apoc and CellProfiler mean the same as theirs. Vectors become columns ``name-0``, ``name-1``, …
    spacing : sequence of float, optional
        Distance between pixels on every axis, ``(z, y, x)`` order; lengths and areas are then physical.
    channel_axis : int, optional
        Axis of the images, not of the label images, that holds channels. Measurements of intensity then have one column
        per channel, ``intensity_mean-0``, …
    spatial_ndim : {2, 3}
        Number of axes of a label image.

    Attributes
    ----------
    n_features_in_ : int
        Channels of the images seen by `fit`; 0 for label images alone.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> labels = np.array([[1, 1, 0, 5], [1, 1, 0, 5]])
    >>> features = pf.RegionFeatures(["area", "intensity_mean", "touching_neighbor_count"])
    >>> features.transform([(labels, labels * 10.0)])
    array([[ 4., 10.,  0.],
           [ 2., 50.,  0.]])
    >>> features.set_output(transform="pandas").transform([(labels, labels * 10.0)])
                 area  intensity_mean  touching_neighbor_count
    image label
    0     1       4.0            10.0                      0.0
          5       2.0            50.0                      0.0
    """

    def __init__(
        self,
        properties: Any = DEFAULT_PROPERTIES,
        *,
        spacing: Any = None,
        channel_axis: int | None = None,
        spatial_ndim: int = 2,
    ) -> None:
        self.properties = properties
        self.spacing = spacing
        self.channel_axis = channel_axis
        self.spatial_ndim = spatial_ndim

    def fit(self, X: Any, y: Any = None) -> RegionFeatures:
        """Check parameters and remember the number of channels.

        Parameters
        ----------
        X : list of array-like or of pairs of array-like, a stack of label images, or one sample
        y : ignored

        Raises
        ------
        TypeError, ValueError
            See `measure`.
        """
        asked, samples = self._asked(), self._samples(X)
        n_channels = _n_channels(samples)
        check_applicable(asked, has_image=n_channels > 0, spacing=self._spacing())
        self.n_features_in_ = n_channels
        return self

    def transform(self, X: Any) -> Any:
        """Return the measurements of all regions, image after image, labels ascending.

        Parameters
        ----------
        X : list of array-like or of pairs of array-like, a stack of label images, or one sample

        Returns
        -------
        ndarray of float64, shape (n_regions, n_features)
            Without rows if there are no regions. After ``set_output(transform="pandas")`` a data frame, whose index
            holds image and label.

        Raises
        ------
        TypeError, ValueError
            See `measure`.
        """
        tables = self.measure(X)
        values = np.concatenate([table.values for table in tables])
        output = getattr(self, "_sklearn_output_config", {}).get("transform", get_config()["transform_output"])
        if output != "pandas":
            return values
        import pandas as pd

        index = pd.MultiIndex.from_arrays(list(region_index(tables)), names=("image", "label"))
        return pd.DataFrame(values, index=index, columns=list(tables[0].names))

    def measure(self, X: Any) -> list[RegionTable]:
        """Return one table per image: `labels`, `names` and `values`.

        Parameters
        ----------
        X : list of array-like or of pairs of array-like, a stack of label images, or one sample

        Returns
        -------
        list of RegionTable

        Raises
        ------
        TypeError
            A sample that is neither a label image nor a pair, labels that are not integers, intensities that are not
            real numbers.
        ValueError
            An unknown property (with a suggestion), one that needs an image where there is none, or that is not defined
            in 3-D; negative labels; an image of another shape than its labels, with NaN, or with another number of
            channels than the first one or than in `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> import pixelforest as pf
        >>> table = pf.RegionFeatures("area").measure(np.array([[7, 7, 2]]))[0]
        >>> table.labels.tolist(), table.values.tolist()
        ([2, 7], [[1.0], [2.0]])
        """
        asked, samples, spacing = self._asked(), self._samples(X), self._spacing()
        n_channels = _n_channels(samples, expected=getattr(self, "n_features_in_", None))
        check_applicable(asked, has_image=n_channels > 0, spacing=spacing)
        has_channels = self.channel_axis is not None
        return [
            measure_chunks(labels, planes, asked, spacing, has_channels=has_channels, argument=f"X[{index}]")
            if is_chunked(labels) or is_chunked(planes)
            else measure(Regions(labels, planes, spacing, has_channels), asked)
            for index, (labels, planes) in enumerate(samples)
        ]

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns.

        Parameters
        ----------
        input_features : ignored

        Raises
        ------
        NotFittedError
            Images have channels, and `fit` has not seen how many.
        """
        asked = self._asked()
        n_channels = getattr(self, "n_features_in_", 1)
        if self.channel_axis is not None and not hasattr(self, "n_features_in_"):
            # scikit-learn lets data frames keep the columns they have where it reads these words.
            raise NotFittedError(
                "RegionFeatures does not provide get_feature_names_out before `fit` where `channel_axis` is set: the "
                "names depend on the number of channels"
            )
        one = (1,) * self.spatial_ndim
        planes = np.ones((max(n_channels, 1), *one))
        table = measure(Regions(np.ones(one, np.uint8), planes, self._spacing(), self.channel_axis is not None), asked)
        return np.array(table.names, dtype=object)

    def _asked(self) -> tuple[Asked, ...]:
        axes = checked_axes(self.spatial_ndim, self.channel_axis)
        return parse_properties(self.properties, axes.spatial_ndim)

    def _samples(self, X: Any) -> list[Sample]:
        """Return labels and planes of every sample, checked; nothing is measured yet."""
        is_list = isinstance(X, list) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1)
        pairs = [item if isinstance(item, tuple) else (item, None) for item in (X if is_list else [X])]
        for index, pair in enumerate(pairs):
            if len(pair) != 2:
                raise TypeError(f"`X[{index}]` must be a label image or a pair (labels, image), got {len(pair)} items")
        is_stack = not is_list and not isinstance(X, tuple)
        batch = collect_images(X if is_stack else [labels for labels, _ in pairs], ImageAxes(self.spatial_ndim, None))
        images = [None] * len(batch.images) if is_stack else [image for _, image in pairs]
        return [self._sample(i, *pair) for i, pair in enumerate(zip(batch.images, images, strict=True))]

    def _sample(self, index: int, labels: Any, image: Any) -> Sample:
        labels, image = values_of(labels), values_of(image)
        names = (f"X[{index}]", "") if image is None else (f"X[{index}][0]", f"X[{index}][1]")
        array = labels if is_chunked(labels) else checked_regions(labels, argument=names[0])
        if image is None:
            return array, None
        if not is_chunked(image):
            return array, checked_planes(image, array.shape, self.channel_axis, argument=names[1])
        check_image_shape(image, array.shape, self.channel_axis, argument=names[1])
        return array, image[np.newaxis] if self.channel_axis is None else np.moveaxis(image, self.channel_axis, 0)

    def _spacing(self) -> tuple[float, ...]:
        return checked_spacing(self.spacing, self.spatial_ndim)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


def region_index(tables: list[RegionTable]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the image and the label of every row of the tables of several images.

    Parameters
    ----------
    tables : list of RegionTable
        As `RegionFeatures.measure` returns them.

    Examples
    --------
    >>> tables = RegionFeatures("area").measure([np.array([[3, 8]]), np.array([[0, 2]])])
    >>> [array.tolist() for array in region_index(tables)]
    [[0, 0, 1], [3, 8, 2]]
    """
    sizes = [len(table.labels) for table in tables]
    image = np.repeat(np.arange(len(tables), dtype=np.int64), sizes)
    return image, np.concatenate([table.labels for table in tables])


def _n_channels(samples: list[Sample], expected: int | None = None) -> int:
    """Return the number of channels that all images have; 0 for label images alone."""
    counts = [0 if planes is None else len(planes) for _, planes in samples]
    expected = counts[0] if expected is None else expected
    for index, n_channels in enumerate(counts):
        if n_channels != expected:
            raise ValueError(
                f"`X[{index}]` must have {expected} channels of intensity, as the first one and in `fit`; "
                f"it has {n_channels}"
            )
    return expected
