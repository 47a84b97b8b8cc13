"""The NumPy backend: assembles the twins of features and forest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.numpy.features import HostBlock, compute_features
from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.features.patch import Patch
from pixelforest.features.plan import FeaturePlan
from pixelforest.forest.representation import Forest


class NumpyBackend:
    """Compute with NumPy and SciPy; needs no device."""

    name = "numpy"
    fingerprint = f"numpy {np.__version__}"
    tile_bytes = 128 * 2**20

    def compute_features(self, plan: FeaturePlan, patch: Patch) -> HostBlock:
        """Compute the features of `plan` on the target window of `patch`."""
        return HostBlock(compute_features(plan, patch))

    def writes_to_host(self, plan: FeaturePlan, out: NDArray[Any]) -> bool:
        """Return False: intermediate planes are as large as the patch, so that tiles are better."""
        return False

    def write_features(self, plan: FeaturePlan, patch: Patch, out: NDArray[np.float32]) -> None:
        """Write the features of `plan` on the target window of `patch` to `out`."""
        out[...] = compute_features(plan, patch)

    def load_forest(self, forest: Forest, *, form: str | None = None) -> NumpyForestProgram:
        """Wrap `forest` for level-by-level traversal in NumPy, which has no kernels to choose from."""
        if form is not None:
            raise ValueError(f"`form` must be None without an OpenCL device, got {form!r} for {self.name}")
        return NumpyForestProgram(forest)
