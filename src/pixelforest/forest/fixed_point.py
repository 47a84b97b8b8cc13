"""Leaf values as integers, so that sums are exact and do not depend on their order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil, exp, floor, log2
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixelforest.forest.representation import Forest

LeafType = Literal["uint", "int", "long"]
SumType = Literal["uint", "ulong", "long"]

MAX_ERROR = 2.5e-7
"""Error of mean fractions up to which 32-bit sums are used: up to 2,048 trees."""
MAX_RELATIVE_ERROR = 1e-6
"""Error of other sums up to which 32-bit leaves are used, as a part of the sum of magnitudes on the same path."""
ROUNDING = 1e-9
"""Part of a bound that makes up for the bound's own computation in float64."""
EVERYTHING = {"uint": 2**32 - 1, "ulong": 2**64 - 1, "long": 2**63 - 1}


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """Leaf values as integers.

    A sum starts at `start`, adds the integers of one leaf per tree, and never overflows; divided by `scale` (and, in
    averages, by `Forest.n_averaged`) it is wrong by at most `error`, which is measured, not estimated. Two classes
    whose sums differ by less than `margin`, or a sum whose magnitude is less than `margin` where the sign decides,
    might be decided otherwise by the model's own sums: such rows are decided again on the host.

    Attributes
    ----------
    leaves : ndarray of uint32, int32 or int64, shape (n_leaves, n_stored)
        Columns of the leaf values, all or (see `is_complement`) all but the last.
    scale : float
        A power of two, so that pure leaves and halves are exact; an int for fractions.
    margin : int
        0: the order of the integer sums, ties included, is that of the model; or there are no classes.
    error : float
        Bound of the error of an output.
    sum_type : {"uint", "ulong", "long"}
        OpenCL type that holds a sum over all trees, and the difference of two.
    leaf_type : {"uint", "int", "long"}
        OpenCL type of `leaves`.
    start : ndarray of int64, shape (n_outputs,)
        The baseline.
    is_complement : bool
        The last class is not stored: its sum is what the others leave of `whole`.
    whole : int
        What the sums of all classes add up to; 0 where they are no fractions.
    is_fine : bool
        Whether rounding is proven to stay below `MAX_RELATIVE_ERROR` of the magnitudes on every path. If not, leaves
        differ too much in magnitude for 64 bits, and what rounding took away has to be added up as well.
    """

    leaves: NDArray[Any]
    scale: float
    margin: int
    error: float
    sum_type: SumType
    leaf_type: LeafType = "uint"
    start: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    is_complement: bool = False
    whole: int = 0
    is_fine: bool = True


def fixed_point(forest: Forest, *, max_error: float = MAX_ERROR) -> FixedPoint:
    """Choose a scale and round the leaf values.

    Averages of class fractions are unsigned, with the last class left out, and their bound is absolute. Everything
    else is signed, in 32-bit leaves if their rounding is proven to stay below `MAX_RELATIVE_ERROR` of the sum of
    magnitudes on every path, else in 64-bit leaves with the largest scale whose sums cannot overflow.

    Parameters
    ----------
    forest : Forest
        What to round.
    max_error : float
        If 32-bit sums of fractions are not proven to be better than this, 64-bit sums are used.

    Returns
    -------
    FixedPoint

    Raises
    ------
    ValueError
        Sums of the leaf values' magnitudes overflow float64.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from pixelforest.forest.read import read_forest
    >>> model = RandomForestClassifier(4, bootstrap=False, random_state=0).fit([[0.0], [1.0]], [0, 1])
    >>> numbers = fixed_point(read_forest(model))
    >>> numbers.leaf_type, numbers.sum_type, numbers.is_complement, numbers.margin
    ('uint', 'uint', True, 0)
    """
    if not _has_fractions(forest):
        return _round_signed(forest)
    # The classes but the last may each be rounded up by 1/2, so sums stay below n_trees * (scale + n_classes).
    room = (2**32 - 2) // forest.n_trees - forest.n_outputs
    if room >= 1:
        narrow = _round_fractions(forest, 1 << (room.bit_length() - 1), "uint")
        if narrow.error < max_error:
            return narrow
    return _round_fractions(forest, 2**31, "ulong")


