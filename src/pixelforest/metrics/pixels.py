"""Scores of label images, pixel by pixel, over the annotated pixels only."""

from collections.abc import Sequence

import pandas as pd
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from pixelforest.metrics._class_scores import (
    Average,
    Score,
    ZeroDivision,
    accuracy_of_pairs,
    check_labels,
    class_average,
    present_classes,
    score_of_pairs,
    warn_without_pixels,
)
from pixelforest.metrics._inputs import LabelImages, check_unlabeled, paired_label_images
from pixelforest.metrics._label_pairs import LabelPairs, count_annotated_pairs, merge_label_pairs


def pixel_accuracy(y_true: LabelImages, y_pred: LabelImages, *, unlabeled: int | None = 0) -> float:
    """Return the share of annotated pixels with the right label.

    It moves with the amount of background in the image: prefer `pixel_jaccard` where a class is rare.

    Parameters
    ----------
    y_true, y_pred : integer array with at least two axes, or list of such arrays
        The label images, and the predicted ones, of the same shapes. Pixels of all images are pooled.
    unlabeled : int or None, default=0
        Pixels where `y_true` has this value are not annotated and never counted. An annotated pixel *predicted* as
        this value is wrong. None: every pixel counts, and 0 is a class.

    Returns
    -------
    float
        In [0, 1]; NaN with an ``UndefinedMetricWarning`` where no pixel is annotated.

    Raises
    ------
    TypeError
        If the labels are not integers, or an argument is a tuple.
    ValueError
        If the numbers or the shapes of the images differ.

    Examples
    --------
    >>> import numpy as np
    >>> from pixelforest.metrics import pixel_accuracy
    >>> y_true = np.array([[1, 1, 2, 2], [0, 0, 2, 2]])
    >>> y_pred = np.array([[1, 2, 2, 2], [1, 2, 2, 1]])
    >>> pixel_accuracy(y_true, y_pred)
    0.666...
    """
    unlabeled = check_unlabeled(unlabeled)
    return accuracy_of_pairs(_scored_pairs("pixel_accuracy", y_true, y_pred, unlabeled))


def pixel_precision(
    y_true: LabelImages,
    y_pred: LabelImages,
    *,
    average: Average = "macro",
    labels: Sequence[int] | None = None,
    unlabeled: int | None = 0,
    pos_label: int | None = None,
    zero_division: ZeroDivision = "warn",
) -> Score:
    r"""Return the share of right pixels among those predicted as a class.

    For one class: :math:`TP / (TP + FP)`.

    Parameters
    ----------
    y_true, y_pred : integer array with at least two axes, or list of such arrays
        The label images, and the predicted ones, of the same shapes. Pixels of all images are pooled.
    average : {'macro', 'micro', 'weighted', 'binary'} or None, default='macro'
        The mean over classes; the score of the counts summed over classes; the mean weighted by the number of true
        pixels; the class `pos_label` alone, however many classes there are; or the scores of all classes.
    labels : sequence of int, default=None
        The classes to score, in the order of the result. By default those present in `y_true` or `y_pred` among the
        annotated pixels, sorted: a class absent from both has no part in an average.
    unlabeled : int or None, default=0
        Pixels where `y_true` has this value are not annotated and never counted. An annotated pixel *predicted* as
        this value is a miss of its true class and a false positive of none. None: every pixel counts, and 0 is a class.
    pos_label : int, default=None
        The class that ``average='binary'`` scores.
    zero_division : {"warn", 0, 1}, default="warn"
        The score of a class whose denominator is 0; "warn" is 0 with a warning.

    Returns
    -------
    float, or ndarray of shape (n_classes,) with ``average=None``
        In [0, 1]; NaN with an ``UndefinedMetricWarning`` where no pixel is annotated.

    Raises
    ------
    TypeError
        If the labels are not integers, or an argument is a tuple.
    ValueError
        If the numbers or the shapes of the images differ, or the options contradict each other.

    Examples
    --------
    >>> import numpy as np
    >>> from pixelforest.metrics import pixel_precision
    >>> y_true = np.array([[1, 1, 2, 2], [0, 0, 2, 2]])
    >>> y_pred = np.array([[1, 2, 2, 2], [1, 2, 2, 1]])
    >>> pixel_precision(y_true, y_pred, average=None)
    array([0.5 , 0.75])
    >>> pixel_precision(y_true, y_pred, average="binary", pos_label=2)
    0.75
    """
    how = class_average(
        average=average, labels=labels, unlabeled=unlabeled, pos_label=pos_label, zero_division=zero_division
    )
    return score_of_pairs(precision_score, _scored_pairs("pixel_precision", y_true, y_pred, how.unlabeled), how)


