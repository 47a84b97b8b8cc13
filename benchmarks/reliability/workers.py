"""Workers: one of two dies while it predicts and numbers instances; the result has the bits of the whole image."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import pixelforest as pf
from benchmarks.reliability.clusters import LIMIT, N_WORKERS, client_of_workers

N_DEATHS = 20
SHAPES: tuple[tuple[int, ...], ...] = ((240, 230), (30, 44, 40))
CHUNKS = ((41, 39), (11, 15, 14))
OBJECT = 2
"""The class whose connected components are numbered."""


@dataclass(frozen=True)
class WorkerProblem:
    """A flat image or a volume of blobs, in chunks.

    Parameters
    ----------
    seed : int
        Even: flat; odd: a volume.
    device : str
    """

    seed: int
    device: str = "auto"

    @cached_property
    def image(self) -> NDArray[np.float32]:
        """Smooth noise, so that instances cross the borders of chunks."""
        noise = np.random.default_rng(self.seed).normal(size=SHAPES[self.seed % 2]).astype(np.float32)
        return 10 * ndimage.gaussian_filter(noise, 2)

    @property
    def model(self) -> pf.ImageSegmenter:
        """Trained on another image of the kind."""
        return _model(self.seed % 2, self.device)

    def lazy(self) -> list[Any]:
        """Return labels, probabilities and instances of which nothing is computed."""
        import dask.array

        from pixelforest.engine.instances import label_instances

        image = dask.array.from_array(self.image, chunks=CHUNKS[self.seed % 2])
        labels = self.model.predict(image)
        return [labels, self.model.predict_proba(image), label_instances(labels, label=OBJECT)]

    def whole(self) -> list[NDArray[Any]]:
        """Return what they have to be."""
        labels = self.model.predict(self.image)
        return [labels, self.model.predict_proba(self.image), ndimage.label(labels == OBJECT)[0]]


@cache
def _model(kind: int, device: str) -> pf.ImageSegmenter:
    image = WorkerProblem(1_000_000 + kind).image
    strokes = np.where(np.random.default_rng(kind).random(image.shape) < 0.02, 1 + (image > 0), 0).astype(np.uint8)
    features = pf.ImageFeatureStack(sigmas=(1, 2), spatial_ndim=image.ndim, device=device)
    forest = pf.OpenCLRandomForestClassifier(20, max_depth=6, random_state=0, device=device)
    return pf.ImageSegmenter(features, forest).fit([image], [strokes])


@dataclass
class Deaths:
    """What all trials together found.

    Attributes
    ----------
    trials, deaths : int
        Runs, and workers that were killed while theirs was under way.
    with_results : int
        Deaths of workers that held what others had to compute again.
    wrong : int
        Runs whose results were not those of the whole image, or that raised.
    seconds : float
    messages : list of str
    """

    trials: int = 0
    deaths: int = 0
    with_results: int = 0
    wrong: int = 0
    seconds: float = 0.0
    messages: list[str] = field(default_factory=list)

    @property
    def passes(self) -> bool:
        """Whether some worker died, and every run gave what it had to."""
        return bool(self.deaths) and not self.wrong

    def __str__(self) -> str:
        text = (
            f"{self.deaths} times one of two workers killed in {self.trials} lazy runs, {self.with_results} times one "
            f"that held results: {self.wrong} runs differ from the whole image, {self.seconds:.0f} s"
        )
        return "\n".join([text + ("" if self.passes else "  FAILED"), *self.messages[:5]])


def hunt(n_deaths: int, seed: int = 0, device: str = "auto") -> Deaths:
    """Kill workers until `n_deaths` have hit a run under way; compare what every run gives."""
    deaths, started, rng = Deaths(), time.perf_counter(), np.random.default_rng(seed)
    with (
        tempfile.TemporaryDirectory(prefix="pixelforest-workers-") as folder,
        client_of_workers(Path(folder), nanny=True) as client,
    ):
        durations = [_uninterrupted(client, WorkerProblem(kind, device)) for kind in range(len(SHAPES))]
        while deaths.deaths < n_deaths and deaths.wrong < 5:
            problem = WorkerProblem(seed + deaths.trials, device)
            trial(client, problem, deaths, rng, durations[problem.seed % 2])
            print(f"  {deaths.trials} runs, {deaths.deaths} deaths, {deaths.wrong} wrong", flush=True)
    deaths.seconds = time.perf_counter() - started
    return deaths


def _uninterrupted(client: Any, problem: WorkerProblem) -> float:
    """Return the seconds of a run after a first one, in which workers import and compile."""
    for _ in range(2):
        started = time.perf_counter()
        client.gather(client.compute(problem.lazy()))
    return time.perf_counter() - started


def trial(client: Any, problem: WorkerProblem, deaths: Deaths, rng: np.random.Generator, duration: float) -> None:
    """Start a run, kill one worker at a random moment of `duration` seconds, compare, wait for the next worker."""
    lazy, whole = problem.lazy(), problem.whole()
    pids = client.run(os.getpid)
    victim = sorted(pids)[rng.integers(len(pids))]
    deaths.trials += 1
    futures = client.compute(lazy)
    time.sleep(rng.uniform(0, duration))
    held = client.has_what()[victim]
    is_hit = not all(future.done() for future in futures)
    os.kill(pids[victim], signal.SIGKILL)
    deaths.deaths += is_hit
    deaths.with_results += is_hit and bool(held)
    if message := mistake(futures, whole):
        deaths.wrong += 1
        deaths.messages.append(f"{problem}: {message}")
    del futures
    deadline = time.monotonic() + LIMIT
    while victim in (alive := client.scheduler_info()["workers"]) or len(alive) < N_WORKERS:
        if time.monotonic() > deadline:
            raise RuntimeError("the worker that was killed did not come back")
        time.sleep(0.05)


def mistake(futures: list[Any], whole: list[NDArray[Any]]) -> str:
    """Return what is wrong with the results of a run, or nothing."""
    for future, expected, name in zip(futures, whole, ("labels", "probabilities", "instances"), strict=True):
        try:
            found = future.result(timeout=LIMIT)
        except Exception as error:
            return f"{name}: {error!r}"
        if found.shape != expected.shape or not np.array_equal(found, expected):
            return f"{name} differ"
    return ""
