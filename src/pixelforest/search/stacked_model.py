"""A model as an `ImageFeatureStack` and a classifier of its rows, and back to a model of the same kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from pixelforest.estimators.feature_stack import DEFAULT_FILTERS, DEFAULT_SIGMAS, ImageFeatureStack
from pixelforest.estimators.pixels import default_forest
from pixelforest.estimators.segmenter import ImageSegmenter
from pixelforest.explain.pixel_rows import last_step
from pixelforest.features.spec import FeatureSpec


@dataclass(frozen=True)
class StackedModel:
    """The parts of a model.

    Attributes
    ----------
    model : estimator
    front : Pipeline or None
        What stands in front of the stack; nothing in it learns.
    stack : ImageFeatureStack
    parameter : str
        Of `model`, that the stack is the value of.
    classifier : classifier of rows
    """

    model: Any
    front: Pipeline | None
    stack: ImageFeatureStack
    parameter: str
    classifier: Any

    def with_features(self, specs: tuple[FeatureSpec, ...]) -> ImageFeatureStack:
        """Return the stack with other features, and all else as it is."""
        return clone(self.stack).set_params(features=list(specs), filters=DEFAULT_FILTERS, sigmas=DEFAULT_SIGMAS)

    def with_stack(self, stack: ImageFeatureStack) -> Any:
        """Return the model, not fitted, with another stack."""
        return clone(self.model).set_params(**{self.parameter: stack})


def stacked_model(model: Any) -> StackedModel:
    """Return the parts of a model.

    Parameters
    ----------
    model : estimator
        An `ImageSegmenter`, a pipeline that ends in one, or one that ends in an `ImageFeatureStack` and a
        `PixelClassifier`.

    Raises
    ------
    TypeError
        Something else.
    ValueError
        A step in front of the stack learns, or the stack gives float16.

    Examples
    --------
    >>> stacked_model(ImageSegmenter()).parameter
    'features'
    """
    last = last_step(model)
    steps = model.steps if isinstance(model, Pipeline) else [("", model)]
    if isinstance(last, ImageSegmenter):
        stack: Any = ImageFeatureStack() if last.features is None else last.features
        parameter, classifier, before = f"{steps[-1][0]}__features".removeprefix("__"), last.classifier, steps[:-1]
    else:
        stack = steps[-2][1] if len(steps) > 1 else None
        parameter, classifier, before = steps[-2][0] if len(steps) > 1 else "", last.estimator, steps[:-2]
    if not isinstance(stack, ImageFeatureStack):
        raise TypeError(f"`model` must have an ImageFeatureStack in front of its classifier, got {model!r}")
    if np.dtype(stack.dtype) != np.float32:
        raise ValueError(f"`model` must have features of dtype float32, got {stack.dtype!r}")
    for name, step in before:
        if step is not None and step != "passthrough" and get_tags(step).requires_fit:
            raise ValueError(
                f"`model`: the step {name!r} learns from images, and all of them would teach it; transform them first"
            )
    return StackedModel(
        model=model,
        front=Pipeline(list(before)) if before else None,
        stack=stack,
        parameter=parameter,
        classifier=default_forest(stack.device) if classifier is None else classifier,
    )