def _has_fractions(forest: Forest) -> bool:
    values = forest.leaf_values
    if not (forest.averages and forest.decision == "largest" and forest.decides_on == "values"):
        return False
    if forest.n_columns != forest.n_outputs or forest.sum_precision != "float64":
        return False
    return bool((values >= 0).all() and (np.abs(values.sum(axis=1) - 1) < 1e-7).all())


def _round_fractions(forest: Forest, scale: int, sum_type: SumType) -> FixedPoint:
    scaled = forest.leaf_values * scale  # exact: the scale is a power of two
    rounded = np.rint(scaled)
    stored = rounded[:, : max(forest.n_outputs - 1, 1)]
    if forest.n_outputs > 1:
        rounded[:, -1] = scale - stored.sum(axis=1)
    error = float(_largest_of_trees(forest, np.abs(rounded - scaled).max(axis=1)).sum())
    n_trees = forest.n_trees
    if error == 0 and n_trees * scale <= 2**53:
        # All values are multiples of 1 / scale and no partial sum exceeds n_trees: float64 sums are exact too.
        # Equal integers are equal floats, and different ones stay so after the division by n_trees.
        margin = 0
    else:
        # Each integer sum is off by `error`; each float64 sum of n values <= 1 by less than n² / 2 ulp of 1, and the
        # division may merge sums that differ by less than 2 ulp of n.
        float_units = scale * (2 * n_trees**2 + 4 * n_trees) * 2.0**-53
        margin = min(int(2 * error + float_units) + 2, EVERYTHING[sum_type])
    return FixedPoint(
        leaves=stored.astype(np.uint32),
        scale=scale,
        margin=margin,
        error=error / (n_trees * scale),
        sum_type=sum_type,
        leaf_type="uint",
        start=np.zeros(forest.n_outputs, np.int64),
        is_complement=forest.n_outputs > 1,
        whole=n_trees * scale,
    )


def _round_signed(forest: Forest) -> FixedPoint:
    magnitudes = np.abs(forest.leaf_values).max(axis=1)
    with np.errstate(over="ignore"):
        largest_sum = float((_sum_of_outputs(forest, magnitudes) + np.abs(forest.baseline)).max())
    if not np.isfinite(largest_sum):
        raise ValueError("`leaf_values` must be small enough for their sum over all trees, got sums beyond float64")
    # Roundings add at most 1/2 per tree; a difference of two sums must fit as well.
    wide = _power_of_two(2**62 - forest.n_trees - 1, largest_sum)
    narrow = min(_power_of_two(2**31 - 1, float(magnitudes.max())), wide)
    narrow_error = _signed_errors(forest, narrow, beyond=MAX_RELATIVE_ERROR * (1 - ROUNDING))
    leaf_type: LeafType = "int" if (narrow_error <= 0).all() else "long"
    scale = narrow if leaf_type == "int" else wide
    error = float(_signed_errors(forest, scale).max()) * (1 + ROUNDING)
    is_fine = leaf_type == "int" or bool((_signed_errors(forest, wide, beyond=MAX_RELATIVE_ERROR) <= 0).all())
    return FixedPoint(
        leaves=np.rint(forest.leaf_values * scale).astype(np.int32 if leaf_type == "int" else np.int64),
        scale=scale,
        margin=_signed_margin(forest, scale, error, largest_sum),
        error=error / scale / (forest.n_averaged if forest.averages else 1),
        sum_type="long",
        leaf_type=leaf_type,
        start=np.rint(forest.baseline * scale).astype(np.int64),
        is_fine=is_fine,
    )


