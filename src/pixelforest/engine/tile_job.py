"""What is computed for a window of an image: its features on a device, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.protocol import Backend, FeatureBlock
from pixelforest.engine.budget import TileMemory
from pixelforest.engine.scaling import ChannelScales, PercentileScaling, scaled_planes
from pixelforest.engine.tiling import TileReader, statistics_wanted
from pixelforest.features.patch import Window
from pixelforest.features.plan import FeaturePlan
from pixelforest.images.containers import NanPolicy

EVERYWHERE = 2**40
"""Pixels; more than any axis has."""


class BlockRule(Protocol):
    """What becomes of a feature block; pickles, and holds nothing of a device that does not stay behind."""

    def __call__(self, backend: Backend, block: FeatureBlock) -> NDArray[Any]:
        r"""Return ``(*spatial)`` or ``(n_values, *spatial)`` for a block of the backend's."""
        ...


@dataclass(frozen=True)
class TileJob:
    """The one way from pixels to results; eager, lazy and distributed runs all take it, window by window.

    Parameters
    ----------
    plan : FeaturePlan
        The features that `rule` looks at.
    rule : BlockRule
    dtype : dtype
        Of results.
    n_values : int or None
        Values per pixel, the last axis of results; None: one, and no axis.
    blank : int or float or None
        What pixels without a result get: those that NaN reaches, and those that a mask leaves out. None: nothing does.
    nan_policy : {"raise", "mask"}
    reach : tuple of int
        How far NaN reaches, on every axis: the halo of all features, also of those that `rule` never looks at.
    device : str
        See `open_backend`; every process that runs the job opens its own.
    allow_mixed_devices : bool
        Whether devices that differ may share a run.
    scaling : PercentileScaling, optional
        How images are scaled before anything else; needs to know the whole of each.
    """

    plan: FeaturePlan
    rule: BlockRule
    dtype: np.dtype[Any]
    n_values: int | None
    blank: Any
    nan_policy: NanPolicy
    reach: tuple[int, ...]
    device: str
    allow_mixed_devices: bool = False
    scaling: PercentileScaling | None = None

    @property
    def halo(self) -> tuple[int, ...]:
        """Pixels around a window that decide its results, on every axis."""
        return self.plan.halo if self.nan_policy == "raise" else tuple(map(max, self.plan.halo, self.reach))

    @property
    def needs_statistics(self) -> bool:
        """Whether some filter wants to know the whole image."""
        return bool(statistics_wanted(self.plan))

    def memory(self, pixel_bytes: int) -> TileMemory:
        """Return how much memory tiles take."""
        return TileMemory(self.plan, self.halo, pixel_bytes, (self.n_values or 1) * self.dtype.itemsize)

    def scaled(self, planes: Any, index: int, scales: ChannelScales | None = None) -> Any:
        """Return an image with channels first as features see it; see `scaled_planes`."""
        return scaled_planes(planes, self.scaling, self.nan_policy, index, scales)

    def reader(self, planes: Any, index: int, statistics: Any = None) -> TileReader:
        """Return what reads patches of an image with channels first."""
        return TileReader(planes, self.plan, self.nan_policy, index, self.reach, statistics)

    def result_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the results of `shape` pixels."""
        return shape if self.n_values is None else (*shape, self.n_values)

    def compute(
        self, backend: Backend, reader: TileReader, window: Window, wanted: NDArray[np.bool_] | None = None
    ) -> NDArray[Any]:
        """Return the results on a window, ``(*window.shape)`` or ``(*window.shape, n_values)``.

        Parameters
        ----------
        backend : Backend
        reader : TileReader
            Of this job.
        window : Window
        wanted : ndarray of bool, shape (*window.shape), optional
            The pixels that are wanted; others are blank.

        Raises
        ------
        ValueError
            NaN or inf in reach of a wanted pixel under ``nan_policy="raise"``; values that can overflow float32.
        MemoryError
            The window is too large for the device.
        """
        patch, touched = reader.read(window, wanted)
        values = self.rule(backend, backend.compute_features(self.plan, patch))
        if self.n_values is not None:
            values = np.moveaxis(values, 0, -1)
        left_out = _union(None if self.nan_policy == "raise" else touched, None if wanted is None else ~wanted)
        if left_out is None:
            return values
        if self.blank is None:
            raise ValueError(
                f"NaN or inf in `X[{reader.index}]` reach pixels that `nan_policy='mask'` gives the unlabelled value, "
                "but `unlabeled` is None"
            )
        results = values.astype(self.dtype)
        results[left_out] = self.blank
        return results


def nan_reach(plan: FeaturePlan) -> tuple[int, ...]:
    """Return how far NaN reaches on every axis; in images with filters that see only the whole, everywhere."""
    return (EVERYWHERE,) * plan.ndim if plan.whole_image_filters else plan.halo


def _union(a: NDArray[np.bool_] | None, b: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    return (b if a is None else a) if a is None or b is None else a | b
