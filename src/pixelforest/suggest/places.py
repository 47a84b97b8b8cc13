"""Places in images where a stroke would teach a pixel classifier most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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


def suggest_places(
    model: ImageSegmenter, images: Any, k: int, *, annotations: Any, measure: Measure, distance: float
) -> DataFrame:
    """Return places for strokes; see `suggest_annotations`.

    Maps of uncertainty are smoothed (Gaussian, sigma ``distance / 2``), because a stroke covers more than a pixel.
    Their highest maxima that keep `distance` are the candidates.

    Parameters
    ----------
    model : ImageSegmenter
        Fitted.
    images, k, annotations, measure, distance
        See `suggest_annotations`.

    Raises
    ------
    TypeError, ValueError
        See `suggest_annotations`.
    """
    from pandas import DataFrame

    axes = model.features_.axes()
    batch = collect_images(images, axes, argument="images")
    known = _checked_annotations(annotations, batch, axes, model.unlabeled)
    found = [
        _candidates(model, image, index, taken, measure, distance, CANDIDATES_PER_PLACE * k)
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
