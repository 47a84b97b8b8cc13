"""Write images in the OME-Zarr format, version 0.5: tiles, pyramid, check, metadata, rename, in this order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import zarr
from numpy.typing import NDArray
from ome_zarr_models.v05.axes import Axis
from ome_zarr_models.v05.multiscales import Dataset, Multiscale
from zarr.codecs import Crc32cCodec, ZstdCodec

from pixelforest.engine.tasks import Spread, in_turn
from pixelforest.engine.tiling import tiles
from pixelforest.features.patch import Window
from pixelforest.io.interrupts import held_back
from pixelforest.io.labels_folder import LabelsFolder
from pixelforest.io.pyramid import Downsampling, Level, Step, downsample, plan_levels, source_window
from pixelforest.io.run_record import RunRecord, open_run, sync_folder
from pixelforest.io.tile_writer import Compute, check_alignment, verify_tiles, write_tiles

METHODS = {
    "mode": "most frequent label of a block of voxels",
    "nearest": "first voxel of a block of voxels",
    "mean": "mean of a block of voxels, NaN left out",
}

Progress = Callable[[str, int, int], object]
"""Takes what is being done ("predict", "pyramid" or "verify"), tiles done and tiles in all."""


@dataclass(frozen=True)
class TiledImage(ABC):
    """How an image that is computed tile by tile is laid out on disk.

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy dtype
        0 is what unwritten voxels would read as.
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
    downsampling : {"mode", "nearest", "mean"}
        How the pyramid is made; one of `downsamplings`.

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
    downsampling: Downsampling

    downsamplings: ClassVar[tuple[Downsampling, ...]]

    def __post_init__(self) -> None:
        if self.downsampling not in self.downsamplings:
            names = " or ".join(map(repr, self.downsamplings))
            raise ValueError(f"`downsampling` must be {names}, got {self.downsampling!r}")
        for name, value, unit_name, unit in (
            ("shards", self.shards, "chunk", self.chunks),
            ("tile_shape", self.tile_shape, "shard", self.shards),
        ):
            if len(value) != len(self.shape) or min(value) < 1 or any(v % u for v, u in zip(value, unit, strict=True)):
                raise ValueError(
                    f"`{name}` must be a whole multiple of the {unit_name} {unit}, got {value}: a {unit_name} is "
                    "written as a whole, so two writers that share one would overwrite each other's voxels"
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
        spread: Spread = in_turn,
    ) -> None:
        """Write the image, tile by tile, to a path where nothing lies yet.

        Until the last tile has been read back and compared, everything lies in ``<output>.partial``.

        Parameters
        ----------
        output : str or Path
            A local path. Labels in the folder ``labels`` of an OME-Zarr 0.5 image get listed by that image.
        compute : callable
            Gives the values of a `Window` of level 0, of dtype `dtype`.
        identity : mapping, optional
            What the values depend on; stored with them. A resumed run that differs raises.
        resume : bool
            Whether to go on with an unfinished run, computing only the tiles that it lacks.
        progress : callable, optional
            See `Progress`.
        spread : callable
            Who computes, writes and reads tiles: this process in turn, or `pixelforest.engine.cluster.OnWorkers`.

        Raises
        ------
        FileExistsError, FileNotFoundError, ValueError
            See `pixelforest.io.run_record.open_run`.
        OSError
            The disk is full, or a tile does not read back as it was written. The run can be resumed.
        """
        output = Path(output)
        folder = self._labels_folder(output)
        if folder is not None:
            folder.check_levels(len(self.levels))
        layout = {"shape": self.shape, "dtype": self.dtype.str, "chunks": self.chunks, "shards": self.shards}
        layout |= {"tile_shape": self.tile_shape, "steps": self.steps, "downsampling": self.downsampling}
        stored = {**(identity or {}), **layout}
        record = open_run(output, stored, self._create, resume=resume)
        group = zarr.open_group(str(record.data), mode="r+")
        arrays = [_array(group, str(number)) for number in range(len(self.levels))]
        self._write_levels(arrays, compute, record, progress, spread)
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
        self,
        arrays: list[zarr.Array[Any]],
        compute: Compute,
        record: RunRecord,
        progress: Progress | None,
        spread: Spread,
    ) -> None:
        windows = [self.windows(number) for number in range(len(arrays))]
        predicted, reduced = len(windows[0]), sum(map(len, windows[1:]))
        report = _Counter(progress, "predict", predicted, sum(part.startswith("0/") for part in record.done))
        write_tiles(arrays[0], windows[0], compute, record=record, report=report, spread=spread)
        report = _Counter(progress, "pyramid", reduced, sum(not part.startswith("0/") for part in record.done))
        for number in range(1, len(arrays)):
            reduce = partial(self._reduced, arrays[number - 1], self.levels[number].step)
            write_tiles(arrays[number], windows[number], reduce, record=record, report=report, spread=spread)
        report = _Counter(progress, "verify", predicted + reduced, 0)
        for array, of_level in zip(arrays, windows, strict=True):
            verify_tiles(array, of_level, record=record, report=report, spread=spread)

    def _reduced(self, below: zarr.Array[Any], step: Step, window: Window) -> NDArray[Any]:
        with held_back():
            values = np.asarray(below[source_window(window, step, below.shape).slices])
        return downsample(values, step, self.downsampling)

    def _multiscale(self, name: str) -> Multiscale:
        """Return the checked metadata of axes and levels."""
        axes = [
            Axis(name=n, type=t, unit=u) if u else Axis(name=n, type=t)
            for n, t, u in zip(self.axes, self.types, self.units, strict=True)
        ]
        return Multiscale(
            axes=axes,
            datasets=tuple(self._dataset(number, level) for number, level in enumerate(self.levels)),
            name=name,
            type=self.downsampling,
            metadata={"description": METHODS[self.downsampling]},
        )

    def _dataset(self, number: int, level: Level) -> Dataset:
        """Return where a level lies: but for "nearest", a voxel stands for its block and is centred in it."""
        scale = [s * f for s, f in zip(self.scale, level.factor, strict=True)]
        is_centred = self.downsampling != "nearest"
        shift = [s * (f - 1) / 2 * is_centred for s, f in zip(self.scale, level.factor, strict=True)]
        translation = [t + s for t, s in zip(self.translation, shift, strict=True)]
        return Dataset.build(path=str(number), scale=scale, translation=translation if any(translation) else None)

    @abstractmethod
    def _metadata(self, output: Path) -> dict[str, Any]:
        """Return what the group says of the image, as OME-Zarr 0.5 asks for."""

    @abstractmethod
    def _labels_folder(self, output: Path) -> LabelsFolder | None:
        """Return the list of labels that `output` belongs to."""


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
