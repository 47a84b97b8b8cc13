"""What classifiers of ours share: labels and probabilities by compiled kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted

from pixelforest.estimators import answers
from pixelforest.estimators.compiled_ensemble import CompiledEnsembleMixin


class CompiledClassifierMixin(CompiledEnsembleMixin):
    """Predictions of a scikit-learn forest by compiled kernels; goes before the forest in the list of bases."""

    classes_: Any

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit the trees with scikit-learn.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
        y : array-like, shape (n_samples,) or (n_samples, n_outputs)
            Any labels, also strings.
        sample_weight : array-like, shape (n_samples,), optional

        Raises
        ------
        ValueError
            What scikit-learn refuses; label images as `y`.
        """
        _refuse_label_images(X, y)
        return super().fit(X, y, sample_weight)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each row: the one with the largest mean probability, the first of equal ones.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)

        Returns
        -------
        ndarray, shape (n_samples,) or (n_samples, n_outputs)
        """
        check_is_fitted(self)
        if issparse(X):
            return super().predict(X)  # type: ignore[misc]
        X = self._validate_X_predict(X)  # type: ignore[attr-defined]
        programs = self._programs()
        if len(programs) > 1:
            return answers.stacked_labels(programs, self.classes_, X)
        return answers.class_labels(programs[0], self.classes_, X)

    def predict_proba(self, X: Any) -> Any:
        """Return the mean class fractions of the leaves.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)

        Returns
        -------
        ndarray of float64, shape (n_samples, n_classes)
            Columns in the order of `classes_`; a list of such arrays for several outputs.
        """
        check_is_fitted(self)
        if issparse(X):
            return super().predict_proba(X)  # type: ignore[misc]
        X = self._validate_X_predict(X)  # type: ignore[attr-defined]
        found = [program.class_probabilities(X) for program in self._programs()]
        return found if len(found) > 1 else found[0]


def _refuse_label_images(X: Any, y: Any) -> None:
    """Raise for label images as `y`, which no table of rows can have, and say what takes them."""
    is_array = isinstance(y, np.ndarray) and y.dtype != object
    if is_array and y.ndim >= 3:
        what = f"{len(y)} label images (an array of shape {y.shape})"
    elif is_array and y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind in "iu" and np.shape(X)[:1] != y.shape[:1]:
        what = f"one label image (an array of shape {y.shape})"
    elif (isinstance(y, list | tuple) or (isinstance(y, np.ndarray) and y.ndim == 1)) and len(y) and np.ndim(y[0]) >= 2:
        what = f"{len(y)} label images (the first has shape {np.shape(y[0])})"
    else:
        return
    raise ValueError(
        f"`y` must hold one label per row of `X`, got {what}. To learn from images and label images, put the forest "
        "into `pixelforest.PixelClassifier` as the last step instead of `Flatten`: "
        "make_pipeline(ImageFeatureStack(), PixelClassifier(OpenCLRandomForestClassifier())); or use "
        "`pixelforest.ImageSegmenter`."
    )
