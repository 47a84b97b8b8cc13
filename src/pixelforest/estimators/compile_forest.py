"""`compile_forest`: a fitted tree ensemble of any library, predicted by compiled kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from pixelforest.backends.protocol import Backend, ForestProgram
from pixelforest.backends.select import open_backend
from pixelforest.estimators import answers
from pixelforest.estimators.compiled import ForestPrograms, only_one
from pixelforest.estimators.model_record import ModelRecord, read_model
from pixelforest.forest.emit import emit_opencl
from pixelforest.forest.lower import KernelPlan


def compile_forest(model: Any, *, device: str = "auto", form: str | None = None) -> CompiledForest:
    """Accelerate a model that is already fitted: same methods, same answers, compiled kernels.

    Parameters
    ----------
    model : fitted estimator, path, text or mapping
        Of scikit-learn: a random forest, extremely randomised trees, a decision tree, gradient boosting with or
        without histograms, or bagging of decision trees; classifier or regressor. Of XGBoost: an estimator, a booster,
        the path of a JSON model or what it holds. Of LightGBM: an estimator, a booster, the path of a text model, its
        text, or its JSON dump.
    device : str
        "auto" (the best working OpenCL device, or what the environment variable ``PIXELFOREST_DEVICE`` says), "numpy",
        or part of the name of a device.
    form : {"traverse", "shared", "coherent", "shallow"}, optional
        Forces a kernel form. By default the shape of the forest and the device decide; see ``kernel_plan_``.

    Returns
    -------
    CompiledForest
        A copy: later changes of the model do not reach it. It has those of the methods ``predict``, ``predict_proba``,
        ``predict_log_proba``, ``decision_function`` and ``apply`` that `model` has. A booster or a file of a
        classifier has the first two, and classes 0, 1, ….

    Raises
    ------
    NotFittedError
        `model` is not fitted.
    ValueError
        `model` is not supported, or cannot be reproduced exactly; `device` is absent; `form` does not suit the forest.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> X, y = np.random.default_rng(0).normal(size=(200, 3)), np.arange(200) % 2
    >>> model = RandomForestClassifier(n_estimators=20, random_state=0).fit(X, y)
    >>> fast = pf.compile_forest(model)
    >>> bool((fast.predict(X) == model.predict(X)).all())
    True

    Images need no reshaping: features are on the last axis, as a view of planes for instance, and pixels are not
    copied:

    >>> planes = np.random.default_rng(1).normal(size=(3, 40, 50)).astype(np.float32)
    >>> fast.predict(np.moveaxis(planes, 0, -1)).shape
    (40, 50)
    """
    record = read_model(model)
    kind = CompiledRegressor if record.classes is None else CompiledClassifier
    compiled = kind(record, device=device, form=form)
    compiled.programs_on(open_backend(device))
    return compiled


def _has(method: str) -> Any:
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

    @_has("apply")
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


class CompiledClassifier(ClassifierMixin, CompiledForest):
    """A compiled classifier; see `CompiledForest`."""

    @property
    def classes_(self) -> Any:
        """Labels; a list of them for several targets."""
        return self.model.classes

    def predict(self, X: Any, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the class of each row.

        Parameters
        ----------
        X : array-like, shape (..., n_features)
        out : ndarray, shape (...), optional
            Where to write; of any dtype that holds the classes.

        Returns
        -------
        ndarray, shape (...) or, of several targets, (..., n_outputs)
            `out` if it was given.

        Raises
        ------
        ValueError, TypeError
            `X` is not what the model takes; `out` has another shape or dtype.
        """
        X = _apart(self._checked(X), out)
        programs = self.programs_on(open_backend(self.device))
        if len(programs) > 1:
            return answers.stacked_labels(programs, self.classes_, X, out)
        return answers.class_labels(programs[0], self.classes_, X, out)

    @_has("predict_proba")
    def predict_proba(self, X: Any, *, out: Any = None) -> Any:
        """Return class probabilities.

        Parameters
        ----------
        X : array-like, shape (..., n_features)
        out : ndarray of float32 or float64, shape (..., n_classes), optional
            Where to write; for several targets a list of arrays.

        Returns
        -------
        ndarray, shape (..., n_classes)
            Columns in the order of `classes_`; a list of such arrays for several targets.

        Raises
        ------
        ValueError, TypeError
            `X` is not what the model takes; `out` has another shape or dtype.
        """
        X = self._checked(X)
        programs = self.programs_on(open_backend(self.device))
        pairs = list(zip(self.model.forests, programs, strict=True))
        if len(pairs) == 1:
            return answers.class_probabilities(*pairs[0], _apart(X, out), out)
        outs = [None] * len(pairs) if out is None else list(out)
        if len(outs) != len(pairs):
            raise ValueError(f"`out` must be a list of {len(pairs)} arrays, one per target, got {len(outs)}")
        return [answers.class_probabilities(*pair, _apart(X, to), to) for pair, to in zip(pairs, outs, strict=True)]

    @_has("predict_log_proba")
    def predict_log_proba(self, X: Any) -> Any:
        """Return logarithms of class probabilities.

        Parameters
        ----------
        X : array-like, shape (..., n_features)

        Returns
        -------
        ndarray, shape (..., n_classes)
            A list of such arrays for several targets.
        """
        found = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return [np.log(part) for part in found] if isinstance(found, list) else np.log(found)

    @_has("decision_function")
    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the sums of the trees.

        Parameters
        ----------
        X : array-like, shape (..., n_features)

        Returns
        -------
        ndarray, shape (...) of two classes, else (..., n_classes)
        """
        X = self._checked(X)
        return answers.decision_values(self.model.forests[0], self.program_on(open_backend(self.device)), X)


class CompiledRegressor(RegressorMixin, CompiledForest):
    """A compiled regressor; see `CompiledForest`."""

    def predict(self, X: Any, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the prediction for each row.

        Parameters
        ----------
        X : array-like, shape (..., n_features)
        out : ndarray of float32 or float64, shape (...), optional
            Where to write.

        Returns
        -------
        ndarray, shape (...) or, of several targets, (..., n_outputs)
            `out` if it was given.

        Raises
        ------
        ValueError, TypeError
            `X` is not what the model takes; `out` has another shape or dtype.
        """
        X = _apart(self._checked(X), out)
        return answers.predictions(self.model.forests[0], self.program_on(open_backend(self.device)), X, out)


class _Columns(BaseEstimator):
    """Stands for a model without names of columns where scikit-learn checks rows."""

    def __init__(self, n_features_in_: int, name: str) -> None:
        self.n_features_in_ = n_features_in_
        self.name = name


def _has_categories(X: Any) -> bool:
    return any(str(dtype) == "category" for dtype in getattr(X, "dtypes", ()))


def _apart(X: NDArray[Any], out: Any) -> NDArray[Any]:
    """Return `X`, or a copy where `out` may lie in its memory: kernels read and write at once."""
    return X.copy() if isinstance(out, np.ndarray) and np.may_share_memory(X, out) else X
