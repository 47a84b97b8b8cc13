"""Scores of labelled objects: nuclei, cells, grains."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning

from pixelforest.metrics._inputs import LabelImages
from pixelforest.metrics._object_overlaps import ObjectOverlaps, best_overlaps, matched_overlaps, object_overlaps

# Literals, because `np.arange(0.5, 1, 0.05)` holds 0.6000000000000001, which an overlap of exactly 3/5 would miss.
NUCLEI_THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


class ObjectPair(NamedTuple):
    """A reference object and the predicted object that it was matched with.

    Examples
    --------
    >>> from pixelforest.metrics import ObjectPair
    >>> ObjectPair(image=0, reference=3, predicted=7, iou=0.8).predicted
    7
    """

    image: int
    """Position of the image in the list; 0 for a lone image."""
    reference: int
    """Label of the reference object."""
    predicted: int
    """Label of the predicted object."""
    iou: float
    """Intersection over union of the two."""


@dataclass(frozen=True)
class ObjectMatching:
    """Counts of matched and unmatched objects, and the scores made of them.

    A score without objects to count (its denominator is 0) is NaN.

    Examples
    --------
    >>> from pixelforest.metrics import ObjectMatching
    >>> matching = ObjectMatching(
    ...     true_positives=6, false_positives=2, false_negatives=1, threshold=0.5, mean_matched_iou=0.9, pairs=()
    ... )
    >>> matching.precision, matching.f1
    (0.75, 0.8)
    """

    true_positives: int
    """Reference objects that have a partner."""
    false_positives: int
    """Predicted objects without a partner."""
    false_negatives: int
    """Reference objects without a partner."""
    threshold: float
    """The overlap that a match needs at least."""
    mean_matched_iou: float
    """Mean intersection over union of the matched pairs; 0 without a match."""
    pairs: tuple[ObjectPair, ...]
    """The matched pairs, sorted by image and reference label."""

    @property
    def precision(self) -> float:
        """Matched share of the predicted objects: TP / (TP + FP)."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Matched share of the reference objects: TP / (TP + FN)."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)."""
        return _ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)

    @property
    def average_precision(self) -> float:
        """TP / (TP + FP + FN), what is called average precision for nuclei."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives + self.false_negatives)

    @property
    def panoptic_quality(self) -> float:
        """Mean overlap of the matched pairs times `f1` (Kirillov et al., CVPR 2019)."""
        return self.mean_matched_iou * self.f1


def sparse_jaccard(reference_labels: LabelImages, predicted_labels: LabelImages) -> float:
    """Return the mean best overlap of the reference objects.

    Every reference object is compared with the predicted object that overlaps it best; the score is the mean of
    those intersections over unions. The reference may be sparse: predicted objects that touch no reference object do
    not count. All pixels of an overlapping predicted object count toward the union, and one predicted object may be
    the best of several. This is the sparse Jaccard index of apoc.

    Parameters
    ----------
    reference_labels, predicted_labels : integer array with at least two axes, or list of such arrays
        Label images of the same shapes: 0 is background, every other value is one object; gaps are fine.

    Returns
    -------
    float
        In [0, 1], the mean over the reference objects of all images; NaN with an ``UndefinedMetricWarning`` where
        there is none.

    Raises
    ------
    TypeError
        If the labels are not integers, or an argument is a tuple.
    ValueError
        If the numbers or the shapes of the images differ, or a label is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from pixelforest.metrics import sparse_jaccard
    >>> reference = np.array([[1, 1, 0, 0, 0, 0]])
    >>> predicted = np.array([[7, 7, 7, 7, 0, 9]])
    >>> sparse_jaccard(reference, predicted)
    0.5
    """
    names = ("reference_labels", "predicted_labels")
    images = object_overlaps(reference_labels, predicted_labels, names=names)
    best = np.concatenate([best_overlaps(overlaps) for overlaps in images])
    if not best.size:
        warnings.warn(
            "sparse_jaccard is undefined and set to NaN: `reference_labels` has no object (every pixel is 0)",
            UndefinedMetricWarning,
            stacklevel=2,
        )
        return np.nan
    return float(best.mean())


def match_objects(reference: LabelImages, predicted: LabelImages, *, threshold: float = 0.5) -> ObjectMatching:
    """Match reference and predicted objects one to one.

    Two objects can be matched if their intersection over union is ``>= threshold``. Above one half that alone is one
    to one; otherwise the largest number of matches is taken, and among those the one with the largest sum of overlaps.

    Parameters
    ----------
    reference, predicted : integer array with at least two axes, or list of such arrays
        Label images of the same shapes: 0 is background, every other value is one object; gaps are fine. Objects of
        different images are never matched; the counts of all images are summed.
    threshold : float, default=0.5
        The overlap that a match needs at least, in (0, 1].

    Returns
    -------
    ObjectMatching
        Counts, pairs, and the scores made of them.

    Raises
    ------
    TypeError
        If the labels are not integers, or an argument is a tuple.
    ValueError
        If the numbers or the shapes of the images differ, a label is negative, or `threshold` is outside (0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from pixelforest.metrics import match_objects
    >>> reference = np.array([[1, 1, 1, 0, 2, 2, 0, 0]])
    >>> predicted = np.array([[5, 5, 0, 0, 0, 0, 6, 6]])
    >>> matching = match_objects(reference, predicted)
    >>> matching.true_positives, matching.false_positives, matching.false_negatives
    (1, 1, 1)
    >>> matching.f1, round(matching.average_precision, 3)
    (0.5, 0.333)
    """
    check_threshold("threshold", threshold)
    return _match(object_overlaps(reference, predicted, names=("reference", "predicted")), threshold)


