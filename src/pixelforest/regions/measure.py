"""Measure the regions of one label image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pixelforest.regions.region_table import RegionTable


def measure_regions(
    labels: Any,
    image: Any = None,
    *,
    properties: Sequence[str] = ("label", "area"),
    spacing: Sequence[float] | None = None,
    channel_axis: int | None = None,
) -> RegionTable:
    """Return one row per region of a label image; a stand-in until the fast accumulations are here."""
    from skimage.measure import regionprops_table

    labels = np.asarray(labels)
    if image is not None and channel_axis is not None:
        image = np.moveaxis(np.asarray(image), channel_axis, -1)
    table = regionprops_table(
        labels, image, properties=("label", *properties), spacing=None if spacing is None else tuple(spacing)
    )
    ids = np.asarray(table.pop("label"), np.int64)
    values = np.stack([np.asarray(column, np.float64) for column in table.values()], axis=1) if table else None
    return RegionTable(ids, tuple(table), np.empty((len(ids), 0)) if values is None else values)
