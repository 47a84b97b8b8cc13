"""Features of a patch on an OpenCL device.

On processors one launch runs whole plans on tiles that stay in the cache (``tiles.cl``); GPUs, and planes that those
kernels do not know, take one launch per plane. A value is the same expression in both, hence the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.opencl.cascade import with_samples_as_channels
from pixelforest.backends.opencl.kept_memory import KEPT_BYTES, KeptMemory
from pixelforest.backends.opencl.runtime import Device, DeviceArray
from pixelforest.backends.opencl.sources import kernel_source
from pixelforest.backends.opencl.tile_program import (
    BOUNDARIES,
    FIRST_OUTPUT,
    INPUTS,
    OPERATIONS,
    OUTPUTS,
    runs_in_tiles,
    tile_program,
)
from pixelforest.features.cascade import decimation_weights, interpolation_weights
from pixelforest.features.host import evaluate_host
from pixelforest.features.patch import Patch, Window
from pixelforest.features.plan import FeaturePlan
from pixelforest.features.planes import (
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


@dataclass(frozen=True)
class LaunchShape:
    """How work is cut: pixels of a row per work-item, and work-items per group.

    One size of groups for all launches: PoCL compiles a kernel anew for every size that it meets.
    """

    span: int
    group: tuple[int, int, int]


ON_PROCESSORS = LaunchShape(256, (1, 1, 1))
"""A work-item is a loop over vectors."""
ON_GPUS = LaunchShape(1, (64, 1, 1))
"""A work-item is a pixel, and neighbours read neighbours."""
TILED_KINDS = frozenset({"cpu"})
"""Kinds of devices that run whole plans on tiles."""


@dataclass(frozen=True)
class PlaneOnDevice:
    """Values of one plane on a window, somewhere in a buffer."""

    values: DeviceArray
    offset: int
    window: Window

    @property
    def shape(self) -> tuple[int, int, int]:
        """Extent as (z, y, x)."""
        return _as_3d(self.window.shape, 1)

    def offset_of(self, position: tuple[int, ...]) -> int:
        """Return where the pixel at `position` of the image is in the buffer."""
        z, y, x = _as_3d(tuple(p - s for p, s in zip(position, self.window.start, strict=True)), 0)
        return self.offset + (z * self.shape[1] + y) * self.shape[2] + x

    @property
    def pitches(self) -> tuple[int, int]:
        """Distances between rows and between slices."""
        return self.shape[2], self.shape[1] * self.shape[2]


def _as_3d(values: tuple[int, ...], fill: int) -> tuple[int, int, int]:
    z, y, x = (fill,) * (3 - len(values)) + tuple(values)
    return z, y, x


def compute_features(device: Device, plan: FeaturePlan, patch: Patch) -> DeviceArray:
    """Return the features of `plan`, ``(n_features, *target.shape)`` float32, on the device."""
    block = device.allocate((len(plan.outputs), *patch.target.shape), np.dtype(np.float32))
    image = device.borrow(np.ascontiguousarray(patch.planes))
    fill_block(device, plan, patch, image, block)
    if device.reads_host_memory:
        device.finish()  # the patch may go
    return block


def write_features(device: Device, plan: FeaturePlan, patch: Patch, out: NDArray[np.float32]) -> None:
    """Write the features of `plan` to `out`, ``(n_features, *target.shape)``, C-contiguous memory of the host."""
    fill_block(device, plan, patch, device.borrow(np.ascontiguousarray(patch.planes)), device.borrow(out))
    device.finish()


def writes_to_host(device: Device, plan: FeaturePlan, out: NDArray[Any]) -> bool:
    """Return whether kernels can write `plan` to `out` itself, and need no planes as large as the image for that."""
    is_plain = out.dtype == np.float32 and out.flags.c_contiguous and out.nbytes <= device.max_allocation
    if not is_plain or device.kind not in TILED_KINDS or not device.reads_host_memory or split(plan)[1]:
        return False
    whole = Window.whole(out.shape[1:])
    samples = (prod(plan.window(p, whole, whole.shape).shape) for p in with_samples_as_channels(plan)[1])
    return 4 * sum(samples) <= KEPT_BYTES


def fill_block(device: Device, plan: FeaturePlan, patch: Patch, image: DeviceArray, block: DeviceArray) -> None:
    """Write the features of `plan` into `block`."""
    in_tiles, others = split(plan) if device.kind in TILED_KINDS else ((), tuple(range(len(plan.outputs))))
    if in_tiles:
        run_in_tiles(device, plan if not others else plan.subset(in_tiles), patch, image, block, in_tiles)
    if others:
        run_plane_by_plane(device, plan.subset(others) if in_tiles else plan, patch, image, block, others)


@lru_cache(maxsize=64)
def split(plan: FeaturePlan) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return which features ``tiles.cl`` computes, and which it cannot."""
    known = [runs_in_tiles(plane, plan.ndim) for plane in plan.outputs]
    return tuple(np.flatnonzero(known).tolist()), tuple(np.flatnonzero(np.logical_not(known)).tolist())


