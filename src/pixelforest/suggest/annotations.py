"""`suggest_annotations`: what to annotate next, pixels or objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from pixelforest.estimators.object_classifier import ObjectClassifier
from pixelforest.estimators.segmenter import ImageSegmenter
from pixelforest.estimators.tile_rules import Measure
from pixelforest.suggest.objects import suggest_objects
from pixelforest.suggest.places import suggest_places

if TYPE_CHECKING:
    from pandas import DataFrame


def suggest_annotations(
    model: ImageSegmenter | ObjectClassifier,
    images: Any,
    k: int = 10,
    *,
    annotations: Any = None,
    measure: Measure = "entropy",
    distance: float = 5.0,
) -> DataFrame:
    """Return what would teach a model most: uncertain places, or objects, that differ from one another.

    Candidates are chosen one after the other by uncertainty times distance, in the space of features, to the nearest
    one that was chosen before (`choose_diverse`), so that not all of them show the same difficulty. For pixels,
    candidates are maxima of the map of uncertainty, which is smoothed first (Gaussian, sigma ``distance / 2``),
    because a stroke covers more than a pixel.

    Parameters
    ----------
    model : ImageSegmenter or ObjectClassifier
        Fitted.
    images : list of samples, stack, or one sample
        Where to look: what `model` predicts. A map of one image is in memory at a time.
    k : int
        How many; fewer come back where images have fewer maxima, or fewer objects.
    annotations : list, optional
        What is annotated already, as in `fit`. Places keep `distance` from annotated pixels; annotated objects are
        left out.
    measure : {"entropy", "margin", "least_confident", "disagreement"}
        See `ImageSegmenter.predict_uncertainty`; "disagreement" is for pixels.
    distance : float
        Between places, in pixels.

    Returns
    -------
    DataFrame
        The best first. One row per place: ``image`` (its index), ``z`` of volumes, ``y``, ``x``; or one per object:
        ``image``, ``label``. Then ``uncertainty``, 0 to 1; of places that of the smoothed map.

    Raises
    ------
    TypeError, ValueError
        Another kind of model, or one that is not fitted; `k` or `distance` that is not positive; annotations that do
        not fit.

    Examples
    --------
    >>> import pixelforest as pf
    >>> image, strokes = np.tile(np.linspace(0, 1, 64), (64, 1)), np.zeros((64, 64), np.uint8)
    >>> strokes[:, 4], strokes[:, 60] = 1, 2
    >>> model = pf.ImageSegmenter().fit([image], [strokes])
    >>> pf.suggest_annotations(model, [image], 2, annotations=[strokes]).columns.tolist()
    ['image', 'y', 'x', 'uncertainty']
    """
    if not isinstance(model, ImageSegmenter | ObjectClassifier):
        raise TypeError(f"`model` must be an ImageSegmenter or an ObjectClassifier, got {type(model).__name__}")
    check_is_fitted(model)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"`k` must be an integer >= 1, got {k!r}")
    if not distance > 0:
        raise ValueError(f"`distance` must be positive, got {distance!r}")
    if isinstance(model, ImageSegmenter):
        return suggest_places(model, images, int(k), annotations=annotations, measure=measure, distance=float(distance))
    if measure == "disagreement":
        raise ValueError("`measure` must be 'entropy', 'margin' or 'least_confident' for objects, got 'disagreement'")
    return suggest_objects(model, images, int(k), annotations=annotations, measure=measure)
