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
from pixelforest.estimators.compiled import ForestPrograms, WatchedPrograms, only_one
from pixelforest.forest.emit import emit_opencl
from pixelforest.forest.lower import KernelPlan
from pixelforest.forest.representation import Forest


class CompiledEnsembleMixin:
    """Programs of a scikit-learn forest; goes before the forest in the list of bases."""

    device: str

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit the trees with scikit-learn.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
        y : array-like, shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like, shape (n_samples,), optional

        Raises
        ------
        ValueError
            What scikit-learn refuses.
        """
        super().fit(X, y, sample_weight)  # type: ignore[misc]
        self._compiled = WatchedPrograms()
        return self

    def apply(self, X: Any) -> NDArray[np.intp]:
        """Return the leaf that each row reaches in each tree.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)

        Returns
        -------
        ndarray of int, shape (n_samples, n_estimators)
            Names of nodes as in ``estimators_[i].tree_``.
        """
        check_is_fitted(self)
        if issparse(X):
            return super().apply(X)  # type: ignore[misc]
        X = self._validate_X_predict(X)  # type: ignore[attr-defined]
        return self._programs()[0].leaf_nodes(X).astype(np.intp)

    def program_on(self, backend: Backend) -> ForestProgram:
        """Return this forest made ready for a backend; built once, and again when the trees change.

        Parameters
        ----------
        backend : Backend
            See `pixelforest.backends.select.open_backend`.

        Raises
        ------
        ValueError
            The model is a classifier of several targets.
        """
        program: ForestProgram = only_one(self._current().on(backend))
        return program

    def read_forest(self) -> Forest:
        """Return this forest as it was read from the trees; read again when they change.

        Raises
        ------
        ValueError
            The model is a classifier of several targets.
        """
        forest: Forest = only_one(self._current().forests)
        return forest

    @property
    def kernel_source_(self) -> str:
        """Text and constants of the kernels that predict on this device; of the first target."""
        return self._programs()[0].source

    @property
    def kernel_plan_(self) -> KernelPlan:
        """Which kernel form was chosen, and why; of the first target."""
        return self._programs()[0].plan

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
            The model is a classifier of several targets.
        """
        forest = only_one(self._current().forests)
        classes = getattr(self, "classes_", None)
        text = emit_opencl(forest, class_names=None if classes is None else [str(label) for label in classes])
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def _programs(self) -> tuple[ForestProgram, ...]:
        return self._current().on(open_backend(self.device))

    def _current(self) -> ForestPrograms:
        check_is_fitted(self)
        if not hasattr(self, "_compiled"):  # fitted state that was set by other means than `fit`
            self._compiled = WatchedPrograms()
        return self._compiled.of(self)
