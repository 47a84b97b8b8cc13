"""`ObjectRegressor`: any scikit-learn regressor, applied to the measurements of labelled objects."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import r2_score

from pixelforest.estimators.object_predictor import ObjectPredictor
from pixelforest.estimators.object_tables import learn_rows
from pixelforest.images.object_annotations import ObjectAnnotation, read_values
from pixelforest.regions.samples import ObjectSample


class ObjectRegressor(RegressorMixin, ObjectPredictor):
    """Predict a number for every object of label images from its measurements.

    One sample is one image: a label image, or a tuple ``(labels, image)`` with the intensities behind it.

    Parameters
    ----------
    properties : sequence of str, or str, optional
        Measurements, as in `ObjectClassifier`.
    estimator : scikit-learn regressor, optional
        Cloned by `fit`. Without one: ``RandomForestRegressor(100, max_depth=10, random_state=0)``.
    output : {"image", "table"}
        What `predict` returns: images of float64, NaN in the background, or tables with one row per object.
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
    feature_names_in_ : ndarray of str
        The measurements.
    n_features_in_ : int
        How many there are.

    Notes
    -----
    Measurements that are NaN are not filled in; see `ObjectClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> from sklearn.linear_model import LinearRegression
    >>> labels = np.zeros((6, 16), dtype=int)
    >>> labels[1:3, 1:3], labels[1:4, 5:8], labels[1:5, 10:14] = 1, 2, 7
    >>> model = pf.ObjectRegressor(["area"], LinearRegression()).fit([labels], [{1: 4.0, 2: 9.0}])
    >>> model.predict(labels)[2, [0, 1, 5, 10]].round(6)
    array([nan,  4.,  9., 16.])
    """

    _column = "value"
    _background = np.nan

    def fit(self, X: Any, y: Any) -> ObjectRegressor:
        """Fit the estimator to the annotated objects of all images.

        Parameters
        ----------
        X : list of array-like of int, or of tuples (labels, image)
            They may differ in size.
        y : list of array-like of float, or of mappings
            For each image the numbers of some objects: an image of floats, NaN where nothing is annotated (of several
            values in one object the mean counts); or label → number.

        Raises
        ------
        ValueError, TypeError
            As `ObjectClassifier.fit`; images of integers, which have no NaN, and infinite numbers. The message names
            the image.
        """
        tables, annotations = self._annotated(X, y)
        forest = RandomForestRegressor(n_estimators=100, max_depth=10, random_state=0)
        estimator = forest if self.estimator is None else self.estimator
        self._keep(learn_rows(estimator, tables, annotations, "objects"), tables)
        return self

    def score(self, X: Any, y: Any) -> float:
        """Return R² over the annotated objects of all images.

        Parameters
        ----------
        X, y : list
            As in `fit`.
        """
        return float(r2_score(*self.true_and_predicted(X, y)))

    def _read(self, given: Any, sample: ObjectSample, index: int) -> ObjectAnnotation | None:
        return read_values(given, sample.labels, index)

    def _none(self, method: str) -> NDArray[Any]:
        return np.empty(0)
