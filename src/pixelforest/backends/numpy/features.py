"""Features of a patch in NumPy and SciPy: the reference that OpenCL kernels are compared with.

Values are float64 until the end, so the twin is also the more exact of the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pixelforest.features.kernels import weights
from pixelforest.features.patch import Patch, Window, boundary_index
from pixelforest.features.plan import FeaturePlan
from pixelforest.features.planes import Convolution, Plane, Pointwise, Source

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
    windows = {plane: patch.target.grow(margin, patch.image_shape) for plane, margin in plan.margins.items()}
    out = np.empty((len(plan.outputs), *patch.target.shape), np.float32)
    values: dict[Plane, Array] = {}
    for step, plane in enumerate(plan.order):
        values[plane] = _evaluate(plane, values, windows, patch)
        for index in plan.positions.get(plane, ()):
            out[index] = values[plane][patch.target.within(windows[plane])]
        for done in [p for p in values if plan.last_use.get(p, step) <= step]:
            del values[done]
    return out


def _evaluate(plane: Plane, values: dict[Plane, Array], windows: dict[Plane, Window], patch: Patch) -> Array:
    window = windows[plane]
    match plane:
        case Source(channel):
            source: Array = patch.planes[channel][window.within(patch.window)].astype(np.float64)
            return source
        case Convolution(below, axis, kernel, boundary):
            start, stop = window.start[axis], window.stop[axis]
            reach = boundary_index(start - kernel.radius, stop + kernel.radius, patch.image_shape[axis], boundary)
            cut = list(window.within(windows[below]))
            cut[axis] = slice(None)
            rows = values[below][tuple(cut)].take(reach - windows[below].start[axis], axis=axis)
            full: Array = ndimage.correlate1d(rows, weights(kernel), axis=axis, mode="constant")
            return full[(slice(None),) * axis + (slice(kernel.radius, kernel.radius + stop - start),)]
        case Pointwise(function, planes):
            result: Array = POINTWISE[function](*(values[p][window.within(windows[p])] for p in planes))
            return result


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


POINTWISE: dict[str, Callable[..., Any]] = {
    "copy": lambda a: a,
    "add": lambda *planes: sum(planes[1:], start=planes[0]),
    "subtract": np.subtract,
    "multiply": np.multiply,
    "magnitude": _magnitude,
    "eigenvalue_0": _eigenvalue(0),
    "eigenvalue_1": _eigenvalue(1),
    "eigenvalue_2": _eigenvalue(2),
}
"""The pointwise functions of `pixelforest.features.planes`."""
