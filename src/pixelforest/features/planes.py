"""A feature is a graph of planes: sources, passes along one axis, pointwise functions, and functions on the host.

Planes are values: two filters that need the same smoothed derivative build equal planes, and the plan computes one.
That is all the sharing there is, so a feature has the same bits alone as in any company.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pixelforest.features.host import HostOperation
from pixelforest.features.kernels import Kernel

Boundary = Literal["reflect", "nearest", "mirror"]
"""What lies beyond the border of the image, in SciPy's words.

``d c b a | a b c d``, ``a a a a | a b c d`` or ``d c b | a b c d``."""

PointwiseFunction = Literal[
    "copy",
    "add",
    "subtract",
    "multiply",
    "magnitude",
    "square_root",
    "determinant",
    "eigenvalue_0",
    "eigenvalue_1",
    "eigenvalue_2",
]
"""Functions of one to six planes. Determinant and eigenvalues are those of a symmetric matrix given by its upper
triangle, row by row; eigenvalues come largest first."""


@dataclass(frozen=True)
class Source:
    """One channel of the image itself."""

    channel: int


@dataclass(frozen=True)
class _Derived:
    """A plane that is computed from others; its hash is computed once, because graphs are deep."""

    _hash: int = field(init=False, repr=False, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        values = (getattr(self, name) for name in self.__dataclass_fields__ if name != "_hash")
        object.__setattr__(self, "_hash", hash((type(self).__name__, *values)))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Pickle without the hash, which other processes would compute otherwise."""
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__ if name != "_hash")


@dataclass(frozen=True)
class Convolution(_Derived):
    """`plane` correlated with `kernel` along one spatial axis.

    `step` is the distance in pixels of what the kernel reads: more than 1 along an axis where `plane` is coarse. There
    are no borders then, because coarse planes go on beyond those of the image.
    """

    plane: Plane
    axis: int
    kernel: Kernel
    boundary: Boundary
    step: int = 1
    __hash__ = _Derived.__hash__


@dataclass(frozen=True)
class Decimation(_Derived):
    """Samples of `plane`, smoothed by a cubic B-spline, at every `factor`-th pixel along one axis.

    Sample j lies at ``factor j + (factor - 1) / 2``; there are as many beyond the borders of the image as are needed.
    See `pixelforest.features.cascade`.
    """

    plane: Plane
    axis: int
    factor: int
    boundary: Boundary
    __hash__ = _Derived.__hash__


@dataclass(frozen=True)
class Interpolation(_Derived):
    """All pixels along one axis of a plane of which there is every `factor`-th, by a cubic B-spline."""

    plane: Plane
    axis: int
    factor: int
    __hash__ = _Derived.__hash__


@dataclass(frozen=True)
class Difference(_Derived):
    """`plane` differentiated along one axis as `numpy.gradient` does it, times `scale`; 0 where an axis has one pixel.

    ``(f(x + 1) - f(x - 1)) / 2`` inside, ``f(1) - f(0)`` and ``f(n - 1) - f(n - 2)`` at the borders.
    """

    plane: Plane
    axis: int
    scale: float = 1.0
    __hash__ = _Derived.__hash__


@dataclass(frozen=True)
class Extremum(_Derived):
    """The least or greatest of ``2 radius + 1`` values along one axis."""

    plane: Plane
    axis: int
    radius: int
    kind: Literal["minimum", "maximum"]
    boundary: Boundary
    __hash__ = _Derived.__hash__


@dataclass(frozen=True)
class Spread(_Derived):
    """Variance of ``2 radius + 1`` groups along one axis: the mean of their variances plus the variance of their means.

    Values of one sign are summed, so nothing cancels as it does in "mean of squares minus square of the mean".

    Parameters
    ----------
    variance : Plane, optional
        Variance inside the group that every pixel stands for; None where groups are single pixels.
    mean : Plane
        Mean of that group.
    total : Plane
        Mean of `mean` over the ``2 radius + 1`` groups.
    """

    variance: Plane | None
    mean: Plane
    total: Plane
    axis: int
    radius: int
    boundary: Boundary
    __hash__ = _Derived.__hash__


@dataclass(frozen=True)
class Pointwise(_Derived):
    """A function of the values that several planes have at the same pixel."""

    function: PointwiseFunction
    planes: tuple[Plane, ...]
    __hash__ = _Derived.__hash__


@dataclass(frozen=True)
class Host(_Derived):
    """One output of a function that Python computes, the same on every backend.

    Several outputs of one call are several planes that differ in `index`; the function runs once.
    """

    channels: tuple[int, ...]
    operation: HostOperation
    index: int = 0
    __hash__ = _Derived.__hash__


Plane: TypeAlias = Source | Convolution | Decimation | Interpolation | Difference | Extremum | Spread | Pointwise | Host


def inputs(plane: Plane) -> tuple[Plane, ...]:
    """Return the planes that `plane` is computed from."""
    match plane:
        case Source():
            return ()
        case Convolution() | Decimation() | Interpolation() | Difference() | Extremum():
            return (plane.plane,)
        case Spread(variance, mean, total):
            return (mean, total) if variance is None else (variance, mean, total)
        case Pointwise():
            return plane.planes
        case Host():
            return tuple(Source(channel) for channel in plane.channels)


def reach(plane: Plane, below: Plane, ndim: int) -> tuple[int, ...]:
    """Return how many pixels to either side, on every axis, a value of `plane` reads of its input `below`.

    Samples of coarse planes lie between pixels: half a pixel more than the margin of such a plane is meant.
    """
    match plane:
        case Convolution():
            radius = plane.kernel.radius * plane.step
        case Interpolation():
            radius = 2 * plane.factor - 1
        case Decimation():
            radius = 2 * plane.factor
        case Extremum():
            radius = plane.radius
        case Spread():
            radius = plane.radius if below != plane.total or below == plane.mean else 0
        case Difference():
            radius = 1
        case Host():
            return plane.operation.halo or (0,) * ndim
        case _:
            return (0,) * ndim
    return tuple(radius * (axis == plane.axis) for axis in range(ndim))


def factors_of(plane: Plane, below: tuple[int, ...]) -> tuple[int, ...]:
    """Return the distance in pixels between the values of `plane` on every axis, from that of its inputs."""
    match plane:
        case Decimation() | Interpolation():
            factor = plane.factor if isinstance(plane, Decimation) else 1
            return tuple(factor if axis == plane.axis else f for axis, f in enumerate(below))
        case _:
            return below


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
