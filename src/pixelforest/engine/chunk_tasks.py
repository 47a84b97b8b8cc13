"""What a worker does with one chunk: put together the pixels in reach, run the job, name the chunk that is at fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.select import open_backend, open_backends
from pixelforest.engine.budget import TileLimits
from pixelforest.engine.percentiles import (
    RankPlaces,
    count_first_digits,
    count_second_digits,
    find_places,
    percentiles_of,
)
from pixelforest.engine.scaling import ChannelScales, scales_of
from pixelforest.engine.shipping import Shipment
from pixelforest.engine.streaming import ImageRun, run_job
from pixelforest.engine.tile_job import TileJob
from pixelforest.engine.tiling import whole_image_statistics
from pixelforest.features.patch import Window
from pixelforest.images.containers import ImageAxes, channels_first
from pixelforest.images.stored import KnownPart


@dataclass(frozen=True)
class ChunkTask:
    """One chunk of a result, and the pixels that it is computed from.

    Parameters
    ----------
    target : Window
        The chunk.
    window : Window
        The target and its halo.
    spatial_shape : tuple of int
        Of the whole image.
    part_shape : tuple of int
        Of the pixels in `window`, in the axes of the image.
    places : tuple of tuple of slice
        Where in there every part belongs that the task gets.
    axes : ImageAxes
    index : int
        Position of the image in the call, for messages.
    limits : TileLimits
        Of the tiles in which the chunk is computed.
    """

    target: Window
    window: Window
    spatial_shape: tuple[int, ...]
    part_shape: tuple[int, ...]
    places: tuple[tuple[slice, ...], ...]
    axes: ImageAxes
    index: int
    limits: TileLimits

    def join(self, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return the pixels in `window`, in the axes of the image."""
        if len(parts) == 1:
            return np.asarray(parts[0])
        whole = np.empty(self.part_shape, parts[0].dtype)
        for part, place in zip(parts, self.places, strict=True):
            whole[place] = part
        return whole


@dataclass(frozen=True)
class BlankChunk:
    """A chunk of a result that nobody wants, or that has no pixels."""

    shape: tuple[int, ...]
    value: Any
    dtype: np.dtype[Any]

    def fill(self) -> NDArray[Any]:
        """Return it."""
        return np.full(self.shape, 0 if self.value is None else self.value, self.dtype)


def cut(chunk: NDArray[Any], part: tuple[slice, ...]) -> NDArray[Any]:
    """Return a copy of a part of a chunk, so that the chunk may go."""
    return np.array(np.asarray(chunk)[part], order="C")


def fingerprint_of(shipment: Shipment) -> str:
    """Return which device the worker that runs this task has for the job."""
    return open_backend(shipment.job.device).fingerprint


def first_digits(
    shipment: Shipment, chunk: NDArray[Any], window: Window, axes: ImageAxes, index: int
) -> NDArray[np.int64]:
    """Return what a chunk adds to the first half of the search for percentiles."""
    planes = channels_first(chunk, axes, index=index)
    with _naming(window):
        return count_first_digits(planes, index=index, skips_invalid=shipment.job.nan_policy == "mask")


def places_of(shipment: Shipment, counts: NDArray[np.int64]) -> RankPlaces:
    """Return where the percentiles lie."""
    return find_places(counts, (shipment.job.scaling.low, shipment.job.scaling.high))


def second_digits(chunk: NDArray[Any], places: RankPlaces, axes: ImageAxes, index: int) -> NDArray[np.int64]:
    """Return what a chunk adds to the second half of the search for percentiles."""
    return count_second_digits(channels_first(chunk, axes, index=index), places, index=index)


def scales_at(
    shipment: Shipment, dtype: np.dtype[Any], places: RankPlaces, counts: NDArray[np.int64] | None
) -> ChannelScales:
    """Return how the image is scaled."""
    return scales_of(shipment.job.scaling, percentiles_of(dtype, places, counts))


def statistics_of(
    shipment: Shipment, image: NDArray[Any], axes: ImageAxes, index: int, scales: ChannelScales | None
) -> list[Any]:
    """Return what filters want to know of the whole image."""
    job = shipment.job
    planes = job.scaled(channels_first(image, axes, index=index), index, scales)
    return whole_image_statistics(job.reader(planes, index))


def compute_chunk(
    shipment: Shipment,
    task: ChunkTask,
    parts: Sequence[NDArray[Any]],
    fingerprint: str,
    statistics: list[Any] | None,
    mask: NDArray[np.bool_] | None,
    scales: ChannelScales | None = None,
) -> NDArray[Any]:
    """Return the results on one chunk.

    Parameters
    ----------
    shipment : Shipment
        The job.
    task : ChunkTask
    parts : sequence of ndarray
        The pixels in reach.
    fingerprint : str
        Of the device of the worker that was asked first.
    statistics : list, optional
    mask : ndarray of bool, shape (*task.target.shape), optional
    scales : ChannelScales, optional
        Of the whole image.

    Raises
    ------
    RuntimeError
        This worker has another device than the first one.
    ValueError
        See `TileJob.compute`; names the chunk.
    """
    job = shipment.job
    backends = open_backends(job.device, allow_mixed=job.allow_mixed_devices)
    if backends[0].fingerprint != fingerprint and not job.allow_mixed_devices:
        raise RuntimeError(
            f"a worker computes with {backends[0].fingerprint}, and another one with {fingerprint}: results may differ "
            "in the last digits; name one device by `device=`, or pass allow_mixed_devices=True"
        )
    planes = channels_first(task.join(parts), task.axes, index=task.index)
    out = _result_memory(job, task.target.shape)
    known = KnownPart(planes, task.window.start, task.spatial_shape)
    image = ImageRun(job.scaled(known, task.index, scales), out, task.index, mask, task.target, statistics)
    with _naming(task.target):
        run_job(job, [image], backends, limits=task.limits)
    return out


@contextmanager
def _naming(window: Window) -> Iterator[None]:
    """Say in errors which chunk is at fault."""
    try:
        yield
    except ValueError as error:
        where = ", ".join(f"{s.start}:{s.stop}" for s in window.slices)
        raise ValueError(f"{error} [in the chunk at {where}]") from error


def run_on_chunk(chunk: NDArray[Any], shipment: Shipment) -> NDArray[Any]:
    """Return what a job that knows no halo makes of one chunk."""
    result: NDArray[Any] = shipment.job(chunk)
    return result


def _result_memory(job: TileJob, shape: tuple[int, ...]) -> NDArray[Any]:
    if job.n_values is None:
        return np.empty(shape, job.dtype)
    return np.moveaxis(np.empty((job.n_values, *shape), job.dtype), 0, -1)
