"""The only file of this benchmark that calls pixelforest's forests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest import compile_forest
from pixelforest.backends.select import open_backend


class CompiledForest:
    """A scikit-learn forest, compiled for `device`, called as users call it: rows are checked, labels are classes.

    `X` is a table ``(n_pixels, n_features)`` of any strides, or an image ``(height, width, n_features)``. An image
    that is a view of a feature-major block is read where it lies; nothing is uploaded or copied first.
    """

    def __init__(self, model: Any, device: str = "auto", form: str | None = None) -> None:
        self._compiled: Any = compile_forest(model, device=device, form=form)
        self.plan = str(self._compiled.kernel_plan_)
        self.has_forms = self._compiled.kernel_plan_.form != "numpy"

    def predict(self, X: NDArray[np.float32]) -> NDArray[Any]:
        """Return labels, ``X.shape[:-1]``."""
        return self._compiled.predict(X)

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[Any]:
        """Return probabilities, ``(*X.shape[:-1], n_classes)``."""
        return self._compiled.predict_proba(X)


def device_name(device: str = "auto") -> str:
    """Return platform, device and driver that `device` stands for."""
    return open_backend(device).fingerprint