def object_f1(reference: LabelImages, predicted: LabelImages, *, threshold: float = 0.5) -> float:
    """Return the F1 of matched objects, 2 TP / (2 TP + FP + FN), as the mean over images.

    Every image counts the same, however many objects it holds; ``match_objects(...).f1`` counts every object the same.

    Parameters
    ----------
    reference, predicted : integer array with at least two axes, or list of such arrays
        Label images of the same shapes: 0 is background, every other value is one object.
    threshold : float, default=0.5
        Intersection over union that a match needs at least, in (0, 1].

    Returns
    -------
    float
        In [0, 1]. Images without any object, true or predicted, do not count; NaN with an ``UndefinedMetricWarning``
        where there is no other.

    Raises
    ------
    TypeError
        If the labels are not integers, or an argument is a tuple.
    ValueError
        If the numbers or the shapes of the images differ, a label is negative, or `threshold` is outside (0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from pixelforest.metrics import object_f1
    >>> reference = [np.array([[1, 1, 1, 0, 2, 2]]), np.array([[1, 1, 0]])]
    >>> predicted = [np.array([[5, 5, 0, 0, 0, 0]]), np.array([[3, 3, 0]])]
    >>> object_f1(reference, predicted)  # 2/3 in the first image, 1 in the second
    0.833...
    """
    check_threshold("threshold", threshold)
    images = object_overlaps(reference, predicted, names=("reference", "predicted"))
    scores = [_match([overlaps], threshold).f1 for overlaps in images]
    if np.isnan(scores).all():
        warnings.warn("no image holds an object: the F1 of objects is NaN", UndefinedMetricWarning, stacklevel=2)
        return np.nan
    return float(np.nanmean(scores))


def average_precision(
    reference: LabelImages, predicted: LabelImages, *, thresholds: Sequence[float] = NUCLEI_THRESHOLDS
) -> NDArray[np.float64]:
    """Return TP / (TP + FP + FN) of matched objects, one per threshold.

    This is the average precision of the 2018 Data Science Bowl, of StarDist and of Cellpose: the area under no curve.
    The bowl's score of an image is the mean over the default thresholds.

    Parameters
    ----------
    reference, predicted : integer array with at least two axes, or list of such arrays
        Label images of the same shapes: 0 is background, every other value is one object. The counts of all images
        are summed.
    thresholds : sequence of float, default=(0.5, 0.55, ..., 0.95)
        The overlaps that a match needs at least, each in (0, 1].

    Returns
    -------
    ndarray of shape (n_thresholds,)
        In [0, 1]; NaN where there is no object at all.

    Raises
    ------
    TypeError
        If the labels are not integers, or an argument is a tuple.
    ValueError
        If the numbers or the shapes of the images differ, a label is negative, or a threshold is outside (0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from pixelforest.metrics import average_precision
    >>> reference = np.array([[1, 1, 1, 0, 2, 2, 0, 0]])
    >>> predicted = np.array([[5, 5, 0, 0, 6, 6, 0, 0]])
    >>> average_precision(reference, predicted, thresholds=[0.5, 0.75])
    array([1.        , 0.333...])
    """
    for threshold in thresholds:
        check_threshold("thresholds", threshold)
    images = object_overlaps(reference, predicted, names=("reference", "predicted"))
    return np.array([_match(images, threshold).average_precision for threshold in thresholds])


def _match(images: list[ObjectOverlaps], threshold: float) -> ObjectMatching:
    pairs = tuple(pair for index, overlaps in enumerate(images) for pair in _pairs(overlaps, index, threshold))
    return ObjectMatching(
        true_positives=len(pairs),
        false_positives=sum(overlaps.predicted_labels.size for overlaps in images) - len(pairs),
        false_negatives=sum(overlaps.reference_labels.size for overlaps in images) - len(pairs),
        threshold=float(threshold),
        mean_matched_iou=float(np.mean([pair.iou for pair in pairs])) if pairs else 0.0,
        pairs=pairs,
    )


def _pairs(overlaps: ObjectOverlaps, image: int, threshold: float) -> list[ObjectPair]:
    chosen = matched_overlaps(overlaps, threshold)
    references = overlaps.reference_labels[overlaps.reference_index[chosen]].tolist()
    predictions = overlaps.predicted_labels[overlaps.predicted_index[chosen]].tolist()
    matches = zip(references, predictions, overlaps.iou[chosen].tolist(), strict=True)
    return [ObjectPair(image, reference, predicted, iou) for reference, predicted, iou in matches]


def check_threshold(name: str, threshold: float) -> None:
    """Raise a ValueError unless `threshold` is an overlap that a match can need."""
    if not 0 < threshold <= 1:
        raise ValueError(f"`{name}` must be above 0 and at most 1, got {threshold}")


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else np.nan
