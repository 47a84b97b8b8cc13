"""``python -m benchmarks forest``: check, time and compare, workload by workload."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.forest.compiled import CompiledForest, device_name
from benchmarks.forest.contestants import (
    BASELINE,
    OURS,
    THREADS,
    Agreement,
    Contestant,
    pixelforest_contestants,
    sklearn_contestants,
)
from benchmarks.forest.first_predict import measure_first_predict
from benchmarks.forest.peer_contestants import PeerTeam
from benchmarks.forest.peers.registry import chosen_peers
from benchmarks.forest.report import print_workload
from benchmarks.forest.workloads import WORKLOADS, Photograph, Workload
from benchmarks.timing import interleaved_medians, machine, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this suite."""
    parser.add_argument("--workloads", default="A,B,C,D", help="letters (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (%(default)s)")
    parser.add_argument(
        "--shape", type=int, nargs=2, default=(1024, 2048), metavar=("HEIGHT", "WIDTH"), help="of the image (1024 2048)"
    )
    parser.add_argument("--pixels", type=int, help="that engines of rows decide (A 524288, B 262144, else 131072)")
    parser.add_argument("--trees", type=float, default=1.0, help="share of the trees that is fitted, for a quick look")
    parser.add_argument("--peers", default="all", help="all, none, or names separated by commas (%(default)s)")
    parser.add_argument(
        "--peer-seconds", type=float, default=30, help="a peer may take to compile a forest (%(default)s)"
    )
    parser.add_argument("--device", default="auto", help="device of pixelforest (%(default)s)")
    parser.add_argument("--json", type=Path, default=Path("docs/benchmarks/forest.json"), help="file (%(default)s)")


def compare(workload: Workload, arguments: argparse.Namespace, team: PeerTeam) -> dict[str, Any]:
    """Check all contestants against scikit-learn, then let them take turns; return what the report says."""
    n_pixels = arguments.pixels or workload.row_pixels
    peers, left_out = team.contestants(workload, n_pixels)
    contestants = [
        *sklearn_contestants(workload, n_pixels),
        *pixelforest_contestants(workload, 4 * n_pixels, arguments.device),
        *peers,
    ]
    agreements = [Agreement.of(contestant, workload.expected) for contestant in contestants]
    medians = interleaved_medians({_key(c): c.call for c in contestants}, arguments.rounds)
    per_pixel = {_key(c): medians[_key(c)] / len(c.pixels) for c in contestants}
    results = [
        {
            "name": contestant.name,
            "output": contestant.output,
            "pixels": len(contestant.pixels),
            "is_same_model": contestant.is_same_model,
            **asdict(agreement),
            "compile_seconds": contestant.compile_seconds,
            "median_seconds": medians[_key(contestant)],
            "megapixels_per_second": 1e-6 / per_pixel[_key(contestant)],
            "ratio": per_pixel[f"{BASELINE} {contestant.output}"] / per_pixel[_key(contestant)],
            "remark": contestant.remark,
        }
        for contestant, agreement in zip(contestants, agreements, strict=True)
    ]
    return {
        "title": workload.title,
        "features": workload.n_features,
        "classes": workload.n_classes,
        "nodes": workload.n_nodes,
        "kernel_plan": CompiledForest(workload.model, arguments.device).plan,
        "first_predict_seconds": measure_first_predict(workload, arguments.device),
        "first_predict_limit": workload.compile_limit,
        "results": results,
        "left_out": left_out,
    }


def _key(contestant: Contestant) -> str:
    return f"{contestant.name} {contestant.output}"


def run(arguments: argparse.Namespace) -> int:
    """Compare on all workloads, print tables and write JSON; return 1 if pixelforest decided any pixel otherwise."""
    photograph = Photograph(tuple(arguments.shape))
    wanted = arguments.workloads.upper().split(",")
    print(f"device: {device_name(arguments.device)}; {os.cpu_count()} cores; ratios to {BASELINE}, per pixel")
    if os.cpu_count() != THREADS:
        print(f"note: peers use {THREADS} threads, pixelforest the whole device; bind this command to {THREADS} cores")
    compared = {}
    with PeerTeam(chosen_peers(arguments.peers), arguments.peer_seconds) as team:
        for kind in WORKLOADS:
            if kind.letter in wanted:
                compared[kind.letter] = compare(kind(photograph, arguments.trees), arguments, team)
                print_workload(kind.letter, compared[kind.letter])
        content = {
            "machine": machine(),
            "peers": team.versions,
            "device": device_name(arguments.device),
            "rounds": arguments.rounds,
            "threads": THREADS,
            "shape": list(photograph.shape),
            "workloads": compared,
        }
    write_json(arguments.json, content)
    print(f"\nwritten: {arguments.json}")
    ours = [row for result in compared.values() for row in result["results"] if row["name"].startswith(OURS)]
    return int(any(row["different_labels"] for row in ours))