def run_in_tiles(
    device: Device, plan: FeaturePlan, patch: Patch, image: DeviceArray, block: DeviceArray, features: Sequence[int]
) -> None:
    """Write the features of `plan` to the places `features` of `block`, a tile at a time on every core."""
    in_tiles, wanted = with_samples_as_channels(plan)
    tiled = tile_program(in_tiles, patch.target, patch.window, patch.image_shape, device.compute_units)
    work, n_groups = tiled.work, min(device.compute_units, len(tiled.starts))
    steps = work.steps.copy()
    is_output = steps[:, OUTPUTS] >= FIRST_OUTPUT
    steps[:, OUTPUTS][is_output] = FIRST_OUTPUT + np.array(features)[steps[:, OUTPUTS][is_output] - FIRST_OUTPUT]
    samples = image
    if wanted:
        memory = KeptMemory(device)
        samples, places = compute_samples(device, plan, patch, image, wanted, memory)
        for index in np.flatnonzero(steps[:, 0] == OPERATIONS["interpolate"]):
            steps[index, INPUTS] = places[-1 - steps[index, INPUTS][0] - plan.n_channels]
    device.run(
        device.program(kernel_source("planes", "passes", "maps", "tiles", "tile_splines")),
        "compute_tiles",
        (n_groups,),
        (1,),
        image,
        device.upload(tiled.axes),
        device.upload(steps),
        device.upload(work.weights),
        device.allocate((n_groups, work.scratch_floats), np.float32),
        device.allocate((n_groups, work.lookup_entries), np.int64),
        block,
        device.upload(tiled.starts),
        np.int32(len(tiled.starts)),
        device.upload(np.zeros(1, np.int32)),
        samples,
    )
    if wanted:
        memory.give(samples)
        memory.keep()


