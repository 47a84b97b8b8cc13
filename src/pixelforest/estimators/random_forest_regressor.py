"""`OpenCLRandomForestRegressor`: scikit-learn's random forest, predicted by compiled kernels."""

from __future__ import annotations

from typing import Any, ClassVar

from sklearn.ensemble import RandomForestRegressor

from pixelforest.estimators.compiled_regressor import CompiledRegressorMixin


class OpenCLRandomForestRegressor(CompiledRegressorMixin, RandomForestRegressor):
    """Random forest for regression that scikit-learn fits and OpenCL predicts.

    Every parameter but `device` is that of :class:`sklearn.ensemble.RandomForestRegressor`, with the same default.
    Predictions differ from scikit-learn's by at most 1e-6 of the mean magnitude of the leaves that were reached.

    Parameters
    ----------
    n_estimators, criterion, max_depth, min_samples_split, min_samples_leaf, min_weight_fraction_leaf, max_features, \
max_leaf_nodes, min_impurity_decrease, bootstrap, oob_score, random_state, verbose, warm_start, ccp_alpha, \
max_samples, monotonic_cst
        See :class:`sklearn.ensemble.RandomForestRegressor`.
    n_jobs : int or None
        Used by `fit`; prediction uses the whole device.
    device : str
        "auto" (the best working OpenCL device, or what the environment variable ``PIXELFOREST_DEVICE`` says), "numpy",
        or part of the name of a device.

    Attributes
    ----------
    estimators_, n_features_in_, feature_names_in_, n_outputs_, feature_importances_, oob_score_, oob_prediction_, \
estimator_
        See :class:`sklearn.ensemble.RandomForestRegressor`.
    kernel_source_ : str
        Text and constants of the kernels that predict on this device.
    kernel_plan_ : KernelPlan
        Which kernel form was chosen, and why.

    See Also
    --------
    OpenCLRandomForestClassifier : The same for classes.
    compile_forest : The same for a model that is fitted already.

    Notes
    -----
    Sparse `X` is predicted by scikit-learn itself.

    Examples
    --------
    Grey values of pixels from one stain to those of another:

    >>> import numpy as np
    >>> import pixelforest as pf
    >>> X = np.array([[0.1, 3], [0.2, 4], [0.8, 3], [0.9, 5]])
    >>> model = pf.OpenCLRandomForestRegressor(n_estimators=30, random_state=0).fit(X, [10.0, 12.0, 20.0, 22.0])
    >>> model.predict([[0.0, 3], [1.0, 6]]).round(3)
    array([11.933, 20.467])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RandomForestRegressor._parameter_constraints,
        "device": [str],
    }

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        criterion: str = "squared_error",
        max_depth: int | None = None,
        min_samples_split: int | float = 2,
        min_samples_leaf: int | float = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: str | int | float | None = 1.0,
        max_leaf_nodes: int | None = None,
        min_impurity_decrease: float = 0.0,
        bootstrap: bool = True,
        oob_score: Any = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
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
            ccp_alpha=ccp_alpha,
            max_samples=max_samples,
            monotonic_cst=monotonic_cst,
        )
        self.device = device
