"""All ways to predict one volume, side by side: checksums, and who differs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.reliability.volume_problem import Answer, VolumeProblem
from benchmarks.reliability.volume_ways import IN_PROCESS, WITH_PROCESSES, in_memory
from benchmarks.reliability.ways import devices
from pixelforest.backends.select import open_backend


@dataclass
class WaysTable:
    """Checksums of all ways, one line each.

    Attributes
    ----------
    lines : list of str
    wrong : list of str
        Ways whose bits are not those of the first, or whose labels are not on another device.
    """

    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    reference: Answer | None = None

    @property
    def passes(self) -> bool:
        """Whether all agree."""
        return len(self.lines) > 1 and not self.wrong

    def add(self, name: str, answer: Answer, *, other_device: bool = False) -> None:
        """Compare an answer with the first one."""
        self.reference = self.reference or answer
        labels, probabilities = self.reference.labels, self.reference.probabilities
        remark = "the same" if self.lines else "reference"
        is_right = checksum(answer.labels) == checksum(labels)
        if not is_right:
            remark = f"{np.count_nonzero(answer.labels != labels)} labels differ"
        elif answer.probabilities is not None and checksum(answer.probabilities) != checksum(probabilities):
            apart = np.abs(answer.probabilities - probabilities).max(axis=-1)
            remark = f"same labels; {np.count_nonzero(apart)} probabilities differ, by {apart.max():.0e} at most"
            is_right = other_device
        if not is_right:
            self.wrong.append(name)
        sums = f"{checksum(answer.labels)}  {checksum(answer.probabilities):12}"
        self.lines.append(f"{name:33} {answer.parts or '-':>5}  {sums}  {remark}")

    def __str__(self) -> str:
        head = f"{'way':33} {'parts':>5}  {'labels':12}  probabilities"
        end = f"{len(self.lines)} ways: {len(self.wrong)} differ{'' if self.passes else '  FAILED'}"
        return "\n".join([head, *self.lines, end])


def compare_ways(data: Path, device: str = "auto") -> WaysTable:
    """Predict the volume in every way on one device, then on all other devices, and compare."""
    table = WaysTable()
    with tempfile.TemporaryDirectory(prefix="pixelforest-ways-") as folder, computing_on(device):
        problem = VolumeProblem.load(data, Path(folder))
        first = open_backend()
        print(f"{problem.name}, {problem.image.shape}, {problem.image.dtype}, on {first.name}")
        for name, way in (IN_PROCESS | WITH_PROCESSES).items():
            table.add(name, way(problem))
        for other in (*(f"{d.platform}: {d.name}" for d in devices("all")), "numpy"):
            with computing_on(other):
                if open_backend() is not first:
                    table.add(other[:33], in_memory(problem), other_device=True)
    return table


@contextmanager
def computing_on(device: str) -> Iterator[None]:
    """Let "auto" mean `device`, here and in processes that are started."""
    before = os.environ.get("PIXELFOREST_DEVICE")
    if device != "auto":
        os.environ["PIXELFOREST_DEVICE"] = device
    try:
        yield
    finally:
        os.environ.pop("PIXELFOREST_DEVICE", None)
        if before is not None:
            os.environ["PIXELFOREST_DEVICE"] = before


def checksum(values: NDArray[Any] | None) -> str:
    """Return the first digits of a digest of shape, dtype and values."""
    if values is None:
        return "-"
    text = f"{values.shape} {values.dtype.str}".encode()
    return sha256(text + np.ascontiguousarray(values).tobytes()).hexdigest()[:12]