def compute_samples(
    device: Device,
    plan: FeaturePlan,
    patch: Patch,
    image: DeviceArray,
    wanted: tuple[Plane, ...],
    memory: KeptMemory,
) -> tuple[DeviceArray, list[tuple[int, ...]]]:
    """Return the planes `wanted` by ``tile_splines.cl``, in one array, and how it is told where each is."""
    windows = [plan.window(plane, patch.target, patch.image_shape) for plane in wanted]
    *starts, end = np.cumsum([0, *(-(-prod(window.shape) // 16) for window in windows)]).tolist()
    samples = memory.take((16 * end,))
    places = {p: PlaneOnDevice(samples, 16 * s, w) for p, s, w in zip(wanted, starts, windows, strict=True)}
    below = FeaturePlan(wanted, ("",) * len(wanted), plan.ndim, plan.n_channels)
    run = PlanRun(device, patch, image, memory)
    for step, plane in enumerate(below.order):
        run.compute(plane, plan.window(plane, patch.target, patch.image_shape), places.get(plane))
        run.release(p for p in list(run.planes) if p not in places and below.last_use.get(p, step) <= step)
    return samples, [
        (start, *_as_3d(window.start, 0), *_as_3d(window.shape, 1)[1:])
        for start, window in zip(starts, windows, strict=True)
    ]


def run_plane_by_plane(
    device: Device, plan: FeaturePlan, patch: Patch, image: DeviceArray, block: DeviceArray, features: Sequence[int]
) -> None:
    """Write the features of `plan` to the places `features` of `block`, by one launch per plane."""
    run = PlanRun(device, patch, image, KeptMemory(device))
    for step, plane in enumerate(plan.order):
        if plane not in plan.positions or plane in plan.last_use or isinstance(plane, Host):
            run.compute(plane, plan.window(plane, patch.target, patch.image_shape))
        for index in plan.positions.get(plane, ()):
            run.deliver(plane, block, features[index])
        run.release(p for p in list(run.planes) if plan.last_use.get(p, step) <= step)
    run.memory.keep()


class PlanRun:
    """Planes of one run that are on the device right now."""

    def __init__(self, device: Device, patch: Patch, image: DeviceArray, memory: KeptMemory) -> None:
        self.device, self.patch, self.image, self.memory = device, patch, image, memory
        self.launch = ON_GPUS if device.kind == "gpu" else ON_PROCESSORS
        self.program = device.program(
            kernel_source("planes", "features", "windows", "cascade"), (f"-D SPAN={self.launch.span}",)
        )
        self.tables: dict[Sequence[Any], DeviceArray] = {}
        self.planes: dict[Plane, PlaneOnDevice] = {}
        self.from_host: dict[Any, Any] = {}

    def compute(self, plane: Plane, window: Window, to: PlaneOnDevice | None = None) -> None:
        """Compute `plane` on `window`, into a buffer of its own without `to`."""
        if isinstance(plane, Source):
            offset = plane.channel * prod(self.patch.window.shape)
            self.planes[plane] = PlaneOnDevice(self.image, offset, self.patch.window)
            return
        if isinstance(plane, Host):
            self.planes[plane] = PlaneOnDevice(self.device.upload(self._on_host(plane, window)), 0, window)
            return
        self.planes[plane] = to or PlaneOnDevice(self.memory.take(window.shape), 0, window)
        self._launch(plane, self.planes[plane])

    def deliver(self, plane: Plane, block: DeviceArray, index: int) -> None:
        """Write `plane` on the target into the block, as feature number `index`."""
        target = PlaneOnDevice(block, index * prod(self.patch.target.shape), self.patch.target)
        self._launch(Pointwise("copy", (plane,)) if plane in self.planes else plane, target)

    def release(self, planes: Any) -> None:
        """Forget planes that nothing needs any more; their memory serves later ones."""
        for plane in planes:
            done = self.planes.pop(plane)
            if done.values is not self.image:
                self.memory.give(done.values)

    def _on_host(self, plane: Host, window: Window) -> Any:
        key = (plane.channels, plane.operation, window)
        if key not in self.from_host:
            self.from_host[key] = evaluate_host(plane.operation, plane.channels, self.patch, window)
        return self.from_host[key][plane.index]

    def _launch(self, plane: Plane, out: PlaneOnDevice) -> None:
        match plane:
            case Convolution():
                kernel = self._table(plane.kernel.half), np.int32(plane.kernel.radius), np.float32(plane.kernel.parity)
                boundary = np.int32(BOUNDARIES[plane.boundary])
                first, size = 0, self.patch.image_shape[plane.axis]
                if plane.step > 1:  # samples are counted from the first that there is, and no border is met
                    below = self.planes[plane.plane].window
                    first, size = below.start[plane.axis], below.shape[plane.axis]
                self._along("convolve", plane.plane, plane.axis, out, boundary, *kernel, first=first, size=size)
            case Decimation():
                boundary, factor = np.int32(BOUNDARIES[plane.boundary]), np.int32(plane.factor)
                weights = self._table(decimation_weights(plane.factor))
                self._along("decimate", plane.plane, plane.axis, out, boundary, factor, weights)
            case Interpolation():
                weights = self._table(interpolation_weights(plane.factor, repeated=8))
                size = self.planes[plane.plane].window.stop[plane.axis]
                self._along("interpolate", plane.plane, plane.axis, out, np.int32(plane.factor), weights, size=size)
            case Extremum():
                window = np.int32(BOUNDARIES[plane.boundary]), np.int32(plane.radius)
                self._along(plane.kind, plane.plane, plane.axis, out, *window)
            case Difference():
                self._along("difference", plane.plane, plane.axis, out, np.float32(plane.scale))
            case Spread():
                self._spread(plane, out)
            case Pointwise():
                self._pointwise(plane, out)

    def _along(
        self,
        kernel: str,
        plane: Plane,
        axis: int,
        out: PlaneOnDevice,
        *arguments: Any,
        first: int = 0,
        size: int | None = None,
    ) -> None:
        """Run ``<kernel>_along_x`` or ``<kernel>_across_rows``, which read `plane` along one axis.

        Positions there are counted from `first` on, and end at `size`: without these, at the borders of the image.
        """
        direction = "along_x" if axis == len(out.window.shape) - 1 else "across_rows"
        size = self.patch.image_shape[axis] if size is None else size
        line = np.int32(out.window.start[axis] - first), np.int32(size)
        self._run(f"{kernel}_{direction}", out, *self._lines(plane, axis, out, first), *line, *arguments)

    def _lines(self, plane: Plane, axis: int, out: PlaneOnDevice, first: int = 0) -> list[Any]:
        """Return the arguments by which a kernel finds the lines along `axis`, from coordinate `first` on."""
        below = self.planes[plane]
        origin = list(out.window.start)
        origin[axis] = first
        row, slice_ = below.pitches
        steps: tuple[int, ...]
        match len(out.window.shape) - 1 - axis:
            case 0:
                steps = row, slice_
            case 1:
                steps = 0, slice_, 1, row
            case _:
                steps = row, 0, 2, slice_
        return [below.values, np.int64(below.offset_of(tuple(origin))), *map(np.int32, steps)]

    def _spread(self, plane: Spread, out: PlaneOnDevice) -> None:
        window = np.int32(BOUNDARIES[plane.boundary]), np.int32(plane.radius)
        inner = self._lines(plane.mean if plane.variance is None else plane.variance, plane.axis, out)
        weights = np.float32(plane.variance is not None), np.float32(1 / (2 * plane.radius + 1))
        operands = *inner, *self._operand(plane.total, out)
        self._along("spread", plane.mean, plane.axis, out, *window, *operands, *weights)

    def _operand(self, plane: Plane, out: PlaneOnDevice) -> list[Any]:
        """Return the arguments by which a kernel finds the values of `plane` at the pixels of `out`."""
        below = self.planes[plane]
        row, slice_ = below.pitches
        return [below.values, np.int64(below.offset_of(out.window.start)), np.int32(row), np.int32(slice_)]

    def _pointwise(self, plane: Pointwise, out: PlaneOnDevice) -> None:
        operands = [argument for below in plane.planes for argument in self._operand(below, out)]
        name = f"{plane.function}_{len(plane.planes)}"
        self._run(name, out, *operands)

    def _run(self, kernel: str, out: PlaneOnDevice, *arguments: Any) -> None:
        depth, height, width = out.shape
        target = (out.values, np.uint64(out.offset), np.int32(width))
        group = self.launch.group
        columns = -(-width // (self.launch.span * group[0])) * group[0]  # work-items beyond the width do nothing
        self.device.run(self.program, kernel, (columns, height, depth), group, *arguments, *target)

    def _table(self, weights: Sequence[Any]) -> DeviceArray:
        if weights not in self.tables:
            self.tables[weights] = self.device.upload(np.array(weights, np.float32))
        return self.tables[weights]
