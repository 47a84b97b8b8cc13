"""`OpenCLRandomForestClassifier`: scikit-learn's forest, predicted by compiled kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils.validation import check_is_fitted

from pixelforest.backends.protocol import Backend, ForestProgram
from pixelforest.backends.select import open_backend
from pixelforest.estimators.compiled import CompiledForest
from pixelforest.forest.emit import emit_opencl
from pixelforest.forest.lower import KernelPlan


class OpenCLRandomForestClassifier(RandomForestClassifier):
    """Random forest that scikit-learn fits and OpenCL predicts, with scikit-learn's answers.

    Every parameter but `device` is that of :class:`sklearn.ensemble.RandomForestClassifier`, with the same default.
    Labels are the same as scikit-learn's with ``n_jobs=1``; probabilities differ by at most 1e-7.

    Parameters
    ----------
    n_estimators, criterion, max_depth, min_samples_split, min_samples_leaf, min_weight_fraction_leaf, max_features, \
max_leaf_nodes, min_impurity_decrease, bootstrap, oob_score, random_state, verbose, warm_start, class_weight, \
ccp_alpha, max_samples, monotonic_cst
        See :class:`sklearn.ensemble.RandomForestClassifier`.
    n_jobs : int or None
        Used by `fit`; prediction uses the whole device.
    device : str
        "auto" (the best working OpenCL device, or what the environment variable ``PIXELFOREST_DEVICE`` says), "numpy",
        or part of the name of a device.

    Attributes
    ----------
    estimators_, classes_, n_classes_, n_features_in_, feature_names_in_, n_outputs_, feature_importances_, \
oob_score_, oob_decision_function_, estimator_
        See :class:`sklearn.ensemble.RandomForestClassifier`.
    kernel_source_ : str
        Text and constants of the kernels that predict on this device.
    kernel_plan_ : KernelPlan
        Which kernel form was chosen, and why.

    See Also
    --------
    PixelClassifier : Applies this (or any) classifier to the pixels of images.
    ImageSegmenter : Features and forest in one.

    Notes
    -----
    Sparse `X` and models with several outputs are predicted by scikit-learn itself.

    Examples
    --------
    Brightness and texture of pixels that somebody labelled; classes may have names:

    >>> import numpy as np
    >>> from pixelforest.estimators.random_forest import OpenCLRandomForestClassifier
    >>> X = np.array([[0.1, 3], [0.2, 4], [0.8, 3], [0.9, 5]])
    >>> y = ["background", "background", "nucleus", "nucleus"]
    >>> model = OpenCLRandomForestClassifier(n_estimators=30, max_depth=2, random_state=0).fit(X, y)
    >>> model.predict([[0.15, 3], [0.85, 4]])
    array(['background', 'nucleus'], dtype='<U10')

    It is scikit-learn's forest, so the same seed gives the same trees and the same answers:

    >>> from sklearn.ensemble import RandomForestClassifier
    >>> reference = RandomForestClassifier(n_estimators=30, max_depth=2, random_state=0).fit(X, y)
    >>> bool(np.allclose(model.predict_proba(X), reference.predict_proba(X), rtol=0, atol=1e-7))
    True

    The trees can be read as a program:

    >>> print(model.to_opencl().splitlines()[0])
    // A forest of 30 trees for 2 features and 2 classes.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RandomForestClassifier._parameter_constraints,
        "device": [str],
    }

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        criterion: str = "gini",
        max_depth: int | None = None,
        min_samples_split: int | float = 2,
        min_samples_leaf: int | float = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: str | int | float | None = "sqrt",
        max_leaf_nodes: int | None = None,
        min_impurity_decrease: float = 0.0,
        bootstrap: bool = True,
        oob_score: Any = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
        class_weight: Any = None,
        ccp_alpha: float = 0.0,
        max_samples: int | float | None = None,
        monotonic_cst: Any = None,
        device: str = "auto",
    ) -> None:
        super().__init__(
            n_estimators=n_estimators,
            criterion=criterion,
            max_depth=max_depth,
            min_samples_split=min_samples_split,
            min_samples_leaf=min_samples_leaf,
            min_weight_fraction_leaf=min_weight_fraction_leaf,
            max_features=max_features,
            max_leaf_nodes=max_leaf_nodes,
            min_impurity_decrease=min_impurity_decrease,
            bootstrap=bootstrap,
            oob_score=oob_score,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
            warm_start=warm_start,
            class_weight=class_weight,
            ccp_alpha=ccp_alpha,
            max_samples=max_samples,
            monotonic_cst=monotonic_cst,
        )
        self.device = device

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> OpenCLRandomForestClassifier:
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
        super().fit(X, y, sample_weight)
        self._compiled = CompiledForest()
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
            return super().predict(X)
        X = self._validate_X_predict(X)
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
            return super().predict_proba(X)
        X = self._validate_X_predict(X)
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
        return self._holder().program(self, backend)

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
        text = emit_opencl(self._holder().forest(self), class_names=[str(label) for label in self.classes_])
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def _is_compiled_for(self, X: Any) -> bool:
        return self.n_outputs_ == 1 and not issparse(X)

    def _holder(self) -> CompiledForest:
        if not hasattr(self, "_compiled"):  # fitted state that was set by other means than `fit`
            self._compiled = CompiledForest()
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
