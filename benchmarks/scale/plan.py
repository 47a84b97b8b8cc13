"""A plan on paper, from measured constants: 10 TB of OME-Zarr on 100 workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from benchmarks.scale.report import table

INPUT_BYTES = 10e12
VOXEL_BYTES = 2
CHUNK = 256
"""Side of a chunk, and of a shard of the output."""
WORKERS = 100
GPU_FACTOR = 20
"""How many cores a GPU is worth: ASSUMED, nothing of it was measured."""
REGION = 1000
"""Chunks of a region that is one graph."""


@dataclass(frozen=True)
class Plan:
    """What 10 TB cost, worked out from what one machine has measured.

    Parameters
    ----------
    content : mapping
        Of the benchmark's JSON: all parts.
    """

    content: Mapping[str, Any]

    def part(self, name: str) -> Any:
        """Return the results of a part."""
        return self.content[name]["results"]

    @property
    def voxels(self) -> float:
        """Number of voxels."""
        return INPUT_BYTES / VOXEL_BYTES

    @property
    def chunks(self) -> float:
        """Number of chunks."""
        return self.voxels / CHUNK**3

    @property
    def largest(self) -> Any:
        """The largest volume that was predicted from disk."""
        sizes = self.part("memory")["sizes"]
        return sizes[max(sizes, key=int)]

    @property
    def compute_nanoseconds(self) -> float:
        """Core time per voxel of features and forest, in the documented setting for volumes."""
        ours = self.part("whole")["volume"]["results"]["pixelforest"]
        return 1e3 * self.content["whole"]["cores"] / ours["megapixels_per_second"]

    @property
    def file_nanoseconds(self) -> float:
        """Core time per voxel of reading, writing, pyramid and check; a small model's prediction is in it."""
        return self.largest["cpu_seconds"] / prod(self.largest["shape"]) * 1e9

    @property
    def halo_factor(self) -> float:
        """Voxels read per voxel written."""
        halo = self.part("dask")["volume"]["halo"]
        return prod(CHUNK + 2 * h for h in halo) / CHUNK**3

    @property
    def core_hours(self) -> float:
        """Hours of one core, of everything; the halo is computed as well as read."""
        per_voxel = self.compute_nanoseconds * self.halo_factor + self.file_nanoseconds
        return per_voxel * self.voxels / 1e9 / 3600

    @property
    def output_bytes(self) -> float:
        """Size of the labels with their pyramid, if they compress as in the benchmark."""
        return self.largest["output_bytes"] / prod(self.largest["shape"]) * self.voxels

    @property
    def read_hours(self) -> float:
        """Hours in which the workers read, each as fast as the disk here."""
        speed = self.part("memory")["read_megabytes_per_second"]["disk"] * 1e6
        return INPUT_BYTES * self.halo_factor / speed / WORKERS / 3600

    def graph(self, chunks: float) -> dict[str, float]:
        """Return tasks, minutes to make, GB, and hours of the scheduler for one graph of so many chunks."""
        measured = self.part("dask")["graphs"][-1]
        times = chunks / measured["chunks"]
        tasks = measured["tasks"] * times
        per_task = self.part("workers")["scheduler_microseconds_per_task"] / 1e6
        return {
            "tasks": tasks,
            "minutes": measured["seconds"] * times / 60,
            "gigabytes": measured["megabytes"] * times / 1e3,
            "scheduler_hours": tasks * per_task / 3600,
        }


def plan(content: Mapping[str, Any]) -> str:
    """Return the tables of the plan; a sentence, if parts have not been measured."""
    missing = [part for part in ("whole", "memory", "dask", "workers") if part not in content]
    if missing or "scheduler_microseconds_per_task" not in content["workers"]["results"]:
        return f"Cannot be worked out: not measured yet: {', '.join(missing) or 'workers'}."
    p = Plan(content)
    all_at_once, region = p.graph(p.chunks), p.graph(REGION)
    reading = p.part("memory")["read_megabytes_per_second"]["disk"]
    model = p.part("dask")["graphs"][-1]["model_bytes"]
    constants = [
        ["voxels of 10 TB, uint16", f"{p.voxels:.1e}"],
        [f"chunks of {CHUNK}³", f"{p.chunks:,.0f}"],
        ["features and forest, core time per voxel", f"{p.compute_nanoseconds:.0f} ns"],
        ["files, pyramid, check, core time per voxel", f"{p.file_nanoseconds:.0f} ns"],
        [f"voxels read and computed per voxel, halo {p.part('dask')['volume']['halo'][0]}", f"{p.halo_factor:.2f}"],
        ["reading from disk, one thread", f"{reading:.0f} MB/s"],
        ["labels and pyramid, compressed", f"{p.output_bytes / 1e12:.2f} TB"],
        ["a small model in a graph", f"{model / 1e3:.0f} kB"],
        ["tasks per chunk", f"{all_at_once['tasks'] / p.chunks:.1f}"],
        ["scheduler, per task", f"{p.part('workers')['scheduler_microseconds_per_task']:.0f} µs"],
    ]
    hours = [
        [f"{WORKERS} workers, one core each", f"{p.core_hours / WORKERS:,.1f} h"],
        [f"{WORKERS} workers, 16 cores each", f"{p.core_hours / WORKERS / 16:,.1f} h"],
        [f"{WORKERS} GPUs, assumed to be worth {GPU_FACTOR} cores each", f"{_gpu_hours(p):,.1f} h"],
        [f"reading alone, {WORKERS} disks like this one", f"{p.read_hours:,.1f} h"],
    ]
    graphs = [
        [
            name,
            f"{graph['tasks']:,.0f}",
            f"{graph['minutes']:,.1f}",
            f"{graph['gigabytes']:,.2f}",
            f"{graph['scheduler_hours']:,.2f}",
        ]
        for name, graph in (("all at once", all_at_once), (f"a region of {REGION:,} chunks", region))
    ]
    return "\n\n".join(
        [
            table(("constant", "measured or worked out"), constants),
            table(("who", "10 TB take"), hours),
            table(("graph", "tasks", "minutes to make", "GB where it is made", "hours of the scheduler"), graphs),
        ]
    )


def _gpu_hours(p: Plan) -> float:
    """Return the hours of GPUs that compute features and forest; files stay with one core beside each."""
    compute = p.compute_nanoseconds * p.halo_factor / GPU_FACTOR
    return max(compute, p.file_nanoseconds) * p.voxels / 1e9 / 3600 / WORKERS
