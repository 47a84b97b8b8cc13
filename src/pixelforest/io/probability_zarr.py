"""Images of class probabilities in the OME-Zarr format, version 0.5: a channel per class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from ome_zarr_models.common.omero import Channel, Omero, Window
from ome_zarr_models.v05.image import ImageAttrs

from pixelforest.io.label_zarr import LabelImage
from pixelforest.io.labels_folder import LabelsFolder
from pixelforest.io.ome_zarr import OmeZarrImage
from pixelforest.io.pyramid import Downsampling
from pixelforest.io.tiled_image import TiledImage

COLORS = ("E69F00", "56B4E9", "009E73", "F0E442", "0072B2", "D55E00", "CC79A7")
"""For viewers; told apart also by the colour-blind (Okabe and Ito)."""

T = TypeVar("T")


@dataclass(frozen=True)
class ProbabilityImage(TiledImage):
    """How an image of class probabilities is laid out on disk.

    A tile holds all classes; every class has chunks and shards of its own, so that a viewer reads one at a time.

    Parameters
    ----------
    class_names : tuple of str
        One per channel. For the others see `TiledImage`.

    Raises
    ------
    ValueError
        Shards that chunks do not divide, or tiles that are not made of whole shards.
    """

    downsampling: Downsampling = "mean"
    class_names: tuple[str, ...] = ()

    downsamplings: ClassVar[tuple[Downsampling, ...]] = ("mean",)

    @classmethod
    def like(cls, image: OmeZarrImage, spatial_ndim: int, class_names: Sequence[str]) -> ProbabilityImage:
        """Return the layout of probabilities of `image`: the one of its labels, with a channel axis before space."""
        labels = LabelImage.like(image, spatial_ndim, np.float32)
        place, n_classes = labels.types.index("space"), len(class_names)

        def insert(values: tuple[T, ...], value: T) -> tuple[T, ...]:
            return (*values[:place], value, *values[place:])

        return cls(
            shape=insert(labels.shape, n_classes),
            dtype=labels.dtype,
            axes=insert(labels.axes, "c"),
            types=insert(labels.types, "channel"),
            units=insert(labels.units, ""),
            scale=insert(labels.scale, 1.0),
            translation=insert(labels.translation, 0.0),
            chunks=insert(labels.chunks, 1),
            shards=insert(labels.shards, 1),
            tile_shape=insert(labels.tile_shape, n_classes),
            steps=tuple(insert(step, 1) for step in labels.steps),
            class_names=tuple(class_names),
        )

    def _labels_folder(self, output: Path) -> LabelsFolder | None:
        if output.parent.name == "labels":
            raise ValueError(f"`output`: a folder of labels holds no probabilities, got {str(output)!r}")
        return None

    def _metadata(self, output: Path) -> dict[str, Any]:
        window = Window(min=0, max=1, start=0, end=1)
        channels = [
            Channel.model_validate({"label": name, "color": COLORS[number % len(COLORS)], "window": window})
            for number, name in enumerate(self.class_names)
        ]
        attributes = ImageAttrs.model_validate(
            {"version": "0.5", "multiscales": [self._multiscale(output.name)], "omero": Omero(channels=channels)}
        )
        dumped: dict[str, Any] = attributes.model_dump(mode="json", by_alias=True, exclude_none=True)
        return dumped
