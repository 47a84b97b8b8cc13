"""Label images in the OME-Zarr format, version 0.5."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike
from ome_zarr_models.v05.image_label import ImageLabelAttrs
from ome_zarr_models.v05.image_label_types import Label, Source

from pixelforest.io.labels_folder import LabelsFolder
from pixelforest.io.ome_zarr import OmeZarrImage
from pixelforest.io.pyramid import Downsampling, halving_steps
from pixelforest.io.tiled_image import TiledImage

CHUNK = {2: 512, 3: 64}
"""Side of a chunk, what a viewer reads at once, by number of spatial axes."""
SHARD = {2: 2048, 3: 256}
"""Side of a shard, one file and by default one tile; a multiple of `CHUNK`."""


@dataclass(frozen=True)
class LabelImage(TiledImage):
    """How a label image is laid out on disk.

    Parameters
    ----------
    source : str, optional
        Path of the OME-Zarr 0.5 image that was segmented. For the others see `TiledImage`.

    Raises
    ------
    ValueError
        Shards that chunks do not divide, or tiles that are not made of whole shards.
    """

    downsampling: Downsampling = "mode"
    source: str | None = None

    downsamplings: ClassVar[tuple[Downsampling, ...]] = ("mode", "nearest")

    @classmethod
    def like(cls, image: OmeZarrImage, spatial_ndim: int, dtype: DTypeLike) -> LabelImage:
        """Return the layout of labels of `image`: its axes without the channel's, and its levels.

        Labels of an image of one level are halved until they fit into a chunk. Axes that are not among the last
        `spatial_ndim` spatial ones have chunks of one: each position is one image.
        """
        keep = [axis for axis in range(len(image.axes)) if axis != image.channel_axis]
        inner = image.spatial_axes(spatial_ndim)

        def kept(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[axis] for axis in keep)

        plain = cls.like_shape(kept(image.array.shape), dtype, kept(tuple(a in inner for a in range(len(image.axes)))))
        return replace(
            plain,
            axes=kept(image.axes),
            types=kept(image.types),
            units=kept(image.units),
            scale=kept(image.scale),
            translation=kept(image.translation),
            steps=tuple(map(kept, image.steps)) or plain.steps,
            source=image.path if image.version == "0.5" else None,
        )

    @classmethod
    def like_shape(cls, shape: tuple[int, ...], dtype: DTypeLike, inner: tuple[bool, ...] | None = None) -> LabelImage:
        """Return the layout of labels of `shape`, with unit spacing.

        Parameters
        ----------
        shape : tuple of int
        dtype : dtype
        inner : tuple of bool, optional
            Which axes belong to one image; all by default.
        """
        inner = (True,) * len(shape) if inner is None else inner
        side, whole = CHUNK[sum(inner)], SHARD[sum(inner)]
        chunks = tuple(min(side, n) if i else 1 for n, i in zip(shape, inner, strict=True))
        shards = tuple(min(whole, -(-n // c) * c) if i else 1 for n, c, i in zip(shape, chunks, inner, strict=True))
        scale = (1.0,) * len(shape)
        return cls(
            shape=shape,
            dtype=np.dtype(dtype),
            axes=("t", "z", "y", "x")[-len(shape) :],
            types=("time", "space", "space", "space")[-len(shape) :],
            units=("",) * len(shape),
            scale=scale,
            translation=(0.0,) * len(shape),
            chunks=chunks,
            shards=shards,
            tile_shape=shards,
            steps=halving_steps(shape, scale, inner, side),
        )

    def _labels_folder(self, output: Path) -> LabelsFolder | None:
        folder = LabelsFolder.around(output)
        if folder is not None:
            folder.check_levels(len(self.levels))
        return folder

    def _metadata(self, output: Path) -> dict[str, Any]:
        label = Label(source=None if self.source is None else Source(image=_seen_from(output, self.source)))
        attributes = ImageLabelAttrs.model_validate(
            {"version": "0.5", "multiscales": [self._multiscale(output.name)], "image-label": label}
        )
        dumped: dict[str, Any] = attributes.model_dump(mode="json", by_alias=True, exclude_none=True)
        return dumped


def _seen_from(output: Path, source: str) -> str:
    return source if "://" in source else Path(os.path.relpath(source, output)).as_posix()
