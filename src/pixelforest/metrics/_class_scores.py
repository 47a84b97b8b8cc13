"""Turn a table of label pairs into scores; the arithmetic is scikit-learn's."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score

from pixelforest.metrics._inputs import as_integer, check_unlabeled
from pixelforest.metrics._label_pairs import LabelPairs

Average = Literal["macro", "micro", "weighted", "binary"] | None
ZeroDivision = float | Literal["warn"]
Score = float | NDArray[np.float64]

AVERAGES = ("macro", "micro", "weighted", "binary", None)


@dataclass(frozen=True)
class ClassAverage:
    """Which classes count, and how their scores become one."""

    average: Average
    labels: tuple[int, ...] | None
    unlabeled: int | None
    pos_label: int | None
    zero_division: ZeroDivision

    def classes(self, pairs: LabelPairs) -> NDArray[np.int64]:
        """Return the classes that are scored, in the order of their scores."""
        if self.average == "binary":
            return np.array([self.pos_label], dtype=np.int64)
        if self.labels is not None:
            return np.array(self.labels, dtype=np.int64)
        return present_classes(pairs, self.unlabeled)


def class_average(
    *,
    average: Average,
    labels: Sequence[int] | None,
    unlabeled: int | None,
    pos_label: int | None,
    zero_division: ZeroDivision,
) -> ClassAverage:
    """Check the options that the pixel metrics share.

    Raises
    ------
    TypeError
        If `unlabeled`, `pos_label` or a label is not an integer.
    ValueError
        If `average` is unknown, `pos_label` is missing or would be ignored, or `labels` is empty, would be ignored or
        holds `unlabeled`.
    """
    unlabeled = check_unlabeled(unlabeled)
    if average not in AVERAGES:
        raise ValueError(f"`average` must be one of {AVERAGES}, got {average!r}")
    if (average == "binary") != (pos_label is not None):
        raise ValueError(
            f"`pos_label` belongs to average='binary' and to nothing else, got {average=} and {pos_label=}"
        )
    if average == "binary" and labels is not None:
        raise ValueError("`labels` would be ignored with average='binary', which scores `pos_label` alone; drop one")
    if pos_label is not None and as_integer("pos_label", pos_label) == unlabeled:
        raise ValueError(f"`pos_label` must be a class, got the value {unlabeled} of pixels that are not annotated")
    classes = None if labels is None else check_labels(labels, unlabeled)
    return ClassAverage(average, classes, unlabeled, pos_label, zero_division)


def check_labels(labels: Sequence[int], unlabeled: int | None) -> tuple[int, ...]:
    """Return `labels` as a tuple of classes.

    Raises
    ------
    ValueError
        If there is none, or one is `unlabeled`.
    """
    classes = tuple(as_integer("labels", label) for label in labels)
    if not classes:
        raise ValueError("`labels` must name at least one class, got none")
    if unlabeled is not None and unlabeled in classes:
        raise ValueError(
            f"`labels` must hold classes, got {classes}, and {unlabeled} means not annotated; "
            "where it is a class, pass `unlabeled=None`"
        )
    return classes


def present_classes(pairs: LabelPairs, unlabeled: int | None) -> NDArray[np.int64]:
    """Return the classes among the true and predicted labels, sorted."""
    values = np.union1d(pairs.first, pairs.second)
    return values if unlabeled is None else values[values != unlabeled]


def accuracy_of_pairs(pairs: LabelPairs) -> float:
    """Return the share of pixels with the right label; NaN without pixels."""
    if not pairs.n_pixels:
        return np.nan
    y_true, y_pred, counts = _weighted_rows(pairs)
    return float(accuracy_score(y_true, y_pred, sample_weight=counts))


def score_of_pairs(score: Callable[..., Score], pairs: LabelPairs, how: ClassAverage) -> Score:
    """Apply a scikit-learn score to a table of pairs; NaN without pixels."""
    classes = how.classes(pairs)
    if not pairs.n_pixels:
        return np.full(classes.shape, np.nan) if how.average is None else np.nan
    y_true, y_pred, counts = _weighted_rows(pairs)
    return score(
        y_true,
        y_pred,
        labels=classes,
        average="macro" if how.average == "binary" else how.average,  # the mean over one class is that class
        sample_weight=counts,
        zero_division=how.zero_division,
    )


def warn_without_pixels(name: str, unlabeled: int | None, where: str = "`y_true`") -> None:
    """Warn the caller's caller's caller that a score is undefined because nothing was annotated."""
    reason = "no pixel" if unlabeled is None else f"no annotated pixel (every one has the value {unlabeled})"
    warnings.warn(f"{name} is undefined and set to NaN: {where} has {reason}", UndefinedMetricWarning, stacklevel=4)


def _weighted_rows(pairs: LabelPairs) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return true labels, predicted labels and counts as scikit-learn takes them: one weighted row per pair.

    Every pair comes once more with weight 0: scikit-learn 1.7 takes more classes than half the rows for regression
    targets and warns.
    """
    counts = np.concatenate([pairs.counts, np.zeros_like(pairs.counts)])
    return np.tile(pairs.first, 2), np.tile(pairs.second, 2), counts
