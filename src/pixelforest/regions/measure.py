"""Measure the regions of one label image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.images.containers import checked_spacing
from pixelforest.regions.input_checks import checked_planes, checked_regions
from pixelforest.regions.names import Asked, check_applicable, parse_properties
from pixelforest.regions.region_table import RegionTable
from pixelforest.regions.regions import Regions


def measure_regions(
    labels: Any,
    image: Any = None,
    *,
    properties: Sequence[str] = ("area",),
    spacing: Sequence[float] | None = None,
    channel_axis: int | None = None,
) -> RegionTable:
    r"""Return one row per region of a label image.

    Parameters
    ----------
    labels : array-like of int, shape (\*spatial)
        2-D or 3-D; 0 is background, and every other number a region, connected or not.
    image : array-like, optional
        Intensities, of the same spatial shape.
    properties : sequence of str
        See `pixelforest.regions.names` and ``docs/objects.md``.
    spacing : sequence of float, optional
        Distance between pixels on every axis.
    channel_axis : int, optional
        Axis of `image` that holds channels; measurements of it then have one column per channel.

    Returns
    -------
    RegionTable
        Of no rows, if there is no region.

    Raises
    ------
    TypeError, ValueError
        See `checked_regions`, `checked_planes`, `parse_properties` and `check_applicable`.

    Examples
    --------
    >>> labels = np.array([[4, 4, 0], [4, 0, 9]])
    >>> table = measure_regions(labels, 10 * labels, properties=("area", "intensity_mean", "centroid"))
    >>> table.labels.tolist(), table.names
    ([4, 9], ('area', 'intensity_mean', 'centroid-0', 'centroid-1'))
    >>> table.column("intensity_mean").tolist()
    [40.0, 90.0]
    """
    array = checked_regions(labels)
    asked = parse_properties(properties, array.ndim)
    spacing = checked_spacing(spacing, array.ndim)
    check_applicable(asked, has_image=image is not None, spacing=spacing)
    planes = None if image is None else checked_planes(image, array.shape, channel_axis)
    return measure(Regions(array, planes, spacing, channel_axis is not None), asked)


def measure(regions: Regions, asked: Sequence[Asked]) -> RegionTable:
    """Return the table of what is asked for.

    Raises
    ------
    ValueError
        A component that a measurement does not have.
    """
    names: list[str] = []
    columns: list[NDArray[Any]] = []
    for item in asked:
        for name, values in _columns(regions, item):
            names.append(name)
            columns.append(values)
    table = np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
    return RegionTable(regions.labels, tuple(names), table)


def _columns(regions: Regions, asked: Asked) -> list[tuple[str, NDArray[Any]]]:
    """Return the columns of one measurement: of a vector one per component, named as scikit-image does."""
    found = asked.measurement
    values = found.compute(regions) if asked.value is None else found.compute(regions, asked.value)
    if asked.component:
        sizes = values.shape[1:]
        is_there = len(asked.component) <= len(sizes) and all(
            i < n for i, n in zip(asked.component, sizes, strict=False)
        )
        if not is_there:
            raise ValueError(f"`properties`: {asked.asked!r} is not there, {asked.name!r} has components {sizes}")
        values = values[(slice(None), *asked.component)]
    return [
        ("-".join([asked.asked, *map(str, at)]), values[(slice(None), *at)])
        for at in product(*map(range, values.shape[1:]))
    ]
