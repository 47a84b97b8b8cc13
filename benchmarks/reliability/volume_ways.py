"""Every way to predict one volume."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import run
from typing import Any

import numpy as np

import pixelforest as pf
from benchmarks.reliability.clusters import N_WORKERS, client_of_workers
from benchmarks.reliability.volume_problem import CHUNKS, Answer, VolumeProblem

SHARDS = (16, 32, 32)
LITTLE = 3 * 2**20
"""Bytes that a tile may take: then the real volume takes 16 of them."""


def in_memory(problem: VolumeProblem) -> Answer:
    return _predicted(problem.model, problem.image)


def in_small_tiles(problem: VolumeProblem) -> Answer:
    return _predicted(problem.with_tiles(tile_shape=(7, 13, 11)), problem.image)


def in_little_memory(problem: VolumeProblem) -> Answer:
    return _predicted(problem.with_tiles(memory_limit=LITTLE), problem.image)


def masked(problem: VolumeProblem) -> Answer:
    """Predict inside the nuclei, then outside, and put the two together."""
    answers = []
    for mask in (problem.objects, ~problem.objects):
        labels = problem.model.predict(problem.image, mask=mask)
        probabilities = problem.model.predict_proba(problem.image, mask=mask)
        if labels[~mask].any() or not np.isnan(probabilities[~mask]).all():
            raise AssertionError("voxels outside of the mask have a result")
        answers.append((labels, probabilities))
    (inside, p_inside), (outside, p_outside) = answers
    mask = problem.objects
    return Answer(np.where(mask, inside, outside), np.where(mask[..., np.newaxis], p_inside, p_outside), 2)


def memory_maps(problem: VolumeProblem) -> Answer:
    np.save(problem.path("image.npy"), problem.image)
    image = np.load(problem.path("image.npy"), mmap_mode="r")
    shape, n_classes = image.shape, len(problem.model.classes_)
    out = [
        np.lib.format.open_memmap(problem.path("labels.npy"), mode="w+", dtype=np.uint8, shape=shape),
        np.lib.format.open_memmap(
            problem.path("probabilities.npy"), mode="w+", dtype=np.float32, shape=(*shape, n_classes)
        ),
    ]
    parts = _predicted(problem.with_tiles(tile_shape=(16, 31, 29)), image, out).parts
    for array in out:
        array.flush()
    return Answer(np.load(problem.path("labels.npy")), np.load(problem.path("probabilities.npy")), parts)


def zarr_arrays(problem: VolumeProblem) -> Answer:
    import zarr

    group = zarr.open_group(str(problem.path("arrays.zarr")), mode="w")
    image = group.create_array("image", data=problem.image, chunks=CHUNKS)
    shape, n_classes = image.shape, len(problem.model.classes_)
    out = [
        group.create_array("labels", shape=shape, dtype="u1", chunks=CHUNKS, shards=SHARDS),
        group.create_array("probabilities", shape=(*shape, n_classes), dtype="f4", chunks=(*CHUNKS, n_classes)),
    ]
    parts = _predicted(problem.with_tiles(memory_limit=2 * LITTLE), image, out).parts
    return Answer(np.asarray(out[0][:]), np.asarray(out[1][:]), parts)


def ome_zarr(problem: VolumeProblem) -> Answer:
    import zarr

    from pixelforest.batch import predict_zarr

    predict_zarr(problem.with_tiles(memory_limit=LITTLE), _stored_as_ome_zarr(problem), problem.path("labels.zarr"))
    array: Any = zarr.open_group(str(problem.path("labels.zarr")), mode="r")["0"]
    return Answer(array[:])


def data_arrays(problem: VolumeProblem) -> Answer:
    return _named(problem, problem.image)


def lazy_data_arrays(problem: VolumeProblem) -> Answer:
    import dask

    with dask.config.set(scheduler="threads", num_workers=N_WORKERS):
        return replace(_named(problem, problem.lazy()), parts=problem.lazy().npartitions)


def dask_threads(problem: VolumeProblem) -> Answer:
    return _lazily(problem, scheduler="threads", num_workers=N_WORKERS)


def dask_processes(problem: VolumeProblem) -> Answer:
    how = {"num_workers": N_WORKERS, "multiprocessing.context": "spawn"}
    return _lazily(problem, scheduler="processes", **how)


def local_cluster(problem: VolumeProblem) -> Answer:
    from distributed import Client, LocalCluster

    how = {"n_workers": N_WORKERS, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(processes=True, local_directory=problem.folder, **how) as cluster, Client(cluster):
        return _lazily(problem)


def workers_by_hand(problem: VolumeProblem) -> Answer:
    with client_of_workers(problem.folder):
        return _lazily(problem)


def command_line_of_files(problem: VolumeProblem) -> Answer:
    import tifffile

    tifffile.imwrite(problem.path("volume.tif"), problem.image, photometric="minisblack")
    _command(problem, "volume.tif", "labels.tif")
    return Answer(tifffile.imread(problem.path("labels.tif")))


def command_line_of_zarr(problem: VolumeProblem) -> Answer:
    import zarr

    _command(problem, _stored_as_ome_zarr(problem), "labels-of-command.zarr")
    array: Any = zarr.open_group(str(problem.path("labels-of-command.zarr")), mode="r")["0"]
    return Answer(array[:])


IN_PROCESS: dict[str, Callable[[VolumeProblem], Answer]] = {
    "whole, in memory": in_memory,
    "tiles of (7, 13, 11)": in_small_tiles,
    "memory_limit of 3 MiB": in_little_memory,
    "mask, then the rest": masked,
    "memory maps in and out": memory_maps,
    "Zarr arrays in and out": zarr_arrays,
    "predict_zarr": ome_zarr,
    "DataArray": data_arrays,
    "lazy DataArray": lazy_data_arrays,
    "dask, threads": dask_threads,
}
"""Ways that need no other process; the first is what all others are compared with."""
WITH_PROCESSES: dict[str, Callable[[VolumeProblem], Answer]] = {
    "dask, spawned processes": dask_processes,
    "LocalCluster of processes": local_cluster,
    "scheduler and two workers": workers_by_hand,
    "pixelforest predict, TIFF": command_line_of_files,
    "pixelforest predict, Zarr": command_line_of_zarr,
}


def _lazily(problem: VolumeProblem, **how: Any) -> Answer:
    import dask

    image = problem.lazy()
    with dask.config.set(how):
        labels, probabilities = dask.compute(problem.model.predict(image), problem.model.predict_proba(image))
    return Answer(labels, probabilities, image.npartitions)


def _named(problem: VolumeProblem, values: Any) -> Answer:
    import xarray

    image = xarray.DataArray(values, dims=("z", "y", "x"))
    labels, probabilities = problem.model.predict(image), problem.model.predict_proba(image)
    if (labels.dims, probabilities.dims) != (image.dims, (*image.dims, "class")):
        raise AssertionError(f"dims are {labels.dims} and {probabilities.dims}")
    return Answer(labels.values, probabilities.values)


def _stored_as_ome_zarr(problem: VolumeProblem) -> Path:
    from pixelforest.io.label_zarr import LabelImage

    source = problem.path("image.zarr")
    if not source.exists():
        layout = LabelImage.like_shape(problem.image.shape, problem.image.dtype)
        layout = replace(layout, chunks=CHUNKS, shards=SHARDS, tile_shape=SHARDS)
        layout.write(source, lambda window: problem.image[window.slices])
    return source


def _command(problem: VolumeProblem, source: str | Path, output: str) -> None:
    from pixelforest.io.model_files import save_model

    save_model(problem.model, problem.path("model.skops"))
    words = ["predict", "model.skops", str(source), output]
    command = [sys.executable, "-m", "pixelforest", *words]
    done = run(command, cwd=problem.folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pixelforest predict ended with {done.returncode}: {done.stderr}")


def _predicted(model: pf.ImageSegmenter, image: Any, out: Sequence[Any] = (None, None)) -> Answer:
    tiles = []
    labels = model.predict(image, out=out[0], progress=lambda done, total: tiles.append(total))
    return Answer(labels, model.predict_proba(image, out=out[1]), tiles[-1])
