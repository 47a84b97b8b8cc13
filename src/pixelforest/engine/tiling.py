"""Tiles: windows that cover an image, and patches read with the halo that the features ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pixelforest.features.host import StatisticsKey, pixels_of, statistics_of
from pixelforest.features.patch import Patch, Window
from pixelforest.features.plan import FeaturePlan
from pixelforest.images.containers import NanPolicy, as_float32

BLOCK_BYTES = 256 * 2**20
"""Feature blocks are kept below this size; intermediate planes come on top."""


def tiles(shape: tuple[int, ...], tile_shape: tuple[int, ...]) -> Iterator[Window]:
    """Yield windows of at most `tile_shape` that cover an image of `shape`, in raster order.

    Examples
    --------
    >>> [(w.start, w.stop) for w in tiles((3, 5), (3, 4))]
    [((0, 0), (3, 4)), ((0, 4), (3, 5))]
    """
    starts = (range(0, n, t) for n, t in zip(shape, tile_shape, strict=True))
    for start in product(*starts):
        yield Window(start, tuple(min(a + t, n) for a, t, n in zip(start, tile_shape, shape, strict=True)))


def tile_shape_for(shape: tuple[int, ...], n_features: int) -> tuple[int, ...]:
    """Return a tile shape whose feature block stays below `BLOCK_BYTES`: the image, its longest sides halved."""
    tile = list(shape)
    while prod(tile) * n_features * 4 > BLOCK_BYTES and max(tile) > 1:
        longest = tile.index(max(tile))
        tile[longest] = ceil(tile[longest] / 2)
    return tuple(tile)


def tile_shape_of_plan(shape: tuple[int, ...], plan: FeaturePlan) -> tuple[int, ...]:
    """Return the tile shape for the features of `plan`: the whole image where a filter sees nothing less."""
    return shape if plan.whole_image_filters else tile_shape_for(shape, len(plan.outputs))


@dataclass(frozen=True)
class TileReader:
    r"""Reads patches of one image for one plan.

    Parameters
    ----------
    planes : ndarray, shape (n_channels, \*spatial)
        The image, any real dtype; only patches of it are converted.
    plan : FeaturePlan
    nan_policy : {"raise", "mask"}
    index : int
        Position of the image in the call, for messages.
    """

    planes: NDArray[Any]
    plan: FeaturePlan
    nan_policy: NanPolicy
    index: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape of the image."""
        return self.planes.shape[1:]

    def read(self, target: Window) -> tuple[Patch, NDArray[np.bool_] | None]:
        """Return the patch for `target`, and which of its pixels have NaN or inf in reach (None: no pixel).

        Raises
        ------
        ValueError
            NaN or inf in the patch under ``nan_policy="raise"``; values so large that a feature of them can overflow
            float32; a part of the image where a filter sees whole images only. The message names image or filter.
        """
        if self.plan.whole_image_filters and target != Window.whole(self.shape):
            names = ", ".join(map(repr, self.plan.whole_image_filters))
            raise ValueError(f"filter {names} declares no halo: it runs on whole images only, not on tiles")
        window = Window.whole(self.shape) if self.plan.whole_image_filters else target.grow(self.plan.halo, self.shape)
        planes = as_float32(self.planes[(slice(None), *window.slices)], index=self.index)
        touched = None
        low, high = planes.min(), planes.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            planes, touched = self._without_invalid(planes, window, target)
            low, high = planes.min(), planes.max()
        self._refuse_overflow(max(-float(low), float(high)))
        return Patch(planes, window, target, self.shape, self._statistics), touched

    def _without_invalid(
        self, planes: NDArray[np.float32], window: Window, target: Window
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return planes with 0 for NaN and inf, and which pixels of the target those reach; or raise."""
        invalid = ~np.isfinite(planes).all(axis=0)
        if self.nan_policy == "raise":
            first = tuple(int(w + i) for w, i in zip(window.start, np.argwhere(invalid)[0], strict=True))
            raise ValueError(
                f"`X[{self.index}]` holds NaN or inf, first at {first}; pass nan_policy='mask' to leave such pixels out"
            )
        planes = np.where(invalid, np.float32(0), planes)
        if self.plan.whole_image_filters:
            return planes, np.ones(target.shape, np.bool_)
        reach = tuple(2 * h + 1 for h in self.plan.halo)
        touched = ndimage.maximum_filter(invalid, size=reach, mode="constant", cval=False)
        return planes, touched[target.within(window)]

    def _refuse_overflow(self, peak: float) -> None:
        if peak <= self.plan.largest_peak:
            return
        names = self.plan.overflowing(peak)
        raise ValueError(
            f"`X[{self.index}]` holds values up to {peak:.3g}, with which {names[0]!r} "
            f"{f'and {len(names) - 1} more features ' if len(names) > 1 else ''}can overflow float32; "
            "rescale the image, for example with ImageNormalizer"
        )

    @cached_property
    def _statistics(self) -> dict[StatisticsKey, Any]:
        """What filters want to know of the whole image; a valid pixel stands for each that is NaN or inf."""
        wanted = [(o, channels) for o, channels in self.plan.host_operations if o.statistics is not None]
        if not wanted:
            return {}
        planes = as_float32(self.planes, index=self.index)
        valid = np.isfinite(planes).all(axis=0)
        if not valid.all():
            substitutes = planes[(slice(None), *np.argwhere(valid)[0])] if valid.any() else np.zeros(len(planes))
            planes = np.where(valid, planes, substitutes.reshape(-1, *(1,) * valid.ndim)).astype(np.float32)
        return {(o, channels): statistics_of(o, pixels_of(planes, channels)) for o, channels in wanted}
