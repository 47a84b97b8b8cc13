"""`ImageSegmenter`: from images and scribbles to label images, tile by tile."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from pixelforest.backends.protocol import Backend
from pixelforest.backends.select import open_backend
from pixelforest.engine.budget import TileLimits
from pixelforest.engine.streaming import Progress
from pixelforest.engine.tile_job import TileJob, nan_reach
from pixelforest.engine.tiling import TileReader
from pixelforest.estimators.feature_stack import ImageFeatureStack
from pixelforest.estimators.image_jobs import checked_memory_limit, map_job
from pixelforest.estimators.pixels import PixelLabelsMixin, RowReader, default_forest
from pixelforest.estimators.sampling import Sampling
from pixelforest.estimators.shapes import checked_n_channels
from pixelforest.estimators.tile_rules import Measure, classifier_rule, uncertainty_rule
from pixelforest.features.patch import Window
from pixelforest.images.containers import ImageAxes, collect_images
from pixelforest.images.labels import Annotation

Answer = Literal["labels", "probabilities"] | Measure

TRAINING_CELL = {2: 256, 3: 64}
"""Side of the cells in which `fit` looks for annotated pixels; features are computed on bounding boxes in them."""


def _has_predict_proba(self: ImageSegmenter) -> bool:
    classifier = getattr(self, "classifier_", self.classifier)
    return classifier is None or hasattr(classifier, "predict_proba")


class ImageSegmenter(PixelLabelsMixin, BaseEstimator):
    """Learn from scribbles, segment images.

    Gives the labels of ``Pipeline([features, PixelClassifier(classifier)])``, but never holds the features of a whole
    image: one tile at a time is filtered and, when the classifier is a forest of ours on the same device, classified
    without leaving it. `fit` computes features only near annotated pixels.

    Parameters
    ----------
    features : ImageFeatureStack, optional
        What to compute for every pixel; also says how images are laid out (`spatial_ndim`, `channel_axis`,
        `spacing`), what NaN does and which device is used. Default: ``ImageFeatureStack()``.
    classifier : scikit-learn classifier, optional
        Cloned by `fit`; one from `compile_forest` stays as it was trained. Default: `OpenCLRandomForestClassifier`
        with 100 trees of depth at most 10, because trees of unlimited depth learn single strokes by heart.
    unlabeled : int or None
        The label that means "not annotated"; it is never a class. ``None``: every pixel counts, and 0 is a class.
    classes : sequence of int, optional
        Classes in the order of the columns of `predict_proba`, also those that training data may lack.
    sampling : {"natural", "balanced"}
        Whether the classes keep the frequencies in which they are annotated, or as many pixels of each are learnt from
        as the rarest class has. Balanced costs quality where annotations are as frequent as the classes are; see
        `docs/honest-validation.md`. To weigh classes otherwise, use the `class_weight` of the classifier.
    max_samples : int, optional
        Learn from at most this many pixels, of every class in proportion; drawn before features are computed.
    random_state : int, RandomState or None
        Which pixels are drawn, where not all are learnt from.
    tile_shape : tuple of int, optional
        Size of the tiles of `predict`; the result does not depend on it. Default: the largest within `memory_limit`.
    memory_limit : int, optional
        Bytes that a tile may take, with its features and all between. Default: what suits the device.

    Attributes
    ----------
    features_, classifier_ : estimator
        The fitted clones.
    classes_ : ndarray of int
        Classes as they were given.
    n_features_in_ : int
        Channels of an image.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> image = np.zeros((32, 32))
    >>> image[:, 16:] = 1
    >>> scribbles = np.zeros((32, 32), dtype=np.uint8)
    >>> scribbles[4, 2:12] = 1
    >>> scribbles[4, 20:30] = 2
    >>> model = pf.ImageSegmenter().fit([image], [scribbles])
    >>> model.predict(image)[20, [3, 28]]
    array([1, 2], dtype=uint8)
    >>> model.predict_proba(image).shape
    (32, 32, 2)
    """

    def __init__(
        self,
        features: ImageFeatureStack | None = None,
        classifier: Any = None,
        *,
        unlabeled: int | None = 0,
        classes: Any = None,
        sampling: Sampling = "natural",
        max_samples: int | None = None,
        random_state: Any = 0,
        tile_shape: tuple[int, ...] | None = None,
        memory_limit: int | None = None,
    ) -> None:
        self.features = features
        self.classifier = classifier
        self.unlabeled = unlabeled
        self.classes = classes
        self.sampling = sampling
        self.max_samples = max_samples
        self.random_state = random_state
        self.tile_shape = tile_shape
        self.memory_limit = memory_limit

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> ImageSegmenter:
        """Learn from the annotated pixels of all images.

        Parameters
        ----------
        X : list of array-like
            Images; they may differ in size.
        y : list of array-like of int
            Label images with the spatial shape of their image.
        sample_weight : list of array-like, optional
            One weight image per image.

        Raises
        ------
        ValueError, TypeError
            Lone arrays, labels that are not integers or have another shape than their image, no annotated pixel,
            fewer than two classes, NaN or inf pixels; the message names the image.
        """
        features = ImageFeatureStack() if self.features is None else clone(self.features)
        if not isinstance(features, ImageFeatureStack):
            raise TypeError(f"`features` must be an ImageFeatureStack, got {type(features).__name__}")
        if np.dtype(features.dtype) != np.float32:
            raise ValueError(f"`features`: an ImageSegmenter needs features of dtype float32, got {features.dtype!r}")
        if features.cache is not None:
            raise ValueError(
                "`features`: an ImageSegmenter computes tiles and keeps none; pass cache=None, or search with "
                f"Pipeline([features, PixelClassifier(classifier)]), which gives the same labels; got {features.cache}"
            )
        axes = features.axes()
        self._checked_tile_shape(axes)
        checked_memory_limit(self.memory_limit)
        batch = collect_images(X, axes, allow_single=False)
        features.fit(batch.images)
        classifier = default_forest() if self.classifier is None else self.classifier
        fitted, classes = self._learn(classifier, batch, axes, y, sample_weight, row_reader(features))
        self.features_, self.classifier_, self.classes_ = features, fitted, classes
        self.n_features_in_ = features.n_features_in_
        return self

    def predict(self, X: Any, *, mask: Any = None, out: Any = None, progress: Progress | None = None) -> Any:
        """Return label images.

        Parameters
        ----------
        X : list of array-like, stack, or one image
            Memory-mapped files, zarr arrays and the like are read tile by tile.
        mask : list of array-like of bool, stack, or one array-like, optional
            Pixels to predict, in the spatial shape of their image; others get the unlabelled value, and tiles without
            such pixels cost nothing.
        out : list of arrays, or one array, optional
            Where to write: anything with `shape`, `dtype` and assignment to slices, such as memory maps and zarr
            arrays. Its dtype holds the labels.
        progress : callable, optional
            Called as ``progress(n_done, n_tiles)`` after every tile.

        Returns
        -------
        list of ndarray, stack, or one ndarray
            As `X`; the smallest unsigned dtype that holds the classes. `out`, if it is given. DataArrays come back as
            DataArrays, and dask arrays as dask arrays of which nothing is computed yet.

        Raises
        ------
        ValueError, TypeError
            Images of another layout or with other channels than in `fit`, NaN or inf pixels; a `mask` or an `out` that
            does not fit; `out` or `progress` with dask arrays.
        MemoryError
            Not even a small tile fits.
        """
        check_is_fitted(self)
        return self._run(X, "labels", mask=mask, out=out, progress=progress)

    @available_if(_has_predict_proba)
    def predict_proba(self, X: Any, *, mask: Any = None, out: Any = None, progress: Progress | None = None) -> Any:
        """Return class probabilities.

        Parameters
        ----------
        X : list of array-like, stack, or one image
        mask : list of array-like of bool, stack, or one array-like, optional
            Pixels to predict; others get NaN.
        out : list of arrays, or one array, optional
            Where to write, of float32 or float64.
        progress : callable, optional
            See `predict`.

        Returns
        -------
        list of ndarray, stack, or one ndarray
            As `X`; float32, shape ``(*spatial, n_classes)`` per image: a view of a class-major array, columns in the
            order of `classes_`. `out`, if it is given. DataArrays come back as DataArrays with a ``class`` dim, and
            dask arrays as dask arrays of which nothing is computed yet.
        """
        check_is_fitted(self)
        return self._run(X, "probabilities", mask=mask, out=out, progress=progress)

    @available_if(_has_predict_proba)
    def predict_uncertainty(
        self,
        X: Any,
        *,
        measure: Measure = "entropy",
        mask: Any = None,
        out: Any = None,
        progress: Progress | None = None,
    ) -> Any:
        """Return how unsure the model is about every pixel, from 0 to 1: where annotation helps most.

        Parameters
        ----------
        X : list of array-like, stack, or one image
        measure : {"entropy", "margin", "least_confident", "disagreement"}
            See `pixelforest.metrics.uncertainty`; "disagreement" is the entropy of the trees' votes, each tree for
            the likeliest class of its leaf (vote entropy of Dagan and Engelson, 1995), and asks for a forest.
        mask : list of array-like of bool, stack, or one array-like, optional
            Pixels to look at; others get NaN.
        out : list of arrays, or one array, optional
            Where to write, of float32 or float64.
        progress : callable, optional
            See `predict`.

        Returns
        -------
        list of ndarray, stack, or one ndarray
            As `X`; float32, the spatial shape of the image. DataArrays come back as DataArrays, and dask arrays as dask
            arrays of which nothing is computed yet.

        Raises
        ------
        ValueError, TypeError
            See `predict`; an unknown `measure`, or "disagreement" of a classifier whose trees do not vote.

        Examples
        --------
        >>> import numpy as np
        >>> import pixelforest as pf
        >>> image, strokes = np.tile(np.linspace(0, 1, 32), (32, 1)), np.zeros((32, 32), np.uint8)
        >>> strokes[:, 4], strokes[:, 28] = 1, 2
        >>> unsure = pf.ImageSegmenter().fit([image], [strokes]).predict_uncertainty(image)
        >>> bool(unsure[:, 16].mean() > unsure[:, 4].mean())
        True
        """
        check_is_fitted(self)
        return self._run(X, measure, mask=mask, out=out, progress=progress)

    def _run(self, X: Any, kind: Answer, *, mask: Any, out: Any, progress: Any) -> Any:
        axes = self._checked(X)
        return map_job(
            self._job(kind, is_masked=mask is not None),
            X,
            axes,
            mask=mask,
            out=out,
            progress=progress,
            last=("class", self.classes_) if kind == "probabilities" else None,
            limits=self._limits(),
        )

    def _job(self, kind: Answer, *, is_masked: bool) -> TileJob:
        """Return what is done with every tile; of the features only those that the classifier looks at."""
        features = self.features_
        plan = features.plan_for(self.n_features_in_)
        dtype = self._label_dtype() if kind == "labels" else np.dtype(np.float32)
        given = self.classifier_, features.device, len(plan.outputs)
        if kind == "labels" or kind == "probabilities":
            rule, used = classifier_rule(*given, kind, classes=self.classes_, dtype=dtype)
        else:
            rule, used = uncertainty_rule(*given, kind, classes=self.classes_)
        return TileJob(
            plan=plan.subset(used),
            rule=rule,
            dtype=dtype,
            n_values=len(self.classes_) if kind == "probabilities" else None,
            blank=np.nan if kind != "labels" else self._masked_label() if is_masked else self.unlabeled,
            nan_policy=features.nan_policy,
            reach=nan_reach(plan),
            device=features.device,
            allow_mixed_devices=features.allow_mixed_devices,
            scaling=features.scaling(),
        )

    def _limits(self) -> TileLimits:
        """Return how large tiles are."""
        return TileLimits(self._checked_tile_shape(self.features_.axes()), checked_memory_limit(self.memory_limit))

    def _checked(self, X: Any) -> ImageAxes:
        axes = self.features_.axes()
        checked_n_channels(collect_images(X, axes), axes, expected=self.n_features_in_)
        return axes

    def _checked_tile_shape(self, axes: ImageAxes) -> tuple[int, ...] | None:
        if self.tile_shape is None:
            return None
        tile_shape = tuple(self.tile_shape)
        if len(tile_shape) != axes.spatial_ndim or min(tile_shape) < 1:
            raise ValueError(f"`tile_shape` must be {axes.spatial_ndim} integers >= 1, got {self.tile_shape!r}")
        return tile_shape


def row_reader(features: ImageFeatureStack) -> RowReader:
    """Return what computes the features of an image at its annotated pixels.

    Parameters
    ----------
    features : ImageFeatureStack
        Fitted.
    """
    backend, plan = open_backend(features.device), features.plan_for(features.n_features_in_)

    def read(image: Any, annotation: Annotation) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        planes = features.planes_for(image, annotation.index)
        return rows_at(backend, TileReader(planes, plan, features.nan_policy, annotation.index), annotation.pixels)

    return read


def rows_at(
    backend: Backend, reader: TileReader, pixels: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the features at single pixels of an image, and which of them no NaN reaches.

    The image is cut into cells; features are computed on the bounding box of the pixels in each, so that the cost of
    training follows the annotation and not the image.

    Parameters
    ----------
    backend : Backend
    reader : TileReader
    pixels : ndarray of intp
        Flat positions, C order.

    Returns
    -------
    rows : ndarray of float32, shape (n_pixels, n_features)
        In the order of `pixels`.
    valid : ndarray of bool, shape (n_pixels,)
    """
    shape = reader.shape
    positions = np.stack(np.unravel_index(pixels, shape), axis=1)
    cell = shape if reader.plan.whole_image_filters else (TRAINING_CELL[len(shape)],) * len(shape)
    cells = np.ravel_multi_index(tuple((positions // cell).T), shape)
    rows = np.empty((len(pixels), len(reader.plan.outputs)), np.float32)
    valid = np.ones(len(pixels), np.bool_)
    order = np.argsort(cells, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(cells[order])) + 1) if len(pixels) else ():
        inside = positions[members]
        window = Window(tuple(inside.min(axis=0).tolist()), tuple((inside.max(axis=0) + 1).tolist()))
        if reader.plan.whole_image_filters:
            window = Window.whole(shape)
        patch, touched = reader.read(window)
        at = tuple((inside - np.array(window.start)).T)
        rows[members] = backend.compute_features(reader.plan, patch).to_host()[(slice(None), *at)].T
        if touched is not None:
            valid[members] = ~touched[at]
    return rows, valid