def pixel_recall(
    y_true: LabelImages,
    y_pred: LabelImages,
    *,
    average: Average = "macro",
    labels: Sequence[int] | None = None,
    unlabeled: int | None = 0,
    pos_label: int | None = None,
    zero_division: ZeroDivision = "warn",
) -> Score:
    r"""Return the share of the pixels of a class that were found.

    For one class: :math:`TP / (TP + FN)`.

    Parameters
    ----------
    y_true, y_pred : integer array with at least two axes, or list of such arrays
        The label images, and the predicted ones, of the same shapes. Pixels of all images are pooled.
    average : {'macro', 'micro', 'weighted', 'binary'} or None, default='macro'
        The mean over classes; the score of the counts summed over classes; the mean weighted by the number of true
        pixels; the class `pos_label` alone, however many classes there are; or the scores of all classes.
    labels : sequence of int, default=None
        The classes to score, in the order of the result. By default those present in `y_true` or `y_pred` among the
        annotated pixels, sorted: a class absent from both has no part in an average.
    unlabeled : int or None, default=0
        Pixels where `y_true` has this value are not annotated and never counted. An annotated pixel *predicted* as
        this value is a miss of its true class and a false positive of none. None: every pixel counts, and 0 is a class.
    pos_label : int, default=None
        The class that ``average='binary'`` scores.
    zero_division : {"warn", 0, 1}, default="warn"
        The score of a class whose denominator is 0; "warn" is 0 with a warning.

    Returns
    -------
    float, or ndarray of shape (n_classes,) with ``average=None``
        In [0, 1]; NaN with an ``UndefinedMetricWarning`` where no pixel is annotated.

    Raises
    ------
    TypeError
        If the labels are not integers, or an argument is a tuple.
    ValueError
        If the numbers or the shapes of the images differ, or the options contradict each other.

    Examples
    --------
    >>> import numpy as np
    >>> from pixelforest.metrics import pixel_recall
    >>> y_true = np.array([[1, 1, 2, 2], [0, 0, 2, 2]])
    >>> y_pred = np.array([[1, 2, 2, 2], [1, 2, 2, 1]])
    >>> pixel_recall(y_true, y_pred, average=None)
    array([0.5 , 0.75])
    >>> pixel_recall(y_true, y_pred)
    0.625
    """
    how = class_average(
        average=average, labels=labels, unlabeled=unlabeled, pos_label=pos_label, zero_division=zero_division
    )
    return score_of_pairs(recall_score, _scored_pairs("pixel_recall", y_true, y_pred, how.unlabeled), how)


