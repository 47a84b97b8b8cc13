"""One worker process of `dask.distributed` against two, a core for each; and what two processes without dask reach."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.scale.volumes import SIDE, noisy_voxels, volume_model, write_volume
from benchmarks.timing import interleaved_medians

ROOT = Path(__file__).parents[2]
GOAL = 1.8
PROCESSES = True
"""Whether workers are processes of their own; threads, for tests."""
EMPTY_TASKS = 5000
"""Tasks that do nothing, to see what one costs the scheduler."""


def bind_to_core(number: int) -> int:
    """Bind every thread of this process, and those to come, to one core; OpenCL has to start after that."""
    cores = sorted(os.sched_getaffinity(0))
    core = cores[number % len(cores)]
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})
    return core


def measure(megabytes: int, rounds: int, device: str, folder: Path | None) -> dict[str, Any]:
    """Predict a volume on disk with one and with two workers; the labels of every chunk are summed where they are."""
    if find_spec("distributed") is None:
        return {"not_installed": ["distributed"]}
    with TemporaryDirectory(dir=folder) as place:
        source = Path(place) / "image.zarr"
        write_volume(source, megabytes)
        found: dict[str, Any] = {"megabytes": megabytes, "chunk": SIDE, "goal": GOAL}
        found |= _with_dask(volume_model(device), source, rounds)
    found["processes"] = _without_dask(rounds, device)
    found["speedup"] = found["median_seconds"]["1 worker"] / found["median_seconds"]["2 workers"]
    return found


def _with_dask(model: Any, source: Path, rounds: int) -> dict[str, Any]:
    import distributed

    logging.getLogger("distributed").setLevel(logging.ERROR)  # closing tells at length that all went well
    how = {"threads_per_worker": 1, "dashboard_address": ":0", "processes": PROCESSES}
    clients, sums = {}, {}
    try:
        for n_workers in (1, 2):
            cluster = distributed.LocalCluster(n_workers=n_workers, **how)
            client = distributed.Client(cluster, set_as_default=False)
            client.wait_for_workers(n_workers)
            for number, address in enumerate(client.scheduler_info(n_workers=-1)["workers"]):
                client.run(bind_to_core, number, workers=[address])
            clients[f"{n_workers} worker{'s' * (n_workers - 1)}"] = client
        calls = {
            name: lambda client=client, name=name: sums.update({name: _predict(client, model, source)})
            for name, client in clients.items()
        }
        medians = interleaved_medians(calls, rounds)
        per_task = _seconds_per_task(clients["1 worker"])
    finally:
        for client in clients.values():
            client.close()
            client.cluster.close()
    return {
        "median_seconds": medians,
        "label_sums": sums,
        "scheduler_microseconds_per_task": per_task * 1e6,
    }


def _predict(client: Any, model: Any, source: Path) -> int:
    import dask.array

    labels = model.predict(dask.array.from_zarr(str(source), component="0"))
    sums = labels.map_blocks(_sum, dtype=np.int64, chunks=(1,) * labels.ndim, meta=np.empty((0,) * labels.ndim))
    return int(client.compute(sums).result().sum())


def _sum(labels: NDArray[Any]) -> NDArray[np.int64]:
    return labels.sum(dtype=np.int64, keepdims=True)


def _seconds_per_task(client: Any) -> float:
    start = perf_counter()
    client.gather(client.map(_nothing, range(EMPTY_TASKS), pure=False))
    return (perf_counter() - start) / EMPTY_TASKS


def _nothing(number: int) -> None:
    return None


def _without_dask(rounds: int, device: str) -> dict[str, float]:
    """Return seconds per prediction of one process, of two at once, and the speedup that they reach."""
    alone = median(_run_processes(1, rounds, device)[0])
    both = [median(seconds) for seconds in _run_processes(2, rounds, device)]
    return {"one": alone, "two": max(both), "speedup": 2 * alone / max(both)}


def _run_processes(n: int, rounds: int, device: str) -> list[list[float]]:
    """Return the seconds of `rounds` predictions of `n` processes at once; they begin together."""
    command = [sys.executable, "-m", "benchmarks.scale.workers", device, str(rounds)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    processes = [subprocess.Popen([*command, str(number)], **pipes) for number in range(n)]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        return [json.loads(process.communicate()[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()


def main(device: str, rounds: str, number: str) -> None:
    """Predict one chunk in memory again and again on one core, as soon as a line comes in; print seconds of each."""
    bind_to_core(int(number))
    model, volume = volume_model(device), noisy_voxels((SIDE,) * 3)
    model.predict(volume)
    print("ready", flush=True)
    sys.stdin.readline()
    seconds = []
    for _ in range(4 * int(rounds)):
        start = perf_counter()
        model.predict(volume)
        seconds.append(perf_counter() - start)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
