"""Who takes part: what each one predicts, on which pixels, and whether its answer is scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.forest.compiled import CompiledForest
from benchmarks.forest.workloads import Workload

THREADS = 2
BASELINE = f"scikit-learn n_jobs={THREADS}"
OURS = "pixelforest"


@dataclass(frozen=True, eq=False)
class Contestant:
    """One way to decide pixels.

    Attributes
    ----------
    name : str
        As the table prints it.
    output : {"labels", "probabilities"}
    pixels : ndarray of intp
        Positions in the raster of the pixels that it decides, in the order of its answer.
    call : callable
        What is timed.
    answer : callable
        Predicts and returns ``(*spatial)`` labels or ``(*spatial, n_classes)`` probabilities.
    is_same_model : bool
        False if it applies another forest than scikit-learn's.
    compile_seconds : float, optional
        Time to the first answer.
    remark : str
        What a reader of the table should know.
    """

    name: str
    output: str
    pixels: NDArray[np.intp]
    call: Callable[[], Any]
    answer: Callable[[], NDArray[Any]]
    is_same_model: bool = True
    compile_seconds: float | None = None
    remark: str = ""


@dataclass(frozen=True)
class Agreement:
    """How an answer differs from scikit-learn's with ``n_jobs=1``."""

    different_labels: int
    max_difference: float | None

    @classmethod
    def of(cls, contestant: Contestant, expected: NDArray[np.float64]) -> Agreement:
        """Compare on all pixels that `contestant` decides."""
        wanted = expected[contestant.pixels]
        answer = np.asarray(contestant.answer())
        if contestant.output == "labels":
            return cls(int((answer.reshape(-1) != wanted.argmax(axis=1)).sum()), None)
        answer = answer.reshape(wanted.shape)
        differs = answer.argmax(axis=1) != wanted.argmax(axis=1)
        return cls(int(differs.sum()), float(np.abs(answer - wanted).max()))


def sklearn_contestants(workload: Workload, n_pixels: int) -> list[Contestant]:
    """Return ``predict`` and ``predict_proba`` as users call them, with one job and with `THREADS`."""
    pixels = workload.spread_pixels(n_pixels)
    rows = workload.rows[pixels]
    contestants = []
    for n_jobs in (THREADS, 1):
        model = copy(workload.model).set_params(n_jobs=n_jobs)  # a shallow copy shares the trees
        for output, predict in {"labels": model.predict, "probabilities": model.predict_proba}.items():
            call = partial(predict, rows)
            contestants.append(Contestant(f"scikit-learn n_jobs={n_jobs}", output, pixels, call, call))
    return contestants


def pixelforest_contestants(workload: Workload, n_pixels: int, device: str) -> list[Contestant]:
    """Return labels and probabilities of the whole image in each layout; of `n_pixels` shuffled rows.

    On an OpenCL device the last ones walk every row alone, to see whether that is ever better than the form that was
    chosen.
    """
    forest = CompiledForest(workload.model, device)
    raster, shuffled = np.arange(len(workload.rows)), workload.shuffled_pixels(n_pixels)
    layouts = {
        "image tiles": (forest, np.moveaxis(workload.block, 0, -1), raster),
        "C-ordered rows": (forest, workload.rows, raster),
        "F-ordered rows": (forest, workload.block.reshape(workload.n_features, -1).T, raster),
        "shuffled rows": (forest, workload.rows[shuffled], shuffled),
    }
    if forest.has_forms:
        alone = CompiledForest(workload.model, device, form="traverse")
        layouts["shuffled, each alone"] = (alone, workload.rows[shuffled], shuffled)
    contestants = []
    for layout, (compiled, X, pixels) in layouts.items():
        for output, predict in {"labels": compiled.predict, "probabilities": compiled.predict_proba}.items():
            call = partial(predict, X)
            contestants.append(Contestant(f"{OURS}, {layout}", output, pixels, call, call))
    return contestants
