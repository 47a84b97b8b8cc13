"""Tiles: windows that cover an image, and patches read with the halo that the features ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pixelforest.features.host import StatisticsKey, pixels_of, statistics_of
from pixelforest.features.patch import Patch, Window
from pixelforest.features.plan import FeaturePlan
from pixelforest.images.containers import NanPolicy, as_float32
from pixelforest.images.stored import KnownPart, StoredPlanes


def tiles(
    shape: tuple[int, ...], tile_shape: tuple[int, ...], *, start: tuple[int, ...] | None = None
) -> Iterator[Window]:
    """Yield windows of at most `tile_shape` that cover a box of `shape` (at `start`, or at 0), in raster order.

    Examples
    --------
    >>> [(w.start, w.stop) for w in tiles((3, 5), (3, 4))]
    [((0, 0), (3, 4)), ((0, 4), (3, 5))]
    """
    whole = Window((0,) * len(shape), shape) if start is None else Window(start, tuple(map(add, start, shape)))
    corners = (range(a, b, t) for a, b, t in zip(whole.start, whole.stop, tile_shape, strict=True))
    for corner in product(*corners):
        yield Window(corner, tuple(min(a + t, b) for a, t, b in zip(corner, tile_shape, whole.stop, strict=True)))


def halves(window: Window) -> tuple[Window, Window]:
    """Return the two halves of a window along its longest axis.

    Examples
    --------
    >>> [half.shape for half in halves(Window((0, 0), (3, 9)))]
    [(3, 4), (3, 5)]
    """
    axis = window.shape.index(max(window.shape))
    middle = window.start[axis] + window.shape[axis] // 2
    stop, start = list(window.stop), list(window.start)
    stop[axis] = start[axis] = middle
    return Window(window.start, tuple(stop)), Window(tuple(start), window.stop)


@dataclass(frozen=True)
class TileReader:
    r"""Reads patches of one image for one plan.

    Parameters
    ----------
    planes : ndarray or StoredPlanes or KnownPart, shape (n_channels, \*spatial)
        The image, any real dtype; only patches of it are read and converted.
    plan : FeaturePlan
    nan_policy : {"raise", "mask"}
    index : int
        Position of the image in the call, for messages.
    reach : tuple of int, optional
        How far NaN and inf reach on every axis; the halo of `plan`, if it is not given.
    statistics : sequence, optional
        What `whole_image_statistics` found, where `planes` are not the whole image.
    """

    planes: NDArray[Any] | StoredPlanes | KnownPart
    plan: FeaturePlan
    nan_policy: NanPolicy
    index: int
    reach: tuple[int, ...] | None = None
    statistics: Sequence[Any] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape of the image."""
        return self.planes.shape[1:]

    def read(self, target: Window, wanted: NDArray[np.bool_] | None = None) -> tuple[Patch, NDArray[np.bool_] | None]:
        """Return the patch for `target`, and which of its pixels have NaN or inf in reach (None: no pixel).

        Where not all pixels of the target are `wanted`, the others raise nothing.

        Raises
        ------
        ValueError
            NaN or inf in the patch under ``nan_policy="raise"``; values so large that a feature of them can overflow
            float32; a part of the image where a filter sees whole images only. The message names image or filter.
        """
        if self.plan.whole_image_filters and target != Window.whole(self.shape):
            names = ", ".join(map(repr, self.plan.whole_image_filters))
            raise ValueError(f"filter {names} declares no halo: it runs on whole images only, not on tiles")
        window = window_to_read(self.plan, target, self.shape, self.reach if self.nan_policy == "mask" else None)
        planes = as_float32(self.planes[(slice(None), *window.slices)], index=self.index)
        touched = None
        low, high = planes.min(), planes.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            planes, touched = self._without_invalid(planes, window, target, wanted)
            low, high = planes.min(), planes.max()
        self._refuse_overflow(max(-float(low), float(high)))
        return Patch(planes, window, target, self.shape, self._statistics), touched

    def _without_invalid(
        self, planes: NDArray[np.float32], window: Window, target: Window, wanted: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return planes with 0 for NaN and inf, and which pixels of the target those reach; or raise."""
        invalid = ~np.isfinite(planes).all(axis=0)
        if self.plan.whole_image_filters:
            touched = np.ones(target.shape, np.bool_)
        else:
            reach = self.plan.halo if self.reach is None else self.reach
            size = tuple(2 * min(h, n) + 1 for h, n in zip(reach, invalid.shape, strict=True))
            touched = ndimage.maximum_filter(invalid, size=size, mode="constant", cval=False)[target.within(window)]
        if self.nan_policy == "raise" and (wanted is None or touched[wanted].any()):
            first = tuple(int(w + i) for w, i in zip(window.start, np.argwhere(invalid)[0], strict=True))
            raise ValueError(
                f"`X[{self.index}]` holds NaN or inf, first at {first}; pass nan_policy='mask' to leave such pixels out"
            )
        return np.where(invalid, np.float32(0), planes), touched

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
        found = whole_image_statistics(self) if self.statistics is None else self.statistics
        return dict(zip(statistics_wanted(self.plan), found, strict=True))


def window_to_read(
    plan: FeaturePlan, target: Window, shape: tuple[int, ...], reach: tuple[int, ...] | None = None
) -> Window:
    """Return what of an image of `shape` has to be read for the features of `plan` on `target`."""
    if plan.whole_image_filters:
        return Window.whole(shape)
    return target.grow(plan.halo if reach is None else tuple(map(max, plan.halo, reach)), shape)


def statistics_wanted(plan: FeaturePlan) -> list[StatisticsKey]:
    """Return which statistics of whole images the filters of `plan` want."""
    return [(operation, channels) for operation, channels in plan.host_operations if operation.statistics is not None]


def whole_image_statistics(reader: TileReader) -> list[Any]:
    """Return what `statistics_wanted` are of the whole image; a valid pixel stands for each that is NaN or inf."""
    wanted = statistics_wanted(reader.plan)
    if not wanted:
        return []
    planes = as_float32(reader.planes[(slice(None), *Window.whole(reader.shape).slices)], index=reader.index)
    valid = np.isfinite(planes).all(axis=0)
    if not valid.all():
        substitutes = planes[(slice(None), *np.argwhere(valid)[0])] if valid.any() else np.zeros(len(planes))
        planes = np.where(valid, planes, substitutes.reshape(-1, *(1,) * valid.ndim)).astype(np.float32)
    return [statistics_of(operation, pixels_of(planes, channels)) for operation, channels in wanted]
