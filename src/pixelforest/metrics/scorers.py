"""Scorers for ``scoring=``, where scikit-learn's strings cannot read label images."""

from collections.abc import Sequence

# The base class is private, but only a scorer of this class gives `cross_validate` and the searches one `predict`
# for a whole dictionary of scorers, metadata routing, and an answer to "do you take sample_weight?".
from sklearn.metrics._scorer import _Scorer

from pixelforest.metrics._class_scores import Average, ZeroDivision, class_average
from pixelforest.metrics.objects import check_threshold, object_f1
from pixelforest.metrics.pixels import pixel_accuracy, pixel_f1, pixel_jaccard, pixel_precision, pixel_recall

CLASS_METRICS = {"f1": pixel_f1, "jaccard": pixel_jaccard, "precision": pixel_precision, "recall": pixel_recall}
METRICS = ("accuracy", *CLASS_METRICS)


class PixelScorer(_Scorer):
    """Score the predicted label images of an estimator, for ``scoring=``.

    Called as ``scorer(estimator, X, y)``, it predicts the images `X` and compares the pixels of all of them with the
    label images `y`. It pickles, and a dictionary of such scorers costs one prediction, not one each.

    Parameters
    ----------
    metric : {'jaccard', 'f1', 'precision', 'recall', 'accuracy'}, default='jaccard'
        The score.
    average : {'macro', 'micro', 'weighted', 'binary'}, default='macro'
        How the scores of the classes become one; ``'accuracy'`` has no classes to average. See `pixel_jaccard`.
    labels : sequence of int, default=None
        The classes to score. By default those that are true or predicted in the test images.
    unlabeled : int or None, default=0
        Pixels where `y` has this value are not annotated and never counted. None: every pixel counts.
    pos_label : int, default=None
        The class that ``average='binary'`` scores.
    zero_division : {"warn", 0, 1}, default="warn"
        The score of a class whose denominator is 0; "warn" is 0 with a warning.

    Raises
    ------
    ValueError
        If the metric is unknown, or the options contradict each other.

    Warns
    -----
    UndefinedMetricWarning
        When test images without one annotated pixel are scored; the score is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator
    >>> from pixelforest.metrics import PixelScorer
    >>> class Threshold(BaseEstimator):
    ...     def fit(self, X, y):
    ...         return self
    ...
    ...     def predict(self, X):
    ...         return [np.where(image > 0.5, 2, 1) for image in X]
    >>> images, labels = [np.array([[0.1, 0.7, 0.9, 0.2]])], [np.array([[1, 1, 2, 0]])]
    >>> PixelScorer("jaccard", average="binary", pos_label=2)(Threshold(), images, labels)
    0.5
    """

    def __init__(
        self,
        metric: str = "jaccard",
        *,
        average: Average = "macro",
        labels: Sequence[int] | None = None,
        unlabeled: int | None = 0,
        pos_label: int | None = None,
        zero_division: ZeroDivision = "warn",
    ) -> None:
        if metric not in METRICS:
            raise ValueError(f"`metric` must be one of {METRICS}, got {metric!r}")
        if average is None:
            raise ValueError("`average` must name one average, got None: a scorer returns one number")
        how = class_average(
            average=average, labels=labels, unlabeled=unlabeled, pos_label=pos_label, zero_division=zero_division
        )
        self.metric = metric
        if metric == "accuracy":
            super().__init__(pixel_accuracy, 1, {"unlabeled": how.unlabeled})
        else:
            super().__init__(CLASS_METRICS[metric], 1, dict(vars(how)))

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self._kwargs.items() if value is not None)
        return f"PixelScorer({self.metric!r}{options})"


class ObjectScorer(_Scorer):
    """Score the objects that an estimator predicts, for ``scoring=``: see `object_f1`.

    Called as ``scorer(estimator, X, y)``, it predicts label images of the images `X` and matches their objects with
    those of `y`. It pickles, for process pools.

    Parameters
    ----------
    threshold : float, default=0.5
        Intersection over union that a match needs at least, in (0, 1].

    Raises
    ------
    ValueError
        If `threshold` is outside (0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import ndimage
    >>> from sklearn.base import BaseEstimator
    >>> from pixelforest.metrics import ObjectScorer
    >>> class Components(BaseEstimator):
    ...     def fit(self, X, y):
    ...         return self
    ...
    ...     def predict(self, X):
    ...         return [ndimage.label(image > 0.5)[0] for image in X]
    >>> images, labels = [np.array([[0.1, 0.7, 0.9, 0.2, 0.8]])], [np.array([[0, 1, 1, 0, 0]])]
    >>> ObjectScorer(threshold=0.75)(Components(), images, labels)
    0.666...
    """

    def __init__(self, *, threshold: float = 0.5) -> None:
        check_threshold("threshold", threshold)
        super().__init__(object_f1, 1, {"threshold": threshold})

    def __repr__(self) -> str:
        return f"ObjectScorer(threshold={self._kwargs['threshold']!r})"


pixel_accuracy_scorer = PixelScorer("accuracy")
"""Share of annotated test pixels with the right label."""
pixel_precision_scorer = PixelScorer("precision")
"""Macro precision of the annotated test pixels."""
pixel_recall_scorer = PixelScorer("recall")
"""Macro recall of the annotated test pixels."""
pixel_f1_scorer = PixelScorer("f1")
"""Macro F1 of the annotated test pixels."""
pixel_jaccard_scorer = PixelScorer("jaccard")
"""Macro Jaccard index of the annotated test pixels."""
object_f1_scorer = ObjectScorer()
"""Mean F1 of the objects of the test images, matched where their overlap is 0.5 or more."""
