"""From a forest to tables of integers that every device decides and sums alike, and the kernel form that reads them.

How decisions become integers is in `pixelforest.forest.keys`, how sums do in `pixelforest.forest.fixed_point`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixelforest.forest.bounds import leaf_scores, rule_of, sum_dtype, swings_to_come
from pixelforest.forest.fixed_point import FixedPoint, fixed_point
from pixelforest.forest.keys import threshold_keys
from pixelforest.forest.representation import Forest

Form = Literal["traverse", "shared", "coherent", "shallow", "numpy"]

MAX_SHALLOW_DEPTH = 4
MAX_SHALLOW_LEAVES = 160
"""Leaves of a perfect tree times classes: up to here its kernels build fast and beat walking (4 to 30 times)."""
MAX_BOUND_BYTES = 2**26
PRIVATE_BYTES = 24 * 1024
"""Memory that one row-wise work-item may use for keys and sums: they should stay in the first cache."""
LOCAL_BYTES = 192 * 1024
"""Memory that one tile may use: it should stay in the second cache."""
MAX_TILE_CAPACITY = 256
MAX_TILE_SUMS = 64
ROWS_PER_CELL = 128
NODE_BYTES = 16
TILES_PER_STRIP = 8
"""Tiles of the shallow form whose ranges are found and compared side by side, in one vector."""
TREES_AT_ONCE = 4
"""Trees that share the lists of a tile: long lists hide latencies, short ones stay in the first cache."""
KEY_BYTES = {"coherent": 64 * 1024, "shallow": 128 * 1024}
"""Keys of a tile; more cells share more work, but caches are small."""
CHUNK = 64
"""Trees of the shallow form between two attempts to settle, as in ``forest_shallow.cl``."""
IS_LEAF = 0x80000000


@dataclass(frozen=True)
class KernelPlan:
    """How a forest is computed, and why.

    Attributes
    ----------
    form : {"traverse", "shared", "coherent", "shallow", "numpy"}
        "traverse" walks the nodes row by row; "shared" does so after a group has copied them to local memory;
        "coherent" walks them with a tile of pixels at once; "shallow" skips what the ranges of the features in a tile
        decide and evaluates the rest of each tree for vectors of pixels.
    reason : str
        Why this form.
    constants : tuple of (str, int or str)
        What the kernels are specialised by.
    """

    form: Form
    reason: str
    constants: tuple[tuple[str, int | str], ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """Compiler options."""
        return tuple(f"-D {name}={value}" for name, value in self.constants)


@dataclass(frozen=True, eq=False)
class ForestTables:
    """What a device needs of a forest.

    Attributes
    ----------
    plan : KernelPlan
        Which kernels read these tables.
    columns : ndarray of int32, shape (n_slots,)
        Features that any node looks at; nodes name their position in this list, the slot.
    nodes : ndarray of uint32
        ``(key, slot << 1 | missing, left, right)`` of inner nodes, where leaves are ``row | IS_LEAF``; of perfect
        trees in heap order, only the first two.
    roots : ndarray of uint32, shape (n_trees,)
        As children are.
    first_sums : ndarray of int32, shape (n_trees,)
        Sum that the first column of a tree's leaves adds to.
    numbers : FixedPoint
        Leaf values in the order that the nodes expect.
    bounds : tuple of ndarray
        Of "coherent": how far the trees to come can change a lead. Of "shallow", for every node of every perfect
        tree: the least and the largest score of each class below it.
    rows_per_item : int
        Rows that one work-item decides.
    """

    plan: KernelPlan
    columns: NDArray[np.int32]
    nodes: NDArray[np.uint32]
    roots: NDArray[np.uint32]
    first_sums: NDArray[np.int32]
    numbers: FixedPoint
    bounds: tuple[NDArray[Any], ...]
    rows_per_item: int


def lower_forest(
    forest: Forest,
    *,
    form: str | None = None,
    rows_together: int | None = None,
    local_bytes: int = LOCAL_BYTES,
    has_lanes: bool = False,
) -> ForestTables:
    """Choose a kernel form and lay out its tables.

    Parameters
    ----------
    forest : Forest
        What to lower; its derived columns count as features.
    form : {"traverse", "shared", "coherent", "shallow"}, optional
        Forces a form; by default the shape of the forest and the kind of device decide.
    rows_together : int, optional
        Forces how many rows a work-item walks side by side, or a tile takes: 128, 256, 512 or 1024.
    local_bytes : int
        Local memory of the device.
    has_lanes : bool
        Whether work-items are the lanes of a device's vectors, as on GPUs.

    Returns
    -------
    ForestTables

    Raises
    ------
    ValueError
        `form` is unknown, or the forest is too large for it.
    """
    numbers = fixed_point(forest)
    columns = np.unique(forest.feature[forest.leaf < 0])
    capacity = _capacity(len(columns))
    shape = _Shape(forest, numbers, capacity, min(local_bytes, LOCAL_BYTES))
    chosen, reason = _choose_form(shape, has_lanes=has_lanes) if form is None else (form, "forced")
    if chosen not in ("traverse", "shared", "coherent", "shallow"):
        raise ValueError(f"`form` must be 'traverse', 'shared', 'coherent' or 'shallow', got {form!r}")
    obstacle = _obstacle(shape, chosen)
    if obstacle:
        raise ValueError(f"`form` {chosen!r} needs {obstacle}")
    constants: list[tuple[str, int | str]] = [
        ("RULE", rule_of(forest, numbers)),
        ("STORED", shape.n_sums),
        ("LEAF_COLUMNS", numbers.leaves.shape[1]),
        ("LEAF", numbers.leaf_type),
        ("SUM", numbers.sum_type),
        ("SUM_BITS", 8 * sum_dtype(numbers).itemsize),
    ]
    slots = np.searchsorted(columns, forest.feature) if len(columns) else np.zeros_like(forest.feature)
    slots = np.where(forest.leaf < 0, slots, 0).astype(np.int64)
    bounds: tuple[NDArray[Any], ...] = ()
    if chosen in ("traverse", "shared"):
        rows, capacity = _rows_at_once(shape, rows_together or (1 if has_lanes else None))
        nodes, roots = _linked_nodes(forest, slots)
        constants += [("CAPACITY", capacity), ("ROWS", rows)]
        if chosen == "shared":
            room = 1 << (len(nodes) - 1).bit_length()  # round, so that forests share their compiled kernels
            nodes = np.concatenate([nodes, np.zeros((room - len(nodes), 4), np.uint32)])
            constants.append(("SHARED_NODES", room))
    else:
        cells = _cells(shape, chosen, rows_together)
        rows, tile_bytes = cells * ROWS_PER_CELL, shape.tile_bytes(chosen, cells)
        if tile_bytes > local_bytes:
            raise ValueError(f"`rows_together` {rows} needs {tile_bytes} bytes of local memory, got {local_bytes}")
        constants += [("CAPACITY", capacity), ("CELLS", cells)]
        if chosen == "coherent":
            nodes, roots = _linked_nodes(forest, slots)
            bounds = (swings_to_come(forest, numbers),)
            constants.append(("TREES_AT_ONCE", shape.trees_at_once))
        else:
            nodes, leaf_rows = _perfect_nodes(forest, slots)
            bounds = (_perfect_bounds(forest, numbers, leaf_rows),)
            roots = np.zeros(forest.n_trees, np.uint32)
            numbers = replace(numbers, leaves=numbers.leaves[leaf_rows.ravel()])
            rows *= TILES_PER_STRIP
            constants += [("TILES", TILES_PER_STRIP), ("DEPTH", forest.max_depth), ("TREES", shape.room_for_trees)]
    plan = KernelPlan(chosen, reason, tuple(constants))  # type: ignore[arg-type]  # checked above
    first_sums = forest.first_output.astype(np.int32)
    return ForestTables(plan, columns.astype(np.int32), nodes, roots, first_sums, numbers, bounds, rows)


@dataclass(frozen=True)
class _Shape:
    """What the choice of a form depends on."""

    forest: Forest
    numbers: FixedPoint
    capacity: int
    local_bytes: int

    @property
    def n_sums(self) -> int:
        return self.numbers.leaves.shape[1] if self.numbers.is_complement else self.forest.n_outputs

    @property
    def sum_bytes(self) -> int:
        return sum_dtype(self.numbers).itemsize * self.n_sums

    @property
    def trees_at_once(self) -> int:
        """As many as leave, with their lists for two cells, a third of the memory to keys and sums."""
        lists = 3 * 32 * 2 * ROWS_PER_CELL
        return next((n for n in (TREES_AT_ONCE, 2) if n * lists <= self.local_bytes * 2 // 3), 1)

    def tile_bytes(self, form: str, cells: int) -> int:
        keys = cells * self.capacity * 4 * ROWS_PER_CELL
        if form == "coherent":
            rows = cells * ROWS_PER_CELL
            lists = 3 * (self.trees_at_once * rows + 2) * 32
            return keys + cells * self.capacity * 8 + rows * (self.sum_bytes + 4) + lists + 1024
        ranges = TILES_PER_STRIP * cells * self.capacity * 8
        n_trees = self.room_for_trees
        bounds = 2 * (n_trees // CHUNK + 1) * self.forest.n_classes * sum_dtype(self.numbers).itemsize
        lists = 24 * n_trees + 4 * CHUNK * (MAX_SHALLOW_DEPTH + 1)
        return keys + ranges + ROWS_PER_CELL * (self.sum_bytes + 4) + bounds + lists + 1024

    @property
    def room_for_trees(self) -> int:
        """Room in the lists of the shallow form; round, so that forests share their compiled kernels."""
        n_trees = self.forest.n_trees
        return -(-n_trees // 1024) * 1024 if n_trees > 1024 else max(1 << (n_trees - 1).bit_length(), 128)

    @property
    def n_nodes(self) -> int:
        return max(int((self.forest.leaf < 0).sum()), 1)


def _capacity(n_slots: int) -> int:
    """Round up to a power of two, so that forests with a few features more share their compiled kernels."""
    return 1 << max(n_slots - 1, 3).bit_length()


def _choose_form(shape: _Shape, *, has_lanes: bool) -> tuple[str, str]:
    if has_lanes:
        obstacle = _obstacle(shape, "shared")
        if obstacle:
            return "traverse", f"every work-item is a lane of its own; 'shared' needs {obstacle}"
        return "shared", f"every work-item is a lane of its own; {shape.n_nodes} nodes fit into local memory"
    if shape.forest.max_depth == 0:
        return "traverse", "no tree decides anything"
    for form in ("shallow", "coherent"):
        if not _obstacle(shape, form):
            depth = shape.forest.max_depth
            return form, {
                "shallow": f"depth {depth} is at most {MAX_SHALLOW_DEPTH}",
                "coherent": f"depth {depth} is walked faster by tiles of pixels that take the same paths",
            }[form]
    return "traverse", f"'coherent' needs {_obstacle(shape, 'coherent')}"


def _obstacle(shape: _Shape, form: str) -> str:
    """Return what stands against a form, or nothing."""
    if form == "traverse":
        return ""
    forest = shape.forest
    if form == "shared":
        is_small = shape.n_nodes * NODE_BYTES <= shape.local_bytes // 2
        return "" if is_small else f"nodes for half of {shape.local_bytes} bytes of local memory, got {shape.n_nodes}"
    if shape.capacity > MAX_TILE_CAPACITY or shape.n_sums > MAX_TILE_SUMS:
        features = len(np.unique(forest.feature[forest.leaf < 0]))
        return (
            f"at most {MAX_TILE_CAPACITY} features and {MAX_TILE_SUMS} sums for tiles of pixels, "
            f"got {features} and {shape.n_sums}"
        )
    if form == "shallow":
        leaves = 2**forest.max_depth * shape.numbers.leaves.shape[1]
        if not 1 <= forest.max_depth <= MAX_SHALLOW_DEPTH or leaves > MAX_SHALLOW_LEAVES:
            return (
                f"trees of depth 1 to {MAX_SHALLOW_DEPTH} with at most {MAX_SHALLOW_LEAVES} leaf values, "
                f"got {forest.max_depth} and {leaves}"
            )
        if forest.n_trees * 2 ** (forest.max_depth + 2) * forest.n_classes * 8 > MAX_BOUND_BYTES:
            return f"trees times classes below {MAX_BOUND_BYTES} bytes, got {forest.n_trees} and {forest.n_classes}"
    if shape.tile_bytes(form, 1) > shape.local_bytes:
        return f"{shape.tile_bytes(form, 1)} bytes of local memory, got {shape.local_bytes}"
    return ""


def _cells(shape: _Shape, form: str, rows_together: int | None) -> int:
    if rows_together is not None:
        if rows_together not in (128, 256, 512, 1024):
            raise ValueError(f"`rows_together` must be 128, 256, 512 or 1024 for form {form!r}, got {rows_together}")
        return rows_together // ROWS_PER_CELL
    cells = 8 if form == "shallow" else 2
    while cells > 1 and (
        cells * shape.capacity * 4 * ROWS_PER_CELL > KEY_BYTES[form]
        or shape.tile_bytes(form, cells) > shape.local_bytes
    ):
        cells //= 2
    return cells


def _rows_at_once(shape: _Shape, rows_together: int | None) -> tuple[int, int]:
    """Return how many rows walk side by side, and room for how many features; 0 if they are read where they are."""

    def affordable(row_bytes: int) -> int:
        rows = 16
        while rows > 4 and rows * row_bytes > PRIVATE_BYTES:
            rows //= 2
        return rows

    row_bytes = 4 * shape.capacity + shape.sum_bytes
    rows = rows_together or affordable(row_bytes)
    if row_bytes * rows <= PRIVATE_BYTES:
        return rows, shape.capacity
    return rows_together or affordable(shape.sum_bytes), 0


def _linked_nodes(forest: Forest, slots: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Lay out inner nodes, and say where the roots are. There is at least one node, for forests without any."""
    inner = forest.leaf < 0
    places = np.where(inner, np.cumsum(inner) - 1, forest.leaf.astype(np.int64) | IS_LEAF)
    nodes = np.zeros((max(int(inner.sum()), 1), 4), np.uint32)
    if inner.any():
        nodes[:, 0] = threshold_keys(forest)[inner].view(np.uint32)
        nodes[:, 1] = (slots << 1 | forest.missing_left)[inner]
        nodes[:, 2] = places[forest.left[inner]]
        nodes[:, 3] = places[forest.right[inner]]
    return nodes, places[forest.roots].astype(np.uint32)


