"""Places in images where a stroke would teach a pixel classifier most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from pixelforest.estimators.segmenter import ImageSegmenter, row_reader
from pixelforest.estimators.shapes import spatial_shapes
from pixelforest.estimators.tile_rules import Measure
from pixelforest.images.containers import ImageAxes, ImageBatch, collect_images
from pixelforest.images.labels import Annotation, as_labels
from pixelforest.suggest.diverse import choose_diverse

if TYPE_CHECKING:
    from pandas import DataFrame

CANDIDATES_PER_PLACE = 20
"""Compared for each place that is returned; the more, the more diverse and the less uncertain places are."""


def suggest_annotations(
    model: ImageSegmenter,
    images: Any,
    k: int = 10,
    *,
    annotations: Any = None,
    measure: Measure = "entropy",
    distance: float = 5.0,
) -> DataFrame:
    """Return places where a stroke would teach the model most: uncertain ones that differ from one another.

    Maps of uncertainty are smoothed (Gaussian, sigma ``distance / 2``), because a stroke covers more than a pixel.
    Their highest maxima that keep `distance` are candidates; of these, places are chosen one after the other by
    uncertainty times distance, in the space of features, to the nearest place that was chosen before
    (`choose_diverse`), so that not all of them show the same difficulty.

    Parameters
    ----------
    model : ImageSegmenter
        Fitted.
    images : list of array-like, stack, or one image
        Where to look. A map of one image is in memory at a time.
    k : int
        How many places; fewer come back where images have fewer maxima.
    annotations : list of array-like of int, optional
        Label images that exist already; places keep `distance` from annotated pixels.
    measure : {"entropy", "margin", "least_confident", "disagreement"}
        See `ImageSegmenter.predict_uncertainty`.
    distance : float
        In pixels.

    Returns
    -------
    DataFrame
        One row per place, the best first: ``image`` (its index), ``z`` of volumes, ``y``, ``x``, ``uncertainty`` (of
        the smoothed map, 0 to 1).

    Raises
    ------
    TypeError, ValueError
        `model` is no ImageSegmenter or not fitted, `k` or `distance` is not positive, label images do not fit.

    Examples
    --------
    >>> import pixelforest as pf
    >>> image, strokes = np.tile(np.linspace(0, 1, 64), (64, 1)), np.zeros((64, 64), np.uint8)
    >>> strokes[:, 4], strokes[:, 60] = 1, 2
    >>> model = pf.ImageSegmenter().fit([image], [strokes])
    >>> pf.suggest_annotations(model, [image], 2, annotations=[strokes]).columns.tolist()
    ['image', 'y', 'x', 'uncertainty']
    """
    from pandas import DataFrame

    if not isinstance(model, ImageSegmenter):
        raise TypeError(f"`model` must be an ImageSegmenter, got {type(model).__name__}")
    check_is_fitted(model)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"`k` must be an integer >= 1, got {k!r}")
    if not distance > 0:
        raise ValueError(f"`distance` must be positive, got {distance!r}")
    axes = model.features_.axes()
    batch = collect_images(images, axes, argument="images")
    known = _checked_annotations(annotations, batch, axes, model.unlabeled)
    found = [
        _candidates(model, image, index, taken, measure, float(distance), CANDIDATES_PER_PLACE * k)
        for index, (image, taken) in enumerate(zip(batch.images, known, strict=True))
    ]
    places, scores, rows = (np.concatenate(parts) for parts in zip(*found, strict=True))
    chosen = choose_diverse(scores, rows, k)
    names = ["image", *("z", "y", "x")[-axes.spatial_ndim :]]
    return DataFrame(places[chosen], columns=names).assign(uncertainty=scores[chosen])


def _checked_annotations(annotations: Any, batch: ImageBatch, axes: ImageAxes, unlabeled: int | None) -> list[Any]:
    """Return, for every image, which pixels are annotated; None where nothing is."""
    if annotations is None:
        return [None] * len(batch.images)
    if len(annotations) != len(batch.images):
        raise ValueError(
            f"`annotations` must hold {len(batch.images)} label images, one per image, got {len(annotations)}"
        )
    shapes = spatial_shapes(batch, axes)
    labels = [
        as_labels(array, shape, index=index, argument="annotations")
        for index, (array, shape) in enumerate(zip(annotations, shapes, strict=True))
    ]
    return [array != (0 if unlabeled is None else unlabeled) for array in labels]


def _candidates(
    model: ImageSegmenter,
    image: Any,
    index: int,
    taken: NDArray[np.bool_] | None,
    measure: Measure,
    distance: float,
    n_candidates: int,
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Return the maxima of one image: their places with the image's index in front, uncertainty, and features."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter
    from skimage.feature import peak_local_max

    unsure = np.asarray(model.predict_uncertainty(image, measure=measure))
    is_known = np.isfinite(unsure)
    smooth = gaussian_filter(np.where(is_known, unsure, 0.0), distance / 2, mode="nearest")
    if taken is not None and taken.any():
        is_known &= distance_transform_edt(~taken) >= distance
    smooth[~is_known] = 0
    spacing = max(1, round(distance))
    peaks = peak_local_max(smooth, min_distance=spacing, exclude_border=False, num_peaks=n_candidates, threshold_abs=0)
    pixels = np.ravel_multi_index(tuple(peaks.T), smooth.shape)
    rows, _ = row_reader(model.features_)(image, Annotation(index, pixels, np.zeros(len(pixels), np.uint8), None))
    places = np.column_stack([np.full(len(peaks), index), peaks])
    return places, smooth[tuple(peaks.T)], rows.astype(np.float64)
