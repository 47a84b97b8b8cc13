"""Run a job over images that are at hand: tile by tile, on one device or several, straight into the result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pixelforest.backends.protocol import Backend
from pixelforest.engine.budget import SMALLEST_SIDE, TileLimits, chunks_of
from pixelforest.engine.tile_job import TileJob
from pixelforest.engine.tiling import TileReader, halves, tiles
from pixelforest.features.patch import Window

Progress = Callable[[int, int], Any]
"""Called with the number of tiles that are done, and of all."""


@dataclass(frozen=True)
class ImageRun:
    r"""One image of a run, and where its results go.

    Parameters
    ----------
    planes : ndarray or StoredPlanes or KnownPart, shape (n_channels, \*spatial)
    out : array-like, shape (\*target.shape) or (\*target.shape, n_values)
        Anything with `shape`, `dtype` and assignment to slices.
    index : int
        Position of the image in the call, for messages.
    mask : array-like of bool, shape (\*target.shape), optional
        The pixels that are wanted.
    target : Window, optional
        The part of the image that is wanted; all of it by default.
    statistics : sequence, optional
        See `TileReader`.
    """

    planes: Any
    out: Any
    index: int = 0
    mask: Any = None
    target: Window | None = None
    statistics: Sequence[Any] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape of the image."""
        return tuple(self.planes.shape[1:])

    @property
    def window(self) -> Window:
        """The part of the image that is wanted."""
        return self.target or Window.whole(self.shape)

    def tiles(self, tile_shape: tuple[int, ...]) -> list[Window]:
        """Return the tiles that cover what is wanted."""
        return list(tiles(self.window.shape, tile_shape, start=self.window.start))


def run_job(
    job: TileJob,
    images: Sequence[ImageRun],
    backends: Sequence[Backend],
    *,
    limits: TileLimits = TileLimits(),  # noqa: B008 frozen
    progress: Progress | None = None,
) -> None:
    """Compute all results; every tile is read, computed and written before the next one of the same device.

    Parameters
    ----------
    job : TileJob
    images : sequence of ImageRun
    backends : sequence of Backend
        With more than one, a thread for each takes the next tile as soon as it is free.
    limits : TileLimits
        A tile that does not fit nevertheless is halved.
    progress : callable, optional
        Called with the number of tiles done, and of all, after every tile, by the thread that called this.

    Raises
    ------
    MemoryError
        A tile does not fit even when it is small.
    ValueError
        See `TileJob.compute`; `memory_limit` is too small.
    """
    limit = limits.memory or min(backend.tile_bytes for backend in backends)
    work = []
    for image in images:
        shape, unit = limits.tile_shape, chunks_of(image.out, len(image.shape))
        if shape is None:
            shape = job.memory(image.planes.dtype.itemsize).largest_tile(image.window.shape, limit, unit=unit)
        reader = job.reader(image.planes, image.index, image.statistics)
        work += [_Tile(image, reader, window) for window in image.tiles(shape)]
    with closing(_run_all(job, work, backends)) as finished:
        for done, _ in enumerate(finished, 1):
            if progress is not None:
                progress(done, len(work))


@dataclass(frozen=True)
class _Tile:
    image: ImageRun
    reader: TileReader
    window: Window


def _run_all(job: TileJob, work: list[_Tile], backends: Sequence[Backend]) -> Generator[None, None, None]:
    """Yield after every tile that is done; stop within one tile when the caller does."""
    if len(backends) == 1 or len(work) == 1:
        for tile in work:
            _run_tile(job, backends[0], tile, threading.Lock())
            yield
        return
    lock, stop, following = threading.Lock(), threading.Event(), iter(work)
    finished = threading.Semaphore(0)

    def serve(backend: Backend) -> None:
        try:
            while not stop.is_set():
                with lock:
                    tile = next(following, None)
                if tile is None:
                    return
                _run_tile(job, backend, tile, lock)
                finished.release()
        except BaseException:
            stop.set()
            finished.release()
            raise

    with ThreadPoolExecutor(len(backends)) as pool:
        servers = [pool.submit(serve, backend) for backend in backends]
        try:
            for _ in work:
                finished.acquire()
                if stop.is_set():
                    break
                yield
        finally:
            stop.set()
        for server in servers:
            server.result()


def _run_tile(job: TileJob, backend: Backend, tile: _Tile, lock: threading.Lock) -> None:
    """Compute and write one tile; where the device has no room for it, its halves."""
    try:
        values = _values(job, backend, tile)
    except MemoryError as error:
        if job.plan.whole_image_filters or max(tile.window.shape) <= SMALLEST_SIDE:
            raise MemoryError(
                f"there is no room even for a tile of {tile.window.shape} pixels with {len(job.plan.outputs)} features "
                f"and {job.halo} pixels around it: {error}"
            ) from error
        values = None
    if values is None:  # outside of `except`, which keeps what did not fit alive
        for half in halves(tile.window):
            _run_tile(job, backend, _Tile(tile.image, tile.reader, half), lock)
        return
    with lock:  # two parts of one chunk of a stored array are not written at the same time
        tile.image.out[tile.window.within(tile.image.window)] = values


def _values(job: TileJob, backend: Backend, tile: _Tile) -> NDArray[Any]:
    """Return the results of a tile; computed are those in the smallest box around the pixels that are wanted."""
    image, window = tile.image, tile.window
    wanted = None if image.mask is None else np.asarray(image.mask[window.within(image.window)])
    if wanted is None or wanted.all():
        return job.compute(backend, tile.reader, window)
    if job.plan.whole_image_filters and wanted.any():
        return job.compute(backend, tile.reader, window, wanted)
    results = np.full(job.result_shape(window.shape), job.blank, job.dtype)
    if wanted.any():
        box, inside = _bounding_box(window, wanted)
        results[box.within(window)] = job.compute(backend, tile.reader, box, inside)
    return results


def _bounding_box(window: Window, wanted: NDArray[np.bool_]) -> tuple[Window, NDArray[np.bool_]]:
    """Return the smallest window around the wanted pixels, and which of its pixels are."""
    found = ndimage.find_objects(wanted.view(np.uint8), max_label=1)[0]
    start = tuple(a + s.start for a, s in zip(window.start, found, strict=True))
    return Window(start, tuple(a + n for a, n in zip(start, wanted[found].shape, strict=True))), wanted[found]
