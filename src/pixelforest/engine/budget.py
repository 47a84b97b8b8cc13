"""How large tiles may be: the memory that one takes, and the largest shape that stays within a budget."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, prod
from typing import Any

from pixelforest.features.plan import FeaturePlan
from pixelforest.features.planes import Host, Plane, Source

SMALLEST_SIDE = 16
"""Pixels: smaller tiles save no memory worth the halo that each of them reads."""
FLOAT = 4
"""Bytes."""


@dataclass(frozen=True)
class TileLimits:
    """How large tiles are.

    Parameters
    ----------
    tile_shape : tuple of int, optional
        Their shape; by default the largest that the memory allows.
    memory : int, optional
        Bytes for a tile on each device; by default what the device says.
    """

    tile_shape: tuple[int, ...] | None = None
    memory: int | None = None


@dataclass(frozen=True)
class TileMemory:
    """Bytes that a tile takes while it is computed, an estimate from above.

    Parameters
    ----------
    plan : FeaturePlan
    halo : tuple of int
        What is read around a tile, on every axis.
    pixel_bytes : int
        Of one channel of the image.
    result_bytes : int
        Of what is made of one pixel.
    """

    plan: FeaturePlan
    halo: tuple[int, ...]
    pixel_bytes: int
    result_bytes: int

    def of(self, tile: tuple[int, ...], shape: tuple[int, ...]) -> int:
        """Return the bytes for a tile of an image of `shape`."""
        pixels = prod(tile)
        read = prod(min(t + 2 * h, n) for t, h, n in zip(tile, self.halo, shape, strict=True))
        planes = self.plan.n_channels * (self.pixel_bytes + FLOAT) + planes_at_once(self.plan) * FLOAT
        return pixels * (len(self.plan.outputs) * FLOAT + self.result_bytes) + read * planes

    def largest_tile(
        self, shape: tuple[int, ...], limit: int, *, unit: tuple[int, ...] | None = None
    ) -> tuple[int, ...]:
        """Return the tile within `limit` bytes: all of `shape`, its longest side halved as often as it takes.

        Parameters
        ----------
        shape : tuple of int
            Of the image.
        limit : int
        unit : tuple of int, optional
            Sides become multiples of these (chunks of a stored result) as long as they are larger.

        Raises
        ------
        ValueError
            The smallest tile is larger than the limit.

        Examples
        --------
        >>> from pixelforest.features.build import build_plan
        >>> from pixelforest.features.spec import FeatureSpec
        >>> plan = build_plan((FeatureSpec("gaussian", 1),), (1.0, 1.0))
        >>> TileMemory(plan, plan.halo, 1, 1).largest_tile((2000, 3000), 2**20)
        (250, 188)
        """
        if self.plan.whole_image_filters:
            return shape
        tile = list(shape)
        while self.of(tuple(tile), shape) > limit:
            longest = tile.index(max(tile))
            if tile[longest] <= SMALLEST_SIDE:
                raise ValueError(
                    f"`memory_limit` is {limit:,} bytes, but a tile of {tuple(tile)} pixels takes about "
                    f"{self.of(tuple(tile), shape):,}: {len(self.plan.outputs)} features, {self.halo} pixels around it"
                )
            tile[longest] = ceil(tile[longest] / 2)
        units = unit or (1,) * len(tile)
        return tuple(t // u * u if u < t < n else t for t, u, n in zip(tile, units, shape, strict=True))


@lru_cache(maxsize=64)
def planes_at_once(plan: FeaturePlan) -> int:
    """Return how many planes between image and features exist together, where a device computes plane by plane."""
    alive: set[Plane] = set()
    most = 0
    for step, plane in enumerate(plan.order):
        if isinstance(plane, Source):
            continue
        if plane in plan.last_use or isinstance(plane, Host):
            alive.add(plane)
        most = max(most, len(alive))
        alive = {p for p in alive if plan.last_use.get(p, step) > step}
    return most


def chunks_of(array: Any, ndim: int) -> tuple[int, ...] | None:
    """Return the sides of the parts in which a stored array is written, on its first `ndim` axes; None if it has none.

    Examples
    --------
    >>> import numpy as np
    >>> chunks_of(np.zeros((3, 4)), 2) is None
    True
    """
    sides = getattr(array, "shards", None) or getattr(array, "chunks", None)
    if not isinstance(sides, tuple) or not all(isinstance(side, int) for side in sides):
        return None
    return sides[:ndim]
