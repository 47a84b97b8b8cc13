"""`OpenCLExtraTreesClassifier`: scikit-learn's extremely randomised trees, predicted by compiled kernels."""

from __future__ import annotations

from typing import Any, ClassVar

from sklearn.ensemble import ExtraTreesClassifier

from pixelforest.estimators.compiled_classifier import CompiledClassifierMixin


class OpenCLExtraTreesClassifier(CompiledClassifierMixin, ExtraTreesClassifier):
    """Extremely randomised trees that scikit-learn fits and OpenCL predicts, with scikit-learn's answers.

    Thresholds are drawn at random, so boundaries between classes are smoother than those of a random forest. With
    shallow trees and balanced classes this suits images with few strokes.

    Every parameter but `device` is that of :class:`sklearn.ensemble.ExtraTreesClassifier`, with the same default.
    Labels are the same as scikit-learn's with ``n_jobs=1``; probabilities differ by at most 2.5e-7.

    Parameters
    ----------
    n_estimators, criterion, max_depth, min_samples_split, min_samples_leaf, min_weight_fraction_leaf, max_features, \
max_leaf_nodes, min_impurity_decrease, bootstrap, oob_score, random_state, verbose, warm_start, class_weight, \
ccp_alpha, max_samples, monotonic_cst
        See :class:`sklearn.ensemble.ExtraTreesClassifier`.
    n_jobs : int or None
        Used by `fit`; prediction uses the whole device.
    device : str
        "auto" (the best working OpenCL device, or what the environment variable ``PIXELFOREST_DEVICE`` says), "numpy",
        or part of the name of a device.

    Attributes
    ----------
    estimators_, classes_, n_classes_, n_features_in_, feature_names_in_, n_outputs_, feature_importances_, \
oob_score_, oob_decision_function_, estimator_
        See :class:`sklearn.ensemble.ExtraTreesClassifier`.
    kernel_source_ : str
        Text and constants of the kernels that predict on this device.
    kernel_plan_ : KernelPlan
        Which kernel form was chosen, and why.

    See Also
    --------
    OpenCLRandomForestClassifier : The same for random forests.

    Notes
    -----
    Sparse `X` is predicted by scikit-learn itself. Of several outputs, each is compiled by itself.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> X = np.array([[0.1, 3], [0.2, 4], [0.8, 3], [0.9, 5]])
    >>> model = pf.OpenCLExtraTreesClassifier(n_estimators=30, max_depth=2, random_state=0).fit(X, [1, 1, 2, 2])
    >>> model.predict([[0.15, 3], [0.85, 4]])
    array([1, 2])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ExtraTreesClassifier._parameter_constraints,
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
        bootstrap: bool = False,
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