def _perfect_nodes(forest: Forest, slots: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """Lay out each tree as a perfect one, its nodes in heap order, and repeat leaves that lie higher.

    Below a leaf, every decision is "left" and both sides lead to that leaf.

    Returns
    -------
    nodes : ndarray of uint32, shape (n_trees, 2**depth - 1, 2)
    leaf_rows : ndarray of int, shape (n_trees, 2**depth)
    """
    keys = np.where(forest.leaf < 0, threshold_keys(forest), np.int32(2**31 - 1)).view(np.uint32)
    words = (slots << 1 | forest.missing_left).astype(np.uint32)
    at = forest.roots[:, np.newaxis]
    levels = []
    for _ in range(forest.max_depth):
        levels.append(np.stack([keys[at], words[at]], axis=-1))
        is_leaf = forest.leaf[at] >= 0
        children = [np.where(is_leaf, at, child[at]) for child in (forest.left, forest.right)]
        at = np.stack(children, axis=-1).reshape(forest.n_trees, -1)
    return np.concatenate(levels, axis=1), forest.leaf[at].astype(np.intp)


def _perfect_bounds(forest: Forest, numbers: FixedPoint, leaf_rows: NDArray[np.intp]) -> NDArray[Any]:
    """Return the least and largest scores below every node of perfect trees.

    Returns
    -------
    ndarray, shape (n_trees, 2**(depth + 1) - 1, n_classes, 2)
    """
    trees = np.repeat(np.arange(forest.n_trees), leaf_rows.shape[1])
    scores = leaf_scores(forest, numbers, leaf_rows.ravel(), trees).reshape(*leaf_rows.shape, -1)
    levels = [(scores, scores)]
    while levels[-1][0].shape[1] > 1:
        low, high = levels[-1]
        levels.append((np.minimum(low[:, ::2], low[:, 1::2]), np.maximum(high[:, ::2], high[:, 1::2])))
    lows, highs = (np.concatenate([level[i] for level in levels[::-1]], axis=1) for i in range(2))
    return np.stack([lows, highs], axis=-1)
