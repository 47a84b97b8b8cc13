"""Tiles: windows that cover an image, and patches read with the halo that the features ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

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
            NaN or inf in the patch under ``nan_policy="raise"``.
        """
        window = target.grow(self.plan.halo, self.shape)
        planes = as_float32(self.planes[(slice(None), *window.slices)], index=self.index)
        invalid = ~np.isfinite(planes).all(axis=0)
        if not invalid.any():
            return Patch(planes, window, target, self.shape), None
        if self.nan_policy == "raise":
            first = tuple(int(w + i) for w, i in zip(window.start, np.argwhere(invalid)[0], strict=True))
            raise ValueError(
                f"`X[{self.index}]` holds NaN or inf, first at {first}; pass nan_policy='mask' to leave such pixels out"
            )
        planes = np.where(invalid, np.float32(0), planes)
        reach = tuple(2 * h + 1 for h in self.plan.halo)
        touched = ndimage.maximum_filter(invalid, size=reach, mode="constant", cval=False)
        return Patch(planes, window, target, self.shape), touched[target.within(window)]
