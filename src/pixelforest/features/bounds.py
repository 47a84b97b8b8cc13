"""How large the values of a plane can get, from its kernels alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pixelforest.features.kernels import absolute_sum
from pixelforest.features.planes import (
    Convolution,
    Decimation,
    Difference,
    Extremum,
    Host,
    Interpolation,
    Plane,
    Pointwise,
    PointwiseFunction,
    Source,
    Spread,
)

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Bound:
    """``|value| <= (gain * max|image|) ** degree``; None as degree: computed on the host, and not bounded."""

    gain: float
    degree: float | None

    def limit(self, peak: float) -> float:
        """Return the largest magnitude for images of magnitude `peak`."""
        return math.inf if self.degree is None else float((self.gain * peak) ** self.degree)

    def tolerance(self, peak: float, relative: float = 1e-5) -> float:
        """Return how far the values of two backends may be apart; what the host computes is equal."""
        return 0.0 if self.degree is None else relative * self.limit(peak)

    @property
    def largest_peak(self) -> float:
        """Return the magnitude of images up to which float32 holds every value."""
        if self.degree is None or self.gain == 0:
            return math.inf
        return float(LARGEST_FLOAT32 ** (1 / self.degree) / self.gain)


def bound(plane: Plane) -> Bound:
    """Return how large the values of `plane` can get.

    The agreement of two backends is stated relative to this bound.
    """
    match plane:
        case Source():
            return Bound(1.0, 1)
        case Convolution():
            return _amplified(bound(plane.plane), absolute_sum(plane.kernel))
        case Difference():
            return _amplified(bound(plane.plane), 2 * abs(plane.scale))
        case Extremum() | Decimation() | Interpolation():  # one value, or a mean
            return bound(plane.plane)
        case Spread():
            below = bound(plane.mean)
            return Bound(below.gain, 2 * _degree(below))
        case Pointwise():
            return _pointwise_bound(plane.function, [bound(p) for p in plane.planes])
        case Host():
            return Bound(0.0, None)


def _degree(below: Bound) -> float:
    if below.degree is None:
        raise ValueError("planes computed on the host cannot be inputs of other planes")
    return below.degree


def _amplified(below: Bound, factor: float) -> Bound:
    degree = _degree(below)
    return Bound(below.gain * factor ** (1 / degree), degree)


def _pointwise_bound(function: PointwiseFunction, bounds: list[Bound]) -> Bound:
    degree = _degree(bounds[0])
    sizes = [b.gain ** _degree(b) for b in bounds]
    match function:
        case "multiply":
            return Bound((sizes[0] * sizes[1]) ** (0.5 / degree), 2 * degree)
        case "copy" | "add" | "subtract":
            return Bound(sum(sizes) ** (1 / degree), degree)
        case "square_root":
            return Bound(bounds[0].gain, degree / 2)
        case "magnitude":
            return Bound(sum(s**2 for s in sizes) ** (0.5 / degree), degree)
        case "determinant":  # a product of as many eigenvalues as axes, each at most the Frobenius norm
            ndim = 2 if len(sizes) == 3 else 3
            return Bound((2 * sum(s**2 for s in sizes)) ** (0.5 / degree), degree * ndim)
        case _:  # an eigenvalue is at most the Frobenius norm; off-diagonal entries count twice
            return Bound((2 * sum(s**2 for s in sizes)) ** (0.5 / degree), degree)
