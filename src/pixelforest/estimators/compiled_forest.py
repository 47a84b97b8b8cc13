"""What compiled classifiers and regressors share: rows as the model takes them, kernels, leaves and source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from pixelforest.backends.protocol import Backend, ForestProgram
from pixelforest.backends.select import open_backend
from pixelforest.estimators.compiled import ForestPrograms, only_one
from pixelforest.estimators.model_record import ModelRecord
from pixelforest.forest.emit import emit_opencl
from pixelforest.forest.lower import KernelPlan


def if_model_has(method: str) -> Any:
    """Return a decorator of methods that exist only where the model has them."""
    return available_if(lambda self: method in self.model.methods)


class CompiledForest(BaseEstimator):
    """A fitted model whose predictions are compiled; made by `compile_forest`.

    It is a fitted estimator of scikit-learn, and frozen: `fit` checks the width of `X` and changes nothing, and
    ``clone`` gives the object itself. So it may stand where an estimator is expected that was trained elsewhere.
    Pickles hold numbers only; kernels are built again where they are loaded. Safe to use from several threads.

    `X` is what the model takes, except sparse matrices, and is refused where the model refuses it (NaN and infinity,
    columns, names of columns). Arrays of more than two axes are images with features last; the answer has their
    spatial shape. Real numbers of any dtype and strides are read where they lie, and compared as the model would.

    Parameters
    ----------
    model : ModelRecord
        What was read from the model.
    device, form
        See `compile_forest`.

    Attributes
    ----------
    classes_ : ndarray, or list of ndarray
        Of a classifier; a list for several targets.
    n_features_in_, n_outputs_ : int
        Columns of `X`; targets.
    feature_names_in_ : ndarray of object
        If the model was fitted with named columns.
    kernel_source_ : str
        Text and constants of the kernels that predict on this device.
    kernel_plan_ : KernelPlan
        Which kernel form was chosen, and why.
    """

    def __init__(self, model: ModelRecord, *, device: str = "auto", form: str | None = None) -> None:
        self.model = model
        self.device = device
        self.form = form
        self._programs = ForestPrograms(model.forests)

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> CompiledForest:
        """Check the columns of `X` and return this object, which is fitted already.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        y, sample_weight
            Ignored.

        Raises
        ------
        ValueError
            `X` has other columns.
        """
        self._checked(X)
        return self

    @if_model_has("apply")
    def apply(self, X: Any) -> NDArray[Any]:
        """Return the leaf that each row reaches in each tree, named as the model names it.

        Parameters
        ----------
        X : array-like, shape (..., n_features)

        Returns
        -------
        ndarray, shape (..., n_trees)
            In shape and dtype as from the model: of a single tree ``(...)``, of gradient boosting for classification
            ``(..., n_estimators, n_outputs)``.
        """
        X = self._checked(X)
        leaves = self.programs_on(open_backend(self.device))[0].leaf_nodes(X)
        return leaves.reshape(*X.shape[:-1], *self.model.leaf_shape).astype(self.model.leaf_dtype)

    def program_on(self, backend: Backend) -> ForestProgram:
        """Return the program for a backend; built once.

        Parameters
        ----------
        backend : Backend
            See `pixelforest.backends.select.open_backend`.

        Raises
        ------
        ValueError
            The model is a classifier of several targets.
        """
        program: ForestProgram = only_one(self.programs_on(backend))
        return program

    def programs_on(self, backend: Backend) -> tuple[ForestProgram, ...]:
        """Return one program per target for a backend; built once.

        Parameters
        ----------
        backend : Backend
            See `pixelforest.backends.select.open_backend`.
        """
        return self._programs.on(backend, self.form)

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
        forest = only_one(self.model.forests)
        names = None if self.model.classes is None else [str(label) for label in self.model.classes]
        text = emit_opencl(forest, class_names=names)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @property
    def n_features_in_(self) -> int:
        """Number of columns of `X`."""
        return self.model.rules.n_features

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of the columns of `X`."""
        names = self.model.rules.feature_names
        if names is None:
            raise AttributeError(f"{self.model.name} was fitted without names of features")
        return np.array(names, dtype=object)

    @property
    def n_outputs_(self) -> int:
        """Number of targets."""
        forests = self.model.forests
        return len(forests) if self.model.classes is not None else forests[0].n_outputs

    @property
    def kernel_source_(self) -> str:
        """Text and constants of the kernels that predict on this device; of the first target."""
        return self.programs_on(open_backend(self.device))[0].source

    @property
    def kernel_plan_(self) -> KernelPlan:
        """Which kernel form was chosen, and why; of the first target."""
        return self.programs_on(open_backend(self.device))[0].plan

    def _checked(self, X: Any) -> NDArray[Any]:
        """Return rows ``(..., n_features)`` that the model would take, of any real dtype and strides."""
        rules = self.model.rules
        is_array = isinstance(X, np.ndarray)
        if not is_array and not rules.allows_categories and _has_categories(X):
            raise ValueError(
                f"`X` must hold numbers, got columns of dtype category, which {rules.model_name} encodes by a table of "
                "its own; pass the codes"
            )
        if is_array and X.ndim > 2:
            rows = self._checked_image(X)
        else:
            is_real = is_array and X.dtype.kind in "fiub"
            names_count = rules.compares_names == "always" or (
                rules.compares_names == "if given" and hasattr(X, "columns")
            )
            rows = validate_data(
                self if names_count else _Columns(rules.n_features, self.model.name),
                X,
                reset=False,
                dtype=None if is_real else rules.dtype,
                ensure_all_finite=False,
            )
        rules.check_finite(rows)
        return rows

    def _checked_image(self, X: NDArray[Any]) -> NDArray[Any]:
        n_features = self.n_features_in_
        if X.shape[-1] != n_features:
            raise ValueError(
                f"`X` must have {n_features} features on its last axis, as {self.model.name} was fitted with, got "
                f"shape {X.shape}; a feature-major block becomes one by np.moveaxis(block, 0, -1)"
            )
        if X.dtype.kind not in "fiub":
            if X.dtype.kind == "c":
                raise ValueError(f"`X` must hold real numbers, got {X.dtype}")
            return X.astype(self.model.rules.dtype)
        return X

    def __sklearn_clone__(self) -> CompiledForest:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.model.rules.allows_nan
        tags.target_tags.multi_output = self.n_outputs_ > 1
        return tags


class _Columns(BaseEstimator):
    """Stands for a model without names of columns where scikit-learn checks rows."""

    def __init__(self, n_features_in_: int, name: str) -> None:
        self.n_features_in_ = n_features_in_
        self.name = name


def _has_categories(X: Any) -> bool:
    return any(str(dtype) == "category" for dtype in getattr(X, "dtypes", ()))
