"""Features and labels at the annotated pixels of images, as a fitted model sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from pixelforest.estimators.feature_stack import ImageFeatureStack
from pixelforest.estimators.pixel_classifier import PixelClassifier
from pixelforest.estimators.segmenter import ImageSegmenter, row_reader
from pixelforest.estimators.shapes import checked_n_channels, spatial_shapes
from pixelforest.images.containers import collect_images
from pixelforest.images.labels import read_annotations


@dataclass(frozen=True)
class PixelRows:
    """What `classifier` is given for the annotated pixels of images.

    Attributes
    ----------
    classifier : fitted classifier
    rows : list of ndarray, shape (n_pixels, n_features)
        One per image with annotated pixels.
    labels : list of ndarray, shape (n_pixels,)
        Of these pixels.
    names : tuple of str
        Of the features.
    stack : ImageFeatureStack or None
        What computed them, if the model has it.
    """

    classifier: Any
    rows: list[NDArray[Any]]
    labels: list[NDArray[Any]]
    names: tuple[str, ...]
    stack: ImageFeatureStack | None


def last_step(model: Any) -> Any:
    """Return the segmenter or pixel classifier that `model` is, or ends in.

    Raises
    ------
    TypeError
        There is none.
    """
    last = model.steps[-1][1] if isinstance(model, Pipeline) else model
    if not isinstance(last, ImageSegmenter | PixelClassifier):
        raise TypeError(
            "`model` must be an ImageSegmenter or PixelClassifier, or a pipeline that ends in one, got "
            f"{type(last).__name__}"
        )
    return last


def pixel_rows(model: Any, X: Any, y: Any) -> PixelRows:
    """Return features and labels of the annotated pixels of `X`; pixels that NaN reaches are left out.

    Parameters
    ----------
    model : fitted estimator
        See `last_step`.
    X : list of array-like
    y : list of array-like of int

    Raises
    ------
    TypeError, ValueError
        Another model, images that it does not take, or no annotated pixel.
    """
    last = last_step(model)
    check_is_fitted(model)
    front = model[:-1] if isinstance(model, Pipeline) and len(model.steps) > 1 else None
    images = X if front is None else front.transform(X)
    stack: ImageFeatureStack | None
    if isinstance(last, ImageSegmenter):
        stack, classifier, axes = last.features_, last.classifier_, last.features_.axes()
        read, what = row_reader(last.features_), "channels"
    else:
        behind = None if front is None else front.steps[-1][1]
        stack = behind if isinstance(behind, ImageFeatureStack) else None
        classifier, axes, read, what = last.estimator_, last.axes(), last.annotated_rows, "features"
    batch = collect_images(images, axes, allow_single=False)
    checked_n_channels(batch, axes, expected=last.n_features_in_, what=what)
    rows, labels = [], []
    for annotation in read_annotations(y, spatial_shapes(batch, axes), unlabeled=last.unlabeled):
        found, valid = read(batch.images[annotation.index], annotation)
        if valid.any():
            rows.append(found[valid])
            labels.append(annotation.labels[valid])
    if not rows:
        raise ValueError("`X` is NaN or inf at, or within reach of, every annotated pixel")
    n_features = rows[0].shape[1]
    names = [f"x{column}" for column in range(n_features)] if stack is None else stack.get_feature_names_out()
    return PixelRows(classifier, [np.asarray(part) for part in rows], labels, tuple(names), stack)
