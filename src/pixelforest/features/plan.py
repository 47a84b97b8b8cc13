"""The plan: which planes to compute, in which order, and how far around a window each is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Any

from pixelforest.features.bounds import Bound, bound
from pixelforest.features.cascade import samples_around
from pixelforest.features.describe import describe_plan
from pixelforest.features.host import HostOperation
from pixelforest.features.patch import Window
from pixelforest.features.planes import Host, Plane, Source, factors_of, in_order, inputs, reach


@dataclass(frozen=True)
class FeaturePlan:
    """Planes to compute for a list of features; every intermediate that several features share is there once.

    Parameters
    ----------
    outputs : tuple of Plane
        One plane per feature.
    names : tuple of str
        One name per feature.
    ndim : int
        Number of spatial axes.
    n_channels : int
        Channels that an image must have.
    """

    outputs: tuple[Plane, ...]
    names: tuple[str, ...]
    ndim: int
    n_channels: int

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the fields only, so that equal plans give equal bytes."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __str__(self) -> str:
        return describe_plan(self)

    @cached_property
    def order(self) -> tuple[Plane, ...]:
        """Every plane once, inputs before what uses them."""
        return tuple(in_order(self.outputs))

    @cached_property
    def margins(self) -> dict[Plane, tuple[int, ...]]:
        """Pixels around the target, on every axis, where each plane is needed."""
        margins = dict.fromkeys(self.order, (0,) * self.ndim)
        for plane in reversed(self.order):
            for below in inputs(plane):
                more = reach(plane, below, self.ndim)
                needed = [margin + pixels for margin, pixels in zip(margins[plane], more, strict=True)]
                margins[below] = tuple(max(a, b) for a, b in zip(margins[below], needed, strict=True))
        return margins

    @cached_property
    def factors(self) -> dict[Plane, tuple[int, ...]]:
        """Distance in pixels between the values of each plane, on every axis; more than 1 where it is coarse."""
        factors: dict[Plane, tuple[int, ...]] = {}
        for plane in self.order:
            below = next((factors[p] for p in inputs(plane)), (1,) * self.ndim)
            factors[plane] = factors_of(plane, below)
        return factors

    def window(self, plane: Plane, target: Window, image_shape: tuple[int, ...]) -> Window:
        """Return where `plane` is needed for features on `target`; numbers of samples along axes where it is coarse."""
        margins, factors = self.margins[plane], self.factors[plane]
        fine = target.grow(margins, image_shape)
        ranges = [
            (fine.start[axis], fine.stop[axis])
            if factor == 1
            else samples_around(target.start[axis], target.stop[axis], margins[axis], factor)
            for axis, factor in enumerate(factors)
        ]
        return Window(tuple(a for a, _ in ranges), tuple(b for _, b in ranges))

    @cached_property
    def halo(self) -> tuple[int, ...]:
        """Pixels around a window that its features depend on, on every axis."""
        sources = [self.margins[plane] for plane in self.order if isinstance(plane, Source)]
        return tuple(max(margin[axis] for margin in sources) for axis in range(self.ndim))

    @cached_property
    def last_use(self) -> dict[Plane, int]:
        """Step in `order` after which each plane is no longer needed."""
        return {below: step for step, plane in enumerate(self.order) for below in inputs(plane)}

    @cached_property
    def positions(self) -> dict[Plane, list[int]]:
        """Which features each output plane is."""
        positions: dict[Plane, list[int]] = {}
        for index, plane in enumerate(self.outputs):
            positions.setdefault(plane, []).append(index)
        return positions

    @cached_property
    def bounds(self) -> tuple[Bound, ...]:
        """Gain and degree of every feature."""
        return tuple(bound(plane) for plane in self.outputs)

    @cached_property
    def host_operations(self) -> tuple[tuple[HostOperation, tuple[int, ...]], ...]:
        """Functions that the host computes, with the channels that they see; each once."""
        return tuple(dict.fromkeys((p.operation, p.channels) for p in self.order if isinstance(p, Host)))

    @cached_property
    def whole_image_filters(self) -> tuple[str, ...]:
        """Names of filters that declare no halo: they see whole images only."""
        return tuple(operation.name for operation, _ in self.host_operations if operation.halo is None)

    @cached_property
    def largest_peak(self) -> float:
        """Magnitude of images up to which no value, in between or at the end, can overflow float32."""
        return min(bound(plane).largest_peak for plane in self.order)

    def overflowing(self, peak: float) -> tuple[str, ...]:
        """Return the names of the features that images of magnitude `peak` can make overflow."""
        below = [in_order((plane,)) for plane in self.outputs]
        return tuple(
            name
            for name, planes in zip(self.names, below, strict=True)
            if any(bound(plane).largest_peak < peak for plane in planes)
        )

    def subset(self, features: Sequence[int]) -> FeaturePlan:
        """Return the plan of the features with these indices; what only others need is gone."""
        return _subset(self, tuple(features))


@lru_cache(maxsize=64)
def _subset(plan: FeaturePlan, features: tuple[int, ...]) -> FeaturePlan:
    return FeaturePlan(
        tuple(plan.outputs[i] for i in features), tuple(plan.names[i] for i in features), plan.ndim, plan.n_channels
    )
