"""Run a job over the images of a call, eager or lazy, and put the results where they belong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from pixelforest.backends.select import open_backends
from pixelforest.engine.budget import TileLimits
from pixelforest.engine.chunked import is_chunked, map_chunks
from pixelforest.engine.streaming import ImageRun, Progress, run_job
from pixelforest.engine.tile_job import TileJob
from pixelforest.engine.xarrays import name_like, values_of
from pixelforest.estimators.outputs import checked_targets
from pixelforest.estimators.shapes import restore, spatial_shapes
from pixelforest.images.containers import ImageAxes, ImageBatch, collect_images, planes_of


def checked_memory_limit(limit: Any) -> int | None:
    """Return the bytes that a tile may take.

    Raises
    ------
    TypeError, ValueError
        Not a positive integer.
    """
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int | np.integer):
        raise TypeError(f"`memory_limit` must be a number of bytes or None, got {limit!r}")
    if limit < 1:
        raise ValueError(f"`memory_limit` must be at least 1 byte, got {limit}")
    return int(limit)


def map_job(
    job: TileJob,
    X: Any,
    axes: ImageAxes,
    *,
    mask: Any = None,
    out: Any = None,
    progress: Progress | None = None,
    last: tuple[str, Iterable[Any]] | None = None,
    limits: TileLimits = TileLimits(),  # noqa: B008 frozen
) -> Any:
    """Return the results of `job` for all images, in the container that `X` is.

    Parameters
    ----------
    job : TileJob
    X : list of array-like, stack, or one image
        Of dask arrays, also inside DataArrays, come dask arrays, and nothing is computed.
    axes : ImageAxes
    mask : list of array-like of bool, stack, or one array-like, optional
    out : list of arrays, or one array, optional
    progress : callable, optional
    last : (str, iterable), optional
        Name and coordinates of the last axis of named results.
    limits : TileLimits

    Raises
    ------
    ValueError, TypeError
        A `mask` or an `out` that does not fit; `out` or `progress` with dask arrays.
    """
    batch = collect_images(X, axes)
    shapes = spatial_shapes(batch, axes)
    masks = checked_masks(mask, batch, shapes)
    values = [values_of(image) for image in batch.images]
    eager = [index for index, image in enumerate(values) if not is_chunked(image)]
    if len(eager) < len(values) and (out is not None or progress is not None):
        name = "out" if out is not None else "progress"
        raise ValueError(
            f"`{name}` must be None for dask arrays: nothing is computed yet; store the result with dask, or watch it "
            "with dask.diagnostics.ProgressBar"
        )
    given = checked_targets(out, batch, [job.result_shape(shape) for shape in shapes], job.dtype)
    results: list[Any] = [None] * len(values)
    runs = []
    for index in eager:
        results[index] = _empty(job, shapes[index]) if given is None else given[index]
        planes = job.scaled(planes_of(values[index], axes, index=index), index)
        runs.append(ImageRun(planes, results[index], index, masks[index]))
    if runs:
        backends = open_backends(job.device, allow_mixed=job.allow_mixed_devices)
        run_job(job, runs, backends, limits=limits, progress=progress)
    if out is not None:
        return out
    for index in sorted(set(range(len(values))) - set(eager)):
        results[index] = map_chunks(job, values[index], axes, index=index, mask=masks[index], limits=limits)
    named = [name_like(r, image, axes, last=last) for r, image in zip(results, batch.images, strict=True)]
    return restore(batch, named, X)


def each_result(job: TileJob, batch: ImageBatch, axes: ImageAxes, *, limits: TileLimits) -> Iterator[Any]:
    """Yield the results of `job` for one image after the other, of which only one need be in memory.

    Parameters
    ----------
    job : TileJob
    batch : ImageBatch
        No dask arrays.
    axes : ImageAxes
    limits : TileLimits
    """
    backends = open_backends(job.device, allow_mixed=job.allow_mixed_devices)
    for index, image in enumerate(batch.images):
        result = _empty(job, axes.spatial(np.shape(image)))
        run_job(job, [ImageRun(planes_of(image, axes, index=index), result, index)], backends, limits=limits)
        yield result


def checked_masks(mask: Any, batch: ImageBatch, shapes: list[tuple[int, ...]]) -> list[Any]:
    """Return one mask per image, or None for each.

    Raises
    ------
    TypeError, ValueError
        Not as many masks as images, or one of another shape than its image or that is not of booleans.
    """
    if mask is None:
        return [None] * len(shapes)
    masks = batch.items(mask)
    if len(masks) != len(shapes):
        raise ValueError(f"`mask` must hold {len(shapes)} masks, one per image, got {len(masks)}")
    for index, (one, shape) in enumerate(zip(masks, shapes, strict=True)):
        name = "`mask`" if batch.container == "single" else f"`mask[{index}]`"
        if getattr(one, "dtype", None) != np.bool_:
            raise TypeError(f"{name} must be an array of bool, got {getattr(one, 'dtype', type(one).__name__)}")
        if tuple(one.shape) != shape:
            raise ValueError(f"{name} must have the shape of its image, {shape}, got {tuple(one.shape)}")
    return [values_of(one) for one in masks]


def _empty(job: TileJob, shape: tuple[int, ...]) -> Any:
    """Return memory for results; several values per pixel lie plane by plane."""
    if job.n_values is None:
        return np.empty(shape, job.dtype)
    return np.moveaxis(np.empty((job.n_values, *shape), job.dtype), 0, -1)
