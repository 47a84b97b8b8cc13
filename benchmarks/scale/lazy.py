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

from benchmarks.features.workloads import noisy_photograph
from benchmarks.scale.memory_run import kibibytes
from benchmarks.scale.settings import Setting
from benchmarks.scale.volumes import volume_model
from benchmarks.timing import interleaved_medians

ROOT = Path(__file__).parents[2]
PLAIN = "plain"
SCHEDULERS = {"one thread": "synchronous", "threads": "threads"}
GOAL = 0.1
"""Overhead at chunks of 256 voxels a side."""
GRAPH_SIDE = 64
"""Side of the chunks of the volumes whose graphs are made; the size of a chunk changes nothing there."""


def compare(model: Any, image: NDArray[Any], sides: Sequence[int], rounds: int) -> dict[str, Any]:
    """Let the plain engine and dask take turns, with chunks of `sides`; results are the same to the bit."""
    calls: dict[str, Callable[[], NDArray[Any]]] = {PLAIN: lambda: model.predict(image)}
    for side in sides:
        for name, scheduler in SCHEDULERS.items():
            calls[f"{side}, {name}"] = partial(_predict_lazily, model, image, side, scheduler)
    expected = calls[PLAIN]()
    different = {name: int((call() != expected).sum()) for name, call in calls.items()}
    medians = interleaved_medians(calls, rounds)
    return {
        "shape": list(image.shape),
        "different_labels": different,
        "median_seconds": medians,
        "overhead": {name: seconds / medians[PLAIN] - 1 for name, seconds in medians.items() if name != PLAIN},
    }


def _predict_lazily(model: Any, image: NDArray[Any], side: int, scheduler: str) -> NDArray[Any]:
    return model.predict(dask.array.from_array(image, chunks=side)).compute(scheduler=scheduler)


def measure(setting: Setting, plane: Setting, rounds: int, n_chunks: Sequence[int]) -> dict[str, Any]:
    """Compare for a volume and a plane, and make graphs of `n_chunks` chunks."""
    sides = [min(256, max(setting.shape))]
    return {
        "volume": compare(setting.model, setting.image, sides, rounds),
        "plane": compare(plane.model, plane.image, [min(512, max(plane.shape))], rounds),
        "goal": GOAL,
        "graphs": {str(n): make_graph(n) for n in n_chunks},
    }


def make_graph(n_chunks: int) -> dict[str, float]:
    """Return what it takes to make the graph of a volume of about `n_chunks` chunks, in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.scale.lazy", str(n_chunks)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main(n_chunks: str) -> None:
    """Print seconds, memory and number of tasks of one graph."""
    model = volume_model("auto")
    side = round(int(n_chunks) ** (1 / 3))
    image = dask.array.zeros((GRAPH_SIDE * side,) * 3, chunks=GRAPH_SIDE, dtype=np.uint16)
    model.predict(image[: 2 * GRAPH_SIDE, : 2 * GRAPH_SIDE, : 2 * GRAPH_SIDE])  # imports what it needs
    before, start = kibibytes("RssAnon"), perf_counter()
    graph = model.predict(image).__dask_graph__()
    n_tasks = len(graph)
    seconds, after = perf_counter() - start, kibibytes("RssAnon")
    found = {"chunks": side**3, "tasks": n_tasks, "seconds": seconds, "megabytes": (after - before) / 1024}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
