"""Peak memory and throughput against the size of a volume on disk: Zarr in, Zarr out, a fresh process for each."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import zarr

from benchmarks.scale.volumes import DEPTH, DTYPE, FEATURES, SIDE, TREES, forget, shape_of, write_volume

ROOT = Path(__file__).parents[2]
FLAT, CONSTANT = 0.2, 0.1
"""Goals: how far peak memory, and seconds per voxel, may lie from those of the first size that is compared."""
COMPARED_FROM = 1024
"""MB; of smaller volumes the fixed costs show."""


def measure(sizes: Sequence[int], device: str, folder: Path | None) -> dict[str, Any]:
    """Predict volumes of `sizes` in MB, each in a process of its own; files lie in `folder` and are deleted."""
    rows = {}
    for megabytes in sizes:
        with TemporaryDirectory(dir=folder) as place:
            source, output = Path(place) / "image.zarr", Path(place) / "labels.zarr"
            write_volume(source, megabytes)
            command = [sys.executable, "-m", "benchmarks.scale.memory_run", str(source), str(output), device]
            done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
            row = json.loads(done.stdout.splitlines()[-1])
            voxels = prod(shape_of(megabytes))
            row |= {"shape": list(shape_of(megabytes)), "nanoseconds_per_voxel": row["seconds"] / voxels * 1e9}
            row["output_bytes"] = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
            rows[str(megabytes)] = row
            if megabytes == min(sizes, key=lambda size: abs(size - COMPARED_FROM)):
                reading = read_speed(source)
            shutil.rmtree(output)
    return {
        "dtype": DTYPE.name,
        "chunk": SIDE,
        "features": list(FEATURES),
        "forest": f"{TREES} trees of depth {DEPTH}",
        "goals": {"memory": FLAT, "cost": CONSTANT, "from_megabytes": COMPARED_FROM},
        "sizes": rows,
        "read_megabytes_per_second": reading,
    }


def read_speed(source: Path) -> dict[str, float]:
    """Return MB/s of reading all chunks with one thread of zarr, from disk and from the system's cache."""
    array = zarr.open_array(str(source), path="0", mode="r")
    speeds = {}
    forget(source)
    for name in ("disk", "cache"):
        start = perf_counter()
        for z in range(0, array.shape[0], SIDE):
            for y in range(0, array.shape[1], SIDE):
                array[z : z + SIDE, y : y + SIDE]
        speeds[name] = array.nbytes / (perf_counter() - start) / 1e6
    return speeds