def pixel_f1(
    y_true: LabelImages,
    y_pred: LabelImages,
    *,
    average: Average = "macro",
    labels: Sequence[int] | None = None,
    unlabeled: int | None = 0,
    pos_label: int | None = None,
    zero_division: ZeroDivision = "warn",
) -> Score:
    r"""Return the harmonic mean of precision and recall, the Dice score.

    For one class: :math:`2 TP / (2 TP + FP + FN)`.

    Parameters
    ----------
    y_true, y_pred : integer array with at least two axes, or list of such arrays
        The label images, and the predicted ones, of the same shapes. Pixels of all images are pooled.
    average : {'macro', 'micro', 'weighted', 'binary'} or None, default='macro'
        The mean over classes; the score of the counts summed over classes; the mean weighted by the number of true
        pixels; the class `pos_label` alone, however many classes there are; or the scores of all classes.
    labels : sequence of int, default=None
        The classes to score, in the order of the result. By default those present in `y_true` or `y_pred` among the
        annotated pixels, sorted: a class absent from both has no part in an average.
    unlabeled : int or None, default=0
        Pixels where `y_true` has this value are not annotated and never counted. An annotated pixel *predicted* as
        this value is a miss of its true class and a false positive of none. None: every pixel counts, and 0 is a class.
    pos_label : int, default=None
        The class that ``average='binary'`` scores.
    zero_division : {"warn", 0, 1}, default="warn"
        The score of a class whose denominator is 0; "warn" is 0 with a warning.

    Returns
    -------
    float, or ndarray of shape (n_classes,) with ``average=None``
        In [0, 1]; NaN with an ``UndefinedMetricWarning`` where no pixel is annotated.

    Raises
    ------
    TypeError
        If the labels are not integers, or an argument is a tuple.
    ValueError
        If the numbers or the shapes of the images differ, or the options contradict each other.

    Examples
    --------
    >>> import numpy as np
    >>> from pixelforest.metrics import pixel_f1
    >>> y_true = np.array([[1, 1, 2, 2], [0, 0, 2, 2]])
    >>> y_pred = np.array([[1, 2, 2, 2], [1, 2, 2, 1]])
    >>> pixel_f1(y_true, y_pred, average=None)
    array([0.5 , 0.75])
    >>> pixel_f1([y_true, y_true.T], [y_pred, y_true.T], average="micro")  # ragged images
    0.833...
    """
    how = class_average(
        average=average, labels=labels, unlabeled=unlabeled, pos_label=pos_label, zero_division=zero_division
    )
    return score_of_pairs(f1_score, _scored_pairs("pixel_f1", y_true, y_pred, how.unlabeled), how)


def pixel_jaccard(
    y_true: LabelImages,
    y_pred: LabelImages,
    *,
    average: Average = "macro",
    labels: Sequence[int] | None = None,
    unlabeled: int | None = 0,
    pos_label: int | None = None,
    zero_division: ZeroDivision = "warn",
) -> Score:
    r"""Return the overlap of true and predicted pixels: IoU.

    For one class: :math:`TP / (TP + FP + FN)`, the intersection over the union.

    Parameters
    ----------
    y_true, y_pred : integer array with at least two axes, or list of such arrays
        The label images, and the predicted ones, of the same shapes. Pixels of all images are pooled.
    average : {'macro', 'micro', 'weighted', 'binary'} or None, default='macro'
        The mean over classes; the score of the counts summed over classes; the mean weighted by the number of true
        pixels; the class `pos_label` alone, however many classes there are; or the scores of all classes.
    labels : sequence of int, default=None
        The classes to score, in the order of the result. By default those present in `y_true` or `y_pred` among the
        annotated pixels, sorted: a class absent from both has no part in an average.
    unlabeled : int or None, default=0
        Pixels where `y_true` has this value are not annotated and never counted. An annotated pixel *predicted* as
        this value is a miss of its true class and a false positive of none. None: every pixel counts, and 0 is a class.
    pos_label : int, default=None
        The class that ``average='binary'`` scores.
    zero_division : {"warn", 0, 1}, default="warn"
        The score of a class whose denominator is 0; "warn" is 0 with a warning.

    Returns
    -------
    float, or ndarray of shape (n_classes,) with ``average=None``
        In [0, 1]; NaN with an ``UndefinedMetricWarning`` where no pixel is annotated.

    Raises
    ------
    TypeError
        If the labels are not integers, or an argument is a tuple.
    ValueError
        If the numbers or the shapes of the images differ, or the options contradict each other.

    Examples
    --------
    >>> import numpy as np
    >>> from pixelforest.metrics import pixel_jaccard
    >>> y_true = np.array([[1, 1, 2, 2], [0, 0, 2, 2]])
    >>> y_pred = np.array([[1, 2, 2, 2], [1, 2, 2, 1]])
    >>> pixel_jaccard(y_true, y_pred, average=None)
    array([0.333..., 0.6       ])
    >>> pixel_jaccard(y_true, y_pred, average="binary", pos_label=2)
    0.6
    """
    how = class_average(
        average=average, labels=labels, unlabeled=unlabeled, pos_label=pos_label, zero_division=zero_division
    )
    return score_of_pairs(jaccard_score, _scored_pairs("pixel_jaccard", y_true, y_pred, how.unlabeled), how)


