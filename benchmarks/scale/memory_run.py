"""Predict one Zarr volume in a fresh process and print its memory and seconds as JSON.

``python -m benchmarks.scale.memory_run SOURCE OUTPUT DEVICE``
"""

from __future__ import annotations

import json
import re
import sys
import threading
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from benchmarks.scale.volumes import DTYPE, SIDE, volume_model
from pixelforest.batch import predict_zarr

EVERY = 0.02
"""Seconds between looks at the memory."""


class MemoryWatch:
    """Looks at the process' own memory (``RssAnon``) while it runs; a context."""

    def __enter__(self) -> MemoryWatch:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(EVERY):
            self.peak = max(self.peak, kibibytes("RssAnon"))


def kibibytes(entry: str) -> int:
    """Return an entry of this process' status, such as "VmHWM", the peak of its resident memory."""
    found = re.search(rf"^{entry}:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"), re.MULTILINE)
    return int(found[1]) if found else 0


def main(source: str, output: str, device: str) -> None:
    """Print peak memory in KiB and the seconds of every stage."""
    model = volume_model(device)
    model.predict(np.zeros((SIDE,) * 3, DTYPE))  # builds kernels
    before, started = kibibytes("VmHWM"), {}
    ended: dict[str, float] = {}

    def progress(stage: str, done: int, total: int) -> None:
        started.setdefault(stage, perf_counter())
        ended[stage] = perf_counter()

    with MemoryWatch() as watch:
        start, start_cpu = perf_counter(), process_time()
        predict_zarr(model, source, output, progress=progress)
        seconds, cpu_seconds = perf_counter() - start, process_time() - start_cpu
    found = {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "stage_seconds": {stage: ended[stage] - started[stage] for stage in started},
        "peak_rss_kib": kibibytes("VmHWM"),
        "peak_anonymous_kib": watch.peak,
        "before_kib": before,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
