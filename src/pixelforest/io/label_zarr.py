"""Write label images in the OME-Zarr format, version 0.5: tiles, pyramid, check, metadata, rename, in this order."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from ome_zarr_models.v05.axes import Axis
from ome_zarr_models.v05.image_label import ImageLabelAttrs
from ome_zarr_models.v05.image_label_types import Label, Source
from ome_zarr_models.v05.multiscales import Dataset, Multiscale
from zarr.codecs import Crc32cCodec, ZstdCodec

from pixelforest.engine.tiling import tiles
from pixelforest.features.patch import Window
from pixelforest.io.interrupts import held_back
from pixelforest.io.labels_folder import LabelsFolder
from pixelforest.io.ome_zarr import OmeZarrImage
from pixelforest.io.pyramid import Downsampling, Level, Step, downsample, halving_steps, plan_levels, source_window
from pixelforest.io.run_record import RunRecord, open_run, sync_folder
from pixelforest.io.tile_writer import Compute, check_alignment, verify_tiles, write_tiles

CHUNK = {2: 512, 3: 64}
"""Side of a chunk, what a viewer reads at once, by number of spatial axes."""
SHARD = {2: 2048, 3: 256}
"""Side of a shard, one file and by default one tile; a multiple of `CHUNK`."""

Progress = Callable[[str, int, int], object]
"""Takes what is being done ("predict", "pyramid" or "verify"), tiles done and tiles in all."""


@dataclass(frozen=True)
class LabelImage:
    """How a label image is laid out on disk.

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy dtype
        Of the labels; 0 is what unwritten voxels would read as.
    axes, types, units : tuple of str
        Names such as "z", types such as "space", and units or "".
    scale, translation : tuple of float
        Size of a voxel, and position of the first.
    chunks, shards : tuple of int
        A shard is one file of several chunks.
    tile_shape : tuple of int
        What is computed, written and marked at once: whole shards.
    steps : tuple of tuple of int
        Voxels per voxel of the next level of the pyramid, one entry per level above 0.
    downsampling : {"mode", "nearest"}
        How the pyramid is made.
    source : str, optional
        Path of the OME-Zarr 0.5 image that was segmented.

    Raises
    ------
    ValueError
        Shards that chunks do not divide, or tiles that are not made of whole shards.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axes: tuple[str, ...]
    types: tuple[str, ...]
    units: tuple[str, ...]
    scale: tuple[float, ...]
    translation: tuple[float, ...]
    chunks: tuple[int, ...]
    shards: tuple[int, ...]
    tile_shape: tuple[int, ...]
    steps: tuple[Step, ...]
    downsampling: Downsampling = "mode"
    source: str | None = None

    def __post_init__(self) -> None:
        if self.downsampling not in ("mode", "nearest"):
            raise ValueError(f"`downsampling` must be 'mode' or 'nearest', got {self.downsampling!r}")
        for name, value, unit_name, unit in (
            ("shards", self.shards, "chunk", self.chunks),
            ("tile_shape", self.tile_shape, "shard", self.shards),
        ):
            if len(value) != len(self.shape) or min(value) < 1 or any(v % u for v, u in zip(value, unit, strict=True)):
                raise ValueError(
                    f"`{name}` must be a whole multiple of the {unit_name} {unit}, got {value}: a {unit_name} is "
                    "written as a whole, so two writers that share one would overwrite each other's voxels"
                )

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

    @property
    def levels(self) -> tuple[Level, ...]:
        """Levels of the pyramid, the finest first."""
        return plan_levels(self.shape, self.steps)

    def windows(self, level: int = 0) -> list[Window]:
        """Return the tiles of a level."""
        return list(tiles(self.levels[level].shape, self.tile_shape))

    def write(
        self,
        output: str | Path,
        compute: Compute,
        *,
        identity: Mapping[str, Any] | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Write the image, tile by tile, to a path where nothing lies yet.

        Until the last tile has been read back and compared, everything lies in ``<output>.partial``.

        Parameters
        ----------
        output : str or Path
            A local path. In the folder ``labels`` of an OME-Zarr 0.5 image, the image's list of labels gets its name.
        compute : callable
            Gives the labels of a `Window` of level 0, of dtype `dtype`.
        identity : mapping, optional
            What the labels depend on; stored with them. A resumed run that differs raises.
        resume : bool
            Whether to go on with an unfinished run, computing only the tiles that it lacks.
        progress : callable, optional
            See `Progress`.

        Raises
        ------
        FileExistsError, FileNotFoundError, ValueError
            See `pixelforest.io.run_record.open_run`.
        OSError
            The disk is full, or a tile does not read back as it was written. The run can be resumed.
        """
        output = Path(output)
        folder = LabelsFolder.around(output)
        if folder is not None:
            folder.check_levels(len(self.levels))
        layout = {"shape": self.shape, "dtype": self.dtype.str, "chunks": self.chunks, "shards": self.shards}
        layout |= {"tile_shape": self.tile_shape, "steps": self.steps, "downsampling": self.downsampling}
        stored = {**(identity or {}), **layout}
        record = open_run(output, stored, self._create, resume=resume)
        group = zarr.open_group(str(record.data), mode="r+")
        arrays = [_array(group, str(number)) for number in range(len(self.levels))]
        self._write_levels(arrays, compute, record, progress)
        group.attrs.update({"ome": self._metadata(output), "pixelforest": {**stored, "complete": True}})
        sync_folder(record.data)
        record.publish()
        if folder is not None:
            folder.register(output.name)

    def _create(self, path: Path) -> None:
        group = zarr.create_group(str(path), zarr_format=3)
        for number, level in enumerate(self.levels):
            array = group.create_array(
                str(number),
                shape=level.shape,
                dtype=self.dtype,
                chunks=self.chunks,
                shards=self.shards,
                compressors=[ZstdCodec(level=3), Crc32cCodec()],
                fill_value=0,
                dimension_names=self.axes,
            )
            check_alignment(array, self.windows(number))

    def _write_levels(
        self, arrays: list[zarr.Array[Any]], compute: Compute, record: RunRecord, progress: Progress | None
    ) -> None:
        windows = [self.windows(number) for number in range(len(arrays))]
        predicted, reduced = len(windows[0]), sum(map(len, windows[1:]))
        report = _Counter(progress, "predict", predicted, sum(part.startswith("0/") for part in record.done))
        write_tiles(arrays[0], windows[0], compute, record=record, report=report)
        report = _Counter(progress, "pyramid", reduced, sum(not part.startswith("0/") for part in record.done))
        for number in range(1, len(arrays)):
            reduce = partial(self._reduced, arrays[number - 1], self.levels[number].step)
            write_tiles(arrays[number], windows[number], reduce, record=record, report=report)
        report = _Counter(progress, "verify", predicted + reduced, 0)
        for array, of_level in zip(arrays, windows, strict=True):
            verify_tiles(array, of_level, record=record, report=report)

    def _reduced(self, below: zarr.Array[Any], step: Step, window: Window) -> NDArray[Any]:
        with held_back():
            values = np.asarray(below[source_window(window, step, below.shape).slices])
        return downsample(values, step, self.downsampling)

    def _metadata(self, output: Path) -> dict[str, Any]:
        axes = [
            Axis(name=n, type=t, unit=u) if u else Axis(name=n, type=t)
            for n, t, u in zip(self.axes, self.types, self.units, strict=True)
        ]
        datasets = tuple(self._dataset(number, level) for number, level in enumerate(self.levels))
        method = {"mode": "most frequent label of a block of voxels", "nearest": "first voxel of a block"}
        multiscale = Multiscale(
            axes=axes,
            datasets=datasets,
            name=output.name,
            type=self.downsampling,
            metadata={"description": method[self.downsampling]},
        )
        label = Label(source=None if self.source is None else Source(image=self._source_from(self.source, output)))
        attributes = ImageLabelAttrs.model_validate(
            {"version": "0.5", "multiscales": [multiscale], "image-label": label}
        )
        dumped: dict[str, Any] = attributes.model_dump(mode="json", by_alias=True, exclude_none=True)
        return dumped

    def _dataset(self, number: int, level: Level) -> Dataset:
        """Return where a level lies: under "mode", a voxel stands for its block and is centred in it."""
        scale = [s * f for s, f in zip(self.scale, level.factor, strict=True)]
        shift = [
            s * (f - 1) / 2 if self.downsampling == "mode" else 0 for s, f in zip(self.scale, level.factor, strict=True)
        ]
        translation = [t + s for t, s in zip(self.translation, shift, strict=True)]
        return Dataset.build(path=str(number), scale=scale, translation=translation if any(translation) else None)

    def _source_from(self, source: str, output: Path) -> str:
        return source if "://" in source else Path(os.path.relpath(source, output)).as_posix()


class _Counter:
    """Turns "one more tile" into a call of the user's progress function."""

    def __init__(self, progress: Progress | None, stage: str, total: int, done: int) -> None:
        self.progress, self.stage, self.total, self.done = progress, stage, total, done - 1
        if total:
            self()

    def __call__(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.stage, self.done, self.total)


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise TypeError(f"{group.store} must hold an array {name!r}, got {type(array).__name__}")
    return array
