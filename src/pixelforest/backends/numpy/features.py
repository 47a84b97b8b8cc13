"""Features of a patch in NumPy and SciPy: the reference that OpenCL kernels are compared with.

Values are float64 until the end, so the twin is also the more exact of the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pixelforest.features.cascade import decimation_weights, first_pixel, interpolation_weights
from pixelforest.features.host import evaluate_host
from pixelforest.features.kernels import weights
from pixelforest.features.patch import Patch, Window, boundary_index
from pixelforest.features.plan import FeaturePlan
from pixelforest.features.planes import (
    Boundary,
    Convolution,
    Decimation,
    Difference,
    Extremum,
    Host,
    Interpolation,
    Plane,
    Pointwise,
    Source,
    Spread,
)

Array = NDArray[np.float64]


class HostBlock:
    """A feature block in host memory."""

    def __init__(self, values: NDArray[np.float32]) -> None:
        self.values = values
        self.shape = values.shape

    def to_host(self) -> NDArray[np.float32]:
        """Return the block itself."""
        return self.values


def compute_features(plan: FeaturePlan, patch: Patch) -> NDArray[np.float32]:
    """Return the features of `plan`, ``(n_features, *target.shape)``, as float32."""
    run = PlanRun(plan, patch)
    out = np.empty((len(plan.outputs), *patch.target.shape), np.float32)
    for step, plane in enumerate(plan.order):
        run.values[plane] = run.evaluate(plane)
        for index in plan.positions.get(plane, ()):
            out[index] = run.on(plane, patch.target)
        for done in [p for p in run.values if plan.last_use.get(p, step) <= step]:
            del run.values[done]
    return out


class PlanRun:
    """Values of the planes of one run that are still needed."""

    def __init__(self, plan: FeaturePlan, patch: Patch) -> None:
        self.patch = patch
        self.windows = {plane: plan.window(plane, patch.target, patch.image_shape) for plane in plan.order}
        self.values: dict[Plane, Array] = {}
        self.from_host: dict[Any, NDArray[np.float32]] = {}

    def on(self, plane: Plane, window: Window) -> Array:
        """Return the values of a plane on a window inside its own."""
        return self.values[plane][window.within(self.windows[plane])]

    def evaluate(self, plane: Plane) -> Array:
        """Return the values of a plane on its window."""
        window = self.windows[plane]
        match plane:
            case Source(channel):
                source: Array = self.patch.planes[channel][window.within(self.patch.window)].astype(np.float64)
                return source
            case Convolution(below, axis, kernel, boundary, step):
                if step == 1:
                    rows = self._extended(below, window, axis, kernel.radius, boundary)
                else:
                    start, stop = window.start[axis] - kernel.radius, window.stop[axis] + kernel.radius
                    rows = self._at(below, window, axis, np.arange(start, stop))
                full: Array = ndimage.correlate1d(rows, weights(kernel), axis=axis, mode="constant")
                return _without(full, axis, kernel.radius)
            case Decimation():
                return self._decimated(plane, window)
            case Interpolation():
                return self._interpolated(plane, window)
            case Difference(below, axis, scale):
                return self._difference(below, window, axis) * scale
            case Extremum(below, axis, radius, kind, boundary):
                rows = self._extended(below, window, axis, radius, boundary)
                filtered = EXTREMA[kind](rows, 2 * radius + 1, axis=axis, mode="nearest")
                return _without(filtered, axis, radius)
            case Spread():
                return self._spread(plane, window)
            case Pointwise(function, planes):
                result: Array = POINTWISE[function](*(self.on(p, window) for p in planes))
                return result
            case Host(channels, operation, index):
                key = (channels, operation, window)
                if key not in self.from_host:
                    self.from_host[key] = evaluate_host(operation, channels, self.patch, window)
                computed: Array = self.from_host[key][index].astype(np.float64)
                return computed

    def _extended(self, below: Plane, window: Window, axis: int, radius: int, boundary: Boundary) -> Array:
        """Return a plane on `window` and `radius` pixels around it along one axis, beyond borders as they say."""
        start, stop = window.start[axis], window.stop[axis]
        positions = boundary_index(start - radius, stop + radius, self.patch.image_shape[axis], boundary)
        return self._at(below, window, axis, positions)

    def _at(self, below: Plane, window: Window, axis: int, positions: NDArray[np.intp]) -> Array:
        """Return a plane on `window`, but at these positions along one axis."""
        cut = list(window.within(self.windows[below]))
        cut[axis] = slice(None)
        return self.values[below][tuple(cut)].take(positions - self.windows[below].start[axis], axis=axis)

    def _decimated(self, plane: Decimation, window: Window) -> Array:
        axis, factor = plane.axis, plane.factor
        first, last = (first_pixel(sample, factor) for sample in (window.start[axis], window.stop[axis] - 1))
        positions = boundary_index(first, last + 4 * factor, self.patch.image_shape[axis], plane.boundary)
        samples = np.arange(window.stop[axis] - window.start[axis]) * factor
        weighted = (
            w * self._at(plane.plane, window, axis, positions[samples + t])
            for t, w in enumerate(decimation_weights(factor))
        )
        return sum(weighted, start=np.zeros(window.shape))

    def _interpolated(self, plane: Interpolation, window: Window) -> Array:
        axis, factor = plane.axis, plane.factor
        samples, r = np.divmod(np.arange(window.start[axis], window.stop[axis]) + factor // 2, factor)
        shape = [-1 if i == axis else 1 for i in range(len(window.shape))]
        weighted = (
            np.array(w)[r].reshape(shape) * self._at(plane.plane, window, axis, samples + k)
            for k, w in zip(range(-2, 2), interpolation_weights(factor), strict=True)
        )
        return sum(weighted, start=np.zeros(window.shape))

    def _difference(self, below: Plane, window: Window, axis: int) -> Array:
        rows = self._extended(below, window, axis, 1, "nearest")
        size = self.patch.image_shape[axis]
        position = np.arange(window.start[axis], window.stop[axis])
        steps = np.minimum(position + 1, size - 1) - np.maximum(position - 1, 0)
        shape = [-1 if i == axis else 1 for i in range(rows.ndim)]
        after, before = (rows.take(range(i, i + len(steps)), axis=axis) for i in (2, 0))
        difference: Array = (after - before) / np.maximum(steps, 1).reshape(shape)
        return difference

    def _spread(self, plane: Spread, window: Window) -> Array:
        total = self.on(plane.total, window)
        means = self._extended(plane.mean, window, plane.axis, plane.radius, plane.boundary)
        n_groups, length = 2 * plane.radius + 1, total.shape[plane.axis]
        shifts = [range(k, k + length) for k in range(n_groups)]
        result: Array = sum(((means.take(s, axis=plane.axis) - total) ** 2 for s in shifts), np.zeros(total.shape))
        if plane.variance is not None:
            inner = self._extended(plane.variance, window, plane.axis, plane.radius, plane.boundary)
            result = sum((inner.take(s, axis=plane.axis) for s in shifts), result)
        return result / n_groups


def _without(rows: Array, axis: int, radius: int) -> Array:
    """Return `rows` without `radius` pixels at both ends of one axis."""
    return rows[(slice(None),) * axis + (slice(radius, rows.shape[axis] - radius),)]


def _magnitude(*components: Array) -> Array:
    squares: Array = sum((c * c for c in components[1:]), start=components[0] * components[0])
    return np.sqrt(squares)


def _eigenvalue(index: int) -> Callable[..., Array]:
    def largest_first(*triangle: Array) -> Array:
        if len(triangle) == 3:
            a, b, c = triangle
            root = np.sqrt((0.5 * (a - c)) ** 2 + b * b)
            return 0.5 * (a + c) + (root if index == 0 else -root)
        a, b, c, d, e, f = triangle
        matrix = np.stack([a, b, c, b, d, e, c, e, f], axis=-1).reshape(*a.shape, 3, 3)
        ascending = np.linalg.eigvalsh(matrix).astype(np.float64, copy=False)
        return ascending[..., 2 - index]

    return largest_first


def _determinant(*triangle: Array) -> Array:
    if len(triangle) == 3:
        a, b, c = triangle
        return a * c - b * b
    a, b, c, d, e, f = triangle
    return a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d)


EXTREMA = {"minimum": ndimage.minimum_filter1d, "maximum": ndimage.maximum_filter1d}

POINTWISE: dict[str, Callable[..., Any]] = {
    "copy": lambda a: a,
    "add": lambda *planes: sum(planes[1:], start=planes[0]),
    "subtract": np.subtract,
    "multiply": np.multiply,
    "magnitude": _magnitude,
    "square_root": np.sqrt,
    "determinant": _determinant,
    "eigenvalue_0": _eigenvalue(0),
    "eigenvalue_1": _eigenvalue(1),
    "eigenvalue_2": _eigenvalue(2),
}
"""The pointwise functions of `pixelforest.features.planes`."""
