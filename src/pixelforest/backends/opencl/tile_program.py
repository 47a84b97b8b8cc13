"""A plan as a list of steps for ``tiles.cl``: what is computed together, where it lives, and how large tiles are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, product
from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.opencl.cascade import SplineTable, is_interpolated_in_tiles
from pixelforest.features.kernels import Kernel
from pixelforest.features.patch import Window
from pixelforest.features.plan import FeaturePlan
from pixelforest.features.planes import Convolution, Difference, Interpolation, Plane, Pointwise, Source, inputs

BOUNDARIES = {"nearest": 0, "reflect": 1, "mirror": 2}
"""What `inside` of ``features.cl`` calls them."""
OPERATIONS = {
    name: code
    for code, name in enumerate(
        (
            "convolve",
            "gradient",
            "copy_1",
            "add_2",
            "add_3",
            "subtract_2",
            "multiply_2",
            "square_root_1",
            "determinant_3",
            "determinant_6",
            "magnitude_2",
            "magnitude_3",
            "eigenvalues_3",
            "eigenvalues_6",
            "interpolate",
        )
    )
}
KINDS = Source | Convolution | Difference
"""Kinds of planes, other than functions and interpolations, that ``tiles.cl`` computes."""
FIRST_OUTPUT = 1 << 20
INPUTS, OUTPUTS = slice(1, 7), slice(7, 10)
"""Where a step says what it reads and writes."""
CACHE_FLOATS = 180_000
"""Values between that a tile may keep: what a core's second-level cache holds, less what passes through it."""
MOST_FLOATS = 5_000_000
"""Values between that a tile may keep in larger caches: 20 MB."""
ROW_COST = 15
"""What beginning a row costs, in vector operations."""
TURNED_WIDTH = 256
"""How many positions along x ``tiles.cl`` turns at a time."""
TILE_SIDES = ((1, 2, 4, 8, 16, 32, 64), (8, 16, 32, 64), (64, 128, 256, 512, 1024))


@dataclass(frozen=True)
class Loaded:
    """A channel of the image, copied into a slot: rows of images often lie powers of two apart, which caches loathe."""

    channel: int


Operand: TypeAlias = Plane | Loaded


@dataclass(frozen=True)
class Step:
    """One pass over a tile: several kernels on one plane, or functions of planes that share their work.

    `known` says how far around the tile the plane that a convolution reads is known, along its axis.
    """

    operation: str
    inputs: tuple[Operand, ...]
    outputs: tuple[Operand | None, ...]
    margins: tuple[int, int, int]
    axis: int = 0
    boundary: int = 0
    kernels: tuple[Kernel, ...] = ()
    scale: float = 0.0
    known: int = 0
    copied_to: int | None = None

    @property
    def cost(self) -> float:
        """Vector operations per vector of pixels."""
        if self.operation == "convolve":
            return 2 + sum(2 * kernel.radius + 1 for kernel in self.kernels)
        if self.operation == "copy_1":
            return 20  # from or to memory
        return 60 if self.operation == "eigenvalues_6" else 4


@dataclass(frozen=True, eq=False)
class TileWork:
    """What is to be done on every tile.

    Attributes
    ----------
    tile : (int, int, int)
        Shape of tiles.
    sizes : ndarray of int32
        Sizes and slots, as ``tiles.cl`` reads them behind the axes.
    steps : ndarray of int32
        One row per step.
    weights : ndarray of float32
        Right halves of all kernels.
    scratch_floats, lookup_entries : int
        Memory of one group.
    """

    tile: tuple[int, int, int]
    sizes: NDArray[np.int32]
    steps: NDArray[np.int32]
    weights: NDArray[np.float32]
    scratch_floats: int
    lookup_entries: int


@dataclass(frozen=True, eq=False)
class TileProgram:
    """What ``compute_tiles`` is given: the axes and the sizes behind them, the work, and where every tile starts."""

    axes: NDArray[np.int32]
    work: TileWork
    starts: NDArray[np.int32]


