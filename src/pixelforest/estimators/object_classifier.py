"""`ObjectClassifier`: any scikit-learn classifier, applied to the measurements of labelled objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from pixelforest.estimators.encoded_labels import with_codes
from pixelforest.estimators.object_predictor import ObjectPredictor
from pixelforest.estimators.object_tables import check_names, default_object_forest, learn_rows, predict_rows
from pixelforest.images.labels import label_dtype, one_per_image
from pixelforest.images.object_annotations import ObjectAnnotation, read_classes
from pixelforest.regions.samples import ObjectSample


def _has_predict_proba(self: ObjectClassifier) -> bool:
    wrapped = getattr(self, "estimator_", self.estimator)
    return wrapped is None or hasattr(wrapped, "predict_proba")


class ObjectClassifier(ClassifierMixin, ObjectPredictor):
    """Classify the objects of label images by their measurements.

    One sample is one image: a label image, or a tuple ``(labels, image)`` with the intensities behind it. The wrapped
    estimator sees an ordinary table with named columns, one row per annotated object of all images.

    Parameters
    ----------
    properties : sequence of str, or str, optional
        Measurements, as in `RegionFeatures`. Without them: those that `RegionFeatures` takes by itself; for samples
        with an image also intensity_mean and intensity_std.
    estimator : scikit-learn classifier, optional
        Cloned by `fit`. Without one: ``RandomForestClassifier(100, max_depth=10, random_state=0)``.
    output : {"image", "table"}
        What `predict` returns: class images, or tables with one row per object.
    spacing : sequence of float, optional
        Distance between pixels on every spatial axis.
    spatial_ndim : {2, 3}
        Number of spatial axes.
    channel_axis : int, optional
        Axis of an image (not of the labels) that holds channels.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    classes_ : ndarray
        Classes as they were given.
    feature_names_in_ : ndarray of str
        The measurements.
    n_features_in_ : int
        How many there are.

    See Also
    --------
    ObjectSelector : Keeps the objects of a class.
    PixelClassifier : The same for pixels.

    Notes
    -----
    A measurement may be NaN, such as a distance to neighbours of an object that has none. Nothing is filled in
    silently: forests learn from NaN as it is; for estimators that do not, write ``make_pipeline(SimpleImputer(),
    SVC())``.

    An object with pixels of several classes takes the most frequent one, with a warning; of equally frequent classes
    the largest. (apoc takes the largest always, however few its pixels are.)

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> labels = np.zeros((12, 24), dtype=int)
    >>> labels[1:3, 1:3], labels[1:3, 6:8] = 1, 2
    >>> labels[1:9, 10:16], labels[1:9, 17:23] = 5, 9
    >>> strokes = np.zeros_like(labels)
    >>> strokes[1, 1] = 1
    >>> strokes[4, 11:14] = 2
    >>> model = pf.ObjectClassifier(["area"]).fit([labels], [strokes])
    >>> model.predict(labels)[2, [0, 1, 6, 12, 18]]
    array([0, 1, 1, 2, 2], dtype=uint8)

    A mapping from labels to classes serves as well, and classes may have names:

    >>> named = pf.ObjectClassifier(["area"], output="table").fit([labels], [{1: "debris", 5: "cell"}])
    >>> print(named.predict(labels))
            class
    label
    1      debris
    2      debris
    5        cell
    9        cell
    """

    _column = "class"
    _background = 0

    def fit(self, X: Any, y: Any) -> ObjectClassifier:
        """Fit the estimator to the annotated objects of all images.

        Parameters
        ----------
        X : list of array-like of int, or of tuples (labels, image)
            They may differ in size.
        y : list of array-like of int, or of mappings
            For each image the classes of some objects: painted into an image of the same shape, 0 where nothing is
            annotated; or label → class.

        Raises
        ------
        ValueError, TypeError
            A lone sample; labels or classes that are not integers, are negative or differ in shape; annotations of
            which none lies on an object; mappings of labels that do not exist; fewer than two classes; NaN that the
            estimator does not take. The message names the image.

        Warns
        -----
        AmbiguousAnnotationWarning
            Names the objects with several classes.
        """
        tables, annotations = self._annotated(X, y)
        classes = self._resolve(annotations)
        estimator = default_object_forest() if self.estimator is None else self.estimator
        fitted = learn_rows(with_codes(estimator), tables, annotations, "objects")
        learnt = np.asarray(getattr(fitted, "classes_", classes))
        if not np.array_equal(learnt, classes):
            raise ValueError(
                f"`estimator` stays as it was fitted, with the classes {learnt.tolist()}; `y` holds {classes.tolist()}"
            )
        self._keep(fitted, tables)
        self.classes_ = classes
        return self

    @available_if(_has_predict_proba)
    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the classes of every object.

        Parameters
        ----------
        X : list of samples, stack of label images, or one sample

        Returns
        -------
        list of DataFrame, or one DataFrame
            Indexed by label, one column per class.
        """
        check_is_fitted(self)
        batch = self._samples(X)
        tables = []
        for index, sample in enumerate(batch.images):
            objects, values = self._answers(sample, index, "predict_proba")
            tables.append(pd.DataFrame(values, index=objects, columns=self.classes_))
        return tables[0] if batch.container == "single" else tables

    def measured(self, X: Any) -> list[pd.DataFrame]:
        """Return the measurements of all objects that the wrapped estimator sees, one table per image.

        Parameters
        ----------
        X : list of samples, stack of label images, or one sample

        Returns
        -------
        list of DataFrame
            Indexed by label.
        """
        check_is_fitted(self)
        tables = [self._table(sample) for sample in self._samples(X).images]
        for index, table in enumerate(tables):
            check_names(table, list(self.feature_names_in_), index)
        return tables

    def table_probabilities(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """Return the probabilities of the classes for rows of `measured`.

        Parameters
        ----------
        table : DataFrame

        Returns
        -------
        ndarray of float64, shape (n_objects, n_classes)
        """
        check_is_fitted(self)
        return predict_rows(self.estimator_, table, "predict_proba", "objects")

    def annotated_objects(self, X: Any, y: Any) -> list[set[int]]:
        """Return the labels of the objects that are annotated, for every image.

        Parameters
        ----------
        X, y : list
            As in `fit`; images without any annotation have none.
        """
        samples = self._samples(X).images
        given = zip(one_per_image(y, len(samples), "y"), samples, strict=True)
        found = [self._read(annotation, sample, index) for index, (annotation, sample) in enumerate(given)]
        return [set() if annotation is None else set(annotation.objects.tolist()) for annotation in found]

    def score(self, X: Any, y: Any) -> float:
        """Return the share of annotated objects, over all images, that get their class.

        Parameters
        ----------
        X, y : list
            As in `fit`.
        """
        return float(accuracy_score(*self.true_and_predicted(X, y)))

    def _resolve(self, annotations: Sequence[ObjectAnnotation]) -> NDArray[Any]:
        """Return the classes, checked against what the output can hold."""
        kinds = {annotation.values.dtype.kind for annotation in annotations}
        if "U" in kinds and len(kinds) > 1:
            raise TypeError("`y` must hold classes that are all integers or all strings, got both")
        found = np.unique(np.concatenate([annotation.values for annotation in annotations]))
        if len(found) < 2:
            raise ValueError(f"`y` must hold at least two classes of objects, got only {found.tolist()}")
        if found.dtype.kind != "U" and found[0] >= (1 if self.output == "image" else 0):
            return found.astype(label_dtype(found))
        if self.output == "image":
            raise ValueError(
                f"class images hold integers > 0, got the classes {found.tolist()}; pass output='table' for tables"
            )
        return found

    def _read(self, given: Any, sample: ObjectSample, index: int) -> ObjectAnnotation | None:
        return read_classes(given, sample.labels, index)

    def _none(self, method: str) -> NDArray[Any]:
        return np.empty(0, self.classes_.dtype) if method == "predict" else np.empty((0, len(self.classes_)))
