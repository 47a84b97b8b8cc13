"""What every backend offers: features of a patch, and forests applied to rows or to feature blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pixelforest.features.patch import Patch
    from pixelforest.features.plan import FeaturePlan
    from pixelforest.forest.lower import KernelPlan
    from pixelforest.forest.representation import Forest


class FeatureBlock(Protocol):
    """A feature-major float32 block ``(n_features, *spatial)`` that lives where its backend computes."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape ``(n_features, *spatial)``."""
        ...

    def to_host(self) -> NDArray[np.float32]:
        """Copy (or view) the block as a NumPy array."""
        ...


class ForestProgram(Protocol):
    """A forest made ready for one device. Decides every row as scikit-learn does."""

    @property
    def source(self) -> str:
        """Exact text and constants that were built for this device."""
        ...

    @property
    def plan(self) -> KernelPlan:
        """Which kernel form was chosen, and why."""
        ...

    def values(self, X: NDArray[Any], out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return means or sums (with the baseline) of the trees, ``(..., n_outputs)``, for rows ``(..., n_features)``.

        Here and below, rows have any strides and real dtype; `out` is C-contiguous and of the dtype that is returned.
        """
        ...

    def leaf_nodes(self, X: NDArray[Any]) -> NDArray[np.int32]:
        """Return the model's name of the leaf that each row reaches in each tree, ``(..., n_trees)``."""
        ...

    def class_probabilities(self, X: NDArray[Any], out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return ``(..., n_classes)`` for rows ``(..., n_features)``."""
        ...

    def class_indices(
        self, X: NDArray[Any], out: NDArray[np.unsignedinteger[Any]] | None = None
    ) -> NDArray[np.unsignedinteger[Any]]:
        """Return the index of the winning class, ``(...,)``, for rows ``(..., n_features)``."""
        ...

    def block_values(self, block: FeatureBlock) -> NDArray[np.float32]:
        """Return means or sums of the trees, ``(n_outputs, *spatial)``, for a feature block of the same backend."""
        ...

    def block_probabilities(self, block: FeatureBlock) -> NDArray[np.float32]:
        """Return ``(n_classes, *spatial)`` for a feature block of the same backend."""
        ...

    def block_class_indices(self, block: FeatureBlock) -> NDArray[np.unsignedinteger[Any]]:
        """Return the index of the winning class, ``(*spatial)``, for a feature block of the same backend."""
        ...


class Backend(Protocol):
    """One way to compute: a device with its kernels, or NumPy."""

    @property
    def name(self) -> str:
        """Human-readable name of the device."""
        ...

    @property
    def fingerprint(self) -> str:
        """Name, platform and driver version; equal fingerprints give bit-identical results."""
        ...

    @property
    def tile_bytes(self) -> int:
        """Memory that a tile may take unless the user says otherwise."""
        ...

    def compute_features(self, plan: FeaturePlan, patch: Patch) -> FeatureBlock:
        """Compute the features of `plan` on the target window of `patch`."""
        ...

    def writes_to_host(self, plan: FeaturePlan, out: NDArray[Any]) -> bool:
        """Return whether `write_features` can be used for `out`, with the whole image as patch."""
        ...

    def write_features(self, plan: FeaturePlan, patch: Patch, out: NDArray[np.float32]) -> None:
        """Write the features of `plan` on the target window of `patch` to `out`."""
        ...

    def load_forest(self, forest: Forest, *, form: str | None = None) -> ForestProgram:
        """Make `forest` ready for this device; `form` forces a kernel form."""
        ...
