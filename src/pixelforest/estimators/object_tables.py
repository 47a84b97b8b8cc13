"""What estimators of objects share: samples in, measurements to learn from, values painted back onto objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier

from pixelforest.estimators.region_features import DEFAULT_PROPERTIES
from pixelforest.estimators.shapes import ImageInputMixin
from pixelforest.images.containers import ImageAxes, ImageBatch, checked_axes, checked_spacing
from pixelforest.images.object_annotations import ObjectAnnotation
from pixelforest.regions import measure_regions
from pixelforest.regions.samples import ObjectSample, collect_objects

INTENSITY_PROPERTIES = ("intensity_mean", "intensity_std")


def default_object_forest() -> RandomForestClassifier:
    """Return the forest that estimators of objects use without being told.

    It grows the same trees as the default of `PixelClassifier`. scikit-learn predicts it: objects are few, and
    starting a device would take longer than all of them.
    """
    return RandomForestClassifier(n_estimators=100, max_depth=10, random_state=0)


class ObjectInputMixin(ImageInputMixin):
    """Samples, tables and rows of estimators with `properties`, `spacing`, `spatial_ndim` and `channel_axis`."""

    properties: Sequence[str] | str | None
    spacing: Sequence[float] | None
    spatial_ndim: int
    channel_axis: int | None
    feature_names_in_: NDArray[Any]

    def _axes(self) -> ImageAxes:
        checked_spacing(self.spacing, self.spatial_ndim)
        return checked_axes(self.spatial_ndim, self.channel_axis)

    def _samples(self, X: Any, *, allow_single: bool = True) -> ImageBatch:
        return collect_objects(X, self._axes(), allow_single=allow_single)

    def _table(self, sample: ObjectSample) -> pd.DataFrame:
        """Return the measurements of one sample, one row per object."""
        names = self.properties
        if names is None:
            names = DEFAULT_PROPERTIES if sample.image is None else DEFAULT_PROPERTIES + INTENSITY_PROPERTIES
        table = measure_regions(
            sample.labels,
            sample.image,
            properties=names,
            spacing=self.spacing,
            channel_axis=None if sample.image is None else self.channel_axis,
        )
        return pd.DataFrame(table.values, index=pd.Index(table.labels, name="label"), columns=list(table.names))


def learn_rows(
    estimator: Any, tables: Sequence[pd.DataFrame], annotations: Sequence[ObjectAnnotation], what: str
) -> Any:
    """Return a clone of `estimator`, fitted to the annotated rows of one table per annotation.

    Raises
    ------
    ValueError
        Images with other measurements than the first one, or NaN that `estimator` does not take.
    """
    for table, annotation in zip(tables, annotations, strict=True):
        check_names(table, tables[0].columns, annotation.index)
    rows = pd.concat([table.loc[a.objects] for table, a in zip(tables, annotations, strict=True)])
    y = np.concatenate([annotation.values for annotation in annotations])
    try:
        return clone(estimator).fit(rows.reset_index(drop=True), y)
    except ValueError as error:
        explain_missing(rows, what, error)
        raise


def predict_rows(estimator: Any, table: pd.DataFrame, method: str, what: str) -> NDArray[Any]:
    """Return ``estimator.method`` of the rows of one table, of which there is at least one.

    Raises
    ------
    ValueError
        NaN that `estimator` does not take.
    """
    try:
        return np.asarray(getattr(estimator, method)(table.reset_index(drop=True)))
    except ValueError as error:
        explain_missing(table, what, error)
        raise


def explain_missing(table: pd.DataFrame, what: str, error: ValueError) -> None:
    """Raise a ValueError that names measurements without a finite value, if there are some, because of `error`."""
    missing = ~np.isfinite(table.to_numpy())
    if missing.any():
        names = table.columns[missing.any(axis=0)].tolist()
        rows = table.index[missing.any(axis=1)].tolist()
        raise ValueError(
            f"measurements {names} of {what} {rows[:5]} are NaN or inf, which the estimator refuses; take one that "
            "handles NaN, such as a forest, or write `make_pipeline(SimpleImputer(), estimator)`"
        ) from error


def check_names(table: pd.DataFrame, expected: Sequence[str], index: int) -> None:
    """Check that a sample has the measurements that `fit` saw.

    Raises
    ------
    ValueError
        Other columns; images may have more channels than others, or be absent.
    """
    if list(table.columns) != list(expected):
        raise ValueError(
            f"`X[{index}]` gives the measurements {list(table.columns)}, but `fit` saw {list(expected)}; "
            "all samples need an image, with the same channels, or none does"
        )


def paint(labels: NDArray[Any], objects: NDArray[np.int64], values: NDArray[Any], background: Any) -> NDArray[Any]:
    """Return an image in which every object has its value.

    Parameters
    ----------
    labels : ndarray of integers
    objects : ndarray of int64
        Objects in ascending order.
    values : ndarray, shape (n_objects,)
    background : scalar
        Of all other pixels.

    Examples
    --------
    >>> paint(np.array([[0, 3, 3], [0, 0, 9]]), np.array([3, 9]), np.array([1.5, 2.5]), np.nan)
    array([[nan, 1.5, 1.5],
           [nan, nan, 2.5]])
    """
    if not len(objects):
        return np.full(labels.shape, background, values.dtype)
    if objects[-1] < 4 * labels.size:
        lookup = np.full(int(labels.max()) + 1, background, values.dtype)
        lookup[objects] = values
        return lookup[labels]
    position = np.searchsorted(objects, labels.ravel()).clip(max=len(objects) - 1)
    painted = np.where(objects[position] == labels.ravel(), values[position], values.dtype.type(background))
    return painted.reshape(labels.shape)