def _signed_errors(forest: Forest, scale: float, *, beyond: float = 0.0) -> NDArray[np.float64]:
    """Return how far integer sums may be off per output, less a part `beyond` of the magnitudes on the same path."""
    scaled, start = forest.leaf_values * scale, forest.baseline * scale  # exact: the scale is a power of two
    errors = np.abs(np.rint(scaled) - scaled) - beyond * np.abs(scaled)
    return _sum_of_outputs(forest, errors.max(axis=1)) + np.abs(np.rint(start) - start)


def _signed_margin(forest: Forest, scale: float, error: float, largest_sum: float) -> int:
    """Return how far apart integer sums must be so that the model's own sums decide alike."""
    if forest.decision == "none":
        return 0
    ulp = 2.0**-23 if forest.sum_precision == "float32" else 2.0**-52
    # Each addition rounds a partial sum to half a ulp; the division merges sums that differ by less than 2 ulp.
    width = ulp * (0.51 * _partial_sums(forest) + 2 * largest_sum)
    if forest.decides_on == "probabilities":
        # Near zero, and near the largest of several, links map values that differ by a few ulp of 1 to the same
        # probability; independent logistic outputs do so wherever they saturate.
        saturation = (
            forest.link_scale * largest_sum if forest.decision == "largest" and forest.link == "logistic" else 0
        )
        width += 16 * ulp * exp(min(saturation, 700)) / forest.link_scale
    margin = 2 * error + scale * 2 * width + 2
    return EVERYTHING["long"] if margin >= EVERYTHING["long"] else ceil(margin)


def _partial_sums(forest: Forest) -> float:
    """Return the largest sum, over the trees that add to an output, of how large its sum may be after each of them."""
    of_trees = _largest_of_trees(forest, np.abs(forest.leaf_values).max(axis=1))
    partial, total = np.abs(forest.baseline), np.zeros(forest.n_outputs)
    for first, magnitude in zip(forest.first_output, of_trees, strict=True):
        outputs = slice(first, first + forest.n_columns)
        partial[outputs] += magnitude
        total[outputs] += partial[outputs]
    return float(total.max())


def _power_of_two(limit: int, largest: float) -> float:
    """Return the largest power of two (a moderate one) that keeps `largest` times it below `limit`."""
    if largest == 0:
        return 1.0
    return 2.0 ** min(floor(log2(limit) - log2(largest) - 1e-9), 1000)


def _largest_of_trees(forest: Forest, of_leaves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest value of any leaf of each tree."""
    of_nodes = np.where(forest.leaf >= 0, of_leaves[forest.leaf], -np.inf)
    return np.maximum.reduceat(of_nodes, forest.roots)


def _sum_of_outputs(forest: Forest, of_leaves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest sum, over all trees that add to an output, of what one leaf of each has."""
    totals = np.zeros(forest.n_outputs)
    of_trees = _largest_of_trees(forest, of_leaves)
    for column in range(forest.n_columns):
        np.add.at(totals, forest.first_output + column, of_trees)
    return totals


def remainder(forest: Forest, numbers: FixedPoint) -> Forest:
    """Return the forest of what rounding took away: its values and those of the integers add up to the original's.

    Parameters
    ----------
    forest : Forest
        What was rounded.
    numbers : FixedPoint
        Of sums that are no fractions, with the leaves in the order of the forest.

    Examples
    --------
    >>> from pixelforest.forest.representation import make_forest
    >>> leaf = make_forest(
    ...     feature=[0], threshold=[0], left=[-1], right=[-1], missing_left=[False], leaf=[0], roots=[0],
    ...     leaf_values=[[0.1]], n_features=1, averages=False, decision="none",
    ... )
    >>> float(abs(remainder(leaf, fixed_point(leaf)).leaf_values).max()) < 1e-9
    True
    """
    # Exact: a float64 less its own rounding to a multiple of a power of two has no more digits than it had.
    leaf_values = forest.leaf_values - numbers.leaves / numbers.scale
    baseline = forest.baseline - numbers.start / numbers.scale
    return replace(forest, leaf_values=leaf_values, baseline=baseline, decision="none")
