"""A table of pixel scores, one row per image."""

from collections.abc import Sequence
from typing import Literal

import pandas as pd
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from pixelforest.metrics._class_scores import (
    ClassAverage,
    ZeroDivision,
    accuracy_of_pairs,
    class_average,
    score_of_pairs,
    warn_without_pixels,
)
from pixelforest.metrics._inputs import LabelImages, paired_label_images
from pixelforest.metrics._label_pairs import LabelPairs, count_annotated_pairs

CLASS_SCORES = {"precision": precision_score, "recall": recall_score, "f1": f1_score, "jaccard": jaccard_score}


def pixel_scores(
    y_true: LabelImages,
    y_pred: LabelImages,
    *,
    average: Literal["macro", "micro", "weighted", "binary"] = "macro",
    labels: Sequence[int] | None = None,
    unlabeled: int | None = 0,
    pos_label: int | None = None,
    zero_division: ZeroDivision = "warn",
) -> pd.DataFrame:
    """Return the pixel scores of each image, one row per image.

    Parameters
    ----------
    y_true, y_pred : integer array with at least two axes, or list of such arrays
        The label images, and the predicted ones, of the same shapes. A lone array is one image, whatever its axes;
        for a stack write ``list(stack)``.
    average : {'macro', 'micro', 'weighted', 'binary'}, default='macro'
        How the scores of the classes of one image become one number; see `pixel_jaccard`.
    labels : sequence of int, default=None
        The classes to score. By default those present in the image, true or predicted, so that images with other
        classes are averaged over other classes.
    unlabeled : int or None, default=0
        Pixels where `y_true` has this value are not annotated and never counted. None: every pixel counts.
    pos_label : int, default=None
        The class that ``average='binary'`` scores.
    zero_division : {"warn", 0, 1}, default="warn"
        The score of a class whose denominator is 0; "warn" is 0 with a warning.

    Returns
    -------
    pandas.DataFrame of shape (n_images, 6)
        Columns ``accuracy``, ``precision``, ``recall``, ``f1``, ``jaccard`` and ``n_pixels``, the number of annotated
        pixels. The scores of an image without any are NaN, and one ``UndefinedMetricWarning`` names those images.

    Raises
    ------
    TypeError
        If the labels are not integers, or an argument is a tuple.
    ValueError
        If the numbers or the shapes of the images differ, or the options contradict each other.

    Examples
    --------
    >>> import numpy as np
    >>> from pixelforest.metrics import pixel_scores
    >>> y_true = [np.array([[1, 1], [2, 0]]), np.array([[1, 2, 2, 2]])]
    >>> y_pred = [np.array([[1, 1], [2, 2]]), np.array([[1, 1, 2, 2]])]
    >>> pixel_scores(y_true, y_pred).round(3)
           accuracy  precision  recall     f1  jaccard  n_pixels
    image
    0          1.00       1.00   1.000  1.000    1.000         3
    1          0.75       0.75   0.833  0.733    0.583         4
    """
    if average is None:
        raise ValueError("`average` must name one average, got None: a row holds one number per score")
    how = class_average(
        average=average, labels=labels, unlabeled=unlabeled, pos_label=pos_label, zero_division=zero_division
    )
    images = paired_label_images(y_true, y_pred, names=("y_true", "y_pred"))
    table = pd.DataFrame([_score_row(count_annotated_pairs(pair, how.unlabeled), how) for pair in images])
    _warn_of_empty_images(table, how.unlabeled)
    return table.rename_axis("image")


def _score_row(pairs: LabelPairs, how: ClassAverage) -> dict[str, object]:
    scores = {name: score_of_pairs(score, pairs, how) for name, score in CLASS_SCORES.items()}
    return {"accuracy": accuracy_of_pairs(pairs), **scores, "n_pixels": pairs.n_pixels}


def _warn_of_empty_images(table: pd.DataFrame, unlabeled: int | None) -> None:
    empty = table.index[table["n_pixels"] == 0].tolist()
    if empty:
        warn_without_pixels("pixel_scores", unlabeled, f"`y_true` of image {', '.join(map(str, empty))}")
