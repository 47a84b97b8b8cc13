"""A scheduler and two workers as one starts them by hand: processes of their own, on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

N_WORKERS = 2
LIMIT = 120
"""Seconds until something is taken for hung."""
HERE = ("--host", "127.0.0.1", "--no-dashboard")


@dataclass(frozen=True)
class Cluster:
    """Where the scheduler listens, and the processes; of workers with nannies the nannies."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: tuple[subprocess.Popen[bytes], ...]


@contextmanager
def cluster_by_hand(folder: Path, *, nanny: bool = False) -> Iterator[Cluster]:
    """Start ``dask scheduler`` and two ``dask worker``, which may still be on their way; in the end all have ended.

    Parameters
    ----------
    folder : Path
        Where they write their files and their messages.
    nanny : bool
        Whether each worker has a process beside it that starts it again when it dies.

    Raises
    ------
    RuntimeError
        The scheduler does not start, or a process is still there a minute after it was told to end.
    """
    file = folder / "scheduler.json"
    with ExitStack() as stack:
        command = ("scheduler", "--port", 0, "--scheduler-file", file, "--idle-timeout", "10 minutes")
        scheduler = stack.enter_context(dask_process(folder, *command, *HERE))
        kind = "--nanny" if nanny else "--no-nanny"
        worker = ("worker", "--scheduler-file", file, "--nthreads", 1, kind, "--local-directory", folder)
        workers = tuple(
            stack.enter_context(dask_process(folder, *worker, "--death-timeout", LIMIT, *HERE))
            for _ in range(N_WORKERS)
        )
        deadline = time.monotonic() + LIMIT
        while not (file.exists() and file.stat().st_size):
            if scheduler.poll() is not None or time.monotonic() > deadline:
                messages = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("scheduler-*.log"))
                raise RuntimeError(f"the scheduler did not start: {messages}")
            time.sleep(0.05)
        yield Cluster(json.loads(file.read_text(encoding="utf-8"))["address"], scheduler, workers)


@contextmanager
def client_of_workers(folder: Path, *, nanny: bool = False) -> Iterator[Any]:
    """Yield a client of a `cluster_by_hand` whose workers have all come."""
    from distributed import Client

    with cluster_by_hand(folder, nanny=nanny) as cluster, Client(cluster.address, timeout=LIMIT) as client:
        client.wait_for_workers(N_WORKERS, timeout=LIMIT)
        yield client


@contextmanager
def dask_process(folder: Path, *words: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of dask until the block ends; then it and its children have to end when it is told to."""
    import psutil

    with (folder / f"{words[0]}-{time.monotonic_ns()}.log").open("wb") as log:
        started = subprocess.Popen([sys.executable, "-m", "dask", *map(str, words)], stdout=log, stderr=log)
    try:
        yield started
    finally:
        process = psutil.Process(started.pid)
        family = [*process.children(recursive=True), process] if started.poll() is None else []
        started.terminate()
        _, left = psutil.wait_procs(family, timeout=60)
        for member in left:
            member.kill()
        started.wait()
        if left:
            raise RuntimeError(f"still there a minute after it was told to end: {left}")
