"""Decisions as comparisons of 32-bit integers, which every device makes alike.

A float32 `x` and a float64 threshold `t` satisfy ``x <= t`` exactly if ``x <= t32``, where `t32` is `t` rounded *down*
to float32. Both become integers that order as the floats do (``order_key``), so devices that flush denormals decide
alike. The key of NaN is the largest integer, which is beyond every threshold: NaN goes right. Where NaN goes left, the
kernel adds 1 to the key, which wraps NaN to the smallest integer, and the table adds 1 to the threshold, which changes
nothing for numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pixelforest.forest.representation import Forest

NAN_KEY = np.int32(2**31 - 1)


def order_keys(values: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return integers that order as float32 values do: the twin of ``order_key`` in ``contract.cl``.

    Examples
    --------
    >>> order_keys(np.array([-np.inf, -0.0, 0.0, np.nan], np.float32)).tolist()
    [-2139095041, -1, 0, 2147483647]
    """
    bits = np.ascontiguousarray(values, np.float32).view(np.int32)
    keys = bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))
    return np.where(np.isnan(values), NAN_KEY, keys)


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
