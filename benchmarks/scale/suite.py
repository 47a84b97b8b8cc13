"""``python -m benchmarks scale``: measure the parts that are wanted, print their tables and write JSON."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.scale import lazy, memory, whole, workers
from benchmarks.scale.report import TABLES
from benchmarks.timing import machine, write_json
from pixelforest.backends.select import open_backend

PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "whole": lambda a: whole.measure(a.side, tuple(a.volume), a.rounds, a.device),
    "memory": lambda a: memory.measure(a.megabytes, a.device, a.folder),
    "dask": lambda a: lazy.measure(a.side, tuple(a.dask_volume), a.rounds, a.graphs, a.device),
    "workers": lambda a: workers.measure(a.worker_megabytes, a.rounds, a.device, a.folder),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this suite."""
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="what to measure (all)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (%(default)s)")
    parser.add_argument("--side", type=int, default=2048, help="pixels along a side of images (%(default)s)")
    parser.add_argument("--volume", type=int, nargs=3, default=(64, 512, 512), help="shape of the volume (64 512 512)")
    parser.add_argument(
        "--dask-volume", type=int, nargs=3, default=(256, 512, 512), help="shape of the chunked volume (256 512 512)"
    )
    parser.add_argument(
        "--megabytes",
        type=int,
        nargs="+",
        default=(64, 256, 1024, 2048, 8192),
        help="sizes of volumes on disk: 4 times powers of two (64 256 1024 2048 8192)",
    )
    parser.add_argument("--worker-megabytes", type=int, default=256, help="what workers predict (%(default)s)")
    parser.add_argument(
        "--graphs", type=int, nargs="+", default=(1000, 10_000), help="chunks of graphs to make (1000 10000)"
    )
    parser.add_argument("--folder", type=Path, help="for the volumes, about 9 GB; deleted afterwards (temporary files)")
    parser.add_argument("--device", default="auto", help="device of pixelforest (%(default)s)")
    parser.add_argument("--json", type=Path, default=Path("docs/benchmarks/scale.json"), help="file (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Measure, print and write; parts that are not measured keep what an earlier run wrote.

    Returns 1 if any label differs from what it has to be; goals of speed and memory are told, and fail nothing.
    """
    content = json.loads(arguments.json.read_text(encoding="utf-8")) if arguments.json.exists() else {}
    device = open_backend(arguments.device).fingerprint
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"device: {device}; {cores} cores; medians of {arguments.rounds} interleaved rounds")
    wrong = 0
    for name in arguments.parts:
        load = list(os.getloadavg()) if hasattr(os, "getloadavg") else None
        found = PARTS[name](arguments)
        content[name] = {
            "machine": machine(),
            "device": device,
            "cores": cores,
            "load_before": load,
            "rounds": arguments.rounds,
            "results": found,
        }
        print(f"\n{TABLES[name](found)}")
        wrong += count_wrong(name, found)
        write_json(arguments.json, content)
    print(f"\nwritten: {arguments.json}" + (f"; {wrong} labels are WRONG" if wrong else ""))
    return int(wrong > 0)


def count_wrong(name: str, found: dict[str, Any]) -> int:
    """Return how many labels of one part are not what they have to be."""
    if name == "whole":
        return sum(setting["flips_of_same_features"] for setting in found.values())
    if name == "dask":
        return sum(n for image in ("volume", "plane") for n in found[image]["different_labels"].values())
    if name == "workers" and "label_sums" in found:
        one, two = found["label_sums"].values()
        return abs(one - two)
    return 0
