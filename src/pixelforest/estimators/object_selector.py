"""`ObjectSelector`: keep the objects of a class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils.validation import check_is_fitted

from pixelforest.engine.xarrays import name_like
from pixelforest.estimators.object_classifier import ObjectClassifier
from pixelforest.estimators.object_tables import paint
from pixelforest.estimators.shapes import ImageInputMixin, restore


class ObjectSelector(ImageInputMixin, MetaEstimatorMixin, BaseEstimator):
    """Keep the objects of some classes, and drop all others from the label images.

    Parameters
    ----------
    classifier : ObjectClassifier, optional
        Cloned by `fit`. Without one: ``ObjectClassifier()``.
    keep : class or sequence of classes
        What stays. The default is apoc's.
    relabel : bool
        Whether the objects that stay are numbered 1, 2, …; otherwise they keep their labels.

    Attributes
    ----------
    classifier_ : ObjectClassifier
        The fitted clone.
    classes_ : ndarray
        Its classes.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> labels = np.zeros((12, 24), dtype=int)
    >>> labels[1:3, 1:3], labels[1:3, 6:8] = 1, 2
    >>> labels[1:9, 10:16], labels[1:9, 17:23] = 5, 9
    >>> classifier = pf.ObjectClassifier(["area"])
    >>> selector = pf.ObjectSelector(classifier, keep="cell").fit([labels], [{1: "debris", 5: "cell"}])
    >>> np.unique(selector.predict(labels))
    array([0, 5, 9])
    """

    def __init__(self, classifier: ObjectClassifier | None = None, *, keep: Any = 2, relabel: bool = False) -> None:
        self.classifier = classifier
        self.keep = keep
        self.relabel = relabel

    def fit(self, X: Any, y: Any) -> ObjectSelector:
        """Fit the classifier.

        Parameters
        ----------
        X, y : list
            As `ObjectClassifier.fit`.

        Raises
        ------
        ValueError, TypeError
            A class to keep that nobody annotated, and what `ObjectClassifier.fit` raises.
        """
        classifier = ObjectClassifier() if self.classifier is None else clone(self.classifier)
        if not isinstance(classifier, ObjectClassifier):
            raise TypeError(f"`classifier` must be an ObjectClassifier, got {type(classifier).__name__}")
        # Named classes need tables; what is returned here are label images anyway.
        classifier.set_params(output="table").fit(X, y)
        if unknown := sorted(set(self._kept().tolist()) - set(classifier.classes_.tolist()), key=str):
            raise ValueError(f"`keep` must name classes of `y`, {classifier.classes_.tolist()}, got {unknown}")
        self.classifier_, self.classes_ = classifier, classifier.classes_
        return self

    def predict(self, X: Any) -> Any:
        """Return label images of the objects that stay.

        Parameters
        ----------
        X : list of samples, stack of label images, or one sample

        Returns
        -------
        list of ndarray, stack, or one ndarray
            As `X`, in the dtype of the labels.
        """
        check_is_fitted(self)
        batch, axes = self.classifier_._samples(X), self.classifier_._axes()
        kept, images = self._kept(), []
        for index, sample in enumerate(batch.images):
            objects, classes = self.classifier_._answers(sample, index)
            stays: NDArray[np.int64] = objects.to_numpy()[np.isin(classes, kept)]
            numbers = np.arange(1, len(stays) + 1) if self.relabel else stays
            selected = paint(sample.labels, stays, numbers.astype(sample.labels.dtype), 0)
            images.append(name_like(selected, sample.given, axes.without_channels()))
        return restore(batch, images, X)

    def score(self, X: Any, y: Any) -> float:
        """Return the share of annotated objects that get their class.

        Parameters
        ----------
        X, y : list
            As `ObjectClassifier.score`.
        """
        check_is_fitted(self)
        return self.classifier_.score(X, y)

    def _kept(self) -> NDArray[Any]:
        return np.atleast_1d(np.asarray(self.keep))
