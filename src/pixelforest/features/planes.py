"""A feature is a graph of planes: sources, one-dimensional convolutions and pointwise functions.

Planes are values: two filters that need the same smoothed derivative build equal planes, and the plan computes one.
That is all the sharing there is, so a feature has the same bits alone as in any company.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pixelforest.features.kernels import Kernel, absolute_sum

Boundary = Literal["reflect", "nearest"]
"""What lies beyond the border of the image, in SciPy's words: ``d c b a | a b c d`` or ``a a a a | a b c d``."""

PointwiseFunction = Literal[
    "copy", "add", "subtract", "multiply", "magnitude", "eigenvalue_0", "eigenvalue_1", "eigenvalue_2"
]
"""Functions of one to six planes. Eigenvalues are those of a symmetric matrix given by its upper triangle, row by
row, largest first."""


@dataclass(frozen=True)
class Source:
    """One channel of the image itself."""

    channel: int


@dataclass(frozen=True)
class Convolution:
    """`plane` correlated with `kernel` along one spatial axis."""

    plane: Plane
    axis: int
    kernel: Kernel
    boundary: Boundary
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.plane, self.axis, self.kernel, self.boundary)))

    def __hash__(self) -> int:
        return self._hash  # graphs are deep: computing it anew at every look-up would walk the graph


@dataclass(frozen=True)
class Pointwise:
    """A function of the values that several planes have at the same pixel."""

    function: PointwiseFunction
    planes: tuple[Plane, ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.function, self.planes)))

    def __hash__(self) -> int:
        return self._hash


Plane: TypeAlias = Source | Convolution | Pointwise


def inputs(plane: Plane) -> tuple[Plane, ...]:
    """Return the planes that `plane` is computed from."""
    match plane:
        case Source():
            return ()
        case Convolution():
            return (plane.plane,)
        case Pointwise():
            return plane.planes


def in_order(outputs: tuple[Plane, ...]) -> Iterator[Plane]:
    """Yield every plane below `outputs` once, inputs before what uses them."""
    seen: set[Plane] = set()

    def visit(plane: Plane) -> Iterator[Plane]:
        if plane not in seen:
            seen.add(plane)
            for below in inputs(plane):
                yield from visit(below)
            yield plane

    for output in outputs:
        yield from visit(output)


@dataclass(frozen=True)
class Bound:
    """``|value| <= (gain * max|image|) ** degree``."""

    gain: float
    degree: int


def bound(plane: Plane) -> Bound:
    """Return how large the values of `plane` can get, from the kernels alone.

    The agreement of two backends is stated relative to this bound.
    """
    match plane:
        case Source():
            return Bound(1.0, 1)
        case Convolution():
            below = bound(plane.plane)
            return Bound(below.gain * absolute_sum(plane.kernel) ** (1 / below.degree), below.degree)
        case Pointwise():
            return _pointwise_bound(plane.function, [bound(p) for p in plane.planes])


def _pointwise_bound(function: PointwiseFunction, bounds: list[Bound]) -> Bound:
    degree = bounds[0].degree
    sizes = [b.gain**b.degree for b in bounds]
    match function:
        case "multiply":
            return Bound((sizes[0] * sizes[1]) ** 0.5, 2)
        case "copy" | "add" | "subtract":
            return Bound(sum(sizes) ** (1 / degree), degree)
        case "magnitude":
            return Bound(sum(s**2 for s in sizes) ** (0.5 / degree), degree)
        case _:  # an eigenvalue is at most the Frobenius norm; off-diagonal entries count twice
            return Bound((2 * sum(s**2 for s in sizes)) ** (0.5 / degree), degree)
