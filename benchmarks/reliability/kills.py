"""Kills: runs that write OME-Zarr are killed at random moments, resumed, and compared with what they had to write."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.engine.tiling import tiles
from pixelforest.features.patch import Window
from pixelforest.io.label_zarr import LabelImage
from pixelforest.io.pyramid import downsample
from pixelforest.io.run_record import RunRecord, tidy_published

N_KILLS = 60
SHAPES: tuple[tuple[int, ...], ...] = ((90, 101), (20, 26, 22), (3, 40, 33))


@dataclass(frozen=True)
class KillProblem:
    """One label image to write: small shards, blocks of many labels, of one, and empty ones."""

    seed: int

    @property
    def layout(self) -> LabelImage:
        """How it lies on disk: tiles of one shard, or of two per axis."""
        shape = SHAPES[self.seed % len(SHAPES)]
        plain = LabelImage.like_shape(shape, np.uint16)
        side = 4 if len(shape) == 3 else 8
        tile_shape = (2 * side * (1 + self.seed % 2),) * len(shape)
        return replace(plain, chunks=(side,) * len(shape), shards=(2 * side,) * len(shape), tile_shape=tile_shape)

    def compute(self, window: Window) -> NDArray[np.uint16]:
        """Return the labels of a window."""
        flat = sum(
            np.arange(a, b).reshape([-1 if i == axis else 1 for i in range(len(window.start))]) // 5 * (7**axis)
            for axis, (a, b) in enumerate(zip(window.start, window.stop, strict=True))
        )
        return np.asarray((flat * 2654435761 + self.seed) // 64 % 5 * (flat % 3 > 0), np.uint16)

    def levels(self) -> list[NDArray[np.uint16]]:
        """Return all that the output has to hold."""
        found = [self.compute(Window.whole(self.layout.shape))]
        for level in self.layout.levels[1:]:
            found.append(downsample(found[-1], level.step, "mode"))
        return found


def write(problem: KillProblem, folder: Path) -> None:
    """Write the image, resuming; note every tile that is computed. Runs in a process of its own, to be killed."""
    if (folder / "out.zarr").exists():
        tidy_published(folder / "out.zarr")
        return
    with (folder / "computed.log").open("a", encoding="utf-8") as log:

        def compute(window: Window) -> NDArray[np.uint16]:
            log.write(f"{window.start}\n")
            log.flush()
            return problem.compute(window)

        problem.layout.write(folder / "out.zarr", compute, identity={"seed": problem.seed}, resume=True)


@dataclass
class Toll:
    """What all trials together found."""

    kills: int = 0
    resumed: int = 0
    trials: int = 0
    wrong: int = 0
    repeated: int = 0
    seconds: float = 0.0
    messages: list[str] = field(default_factory=list)

    @property
    def passes(self) -> bool:
        """Whether every output was as it had to be and nothing finished was computed again."""
        return bool(self.trials) and not self.wrong and not self.repeated

    def __str__(self) -> str:
        text = (
            f"{self.kills} kills in {self.trials} runs that write Zarr, {self.resumed} of them after the first tile: "
            f"{self.wrong} wrong outputs, {self.repeated} finished tiles computed again, {self.seconds:.0f} s"
        )
        return "\n".join([text + ("" if self.passes else "  FAILED"), *self.messages[:5]])


def hunt(n_kills: int, seed: int = 0) -> Toll:
    """Kill runs until `n_kills` have hit a living process, each run up to three times; compare what the rest writes."""
    toll, started, processes = Toll(), time.perf_counter(), multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["pixelforest.io.label_zarr", __name__])
    first = processes.Process(target=int)  # starts the server that all others are forked from
    first.start()
    first.join()
    rng, durations = np.random.default_rng(seed), {}
    while toll.kills < n_kills:
        problem = KillProblem(seed + toll.trials)
        folder = Path(tempfile.mkdtemp(prefix="pixelforest-kills-"))
        try:
            kind = problem.seed % 6
            if kind not in durations:
                durations[kind] = _uninterrupted(processes, problem, folder)
            _trial(toll, processes, problem, folder, rng, durations[kind])
        finally:
            shutil.rmtree(folder)
    toll.seconds = time.perf_counter() - started
    return toll


def _uninterrupted(processes: Any, problem: KillProblem, folder: Path) -> float:
    started = time.perf_counter()
    _finish(processes, problem, folder)
    duration = time.perf_counter() - started
    shutil.rmtree(folder / "out.zarr")
    (folder / "computed.log").unlink()
    return duration


def _trial(
    toll: Toll, processes: Any, problem: KillProblem, folder: Path, rng: np.random.Generator, duration: float
) -> None:
    toll.trials += 1
    for _ in range(rng.integers(1, 4)):
        process = processes.Process(target=write, args=(problem, folder))
        process.start()
        process.join(rng.uniform(0, duration))
        toll.kills += process.is_alive()
        process.kill()
        process.join()
        done = _done(folder)
        toll.resumed += 0 < len(done) < sum(len(problem.layout.windows(n)) for n in range(len(problem.layout.levels)))
        (folder / "computed.log").unlink(missing_ok=True)
        if (folder / "out.zarr").exists():
            break
    _finish(processes, problem, folder)
    if (folder / "computed.log").exists():
        again = set((folder / "computed.log").read_text(encoding="utf-8").splitlines())
        starts = [str(window.start) for window in problem.layout.windows()]
        toll.repeated += sum(f"0/{number}" in done and start in again for number, start in enumerate(starts))
    if message := mistake(problem, folder):
        toll.wrong += 1
        toll.messages.append(f"{problem}: {message}")


def _finish(processes: Any, problem: KillProblem, folder: Path) -> None:
    process = processes.Process(target=write, args=(problem, folder))
    process.start()
    process.join()


def _done(folder: Path) -> set[str]:
    """Return the parts that the record of a killed run names."""
    record = RunRecord(folder / "out.zarr")
    record.read_journal()
    return set(record.done)


def mistake(problem: KillProblem, folder: Path) -> str:
    """Return what is wrong with a finished output, or nothing."""
    import zarr

    if not (folder / "out.zarr").exists():
        return "not finished"
    left = [path.name for path in folder.rglob("*partial*")]
    if left:
        return f"left behind: {left[:3]}"
    group = zarr.open_group(str(folder / "out.zarr"), mode="r")
    for number, expected in enumerate(problem.levels()):
        array: Any = group[str(number)]
        for window in tiles(array.shape, array.shards):
            try:
                found = array[window.slices]
            except Exception as error:
                return f"level {number}, {window}: unreadable, {error!r}"
            if not np.array_equal(found, expected[window.slices]):
                return f"level {number}, {window}: differs"
    return ""
