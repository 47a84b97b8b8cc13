"""The model inside: what decides in the end, and what the columns it looks at are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from pixelforest.estimators.encoded_labels import EncodedLabels
from pixelforest.estimators.pixel_classifier import PixelClassifier
from pixelforest.estimators.segmenter import ImageSegmenter

Names = Sequence[str] | None


@dataclass(frozen=True)
class NamedModel:
    """A fitted model of rows.

    Attributes
    ----------
    model : object
        The innermost model.
    names : sequence of str or None
        Of its columns, as far as they are known.
    """

    model: Any
    names: Names

    def checked_names(self, n_features: int) -> list[str]:
        """Return one name per column; ``x0``, ``x1``, … where none are known.

        Raises
        ------
        ValueError
            There are more or fewer names than columns.
        """
        if self.names is None:
            return [f"x{column}" for column in range(n_features)]
        if len(self.names) != n_features:
            raise ValueError(
                f"`feature_names` must hold one name per column of the model, {n_features}, got {len(self.names)}"
            )
        return [str(name) for name in self.names]


def named_model(model: Any, feature_names: Names = None) -> NamedModel:
    """Return the model of rows inside pipelines, `ImageSegmenter` and `PixelClassifier`.

    Parameters
    ----------
    model : fitted estimator, or anything that `pixelforest.forest.read.read_forests` takes
    feature_names : sequence of str, optional
        Names of the columns of the innermost model. Default: those of the `ImageFeatureStack` in front of it, or those
        that it was fitted with.

    Raises
    ------
    TypeError
        `feature_names` is one text.
    NotFittedError
        `model` is not fitted.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> pipeline = make_pipeline(StandardScaler(), DecisionTreeClassifier()).fit([[0, 5], [1, 5]], [0, 1])
    >>> named = named_model(pipeline)
    >>> named.model, list(named.names)
    (DecisionTreeClassifier(), ['x0', 'x1'])
    """
    if isinstance(feature_names, str):
        raise TypeError(f"`feature_names` must be a sequence of names, got the text {feature_names!r}")
    if isinstance(model, BaseEstimator):
        check_is_fitted(model)
    found = _unwrapped(model, None)
    if feature_names is not None:
        return NamedModel(found.model, list(feature_names))
    return (
        found if found.names is not None else NamedModel(found.model, getattr(found.model, "feature_names_in_", None))
    )


def _unwrapped(model: Any, names: Names) -> NamedModel:
    if isinstance(model, ImageSegmenter):
        return _unwrapped(model.classifier_, list(model.features_.get_feature_names_out()))
    if isinstance(model, PixelClassifier | EncodedLabels):
        return _unwrapped(model.estimator_, names)
    if not isinstance(model, Pipeline):
        return NamedModel(model, names)
    for _, step in model.steps[:-1]:
        if step is not None and step != "passthrough":
            names = list(step.get_feature_names_out(names)) if hasattr(step, "get_feature_names_out") else None
    return _unwrapped(model.steps[-1][1], names)