def runs_in_tiles(plane: Plane, ndim: int) -> bool:
    """Return whether ``tiles.cl`` has all that `plane` is computed from, down to what is interpolated from samples."""
    if is_interpolated_in_tiles(plane, ndim):
        return True
    known = _operation(plane) in OPERATIONS if isinstance(plane, Pointwise) else isinstance(plane, KINDS)
    return known and all(runs_in_tiles(below, ndim) for below in inputs(plane))


def _operation(plane: Pointwise) -> str:
    """Return which operation computes `plane`, perhaps with others."""
    name = "eigenvalues" if plane.function.startswith("eigenvalue_") else plane.function
    return f"{name}_{len(plane.planes)}"


def tile_program(
    plan: FeaturePlan, target: Window, window: Window, image_shape: tuple[int, ...], n_groups: int
) -> TileProgram:
    """Return what computes `plan` on `target`, of which the patch holds `window`, by `n_groups` at once."""
    extent = _as_3d(target.shape, 1)
    work = _work(plan, image_shape, extent, n_groups)
    sizes, begin = _as_3d(image_shape, 1), _as_3d(target.start, 0)
    end = tuple(a + n for a, n in zip(begin, extent, strict=True))
    in_memory = _as_3d(window.start, 0), _as_3d(window.shape, 1)
    axes = np.array([sizes, begin, end, work.tile, *in_memory], np.int32).T.ravel()
    along_z, along_y, along_x = (range(a, b, side) for a, b, side in zip(begin, end, work.tile, strict=True))
    starts = [(z, y, x) for y, x, z in product(along_y, along_x, along_z)]  # what slices share stays in the cache
    return TileProgram(np.concatenate([axes, work.sizes]), work, np.array(starts, np.int32))


@lru_cache(maxsize=64)
def _work(plan: FeaturePlan, image_shape: tuple[int, ...], extent: tuple[int, int, int], n_groups: int) -> TileWork:
    steps = tuple(_steps(plan))
    slots, n_slots = _slots(steps, plan)
    tile = _tile_shape(steps, slots, extent, n_groups)
    slot_rows, slot_vectors = _slot_rows(steps, slots, n_slots, tile, _as_3d(image_shape, 1))
    widest = max(_as_3d(margins, 0)[2] for margins in plan.margins.values())
    line_floats = 16 * max(TURNED_WIDTH * 4 + 2 * widest, ceil((tile[2] + 2 * widest + 64) / 16))
    longest = max(*tile, TURNED_WIDTH) + 2 * max(chain(*plan.margins.values()))
    lookup_entries = longest + 2 * max((kernel.radius for step in steps for kernel in step.kernels), default=0) + 3
    offsets: dict[Kernel, int] = {}
    halves = [np.zeros(1, np.float32)]
    for kernel in dict.fromkeys(kernel for step in steps for kernel in step.kernels):
        offsets[kernel] = sum(map(len, halves))
        halves.append(np.array(kernel.half, np.float32))
    table = np.array([_as_ints(step, slots, offsets) for step in steps], np.int32)
    sizes = np.array([len(steps), slot_vectors, line_floats, lookup_entries, *chain(*slot_rows)], np.int32)
    return TileWork(tile, sizes, table, np.concatenate(halves), 16 * slot_vectors + line_floats, lookup_entries)


def _as_3d(values: tuple[int, ...], fill: int) -> tuple[int, int, int]:
    z, y, x = (fill,) * (3 - len(values)) + tuple(values)
    return z, y, x


