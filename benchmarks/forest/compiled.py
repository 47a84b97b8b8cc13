"""The only file of this benchmark that calls pixelforest's forests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.numpy.features import HostBlock
from pixelforest.backends.select import open_backend
from pixelforest.forest.read import read_forest


class CompiledForest:
    """A scikit-learn forest, compiled for `device`.

    `X` is a table ``(n_pixels, n_features)`` of any strides, or an image ``(height, width, n_features)`` that is a
    view of a feature-major block.
    """

    def __init__(self, model: Any, device: str = "auto") -> None:
        backend = open_backend(device)
        self._program: Any = backend.load_forest(read_forest(model))
        self._load = backend.device.upload if hasattr(backend, "device") else HostBlock
        self.plan = str(self._program.plan)

    def predict(self, X: NDArray[np.float32]) -> NDArray[Any]:
        """Return labels, ``X.shape[:-1]``."""
        if X.ndim == 2:
            return self._program.class_indices(X)
        return self._program.block_class_indices(self._load(np.moveaxis(X, -1, 0)))

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[Any]:
        """Return probabilities, ``(*X.shape[:-1], n_classes)``."""
        if X.ndim == 2:
            return self._program.class_probabilities(X)
        return np.moveaxis(self._program.block_probabilities(self._load(np.moveaxis(X, -1, 0))), 0, -1)


def device_name(device: str = "auto") -> str:
    """Return platform, device and driver that `device` stands for."""
    return open_backend(device).fingerprint
