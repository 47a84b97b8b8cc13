"""What the estimators that learn from annotated pixels share: reading annotations, fitting rows, giving labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin

from pixelforest.estimators.encoded_labels import with_codes
from pixelforest.estimators.fit_clone import fit_clone
from pixelforest.estimators.random_forest import OpenCLRandomForestClassifier
from pixelforest.estimators.random_forest_regressor import OpenCLRandomForestRegressor
from pixelforest.estimators.sampling import Sampling, sample_annotations
from pixelforest.estimators.shapes import ImageInputMixin, spatial_shapes
from pixelforest.images.containers import ImageAxes, ImageBatch
from pixelforest.images.labels import Annotation, label_dtype, read_annotations, resolve_classes
from pixelforest.metrics import pixel_accuracy

RowReader = Callable[[Any, Annotation], tuple[NDArray[Any], NDArray[np.bool_]]]
"""Returns the feature rows of an image at the annotated pixels, and which of them are valid (reached by no NaN)."""


def default_forest(device: str = "auto") -> OpenCLRandomForestClassifier:
    """Return the forest that pixel estimators use without being told: 100 trees of depth at most 10.

    Unlimited depth fits single strokes; see `docs/design-notes.md`.
    """
    return OpenCLRandomForestClassifier(n_estimators=100, max_depth=10, random_state=0, device=device)


def default_regression_forest() -> OpenCLRandomForestRegressor:
    """Return the forest that estimators of numbers use without being told, as deep as `default_forest`."""
    return OpenCLRandomForestRegressor(n_estimators=100, max_depth=10, random_state=0)


class PixelLabelsMixin(ImageInputMixin, ClassifierMixin):
    """Learning, labels, probabilities and scores of estimators with the parameters below."""

    unlabeled: int | None
    classes: Any
    sampling: Sampling
    max_samples: int | None
    random_state: Any
    classes_: NDArray[Any]

    def _learn(
        self, estimator: Any, batch: ImageBatch, axes: ImageAxes, y: Any, sample_weight: Any, read: RowReader
    ) -> tuple[Any, NDArray[Any]]:
        """Return a clone of `estimator` fitted to the annotated pixels, and the classes; nothing of `self` changes."""
        if self.unlabeled is not None and (
            isinstance(self.unlabeled, bool) or not isinstance(self.unlabeled, int | np.integer)
        ):
            raise TypeError(f"`unlabeled` must be an integer or None, got {self.unlabeled!r}")
        shapes = spatial_shapes(batch, axes)
        annotations = read_annotations(y, shapes, unlabeled=self.unlabeled, sample_weight=sample_weight)
        classes = resolve_classes(annotations, self.classes, unlabeled=self.unlabeled)
        annotations = sample_annotations(annotations, self.sampling, self.max_samples, self.random_state)
        X, labels, weights = gather_rows(batch, annotations, read)
        values = labels.astype(classes.dtype)
        if np.unique(values).size < 2:
            raise ValueError(
                f"at least two classes are needed: NaN or inf in `X` reach every pixel of all but {values[0]}"
            )
        fitted = fit_clone(with_codes(estimator), X, values, weights)
        _check_known(getattr(fitted, "classes_", classes), classes)
        return fitted, classes

    def _label_dtype(self) -> np.dtype[Any]:
        """Return the smallest unsigned dtype of the classes, and of the unlabelled value that masked pixels get."""
        return label_dtype(np.append(self.classes_, self.unlabeled or 0))

    def _masked_label(self) -> int:
        if self.unlabeled is None:
            raise ValueError("`nan_policy='mask'` gives masked pixels the unlabelled value, but `unlabeled` is None")
        return self.unlabeled

    def _in_class_order(self, probabilities: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
        """Return probabilities ``(n_rows, n_classes)`` with a zero column for classes that training lacked."""
        if np.array_equal(columns, self.classes_):
            return probabilities
        out = np.zeros((len(probabilities), len(self.classes_)), probabilities.dtype)
        position = {label: i for i, label in enumerate(self.classes_.tolist())}
        out[:, [position[label] for label in np.asarray(columns).tolist()]] = probabilities
        return out

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy over all annotated pixels of all images.

        Parameters
        ----------
        X : list of array-like
        y : list of array-like of int
            Label images; pixels with the unlabelled value do not count.
        sample_weight : list of array-like, optional
            One weight image per image.

        Returns
        -------
        float
            NaN, with a warning, if no pixel is annotated.
        """
        predictions = self.predict(X)
        if sample_weight is None:
            return float(pixel_accuracy(y, predictions, unlabeled=self.unlabeled))
        shapes = [np.shape(labels) for labels in predictions]
        annotations = read_annotations(y, shapes, unlabeled=self.unlabeled, sample_weight=sample_weight)
        hits = [np.asarray(predictions[a.index]).ravel()[a.pixels] == a.labels for a in annotations]
        return float(np.average(np.concatenate(hits), weights=np.concatenate([a.weights for a in annotations])))


def gather_rows(
    batch: ImageBatch, annotations: Sequence[Annotation], read: RowReader
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64] | None]:
    """Return features, labels and sample weights of the valid annotated pixels of all images.

    Raises
    ------
    ValueError
        No pixel is valid.
    """
    rows, labels, weights = [], [], []
    for annotation in annotations:
        image_rows, valid = read(batch.images[annotation.index], annotation)
        rows.append(image_rows[valid])
        labels.append(annotation.labels[valid])
        if annotation.weights is not None:
            weights.append(annotation.weights[valid])
    X = np.concatenate(rows)
    if not len(X):
        raise ValueError("`X` is NaN or inf at, or within reach of, every annotated pixel")
    return X, np.concatenate(labels), np.concatenate(weights) if weights else None


def _check_known(learnt: Any, classes: NDArray[Any]) -> None:
    """Raise where an estimator that was fitted before knows classes that `y` and `classes` lack."""
    if isinstance(learnt, list):
        raise ValueError(f"the classifier must have one target, got one that was fitted with {len(learnt)}")
    unknown = sorted(set(np.asarray(learnt).tolist()) - set(classes.tolist()), key=str)
    if unknown:
        raise ValueError(
            f"the classifier was fitted with the classes {unknown}, which `y` lacks; name all of them by `classes=`, "
            f"got {classes.tolist()}"
        )
