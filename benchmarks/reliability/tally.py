"""Counts of right and wrong answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TIE = 1e-6
TOLERANCE = 1e-6
HEADER = (
    f"{'forests':>7} {'rows':>7} {'flips':>5} {'in ties':>7} {'leaves':>6} {'max |dp|':>8} {'|dv|/sum':>8} "
    f"{'float32':>8} {'beyond':>6}"
)


@dataclass
class Tally:
    """What one way of computing got right and wrong; None for what was not compared.

    Attributes
    ----------
    forests, rows : int
        How many were compared.
    flips, flips_in_ties : int
        Rows with another label; those of them whose best two classes are nearly equally likely.
    wrong_leaves : int
        Rows that reach another leaf in some tree.
    probability_error : float
        Largest error of a probability.
    value_error : float
        Largest error of a value or prediction, as a part of the sum of magnitudes of the leaves that the row reaches.
    single_error : float
        Largest such error of feature blocks, whose answers are float32.
    beyond : int
        Numbers whose error is above the tolerance.
    """

    forests: int = 0
    rows: int = 0
    flips: int = 0
    flips_in_ties: int = 0
    wrong_leaves: int | None = None
    probability_error: float | None = None
    value_error: float | None = None
    single_error: float | None = None
    beyond: int = 0

    @property
    def max_error(self) -> float:
        """Largest error of any number."""
        return max(self.probability_error or 0, self.value_error or 0, self.single_error or 0)

    @property
    def passes(self) -> bool:
        """Whether no label differs, in ties neither, and all numbers are within the tolerance."""
        return self.forests > 0 and not (self.flips or self.wrong_leaves or self.beyond)

    def add(self, expected: NDArray[np.float64], labels: NDArray[Any], probabilities: NDArray[Any]) -> None:
        """Compare labels with the likeliest classes, and probabilities."""
        self.forests += 1
        self.rows += len(expected)
        self.add_labels(expected.argmax(axis=1), labels, expected)
        self.add_probabilities(expected, probabilities)

    def add_labels(self, expected: NDArray[Any], labels: NDArray[Any], probabilities: NDArray[Any]) -> None:
        """Count labels that differ; `probabilities` say where there are ties."""
        flipped = labels != expected
        top = np.sort(probabilities, axis=1)
        is_tie = top[:, -1] - top[:, -2] < TIE if top.shape[1] > 1 else np.zeros(len(top), bool)
        self.flips += int(flipped.sum())
        self.flips_in_ties += int((flipped & is_tie).sum())

    def add_leaves(self, expected: NDArray[Any], leaves: NDArray[Any]) -> None:
        """Count rows that end in another leaf."""
        self.wrong_leaves = (self.wrong_leaves or 0) + int((leaves != expected).any(axis=1).sum())

    def add_probabilities(self, expected: NDArray[Any], found: NDArray[Any]) -> None:
        """Compare probabilities."""
        self.probability_error = max(self.probability_error or 0, self._error(expected, found, 1.0, TOLERANCE))

    def add_values(self, expected: NDArray[Any], found: NDArray[Any], unit: NDArray[Any], tolerance: float) -> None:
        """Compare values; errors are divided by `unit`, of the same shape."""
        self.value_error = max(self.value_error or 0, self._error(expected, found, unit, tolerance))

    def add_singles(self, expected: NDArray[Any], found: NDArray[Any], unit: NDArray[Any] | float) -> None:
        """Compare float32 answers."""
        self.single_error = max(self.single_error or 0, self._error(expected, found, unit, TOLERANCE))

    def _error(
        self, expected: NDArray[Any], found: NDArray[Any], unit: NDArray[Any] | float, tolerance: float
    ) -> float:
        if expected.shape != found.shape:
            raise AssertionError(f"expected answers of shape {expected.shape}, got {found.shape}")
        with np.errstate(all="ignore"):
            difference = np.abs(expected.astype(np.float64) - found)
            errors = np.where(difference == 0, 0.0, difference / unit)
        errors = np.where(np.isnan(errors), np.inf, errors)
        self.beyond += int((errors > tolerance).sum())
        return float(errors.max(initial=0.0))

    def __str__(self) -> str:
        counts = f"{self.forests:7} {self.rows:7} {self.flips:5} {self.flips_in_ties:7}"
        leaves = f"{'-' if self.wrong_leaves is None else self.wrong_leaves:>6}"
        errors = (self.probability_error, self.value_error, self.single_error)
        text = " ".join(f"{'-':>8}" if error is None else f"{error:8.1e}" for error in errors)
        return f"{counts} {leaves} {text} {self.beyond:6}"
