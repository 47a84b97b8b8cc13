"""`OpenCLRandomForestClassifier`: scikit-learn's forest, predicted by compiled kernels."""

from __future__ import annotations

from typing import Any, ClassVar

from sklearn.ensemble import RandomForestClassifier

from pixelforest.estimators.compiled_classifier import CompiledClassifierMixin


class OpenCLRandomForestClassifier(CompiledClassifierMixin, RandomForestClassifier):
    """Random forest that scikit-learn fits and OpenCL predicts, with scikit-learn's answers.

    Every parameter but `device` is that of :class:`sklearn.ensemble.RandomForestClassifier`, with the same default.
    Labels are the same as scikit-learn's with ``n_jobs=1``; probabilities differ by at most 2.5e-7.

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
    Sparse `X` is predicted by scikit-learn itself. Of several outputs, each is compiled by itself.

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
    >>> bool(np.allclose(model.predict_proba(X), reference.predict_proba(X), rtol=0, atol=2.5e-7))
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
