"""Memory for planes that one run leaves for the next: fresh pages are several times slower than touched ones."""

from __future__ import annotations

import threading

import numpy as np

from pixelforest.backends.opencl.runtime import Device, DeviceArray

KEPT_BYTES = 256 * 2**20
"""What a thread keeps for each device at most; after runs that need more it keeps nothing."""


class _Kept(threading.local):
    """What the last run of this thread on each device used."""

    def __init__(self) -> None:
        self.arrays: dict[Device, dict[tuple[int, ...], list[DeviceArray]]] = {}


_kept = _Kept()


class KeptMemory:
    """Arrays of float32 for one run: those that the last one used, as long as there are any of the right shape.

    Kernels of one thread run in order, so an array may be taken again as soon as all that reads it is enqueued.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self.from_before = _kept.arrays.pop(device, {})
        self.unused: dict[tuple[int, ...], list[DeviceArray]] = {}

    def take(self, shape: tuple[int, ...]) -> DeviceArray:
        """Return an array of unspecified content."""
        for arrays in (self.unused, self.from_before):
            if arrays.get(shape):
                return arrays[shape].pop()
        return self.device.allocate(shape, np.float32)

    def give(self, array: DeviceArray) -> None:
        """Take back an array that is not needed any more."""
        self.unused.setdefault(array.shape, []).append(array)

    def keep(self) -> None:
        """Leave what was given back to the next run."""
        if sum(array.nbytes for arrays in self.unused.values() for array in arrays) <= KEPT_BYTES:
            _kept.arrays[self.device] = self.unused
