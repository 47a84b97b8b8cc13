"""Intensities inside regions: values, and where they lie.

Measurements of an image with channels have the channels on their last axis. Sums of integers of up to 32 bits are
exact; everything else is float64, and deviations are taken from the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.regions.regions import Regions, ratio


@dataclass(frozen=True, eq=False)
class IntensityStatistics:
    """What one pass over the image finds; all arrays have shape (n_regions, n_channels).

    Attributes
    ----------
    total, low, high, squares : ndarray of float64
        Sum, minimum, maximum, and the sum of squared deviations from the mean.
    """

    total: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    squares: NDArray[np.float64]


def statistics(regions: Regions) -> IntensityStatistics:
    """Return sums and extrema of all regions and channels."""
    planes, n_pixels = regions.flat_planes, regions.runs.n_pixels
    found = IntensityStatistics(*np.empty((4, len(regions), len(planes))))
    dtype = np.int64 if planes.dtype.kind in "bui" and planes.dtype.itemsize <= 4 else np.float64
    for block in regions.runs.blocks():
        for channel, plane in enumerate(planes):
            values = plane[block.at]
            at = (block.regions, channel)
            found.low[at] = np.minimum.reduceat(values, block.first)
            found.high[at] = np.maximum.reduceat(values, block.first)
            found.total[at] = np.add.reduceat(values.astype(dtype), block.first)
            centred = values - (found.total[at] / n_pixels[block.regions])[block.region]
            found.squares[at] = np.add.reduceat(centred * centred, block.first)
    return found


def intensity_min(regions: Regions) -> NDArray[Any]:
    """Return the smallest value."""
    return regions.by_channel(regions.shared(statistics).low)


def intensity_max(regions: Regions) -> NDArray[Any]:
    """Return the largest value."""
    return regions.by_channel(regions.shared(statistics).high)


def intensity_sum(regions: Regions) -> NDArray[Any]:
    """Return the sum of the values."""
    return regions.by_channel(regions.shared(statistics).total)


def intensity_mean(regions: Regions) -> NDArray[Any]:
    """Return the mean value."""
    return regions.by_channel(regions.shared(statistics).total / regions.runs.n_pixels[:, None])


def intensity_std(regions: Regions) -> NDArray[Any]:
    """Return the standard deviation of the values, of the population (divided by n)."""
    return regions.by_channel(np.sqrt(regions.shared(statistics).squares / regions.runs.n_pixels[:, None]))


def intensity_percentile(regions: Regions, percent: float) -> NDArray[Any]:
    """Return a percentile of the values, interpolated between neighbours as `numpy.percentile` does."""
    planes = regions.flat_planes
    found = np.empty((len(regions), len(planes)))
    for block in regions.runs.blocks():
        rank = percent / 100 * (regions.runs.n_pixels[block.regions] - 1)
        below = np.floor(rank).astype(np.intp)
        above = np.ceil(rank).astype(np.intp)
        for channel, plane in enumerate(planes):
            values = plane[block.at].astype(np.float64)
            values = values[np.lexsort((values, block.region))]
            low, high = values[block.first + below], values[block.first + above]
            found[block.regions, channel] = low + (high - low) * (rank - below)
    return regions.by_channel(found)


def intensity_median(regions: Regions) -> NDArray[Any]:
    """Return the median of the values."""
    return intensity_percentile(regions, 50)


def weighted_centres(regions: Regions) -> NDArray[np.float64]:
    """Return the means of coordinates weighted by value, in pixels, shape (n_regions, ndim, n_channels)."""
    planes = regions.flat_planes
    offset = np.empty((len(regions), regions.ndim, len(planes)))
    for block in regions.runs.blocks():
        for axis, coordinate in enumerate(regions.coordinates_of(block)):
            centred = coordinate - regions.centre[block.regions, axis][block.region]
            for channel, plane in enumerate(planes):
                offset[block.regions, axis, channel] = np.add.reduceat(plane[block.at] * centred, block.first)
    shift = ratio(offset, regions.shared(statistics).total[:, None, :])
    return regions.centre[:, :, None] + shift


def centroid_weighted(regions: Regions) -> NDArray[Any]:
    """Return the means of coordinates weighted by value: the centre of mass."""
    return regions.by_channel(regions.shared(weighted_centres) * np.asarray(regions.spacing)[:, None])


def centroid_weighted_local(regions: Regions) -> NDArray[Any]:
    """Return the centre of mass, counted from the corner of the bounding box."""
    local = regions.shared(weighted_centres) - regions.lower[:, :, None]
    return regions.by_channel(local * np.asarray(regions.spacing)[:, None])


def mass_displacement(regions: Regions) -> NDArray[Any]:
    """Return the distance between centroid and centre of mass."""
    shift = (regions.shared(weighted_centres) - regions.centre[:, :, None]) * np.asarray(regions.spacing)[:, None]
    return regions.by_channel(np.sqrt((shift**2).sum(axis=1)))
