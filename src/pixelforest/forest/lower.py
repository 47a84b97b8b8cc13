"""From a forest to tables of 32-bit integers that every device decides and sums alike.

Decisions. A float32 `x` and a float64 threshold `t` satisfy ``x <= t`` exactly if ``x <= t32``, where `t32` is `t`
rounded *down* to float32. Both become integers that order as the floats do (``order_key``), so devices that flush
denormals decide alike. The key of NaN is the largest integer, which is beyond every threshold: NaN goes right. Where
NaN goes left, the kernel adds 1 to the key, which wraps NaN to the smallest integer, and the table adds 1 to the
threshold, which changes nothing for numbers.

Sums. A leaf adds integers ``round(value * scale)``: exact and independent of order. See `FixedPoint` for the error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixelforest.forest.fixed_point import FixedPoint, fractions_or_host
from pixelforest.forest.representation import Forest

Form = Literal["traverse", "coherent", "perfect", "numpy"]

MAX_PERFECT_DEPTH = 4
MAX_PERFECT_LEAVES = 160
"""Leaves of a perfect tree times classes: up to here its kernels build fast and beat walking (4 to 30 times)."""
PRIVATE_BYTES = 24 * 1024
"""Memory that one work-item may use for keys and sums: they should stay in the first cache."""
MAX_COHERENT_CAPACITY = 128
MAX_COHERENT_CLASSES = 16
MAX_COHERENT_DEPTH = 256
"""What a tile of 64 pixels may keep: keys of this many features, sums of classes, masks on its stack."""
WORD_BITS = 32
"""Bits of the word that holds a node's slot and the distance to its right child."""
ROWS_PER_ITEM = {"traverse": 16, "coherent": 128, "perfect": 32}


@dataclass(frozen=True)
class KernelPlan:
    """How a forest is computed, and why.

    Attributes
    ----------
    form : {"traverse", "coherent", "perfect", "numpy"}
        "traverse" walks the nodes row by row; "coherent" walks them with a tile of pixels at once; "perfect" evaluates
        every node of shallow trees for vectors of rows.
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
    nodes : ndarray of uint32 or int32
        See `_preorder_nodes` and `_perfect_nodes`.
    roots, depths : ndarray of int32, shape (n_trees,)
        Of the traversal; nodes count from the start of the table.
    fixed_point : FixedPoint
        Leaf values in the order that the nodes expect.
    rows_per_item : int
        Rows that one work-item decides.
    """

    plan: KernelPlan
    columns: NDArray[np.int32]
    nodes: NDArray[Any]
    roots: NDArray[np.int32]
    depths: NDArray[np.int32]
    fixed_point: FixedPoint
    rows_per_item: int


