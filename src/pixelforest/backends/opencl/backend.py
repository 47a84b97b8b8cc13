"""The OpenCL backend: one opened device with the executors of features and forests."""

from __future__ import annotations

from pixelforest.backends.opencl.features import compute_features
from pixelforest.backends.opencl.forest import OpenCLForestProgram
from pixelforest.backends.opencl.runtime import Device, DeviceArray
from pixelforest.features.patch import Patch
from pixelforest.features.plan import FeaturePlan
from pixelforest.forest.representation import Forest


class OpenCLBackend:
    """Compute on one OpenCL device."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.name = device.name
        self.fingerprint = device.fingerprint

    def compute_features(self, plan: FeaturePlan, patch: Patch) -> DeviceArray:
        """Compute the features of `plan` on the target window of `patch`; the block stays on the device."""
        return compute_features(self.device, plan, patch)

    def load_forest(self, forest: Forest, *, form: str | None = None) -> OpenCLForestProgram:
        """Upload the tables of `forest` and build its kernels for this device; `form` forces a kernel form."""
        return OpenCLForestProgram(self.device, forest, form=form)
