"""`compile_forest`: a fitted tree ensemble of any library, predicted by compiled kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin

from pixelforest.backends.select import open_backend
from pixelforest.estimators import answers
from pixelforest.estimators.compiled_forest import CompiledForest, if_model_has
from pixelforest.estimators.model_record import read_model


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

    @if_model_has("predict_proba")
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

    @if_model_has("predict_log_proba")
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

    @if_model_has("decision_function")
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


def _apart(X: NDArray[Any], out: Any) -> NDArray[Any]:
    """Return `X`, or a copy where `out` may lie in its memory: kernels read and write at once."""
    return X.copy() if isinstance(out, np.ndarray) and np.may_share_memory(X, out) else X
