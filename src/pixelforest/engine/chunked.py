"""Lazy arrays: a task per chunk, which gets exactly the pixels in reach."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import product
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from pixelforest.engine.budget import TileLimits
from pixelforest.engine.chunk_tasks import (
    BlankChunk,
    ChunkTask,
    compute_chunk,
    cut,
    fingerprint_of,
    first_digits,
    places_of,
    run_on_chunk,
    scales_at,
    second_digits,
    statistics_of,
)
from pixelforest.engine.percentiles import is_one_digit
from pixelforest.engine.shipping import Shipment
from pixelforest.engine.tile_job import TileJob
from pixelforest.features.patch import Window
from pixelforest.images.containers import ImageAxes

SUMMANDS = 8
"""Counts of parts of an image that one task adds up."""


def is_chunked(image: Any) -> bool:
    """Return whether `image` is a dask array.

    Examples
    --------
    >>> is_chunked(np.zeros(3))
    False
    """
    return hasattr(image, "__dask_graph__") and hasattr(image, "chunks") and hasattr(image, "numblocks")


def map_chunks(
    job: TileJob,
    image: Any,
    axes: ImageAxes,
    *,
    index: int = 0,
    mask: Any = None,
    limits: TileLimits = TileLimits(),  # noqa: B008 frozen
) -> Any:
    r"""Return the results of `job` for a dask array as a dask array; nothing is computed.

    Every chunk of the result lies over one chunk of the image and is one task. It needs that chunk and, of others, what
    lies within the halo of the job, however small those chunks are. The border rule of filters is applied where the
    image ends and nowhere else, so a chunk has the bits that the whole image gives. Statistics of the whole image are a
    task of their own, which holds the image; filters that see only whole images get it in one chunk. Percentiles are
    counted chunk by chunk.

    Parameters
    ----------
    job : TileJob
        Sent to every worker once.
    image : dask.array.Array
        Chunked along any axes.
    axes : ImageAxes
    index : int
        Position of the image in the call, for messages.
    mask : array-like of bool, shape (\*spatial), optional
        The pixels that are wanted. Chunks without any cost nothing, if the mask is not lazy itself.
    limits : TileLimits
        Of the tiles in which a task computes its chunk.

    Returns
    -------
    dask.array.Array, shape (\*spatial) or (\*spatial, n_values)

    Raises
    ------
    TypeError
        Values that are not real numbers.
    ValueError
        Chunks of unknown size.
    """
    import dask.array
    from dask.highlevelgraph import HighLevelGraph

    if image.dtype.kind not in "buif":
        raise TypeError(f"`X[{index}]` must hold real numbers, got dtype {image.dtype}")
    if any(isnan(n) for sizes in image.chunks for n in sizes):
        raise ValueError(f"`X[{index}]` has chunks of unknown size; call its compute_chunk_sizes() first")
    wanted_chunks = axes.spatial(image.chunks)
    if job.plan.whole_image_filters:
        image = image.rechunk(-1)
    chunks = axes.spatial(image.chunks)
    is_known = mask is not None and not is_chunked(mask)
    lazy_mask = None if mask is None else dask.array.asarray(mask).rechunk(chunks)
    graph = _ChunkGraph(job, image, axes, index, lazy_mask, limits)
    for position, target in graph.targets():
        if 0 in target.shape or (is_known and not np.asarray(mask[target.slices]).any()):
            graph.add_blank(position, target)
        else:
            graph.add_chunk(position, target)
    all_chunks = chunks if job.n_values is None else (*chunks, (job.n_values,))
    layers = HighLevelGraph.from_collections(graph.name, graph.tasks, dependencies=graph.collections)
    meta = np.empty((0,) * len(all_chunks), job.dtype)
    result = dask.array.Array(layers, graph.name, chunks=all_chunks, meta=meta)
    return result.rechunk((*wanted_chunks, *all_chunks[len(chunks) :]))


def map_pixels(job: Any, image: Any, n_values: int | None, dtype: np.dtype[Any]) -> Any:
    r"""Return ``job(chunk)`` of every chunk of a dask array as a dask array; nothing is computed.

    Parameters
    ----------
    job : callable
        Takes an array ``(\*spatial, n_features)``; sent to every worker once.
    image : dask.array.Array, shape (\*spatial, n_features)
    n_values : int or None
        Length of the last axis of results; None: they have none.
    dtype : dtype
        Of results.
    """
    from dask.array import map_blocks
    from dask.delayed import delayed

    shipment = Shipment(job)
    sent = delayed(shipment, name=f"pixelforest-job-{shipment.digest[:32]}", traverse=False)
    image = image.rechunk({image.ndim - 1: -1})
    shape = {"drop_axis": image.ndim - 1} if n_values is None else {"chunks": (*image.chunks[:-1], (n_values,))}
    meta = np.empty((0,) * (image.ndim - (n_values is None)), dtype)
    return map_blocks(run_on_chunk, image, sent, dtype=dtype, meta=meta, **shape)


class _ChunkGraph:
    """The tasks of one result, as they are added."""

    def __init__(
        self,
        job: TileJob,
        image: Any,
        axes: ImageAxes,
        index: int,
        mask: Any,
        limits: TileLimits,
    ) -> None:
        from dask.base import tokenize
        from dask.delayed import delayed

        shipment = Shipment(job)
        self.job, self.image, self.axes, self.index, self.mask = job, image, axes, index, mask
        self.limits = limits
        self.sent = delayed(shipment, name=f"pixelforest-job-{shipment.digest[:32]}", traverse=False)
        self.name = f"pixelforest-{tokenize(image, mask, shipment.digest, str(axes), index, str(limits))}"
        self.collections = [image, self.sent, *([] if mask is None else [mask])]
        self.device = f"{self.name}-device"
        self.tasks: dict[Any, Any] = {self.device: (fingerprint_of, self.sent.key)}
        self.bounds = [np.cumsum((0, *sizes)) for sizes in image.chunks]
        self.strips: dict[tuple[int, int, int], list[_Strip]] = {}
        self.part_name = f"{self.name}-part"
        self.shape: tuple[int, ...] = axes.spatial(image.shape)
        self.scales = None if job.scaling is None else self._add_scales()
        self.statistics = self._add_statistics() if job.needs_statistics else None

    def _add_scales(self) -> str:
        """Add a search for percentiles that holds a chunk at a time: once or twice over all of them."""
        channel = self.axes.channel_axis
        image = self.image if channel is None else self.image.rechunk({channel % self.axes.ndim: -1})
        self.collections.append(image)
        chunks = [(image.name, *position) for position in np.ndindex(*image.numblocks)]
        windows = [window for _, window in self.targets()]  # of the same chunks, in the same order
        first = self._add_sum(
            "first",
            [
                (first_digits, self.sent.key, key, window, self.axes, self.index)
                for key, window in zip(chunks, windows, strict=True)
            ],
        )
        places, scales, second = f"{self.name}-places", f"{self.name}-scales", None
        self.tasks[places] = (places_of, self.sent.key, first)
        if not is_one_digit(image.dtype):
            second = self._add_sum("second", [(second_digits, key, places, self.axes, self.index) for key in chunks])
        self.tasks[scales] = (scales_at, self.sent.key, image.dtype, places, second)
        return scales

    def _add_sum(self, what: str, terms: list[Any]) -> Any:
        """Add the sum of what tasks return, a few of them at a time; return its key."""
        level = 0
        while True:
            keys = [(f"{self.name}-{what}", level, i) for i in range(len(terms))]
            self.tasks.update(zip(keys, terms, strict=True))
            if len(keys) == 1:
                return keys[0]
            terms = [(sum, keys[i : i + SUMMANDS]) for i in range(0, len(keys), SUMMANDS)]
            level += 1

    def _add_statistics(self) -> str:
        whole = self.image.rechunk(-1)
        self.collections.append(whole)
        key = f"{self.name}-statistics"
        source = (whole.name, *(0,) * whole.ndim)
        self.tasks[key] = (statistics_of, self.sent.key, source, self.axes, self.index, self.scales)
        return key

    def targets(self) -> Iterator[tuple[tuple[int, ...], Window]]:
        """Yield position and window of every chunk of the result."""
        bounds = self.axes.spatial(tuple(self.bounds))
        for position in product(*(range(len(b) - 1) for b in bounds)):
            start = tuple(int(b[i]) for b, i in zip(bounds, position, strict=True))
            yield position, Window(start, tuple(int(b[i + 1]) for b, i in zip(bounds, position, strict=True)))

    def add_blank(self, position: tuple[int, ...], target: Window) -> None:
        """Add a chunk that needs no pixel."""
        blank = BlankChunk(self.job.result_shape(target.shape), self.job.blank, self.job.dtype)
        self.tasks[self._key(position)] = (BlankChunk.fill, blank)

    def add_chunk(self, position: tuple[int, ...], target: Window) -> None:
        """Add a chunk, and the cuts from other chunks that it needs."""
        window = target.grow(self.job.halo, self.shape)
        if self.job.plan.whole_image_filters:
            window = Window.whole(self.shape)
        spans = self._spans(window)
        parts, places = self._parts(spans)
        part_shape = tuple(stop - start for start, stop in spans)
        task = ChunkTask(target, window, self.shape, part_shape, tuple(places), self.axes, self.index, self.limits)
        mask = None if self.mask is None else (self.mask.name, *position)
        self.tasks[self._key(position)] = (
            compute_chunk, self.sent.key, task, parts, self.device, self.statistics, mask, self.scales
        )  # fmt: skip

    def _key(self, position: tuple[int, ...]) -> tuple[Any, ...]:
        return (self.name, *position, *([] if self.job.n_values is None else [0]))

    def _spans(self, window: Window) -> list[tuple[int, int]]:
        """Return where a window begins and ends on every axis of the image: all channels."""
        spans = list(zip(window.start, window.stop, strict=True))
        if self.axes.channel_axis is not None:
            spans.insert(self.axes.channel_axis % self.axes.ndim, (0, self.image.shape[self.axes.channel_axis]))
        return spans

    def _parts(self, spans: list[tuple[int, int]]) -> tuple[list[tuple[Any, ...]], list[tuple[slice, ...]]]:
        """Return keys of the parts of chunks that lie within `spans`, and their places there."""
        strips = [self._strips(axis, *span) for axis, span in enumerate(spans)]
        keys, places = [], []
        for chunk in product(*strips):
            keys.append(self._part(chunk))
            places.append(tuple(strip.place for strip in chunk))
        return keys, places

    def _strips(self, axis: int, start: int, stop: int) -> list[_Strip]:
        """Return what of chunks lies between `start` and `stop` of an axis; many windows ask for the same."""
        if (axis, start, stop) not in self.strips:
            b = self.bounds[axis].tolist()
            found = []
            for i in range(bisect_right(b, start) - 1, bisect_left(b, stop)):
                if b[i] < b[i + 1]:
                    low, high = max(b[i], start), min(b[i + 1], stop)
                    is_whole = (low, high) == (b[i], b[i + 1])
                    found.append(_Strip(i, low - b[i], high - b[i], slice(low - start, high - start), is_whole))
            self.strips[axis, start, stop] = found
        return self.strips[axis, start, stop]

    def _part(self, strips: tuple[_Strip, ...]) -> tuple[Any, ...]:
        """Return the key of a part of a chunk: of the chunk, if it is all of it."""
        chunk = tuple([strip.chunk for strip in strips])
        source = (self.image.name, *chunk)
        if all(strip.is_whole for strip in strips):
            return source
        key = (self.part_name, *chunk, *[n for strip in strips for n in (strip.low, strip.high)])
        if key not in self.tasks:
            self.tasks[key] = (cut, source, tuple([slice(strip.low, strip.high) for strip in strips]))
        return key


class _Strip(NamedTuple):
    """What of the chunks at one position of an axis is needed, where it belongs, and whether it is all of them."""

    chunk: int
    low: int
    high: int
    place: slice
    is_whole: bool
