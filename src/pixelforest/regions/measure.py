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
from pixelforest.regions.neighbours import Neighbourhood, neighbourhood
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
    around = [item.measurement.scope == "neighbours" for item in asked]
    return table_of(
        regions.labels,
        asked,
        [
            values_of(item, regions.shared(neighbourhood) if is_around else regions)
            for item, is_around in zip(asked, around, strict=True)
        ],
    )


def values_of(asked: Asked, subject: Regions | Neighbourhood) -> NDArray[Any]:
    """Return a measurement, shape (n_regions, ...)."""
    compute = asked.measurement.compute
    values: NDArray[Any] = compute(subject) if asked.value is None else compute(subject, asked.value)
    return values


def table_of(labels: NDArray[np.int64], asked: Sequence[Asked], measured: Sequence[NDArray[Any]]) -> RegionTable:
    """Return the table of several measurements, each of shape (n_regions, ...).

    Raises
    ------
    ValueError
        A component that a measurement does not have, or a column that is asked for twice.
    """
    columns = [column for item, values in zip(asked, measured, strict=True) for column in _columns(item, values)]
    names = tuple(name for name, _ in columns)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"`properties` give columns twice: {twice}")
    return RegionTable(labels, names, np.stack([np.asarray(values, np.float64) for _, values in columns], axis=1))


def _columns(asked: Asked, values: NDArray[Any]) -> list[tuple[str, NDArray[Any]]]:
    """Return names and values of the columns of one measurement, several if it is a vector."""
    every = list(product(*map(range, values.shape[1:])))
    chosen = [at for at in every if at[: len(asked.component)] == asked.component]
    if not chosen:
        raise ValueError(
            f"`properties`: {asked.asked!r} is not there, {asked.name!r} has components of shape {values.shape[1:]}"
        )
    by_component = np.moveaxis(values, 0, -1)
    rests = ["".join(f"-{i}" for i in at[len(asked.component) :]) for at in chosen]
    return [(f"{asked.asked}{rest}", by_component[at]) for at, rest in zip(chosen, rests, strict=True)]
