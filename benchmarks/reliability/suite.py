"""What must never fail, many times: forests, threads, chunkings, ways of prediction, kills of runs and of workers."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from benchmarks.reliability import chunkings, concurrency, forest_parity, kills, volume_table, workers
from benchmarks.reliability.ways import devices

DATA = Path(os.environ.get("PIXELFOREST_DATA") or Path(__file__).parents[3] / "shared" / "data")
"""Real images; see CONTRIBUTING.md."""


def _forests(arguments: argparse.Namespace) -> bool:
    return forest_parity.compare_families(arguments.seed, arguments.fraction, devices(arguments.device))


def _threads(arguments: argparse.Namespace) -> bool:
    return _passes(concurrency.hammer(devices(arguments.device), _share(arguments, concurrency.N_PREDICTIONS)))


def _chunkings(arguments: argparse.Namespace) -> bool:
    seeds = range(arguments.seed, arguments.seed + _share(arguments, chunkings.N_CHUNKINGS))
    return _passes(chunkings.compare_chunkings(seeds, _one_device(arguments)))


def _ways(arguments: argparse.Namespace) -> bool:
    return _passes(volume_table.compare_ways(arguments.data, _one_device(arguments)))


def _kills(arguments: argparse.Namespace) -> bool:
    return _passes(kills.hunt(_share(arguments, kills.N_KILLS), arguments.seed))


def _workers(arguments: argparse.Namespace) -> bool:
    return _passes(workers.hunt(_share(arguments, workers.N_DEATHS), arguments.seed, _one_device(arguments)))


PARTS = {
    "forests": _forests,
    "threads": _threads,
    "chunkings": _chunkings,
    "ways": _ways,
    "kills": _kills,
    "workers": _workers,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command line."""
    counts = (
        f"{forest_parity.N_FORESTS} forests, {forest_parity.N_OTHERS} models of every other family, "
        f"{concurrency.N_PREDICTIONS} predictions per thread, {chunkings.N_CHUNKINGS} chunkings, "
        f"{kills.N_KILLS} kills, {workers.N_DEATHS} deaths of workers"
    )
    parser.add_argument("--fraction", type=float, default=1.0, help=f"part of {counts} (default 1)")
    parser.add_argument(
        "--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="what to run (default: all)"
    )
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--data", type=Path, default=DATA, help="real images, for ways (%(default)s)")
    parser.add_argument("--device", default="all", help="'all', 'numpy', or part of a platform's or device's name")


def run(arguments: argparse.Namespace) -> int:
    """Run the parts that were asked for; return 0 if all pass."""
    passed = True
    for name in arguments.parts:
        started = time.perf_counter()
        passed &= PARTS[name](arguments)
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    return 0 if passed else 1


def _one_device(arguments: argparse.Namespace) -> str:
    return "auto" if arguments.device == "all" else str(arguments.device)


def _share(arguments: argparse.Namespace, count: int) -> int:
    return max(round(count * arguments.fraction), 1)


def _passes(outcome: Any) -> bool:
    print(outcome, flush=True)
    return bool(outcome.passes)