def _steps(plan: FeaturePlan) -> Iterator[Step]:
    """Yield the passes in order; what reads the same plane around the same pixels is computed together."""
    done: set[Plane] = set()
    loaded: set[Loaded] = set()
    first_axis = 3 - plan.ndim
    for plane in plan.order:
        margins = _as_3d(plan.margins[plane], 0)
        if plane not in done:
            match plane:
                case Convolution(below, axis, _, boundary):
                    group = _convolved_together(plane, plan, done)
                    kernels = tuple(p.kernel for p in group)
                    where = axis + first_axis, BOUNDARIES[boundary]
                    source: Operand = below
                    if isinstance(below, Source) and axis + first_axis == 1:
                        source = Loaded(below.channel)
                    if isinstance(source, Loaded) and source not in loaded:
                        loaded.add(source)
                        yield Step("copy_1", (below,), (source,), _as_3d(plan.margins[below], 0))
                    largest = _as_3d(tuple(map(max, *(plan.margins[p] for p in group))), 0) if group[1:] else margins
                    known = plan.margins[below][axis]
                    yield Step("convolve", (source,), group, largest, *where, kernels, known=known)
                    done.update(group)
                case Interpolation(below, axis, factor):
                    where = axis + first_axis, 0
                    yield Step("interpolate", (below,), (plane,), margins, *where, (SplineTable(factor),))
                case Difference(below, axis, scale):
                    yield Step("gradient", (below,), (plane,), margins, axis + first_axis, scale=scale)
                case Pointwise(function, planes) if function.startswith("eigenvalue_"):
                    names = [f"eigenvalue_{i}" for i in range(2 if len(planes) == 3 else 3)]
                    wanted = {p.function: p for p in plan.order if isinstance(p, Pointwise) and p.planes == planes}
                    same = [wanted.get(name) for name in names]  # type: ignore[call-overload]
                    found = tuple(p if p and plan.margins[p] == plan.margins[plane] else None for p in same)
                    yield Step(_operation(plane), planes, found, margins)
                    done.update(p for p in found if p is not None)
                case Pointwise(_, planes):
                    yield Step(_operation(plane), planes, (plane,), margins)
        copies = plan.positions.get(plane, [])
        if not isinstance(plane, Source) and _is_written_directly(plane, plan):
            copies = []
        for index in copies:
            yield Step("copy_1", (plane,), (None,), (0, 0, 0), copied_to=index)


def _convolved_together(plane: Convolution, plan: FeaturePlan, done: set[Plane]) -> tuple[Convolution, ...]:
    """Return `plane` and up to two others that the kernels of ``tiles.cl`` compute from the same loads."""
    partners = [
        p
        for p in plan.order
        if isinstance(p, Convolution)
        and p not in done
        and (p.plane, p.axis, p.boundary) == (plane.plane, plane.axis, plane.boundary)
        and (plan.margins[p] == plan.margins[plane] or _may_have_company(p, plane, plan))
    ]
    partners.sort(key=lambda p: p != plane)  # the one that is needed now is certainly in
    even = [p for p in partners if p.kernel.parity == 1]
    odd = [p for p in partners if p.kernel.parity == -1]
    if plane.kernel.parity == -1:
        return (*even[:2], plane)
    return (*even[:2], odd[0]) if odd else tuple(even[:3])


def _may_have_company(plane: Convolution, other: Convolution, plan: FeaturePlan) -> bool:
    """Return whether two passes across rows may be computed together although one is needed around fewer pixels."""
    return plane.axis < plan.ndim - 1 and not any(_is_written_directly(p, plan) for p in (plane, other))


def _is_written_directly(plane: Plane, plan: FeaturePlan) -> bool:
    return len(plan.positions.get(plane, ())) == 1 and plane not in plan.last_use


def _slots(steps: tuple[Step, ...], plan: FeaturePlan) -> tuple[dict[Operand, int], int]:
    """Return where every plane lives, and how many slots are needed; one too many receives what nobody wants."""
    last_use = {plane: index for index, step in enumerate(steps) for plane in step.inputs}
    where: dict[Operand, int] = {}
    free: list[int] = []
    n_slots = 1
    for index, step in enumerate(steps):
        for plane in step.outputs:
            if plane is None:
                continue
            if not isinstance(plane, Loaded) and _is_written_directly(plane, plan):
                where[plane] = FIRST_OUTPUT + plan.positions[plane][0]
            elif free:
                where[plane] = free.pop()
            else:
                where[plane] = n_slots
                n_slots += 1
        for plane in dict.fromkeys(step.inputs):
            if isinstance(plane, Source):
                where[plane] = -1 - plane.channel
            elif last_use[plane] == index:
                free.append(where[plane])
    return where, n_slots


