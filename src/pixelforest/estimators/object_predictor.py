"""What `ObjectClassifier` and `ObjectRegressor` share: one answer per object, as images or as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils.validation import check_is_fitted

from pixelforest.engine.xarrays import name_like
from pixelforest.estimators.object_tables import ObjectInputMixin, check_names, paint, predict_rows
from pixelforest.estimators.shapes import restore
from pixelforest.images.object_annotations import ObjectAnnotation, read_all
from pixelforest.regions.samples import ObjectSample

Output = Literal["image", "table"]


class ObjectPredictor(ObjectInputMixin, MetaEstimatorMixin, BaseEstimator):
    """Learn from annotated objects, predict all objects.

    Subclasses say how annotations are read, and what answers are called and stored as.
    """

    _column: str
    _background: Any

    def __init__(
        self,
        properties: Sequence[str] | str | None = None,
        estimator: Any = None,
        *,
        output: Output = "image",
        spacing: Sequence[float] | None = None,
        spatial_ndim: int = 2,
        channel_axis: int | None = None,
    ) -> None:
        self.properties = properties
        self.estimator = estimator
        self.output = output
        self.spacing = spacing
        self.spatial_ndim = spatial_ndim
        self.channel_axis = channel_axis

    def predict(self, X: Any) -> Any:
        """Return the answer for every object.

        Parameters
        ----------
        X : list of samples, stack of label images, or one sample

        Returns
        -------
        list of ndarray, stack, or one ndarray
            As `X`. Of a classifier images of classes, 0 in the background, in the smallest unsigned dtype; of a
            regressor images of float64, NaN in the background. With ``output="table"`` DataFrames, indexed by label,
            with the column "class" or "value".

        Raises
        ------
        ValueError, TypeError
            Bad samples (see `fit`), or with other measurements than in `fit`; the message names the image.
        """
        check_is_fitted(self)
        batch, axes = self._samples(X), self._axes()
        found = [self._answers(sample, index) for index, sample in enumerate(batch.images)]
        if self.output == "table":
            tables = [pd.DataFrame({self._column: answers}, index=objects) for objects, answers in found]
            return tables[0] if batch.container == "single" else tables
        images = [
            name_like(
                paint(sample.labels, objects.to_numpy(), answers, self._background),
                sample.given,
                axes.without_channels(),
            )
            for sample, (objects, answers) in zip(batch.images, found, strict=True)
        ]
        return restore(batch, images, X)

    def true_and_predicted(self, X: Any, y: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return what was annotated and what is predicted for all annotated objects: what any score wants.

        A function for ``scoring=`` is ``lambda model, X, y: f1_score(*model.true_and_predicted(X, y))``.

        Parameters
        ----------
        X, y : list
            As in `fit`.

        Returns
        -------
        y_true, y_pred : ndarray, shape (n_annotated,)
        """
        check_is_fitted(self)
        samples = self._samples(X, allow_single=False).images
        annotations = read_all(y, samples, self._read)
        predicted = []
        for annotation in annotations:
            objects, answers = self._answers(samples[annotation.index], annotation.index)
            predicted.append(answers[objects.get_indexer(annotation.objects)])
        return np.concatenate([annotation.values for annotation in annotations]), np.concatenate(predicted)

    def _annotated(self, X: Any, y: Any) -> tuple[list[pd.DataFrame], list[ObjectAnnotation]]:
        """Return the measurements of every annotated sample, and its annotation."""
        if self.output not in ("image", "table"):
            raise ValueError(f"`output` must be 'image' or 'table', got {self.output!r}")
        samples = self._samples(X, allow_single=False).images
        annotations = read_all(y, samples, self._read)
        return [self._table(samples[annotation.index]) for annotation in annotations], annotations

    def _keep(self, fitted: Any, tables: list[pd.DataFrame]) -> None:
        self.estimator_ = fitted
        self.feature_names_in_ = np.array(tables[0].columns, dtype=object)
        self.n_features_in_ = len(self.feature_names_in_)

    def _answers(self, sample: ObjectSample, index: int, method: str = "predict") -> tuple[pd.Index, NDArray[Any]]:
        """Return the objects of one sample and their answers."""
        table = self._table(sample)
        check_names(table, list(self.feature_names_in_), index)
        if not len(table):
            return table.index, self._none(method)
        answers = predict_rows(self.estimator_, table, method, f"objects of `X[{index}]`")
        return table.index, answers.astype(self._none(method).dtype)

    def _read(self, given: Any, sample: ObjectSample, index: int) -> ObjectAnnotation | None:
        raise NotImplementedError

    def _none(self, method: str) -> NDArray[Any]:
        """Return the answers for no object, in their dtype."""
        raise NotImplementedError