def order_keys(values: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return integers that order as float32 values do: the twin of ``order_key`` in ``contract.cl``.

    Examples
    --------
    >>> order_keys(np.array([-np.inf, -0.0, 0.0, np.nan], np.float32)).tolist()
    [-2139095041, -1, 0, 2147483647]
    """
    bits = np.ascontiguousarray(values, np.float32).view(np.int32)
    keys = bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))
    return np.where(np.isnan(values), np.int32(2**31 - 1), keys)


def round_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 values that are not above `thresholds`; zero is +0.

    Examples
    --------
    >>> round_down(np.array([0.1, 1e300, -0.0])).tolist()
    [0.09999999403953552, 3.4028234663852886e+38, 0.0]
    """
    with np.errstate(over="ignore", under="ignore"):
        nearest = thresholds.astype(np.float32)
        below = np.where(nearest > thresholds, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    return np.where(below == 0, np.float32(0), below)  # x = +0 and x = -0 both go left of a threshold of -0


def threshold_keys(forest: Forest) -> NDArray[np.int32]:
    """Return the keys that a node compares with, moved by one where NaN goes left."""
    return order_keys(round_down(forest.threshold)) + forest.missing_left.astype(np.int32)


def lower_forest(forest: Forest, *, form: str | None = None, rows_per_item: int | None = None) -> ForestTables:
    """Choose a kernel form and lay out its tables.

    Parameters
    ----------
    forest : Forest
        What to lower.
    form : {"traverse", "coherent", "perfect"}, optional
        Forces a form; by default the shape of the forest decides.
    rows_per_item : int, optional
        Forces how many rows a work-item takes; for the perfect form a multiple of 16, for the coherent one 16, 32, 64
        or 128.

    Returns
    -------
    ForestTables

    Raises
    ------
    ValueError
        `form` is unknown, or the trees are too deep for it.
    """
    numbers = fractions_or_host(forest)
    columns = np.unique(forest.feature[forest.leaf < 0])
    capacity = _capacity(len(columns))
    chosen, reason = _choose_form(forest, capacity, numbers) if form is None else (form, "forced")
    if chosen not in ROWS_PER_ITEM:
        raise ValueError(f"`form` must be 'traverse', 'coherent' or 'perfect', got {form!r}")
    sum_bytes = numbers.leaves.shape[1] * (4 if numbers.sum_type == "uint" else 8)
    rows = rows_per_item or _affordable_rows(ROWS_PER_ITEM[chosen], 4 * capacity + sum_bytes, chosen)
    if chosen == "traverse" and (4 * capacity + sum_bytes) * rows > PRIVATE_BYTES:
        capacity = 0  # read features where they are
        rows = rows_per_item or _affordable_rows(ROWS_PER_ITEM[chosen], sum_bytes, chosen)
    if chosen == "coherent" and rows not in (16, 32, 64, 128):
        raise ValueError(f"`rows_per_item` must be 16, 32, 64 or 128 for form 'coherent', got {rows}")
    if chosen == "coherent" and (capacity > MAX_COHERENT_CAPACITY or forest.max_depth > MAX_COHERENT_DEPTH):
        raise ValueError(
            f"`form` 'coherent' needs at most {MAX_COHERENT_CAPACITY} features and depth {MAX_COHERENT_DEPTH}, "
            f"got {len(columns)} and {forest.max_depth}"
        )
    constants: list[tuple[str, int | str]] = [
        ("CLASSES", forest.n_classes),
        ("STORED", numbers.leaves.shape[1]),
        ("CAPACITY", capacity),
        ("ROWS", rows),
        ("SUM", numbers.sum_type),
    ]
    slots = np.searchsorted(columns, forest.feature) if len(columns) else np.zeros_like(forest.feature)
    slots = np.where(forest.leaf < 0, slots, 0).astype(np.int64)
    nodes: NDArray[Any]
    if chosen == "perfect":
        nodes, leaf_rows = _perfect_nodes(forest, slots)
        constants.append(("DEPTH", forest.max_depth))
        numbers = FixedPoint(numbers.leaves[leaf_rows], numbers.scale, numbers.margin, numbers.error, numbers.sum_type)
        roots = forest.roots
    else:
        nodes, roots, slot_bits = _preorder_nodes(forest, slots)
        constants += [("SLOT_BITS", slot_bits), ("NODE_WORDS", nodes.shape[1])]
        if chosen == "coherent":
            constants.append(("DEPTH", -(-max(forest.max_depth, 1) // 8) * 8))  # in steps: fewer kernels to build
    plan = KernelPlan(chosen, reason, tuple(constants))  # type: ignore[arg-type]  # checked above
    return ForestTables(plan, columns.astype(np.int32), nodes, roots, forest.depths, numbers, rows)


def _capacity(n_slots: int) -> int:
    """Round up to a power of two, so that forests with a few features more share their compiled kernels."""
    return 1 << max(n_slots - 1, 3).bit_length()


def _affordable_rows(rows: int, row_bytes: int, form: str) -> int:
    least = {"traverse": 4, "coherent": 16, "perfect": 16}[form]
    while rows > least and rows * row_bytes > PRIVATE_BYTES:
        rows //= 2
    return rows


def _choose_form(forest: Forest, capacity: int, numbers: FixedPoint) -> tuple[str, str]:
    depth, n_stored = forest.max_depth, numbers.leaves.shape[1]
    if depth == 0:
        return "traverse", "no tree decides anything"
    if 16 * (4 * capacity + 8 * n_stored) > PRIVATE_BYTES:
        return "traverse", "too many features or classes to keep 16 rows of them at hand"
    if depth <= MAX_PERFECT_DEPTH and 2**depth * n_stored <= MAX_PERFECT_LEAVES:
        return "perfect", f"depth {depth} is at most {MAX_PERFECT_DEPTH}"
    if capacity > MAX_COHERENT_CAPACITY or n_stored > MAX_COHERENT_CLASSES or depth > MAX_COHERENT_DEPTH:
        return "traverse", f"too many features, classes ({n_stored + 1}) or levels ({depth}) for tiles of pixels"
    return "coherent", f"depth {depth} is walked faster by tiles of pixels that take the same paths"


def _preorder_nodes(forest: Forest, slots: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.int32], int]:
    """Lay out nodes so that the left child is the next one.

    Word 0 is the key to compare with, in leaves the row of the leaf table. Word 1 is ``missing | slot << 1``, and above
    that the distance to the right child, 0 in leaves. Where that does not fit, the distance is word 2 of 4.
    """
    sizes = np.ones(len(forest.left), np.int64)
    for level in reversed(forest.levels):
        inner = level[forest.left[level] >= 0]
        sizes[inner] += sizes[forest.left[inner]] + sizes[forest.right[inner]]
    position = np.zeros(len(forest.left), np.int64)
    position[forest.roots] = forest.roots  # a tree has as many nodes in the table as in the forest
    for level in forest.levels:
        inner = level[forest.left[level] >= 0]
        position[forest.left[inner]] = position[inner] + 1
        position[forest.right[inner]] = position[inner] + 1 + sizes[forest.left[inner]]
    distance = np.where(forest.leaf < 0, position[forest.right] - position, 0)
    words = np.where(forest.leaf < 0, threshold_keys(forest).astype(np.int64) & 0xFFFFFFFF, forest.leaf)
    low = slots << 1 | forest.missing_left
    slot_bits = _capacity(int(slots.max()) + 1).bit_length()
    fits = int(distance.max()) < 1 << (WORD_BITS - slot_bits)
    table = np.zeros((len(words), 2 if fits else 4), np.uint32)
    table[position, 0] = words
    table[position, 1] = low | distance << slot_bits if fits else low
    if not fits:
        table[position, 2] = distance
    return table, forest.roots, slot_bits


def _perfect_nodes(forest: Forest, slots: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Lay out each tree as a perfect one, its nodes in heap order, and repeat leaves that lie higher.

    A node is (slot, key, missing, 0). Below a leaf, every decision is "left" and both sides lead to that leaf.

    Returns
    -------
    nodes : ndarray of int32, shape (n_trees, 2**depth - 1, 4)
    leaf_rows : ndarray of int32, shape (n_trees * 2**depth,)
    """
    depth = forest.max_depth
    if not 1 <= depth <= MAX_PERFECT_DEPTH:
        raise ValueError(f"`form` 'perfect' needs trees of depth 1 to {MAX_PERFECT_DEPTH}, got {depth}")
    keys = np.where(forest.leaf < 0, threshold_keys(forest), np.int32(2**31 - 1))
    at = forest.roots[:, np.newaxis]
    levels = []
    for _ in range(depth):
        levels.append(np.stack([slots[at], keys[at], forest.missing_left[at], np.zeros_like(at)], axis=-1))
        is_leaf = forest.leaf[at] >= 0
        children = [np.where(is_leaf, at, child[at]) for child in (forest.left, forest.right)]
        at = np.stack(children, axis=-1).reshape(forest.n_trees, -1)
    return np.concatenate(levels, axis=1).astype(np.int32), forest.leaf[at].ravel()