def _slot_rows(
    steps: tuple[Step, ...],
    slots: dict[Operand, int],
    n_slots: int,
    tile: tuple[int, int, int],
    sizes: tuple[int, int, int],
) -> tuple[list[tuple[int, ...]], int]:
    """Return what ``tiles.cl`` knows of every slot, and how many vectors all of them take."""
    margins = np.zeros((n_slots, 3), int)
    for step in steps:
        for slot in (0 if plane is None else slots[plane] for plane in step.outputs):
            if slot < FIRST_OUTPUT:
                margins[slot] = np.maximum(margins[slot], step.margins)
    rows: list[tuple[int, ...]] = []
    begin = 0
    for z, y, narrow in margins.tolist():
        x = narrow + -narrow % 16  # tiles begin where vectors are aligned
        depth, height, width = (min(t + 2 * m, n) for t, m, n in zip(tile, (z, y, x), sizes, strict=True))
        vectors = ceil(width / 16) // 2 * 2 + 1  # an odd number of cache lines, so that rows do not meet in one set
        rows.append((begin, z, y, x, height, 16 * vectors))
        begin += depth * height * vectors
    return rows, begin


def _tile_shape(
    steps: tuple[Step, ...], slots: dict[Operand, int], extent: tuple[int, int, int], n_groups: int
) -> tuple[int, int, int]:
    """Return the tile that costs least: large ones repeat less around them, but must stay in the cache."""
    sides = [sorted({min(side, n) for side in choices}) for choices, n in zip(TILE_SIDES, extent, strict=True)]
    tiles = np.array(list(product(*sides)))
    work = np.zeros(len(tiles))
    kept: dict[int, NDArray[np.int64]] = {}
    for step in steps:
        shape = tiles + 2 * np.array(step.margins)
        if step.kernels and step.axis < 2:
            shape[:, step.axis] += -shape[:, step.axis] % 4  # four are computed together
        work += shape[:, 0] * shape[:, 1] * (np.ceil(shape[:, 2] / 16) * step.cost + ROW_COST)
        for slot in {slots[plane] for plane in step.outputs if plane is not None}:
            if slot < FIRST_OUTPUT:
                kept[slot] = np.maximum(kept.get(slot, 0), shape.prod(axis=1))
    total = sum(kept.values(), np.zeros(len(tiles)))
    work *= 1 + np.clip(0.15 * (total / CACHE_FLOATS - 1), 0, 0.2) + (total > MOST_FLOATS)
    counts = np.ceil(np.array(extent) / tiles).prod(axis=1)
    work *= counts * (1 + 0.5 * n_groups / counts)  # the last ones wait for each other
    z, y, x = (int(side) for side in tiles[work.argmin()])
    return z, y, x


def _as_ints(step: Step, slots: dict[Operand, int], offsets: dict[Kernel, int]) -> list[int]:
    references = [slots[plane] for plane in step.inputs]
    references += [references[0]] * (6 - len(references))
    outputs = [0 if plane is None else slots[plane] for plane in step.outputs]
    if step.copied_to is not None:
        outputs = [FIRST_OUTPUT + step.copied_to]
    outputs += [outputs[0]] * (3 - len(outputs))
    even = sum(kernel.parity == 1 for kernel in step.kernels)
    weights = [offsets[kernel] for kernel in step.kernels] + [0] * (3 - len(step.kernels))
    radii = [kernel.radius for kernel in step.kernels] + [0] * (3 - len(step.kernels))
    scale = int(np.float32(step.scale).view(np.int32))
    place = [*step.margins, step.axis, step.boundary, even, len(step.kernels) - even]
    return [OPERATIONS[step.operation], *references, *outputs, *place, *weights, *radii, scale, step.known]
