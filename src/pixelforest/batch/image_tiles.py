"""What a tile of the output is made from: a model, an image on disk, and where on which axes the model looks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.batch.identity import check_device
from pixelforest.estimators.segmenter import ImageSegmenter
from pixelforest.estimators.window_results import Kind, WindowResults, label_dtype
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
    """

    model: ImageSegmenter
    image: OmeZarrImage
    channels: tuple[int, ...]
    kind: Kind
    device: str

    def __call__(self, window: Window) -> NDArray[Any]:
        """Return the values of a window.

        Raises
        ------
        RuntimeError
            This process has another device.
        """
        kept = [axis for axis in range(len(self.image.axes)) if axis != self.image.channel_axis]
        inner = [kept.index(axis) for axis in self.image.spatial_axes(self._spatial_ndim)]
        outer = [axis for axis in range(len(kept)) if axis not in inner]
        place = None if self.kind == "labels" else [self.image.types[axis] for axis in kept].index("space")
        voxels = window if place is None else _without(window, place)
        target = Window(tuple(voxels.start[a] for a in inner), tuple(voxels.stop[a] for a in inner))
        values = np.empty(window.shape, np.float32 if self.kind == "probabilities" else label_dtype(self.model))
        by_class = values if place is None else np.moveaxis(values, place, 0)
        for offset in np.ndindex(*(voxels.shape[a] for a in outer)):
            where: list[int | slice] = [slice(None)] * len(kept)
            for axis, o in zip(outer, offset, strict=True):
                where[axis] = o
            position = tuple(voxels.start[a] + o for a, o in zip(outer, offset, strict=True))
            planes = ImagePlanes(self.image, self._spatial_ndim, self.channels, position)
            by_class[(..., *where)] = self._predicted(planes, target)
        return values

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
