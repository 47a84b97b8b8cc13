"""What a tile of the output is made from: a model, an image on disk, and where on which axes the model looks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.batch.identity import check_device
from pixelforest.engine.scaling import ChannelScales
from pixelforest.estimators.segmenter import ImageSegmenter
from pixelforest.estimators.window_results import Kind, WindowResults, label_dtype, measured_scales
from pixelforest.features.patch import Window
from pixelforest.io.ome_zarr import ImagePlanes, OmeZarrImage


@dataclass(frozen=True, eq=False)
class ImageTiles:
    """Predicts windows of the output, whose outer axes are images of their own; travels to workers.

    Parameters
    ----------
    model : ImageSegmenter
        Fitted.
    image : OmeZarrImage
    channels : tuple of int
        Those that the model sees.
    kind : {"labels", "probabilities"}
        Probabilities have a class axis before the first spatial one.
    device : str
        Fingerprint of the device that the output is made with.
    scales : dict
        How each image is scaled, by its position on the outer axes; empty where the model scales none.
    """

    model: ImageSegmenter
    image: OmeZarrImage
    channels: tuple[int, ...]
    kind: Kind
    device: str
    scales: dict[tuple[int, ...], ChannelScales] = field(default_factory=dict)

    def measured(self, progress: Callable[[str, int, int], object] | None) -> ImageTiles:
        """Return what knows the percentiles of all images, which are read for them now, if the model scales images.

        Parameters
        ----------
        progress : callable, optional
            Called with "percentiles", images done and images in all.
        """
        _, _, outer_shape = self._axes
        n_images = int(np.prod(outer_shape, dtype=int))
        scales = {}
        for done, position in enumerate(np.ndindex(*outer_shape), 1):
            found = measured_scales(self.model, self._planes(position))
            if found is None:
                return self
            scales[position] = found
            if progress is not None:
                progress("percentiles", done, n_images)
        return replace(self, scales=scales)

    @property
    def scales_digest(self) -> str:
        """What tells scales from others."""
        return hashlib.sha256(repr(sorted(self.scales.items())).encode()).hexdigest()

    def __call__(self, window: Window) -> NDArray[Any]:
        """Return the values of a window.

        Raises
        ------
        RuntimeError
            This process has another device.
        """
        inner, outer, _ = self._axes
        types = [kind for axis, kind in enumerate(self.image.types) if axis != self.image.channel_axis]
        place = None if self.kind == "labels" else types.index("space")
        voxels = window if place is None else _without(window, place)
        target = Window(tuple(voxels.start[a] for a in inner), tuple(voxels.stop[a] for a in inner))
        values = np.empty(window.shape, np.float32 if self.kind == "probabilities" else label_dtype(self.model))
        by_class = values if place is None else np.moveaxis(values, place, 0)
        for offset in np.ndindex(*(voxels.shape[a] for a in outer)):
            where: list[int | slice] = [slice(None)] * len(types)
            for axis, o in zip(outer, offset, strict=True):
                where[axis] = o
            position = tuple(voxels.start[a] + o for a, o in zip(outer, offset, strict=True))
            by_class[(..., *where)] = self._predicted(self._planes(position), target, self.scales.get(position))
        return values

    @property
    def _axes(self) -> tuple[list[int], list[int], tuple[int, ...]]:
        """Which axes of labels are those of one image, which are outer ones, and how long the latter are."""
        kept = [axis for axis in range(len(self.image.axes)) if axis != self.image.channel_axis]
        inner = [kept.index(axis) for axis in self.image.spatial_axes(self._spatial_ndim)]
        outer = [axis for axis in range(len(kept)) if axis not in inner]
        return inner, outer, tuple(self.image.array.shape[kept[axis]] for axis in outer)

    def _planes(self, position: tuple[int, ...]) -> ImagePlanes:
        return ImagePlanes(self.image, self._spatial_ndim, self.channels, position)

    @property
    def _spatial_ndim(self) -> int:
        return self.model.features_.axes().spatial_ndim

    @cached_property
    def _predicted(self) -> WindowResults:
        check_device(self.model, self.device)
        return WindowResults(self.model, self.kind)


def _without(window: Window, axis: int) -> Window:
    return Window(
        (*window.start[:axis], *window.start[axis + 1 :]),
        (*window.stop[:axis], *window.stop[axis + 1 :]),
    )
