"""Scores of label images, pixel by pixel and object by object, and scorers made of them."""

from pixelforest.metrics.objects import (
    ObjectMatching,
    ObjectPair,
    average_precision,
    match_objects,
    object_f1,
    sparse_jaccard,
)
from pixelforest.metrics.pixels import (
    pixel_accuracy,
    pixel_confusion_matrix,
    pixel_f1,
    pixel_jaccard,
    pixel_precision,
    pixel_recall,
)
from pixelforest.metrics.scorers import (
    ObjectScorer,
    PixelScorer,
    object_f1_scorer,
    pixel_accuracy_scorer,
    pixel_f1_scorer,
    pixel_jaccard_scorer,
    pixel_precision_scorer,
    pixel_recall_scorer,
)
from pixelforest.metrics.tables import pixel_scores
from pixelforest.metrics.uncertainty import uncertainty

__all__ = [
    "ObjectMatching",
    "ObjectPair",
    "ObjectScorer",
    "PixelScorer",
    "average_precision",
    "match_objects",
    "object_f1",
    "object_f1_scorer",
    "pixel_accuracy",
    "pixel_accuracy_scorer",
    "pixel_confusion_matrix",
    "pixel_f1",
    "pixel_f1_scorer",
    "pixel_jaccard",
    "pixel_jaccard_scorer",
    "pixel_precision",
    "pixel_precision_scorer",
    "pixel_recall",
    "pixel_recall_scorer",
    "pixel_scores",
    "sparse_jaccard",
    "uncertainty",
]
