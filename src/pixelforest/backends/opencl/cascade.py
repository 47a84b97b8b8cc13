"""Cascades in tiles: samples are prepared by one launch per plane, and become channels that tiles interpolate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import chain

from pixelforest.features.cascade import interpolation_weights
from pixelforest.features.plan import FeaturePlan
from pixelforest.features.planes import Convolution, Difference, Interpolation, Plane, Pointwise, Source


@dataclass(frozen=True)
class SplineTable:
    """Weights of interpolation, in the form of a kernel; `radius` is the distance between samples."""

    radius: int
    parity: int = 1

    @cached_property
    def half(self) -> tuple[float, ...]:
        """Four rows of weights, one after the other."""
        return tuple(chain(*interpolation_weights(self.radius)))


def is_interpolated_in_tiles(plane: Plane, ndim: int) -> bool:
    """Return whether tiles can make `plane` of samples: rows or slices of them."""
    return isinstance(plane, Interpolation) and plane.axis < ndim - 1


@lru_cache(maxsize=64)
def with_samples_as_channels(plan: FeaturePlan) -> tuple[FeaturePlan, tuple[Plane, ...]]:
    """Return the plan that interpolates from further channels, and the planes that these are."""
    known: dict[Plane, Plane] = {}
    samples: dict[Plane, Plane] = {}

    def rebuilt(plane: Plane) -> Plane:
        if plane not in known:
            match plane:
                case Interpolation(below):
                    channel = samples.setdefault(below, Source(plan.n_channels + len(samples)))
                    known[plane] = replace(plane, plane=channel)
                case Convolution(below) | Difference(below):
                    known[plane] = replace(plane, plane=rebuilt(below))
                case Pointwise(_, planes):
                    known[plane] = replace(plane, planes=tuple(map(rebuilt, planes)))
                case _:
                    known[plane] = plane
        return known[plane]

    outputs = tuple(map(rebuilt, plan.outputs))
    return (replace(plan, outputs=outputs), tuple(samples)) if samples else (plan, ())
