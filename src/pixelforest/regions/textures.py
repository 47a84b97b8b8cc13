"""Texture of regions: how grey levels lie beside one another (Haralick, Shanmugam and Dinstein, 1973)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.regions.regions import Regions

N_LEVELS = 32
"""Grey levels: each region's own range, from its smallest to its largest value, in equal steps."""
ANGLES = (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
STATISTICS = ("contrast", "dissimilarity", "homogeneity", "ASM", "energy", "correlation", "entropy", "mean", "variance")
"""Statistics of `skimage.feature.graycoprops`, which has the formulae."""


def texture(name: str) -> Callable[[Regions, float], NDArray[Any]]:
    """Return the function that computes a statistic of pairs of pixels at a distance, averaged over 4 directions."""

    def compute(regions: Regions, distance: float) -> NDArray[Any]:
        from skimage.feature import graycoprops

        planes = regions.flat_planes.reshape(-1, *regions.image_labels.shape)
        found = np.empty((len(regions), len(planes)))
        for i, (label, box) in enumerate(zip(regions.labels, regions.boxes(), strict=True)):
            mask = regions.image_labels[box] == label
            for channel, plane in enumerate(planes):
                pairs = _pairs(plane[box], mask, int(distance))
                found[i, channel] = graycoprops(pairs, name).mean() if pairs.any() else np.nan
        return regions.by_channel(found)

    compute.__doc__ = f"Return the {name} of pairs of grey levels at a distance in pixels; NaN without any pair."
    return compute


def _pairs(values: NDArray[Any], mask: NDArray[np.bool_], distance: int) -> NDArray[np.float64]:
    """Return how often grey levels lie beside one another inside the mask, as shares of all pairs per direction."""
    from skimage.feature import graycomatrix

    inside = values[mask].astype(np.float64)
    low, extent = inside.min(), np.ptp(inside)
    levels = np.zeros(values.shape, np.uint8)  # 0 is outside
    scaled = (inside - low) / (extent or 1) * N_LEVELS
    levels[mask] = 1 + scaled.astype(np.uint8).clip(max=N_LEVELS - 1)
    counts = graycomatrix(levels, [distance], ANGLES, levels=N_LEVELS + 1, symmetric=True)[1:, 1:].astype(np.float64)
    total = counts.sum(axis=(0, 1), keepdims=True)
    is_known = total[0, 0, 0] > 0
    return (counts / np.where(total > 0, total, 1))[:, :, :, is_known]
