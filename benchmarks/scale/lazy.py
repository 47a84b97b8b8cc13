"""What dask costs: lazy predictions against the plain engine, and the making of large graphs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import dask.array
import numpy as np
from numpy.typing import NDArray

from benchmarks.scale.memory_run import kibibytes
from benchmarks.scale.settings import Setting, settings
from benchmarks.scale.volumes import volume_model
from benchmarks.timing import interleaved_medians
from pixelforest.engine.shipping import Shipment

ROOT = Path(__file__).parents[2]
PLAIN = "plain"
SCHEDULERS = {"one thread": "synchronous", "threads": "threads"}
GOAL = 0.1
"""Overhead in the volume."""
VOLUME_CHUNK, PLANE_CHUNK = 256, 512
GRAPH_SIDE = 64
"""Side of the chunks of the volumes whose graphs are made; the size of a chunk changes nothing there."""


def compare(setting: Setting, side: int, rounds: int) -> dict[str, Any]:
    """Let the plain engine and dask take turns, with chunks of `side`, and count labels that differ."""
    calls: dict[str, Callable[[], NDArray[Any]]] = {PLAIN: lambda: setting.model.predict(setting.image)}
    for name, scheduler in SCHEDULERS.items():
        calls[name] = partial(_predict_lazily, setting, side, scheduler)
    expected = calls[PLAIN]()
    different = {name: int((call() != expected).sum()) for name, call in calls.items()}
    medians = interleaved_medians(calls, rounds)
    return {
        "title": setting.title,
        "shape": list(setting.shape),
        "chunk": side,
        "halo": setting.halo,
        "different_labels": different,
        "median_seconds": medians,
        "overhead": {name: medians[name] / medians[PLAIN] - 1 for name in SCHEDULERS},
    }


def _predict_lazily(setting: Setting, side: int, scheduler: str) -> NDArray[Any]:
    return setting.model.predict(dask.array.from_array(setting.image, chunks=side)).compute(scheduler=scheduler)


def measure(side: int, volume: tuple[int, ...], rounds: int, n_chunks: Sequence[int], device: str) -> dict[str, Any]:
    """Compare for a volume and a plane, and make graphs of `n_chunks` chunks."""
    plane, stack = settings(side, volume, device)[:2]
    return {
        "volume": compare(stack, VOLUME_CHUNK, rounds),
        "plane": compare(plane, PLANE_CHUNK, rounds),
        "goal": GOAL,
        "graphs": [make_graph(n, device) for n in n_chunks],
    }


def make_graph(n_chunks: int, device: str) -> dict[str, float]:
    """Return what it takes to make the graph of a volume of about `n_chunks` chunks, in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.scale.lazy", str(n_chunks), device]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main(n_chunks: str, device: str) -> None:
    """Print seconds, memory and number of tasks of one graph."""
    model = volume_model(device)
    side = round(int(n_chunks) ** (1 / 3))
    image = dask.array.zeros((GRAPH_SIDE * side,) * 3, chunks=GRAPH_SIDE, dtype=np.uint16)
    model.predict(image[: 2 * GRAPH_SIDE, : 2 * GRAPH_SIDE, : 2 * GRAPH_SIDE])  # imports what it needs
    before, start = kibibytes("RssAnon"), perf_counter()
    graph = model.predict(image).__dask_graph__()
    n_tasks = len(graph)
    seconds, after = perf_counter() - start, kibibytes("RssAnon")
    model_bytes = len(Shipment(model._job("labels", is_masked=False)).payload)
    found = {"chunks": side**3, "tasks": n_tasks, "seconds": seconds, "megabytes": (after - before) / 1024}
    found["model_bytes"] = model_bytes
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
