"""The OpenCL backend: one opened device with the executors of features and forests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.opencl.features import compute_features, write_features, writes_to_host
from pixelforest.backends.opencl.forest import OpenCLForestProgram
from pixelforest.backends.opencl.runtime import Device, DeviceArray
from pixelforest.features.patch import Patch
from pixelforest.features.plan import FeaturePlan
from pixelforest.forest.representation import Forest

PROCESSOR_TILE_BYTES = 128 * 2**20
"""Tiles of 256 to 2048 pixels a side take the same time per pixel, so they need not be larger; `docs/scale.md`."""


class OpenCLBackend:
    """Compute on one OpenCL device."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.name = device.name
        self.fingerprint = device.fingerprint
        self.tile_bytes = (
            PROCESSOR_TILE_BYTES if device.kind == "cpu" else min(device.max_allocation, device.global_memory // 8)
        )

    def compute_features(self, plan: FeaturePlan, patch: Patch) -> DeviceArray:
        """Compute the features of `plan` on the target window of `patch`; the block stays on the device."""
        return compute_features(self.device, plan, patch)

    def writes_to_host(self, plan: FeaturePlan, out: NDArray[Any]) -> bool:
        """Return whether `write_features` can be used."""
        return writes_to_host(self.device, plan, out)

    def write_features(self, plan: FeaturePlan, patch: Patch, out: NDArray[np.float32]) -> None:
        """Write the features of `plan` on the target window of `patch` to `out`, without a copy."""
        write_features(self.device, plan, patch, out)

    def load_forest(self, forest: Forest, *, form: str | None = None) -> OpenCLForestProgram:
        """Upload the tables of `forest` and build its kernels for this device; `form` forces a kernel form."""
        return OpenCLForestProgram(self.device, forest, form=form)
