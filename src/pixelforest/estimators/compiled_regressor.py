"""What regressors of ours share: predictions by compiled kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted

from pixelforest.estimators import answers
from pixelforest.estimators.compiled import only_one
from pixelforest.estimators.compiled_ensemble import CompiledEnsembleMixin


class CompiledRegressorMixin(CompiledEnsembleMixin):
    """Predictions of a scikit-learn forest by compiled kernels; goes before the forest in the list of bases."""

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the mean of what the trees predict for each row.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)

        Returns
        -------
        ndarray of float64, shape (n_samples,) or (n_samples, n_outputs)
        """
        check_is_fitted(self)
        if issparse(X):
            return super().predict(X)  # type: ignore[misc]
        X = self._validate_X_predict(X)  # type: ignore[attr-defined]
        return answers.predictions(only_one(self._current().forests), self._programs()[0], X)
