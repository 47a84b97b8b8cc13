"""A scheduler and workers of dask.distributed in processes of their own, on loopback, that end with the test."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

LIMIT = 120
"""Seconds until something is taken for hung."""
HERE = ("--host", "127.0.0.1")


@dataclass
class Cluster:
    """Where the scheduler listens, and the processes."""

    address: str
    scheduler: subprocess.Popen
    workers: list[subprocess.Popen]


@contextmanager
def process(*command: object) -> Iterator[subprocess.Popen]:
    """Run a command of dask until the block ends; then it has to end by itself when it is told to."""
    started = subprocess.Popen([sys.executable, "-m", "dask", *map(str, command)], stderr=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.communicate(timeout=60)
        finally:
            started.kill()


@contextmanager
def cluster(folder: Path, n_workers: int) -> Iterator[Cluster]:
    """Start a scheduler and workers of one thread; they may still be on their way to each other."""
    file = folder / "scheduler.address"
    with ExitStack() as stack:
        scheduler = stack.enter_context(
            process("scheduler", "--port", 0, "--scheduler-file", file, "--no-dashboard", *HERE)
        )
        worker = ("worker", "--scheduler-file", file, "--nthreads", 1, "--no-nanny", "--local-directory", folder)
        workers = [stack.enter_context(process(*worker, "--no-dashboard", *HERE)) for _ in range(n_workers)]
        deadline = time.monotonic() + LIMIT
        while not (file.exists() and file.stat().st_size):
            assert scheduler.poll() is None, scheduler.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield Cluster(json.loads(file.read_text())["address"], scheduler, workers)