def pixel_confusion_matrix(
    y_true: LabelImages,
    y_pred: LabelImages,
    *,
    labels: Sequence[int] | None = None,
    unlabeled: int | None = 0,
) -> pd.DataFrame:
    """Count the pixels of every true class that were predicted as each class.

    Parameters
    ----------
    y_true, y_pred : integer array with at least two axes, or list of such arrays
        The label images, and the predicted ones, of the same shapes. Pixels of all images are pooled.
    labels : sequence of int, default=None
        The classes to count, in the order of the rows; pixels of other classes are left out. By default all classes
        present in `y_true` or `y_pred` among the annotated pixels, sorted.
    unlabeled : int or None, default=0
        Pixels where `y_true` has this value are not annotated and never counted. Where annotated pixels were
        *predicted* as this value, they fill one more column, the last. None: every pixel counts, and 0 is a class.

    Returns
    -------
    pandas.DataFrame
        Counts: true classes in rows, predicted ones in columns. The row sums are the numbers of annotated pixels.

    Raises
    ------
    TypeError
        If the labels are not integers, or an argument is a tuple.
    ValueError
        If the numbers or the shapes of the images differ, or `labels` is empty or holds `unlabeled`.

    Examples
    --------
    >>> import numpy as np
    >>> from pixelforest.metrics import pixel_confusion_matrix
    >>> y_true = np.array([[1, 1, 2, 2], [0, 0, 2, 2]])
    >>> y_pred = np.array([[1, 2, 2, 2], [1, 2, 2, 1]])
    >>> pixel_confusion_matrix(y_true, y_pred)
    predicted  1  2
    true
    1          1  1
    2          1  3
    """
    unlabeled = check_unlabeled(unlabeled)
    pairs = _pooled_pairs(y_true, y_pred, unlabeled)
    rows = present_classes(pairs, unlabeled).tolist() if labels is None else list(check_labels(labels, unlabeled))
    is_unlabeled_predicted = unlabeled is not None and bool((pairs.second == unlabeled).any())
    columns = [*rows, unlabeled] if is_unlabeled_predicted else rows
    places = pd.MultiIndex.from_arrays([pairs.first, pairs.second], names=["true", "predicted"])
    counts = pd.Series(pairs.counts, index=places).unstack(fill_value=0)
    return counts.reindex(index=rows, columns=columns, fill_value=0)


def _pooled_pairs(y_true: LabelImages, y_pred: LabelImages, unlabeled: int | None) -> LabelPairs:
    images = paired_label_images(y_true, y_pred, names=("y_true", "y_pred"))
    return merge_label_pairs(count_annotated_pairs(pair, unlabeled) for pair in images)


def _scored_pairs(name: str, y_true: LabelImages, y_pred: LabelImages, unlabeled: int | None) -> LabelPairs:
    pairs = _pooled_pairs(y_true, y_pred, unlabeled)
    if not pairs.n_pixels:
        warn_without_pixels(name, unlabeled)
    return pairs
