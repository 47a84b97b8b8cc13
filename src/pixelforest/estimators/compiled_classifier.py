"""What forests of ours share: scikit-learn fits them, compiled kernels predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted

from pixelforest.backends.protocol import Backend, ForestProgram
from pixelforest.backends.select import open_backend
from pixelforest.estimators.compiled import WatchedPrograms, only_one
from pixelforest.forest.emit import emit_opencl
from pixelforest.forest.lower import KernelPlan


class CompiledClassifierMixin:
    """Predictions of a scikit-learn forest by compiled kernels; goes before the forest in the list of bases."""

    device: str
    classes_: NDArray[Any]
    n_outputs_: int

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
        super().fit(X, y, sample_weight)  # type: ignore[misc]
        self._compiled = WatchedPrograms()
        return self

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
        if not self._is_compiled_for(X):
            return super().predict(X)  # type: ignore[misc]
        X = self._validate_X_predict(X)  # type: ignore[attr-defined]
        return self.classes_.take(self.program_on(open_backend(self.device)).class_indices(X), axis=0)

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
        if not self._is_compiled_for(X):
            return super().predict_proba(X)  # type: ignore[misc]
        X = self._validate_X_predict(X)  # type: ignore[attr-defined]
        return self.program_on(open_backend(self.device)).class_probabilities(X)

    def program_on(self, backend: Backend) -> ForestProgram:
        """Return this forest made ready for a backend; built once, and again when the trees change.

        Parameters
        ----------
        backend : Backend
            See `pixelforest.backends.select.open_backend`.

        Raises
        ------
        ValueError
            The model has several outputs.
        """
        check_is_fitted(self)
        program: ForestProgram = only_one(self._holder().of(self).on(backend))
        return program

    @property
    def kernel_source_(self) -> str:
        """Text and constants of the kernels that predict on this device."""
        return self.program_on(open_backend(self.device)).source

    @property
    def kernel_plan_(self) -> KernelPlan:
        """Which kernel form was chosen, and why."""
        return self.program_on(open_backend(self.device)).plan

    def to_opencl(self, path: str | Path | None = None) -> str:
        """Return the forest as a readable OpenCL C program of nested ``if``.

        Parameters
        ----------
        path : path-like, optional
            Also write it there.

        Returns
        -------
        str
            See `pixelforest.forest.emit.emit_opencl` for what the program looks like.

        Raises
        ------
        ValueError
            The model has several outputs.
        """
        check_is_fitted(self)
        text = emit_opencl(
            only_one(self._holder().of(self).forests), class_names=[str(label) for label in self.classes_]
        )
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def _is_compiled_for(self, X: Any) -> bool:
        return self.n_outputs_ == 1 and not issparse(X)

    def _holder(self) -> WatchedPrograms:
        if not hasattr(self, "_compiled"):  # fitted state that was set by other means than `fit`
            self._compiled = WatchedPrograms()
        return self._compiled


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
