"""How far the pixels of a region lie from its centre; the formulae are apoc's, hence clesperanto's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.regions.intensities import weighted_centres
from pixelforest.regions.regions import Regions, ratio


def _mean_and_max(regions: Regions, centres: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return mean and maximum distance of pixels to `centres`, which have shape (n_regions, ndim, n)."""
    mean, high = np.empty((2, len(regions), centres.shape[-1]))
    for block in regions.runs.blocks():
        coordinates = regions.coordinates_of(block)
        for k in range(centres.shape[-1]):
            squares = np.zeros(len(block.at))
            for axis, coordinate in enumerate(coordinates):
                centre = centres[block.regions, axis, k][block.region]
                squares += ((coordinate - centre) * regions.spacing[axis]) ** 2
            distance = np.sqrt(squares)
            mean[block.regions, k] = np.add.reduceat(distance, block.first)
            high[block.regions, k] = np.maximum.reduceat(distance, block.first)
    return mean / regions.runs.n_pixels[:, None], high


def to_centroid(regions: Regions) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return mean and maximum distance to the centroid, shape (n_regions, 1)."""
    return _mean_and_max(regions, regions.centre[:, :, None])


def to_mass_center(regions: Regions) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return mean and maximum distance to the centre of mass, shape (n_regions, n_channels)."""
    return _mean_and_max(regions, regions.shared(weighted_centres))


def mean_distance_to_centroid(regions: Regions) -> NDArray[Any]:
    """Return the mean distance of the pixels to the centroid."""
    return regions.shared(to_centroid)[0][:, 0]


def max_distance_to_centroid(regions: Regions) -> NDArray[Any]:
    """Return the largest distance of a pixel to the centroid."""
    return regions.shared(to_centroid)[1][:, 0]


def mean_max_distance_to_centroid_ratio(regions: Regions) -> NDArray[Any]:
    """Return largest / mean distance to the centroid: the name is apoc's, and is the wrong way round."""
    return ratio(max_distance_to_centroid(regions), mean_distance_to_centroid(regions))


def mean_distance_to_mass_center(regions: Regions) -> NDArray[Any]:
    """Return the mean distance of the pixels to the centre of mass."""
    return regions.by_channel(regions.shared(to_mass_center)[0])


def max_distance_to_mass_center(regions: Regions) -> NDArray[Any]:
    """Return the largest distance of a pixel to the centre of mass."""
    return regions.by_channel(regions.shared(to_mass_center)[1])


def mean_max_distance_to_mass_center_ratio(regions: Regions) -> NDArray[Any]:
    """Return largest / mean distance to the centre of mass."""
    mean, high = regions.shared(to_mass_center)
    return regions.by_channel(ratio(high, mean))
