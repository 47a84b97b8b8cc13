"""What every family of models offers: fitted models, hard rows, and the answers of the library that they are from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.reliability.rows import LAYOUTS, Layout, hard_rows, training_table
from benchmarks.reliability.tally import TOLERANCE
from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.forest.read import read_forest
from pixelforest.forest.representation import Forest

SHAPES = ((None, 2), (None, 3), (2, 2), (2, 3))
"""Depths and numbers of classes. They are few, and go with the layouts at first, so that forests share kernels."""
SHALLOW_DEPTHS = (2, 3)
N_FEATURES = 4


@dataclass(frozen=True)
class Expected:
    """What the original library says of rows; None where it has no such answer.

    Attributes
    ----------
    labels : ndarray of int, shape (n_rows,)
        Indices of classes.
    probabilities : ndarray, shape (n_rows, n_classes)
        Of classes.
    values : ndarray, shape (n_rows, n_outputs)
        Means or sums of the trees.
    predictions : ndarray, shape (n_rows,)
        Of a regressor with a link, behind the link.
    leaves : ndarray of int, shape (n_rows, n_trees)
        Names of the leaves that rows reach.
    """

    labels: NDArray[Any] | None = None
    probabilities: NDArray[Any] | None = None
    values: NDArray[Any] | None = None
    predictions: NDArray[Any] | None = None
    leaves: NDArray[Any] | None = None

    def first(self, count: int) -> Expected:
        """Return the answers for the first rows."""
        return Expected(**{name: None if answer is None else answer[:count] for name, answer in vars(self).items()})


@dataclass(frozen=True)
class Problem(ABC):
    """One fitted model and its adversarial rows, both determined by the seed.

    Attributes
    ----------
    family : str
        What the table calls such models.
    library : str
        Module without which there are none.
    missing, infinite : bool
        Whether the model takes NaN and infinity.
    """

    seed: int
    family: ClassVar[str]
    library: ClassVar[str] = "sklearn"
    missing: ClassVar[bool] = True
    infinite: ClassVar[bool] = True
    n_rows: ClassVar[int] = 301

    @classmethod
    def is_available(cls) -> bool:
        """Return whether the library is installed."""
        return find_spec(cls.library) is not None

    @abstractmethod
    def fit(self, rng: np.random.Generator) -> Any:
        """Return a fitted model."""

    @abstractmethod
    def answers(self, rows: NDArray[Any]) -> Expected:
        """Return what the library says of rows ``(n_rows, n_features)``."""

    def accepted(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return rows without what the library refuses."""
        return rows

    @property
    def depth(self) -> int | None:
        """Largest depth of the trees."""
        depth = SHAPES[self.seed % len(SHAPES)][0]
        return depth and SHALLOW_DEPTHS[self.seed // 24 % len(SHALLOW_DEPTHS)]

    @property
    def n_classes(self) -> int:
        """Number of classes, or of what the target of a regressor is made from."""
        return int(SHAPES[self.seed % len(SHAPES)][1] or 0)

    @property
    def is_categorical(self) -> bool:
        """Whether some columns are to be categories, if the family has them: mostly of shallow models."""
        return self.seed % 8 in (2, 7) or self.seed % 24 == 5

    @property
    def layout(self) -> Layout:
        """How the rows lie in memory."""
        return LAYOUTS[(self.seed + self.seed // 48) % len(LAYOUTS)]

    @property
    def width(self) -> int:
        """Columns of the rows as a block."""
        return 1 + self.seed * 7 % 50

    @cached_property
    def model(self) -> Any:
        """The fitted model."""
        return self.fit(np.random.default_rng([self.seed, 0]))

    @cached_property
    def forest(self) -> Forest:
        """The model as it was read."""
        return read_forest(self.model)

    @cached_property
    def rows(self) -> NDArray[Any]:
        """Rows; of a model that compares float64, those in Fortran order and every other block are float64 as well."""
        rng = np.random.default_rng([self.seed, 1])
        wide = {"C rows": False, "F rows": True, "wide rows": True, "block": self.seed // 4 % 2 == 1}[self.layout]
        wide = wide and (self.layout == "wide rows" or self.forest.precision == "float64")
        rows = hard_rows(rng, self.forest, self.n_rows, missing=self.missing, infinite=self.infinite, wide=wide)
        return self.accepted(rows)

    @cached_property
    def expected(self) -> Expected:
        """What the library says of the rows."""
        with np.errstate(all="ignore"):  # scikit-learn looks for infinity in the sum of all values
            return self.answers(self.rows)

    @cached_property
    def magnitudes(self) -> NDArray[np.float64]:
        """What errors of values are measured by: the magnitudes of the leaves that a row reaches, summed alike."""
        forest = self.forest
        positive = replace(forest, leaf_values=np.abs(forest.leaf_values), baseline=np.abs(forest.baseline))
        return NumpyForestProgram(positive).values(self.rows)

    @property
    def tolerance(self) -> float:
        """Tolerance of values: our own, and what the model itself rounds where it adds up float32."""
        return TOLERANCE + self.forest.n_trees * 2.0**-24 * (self.forest.sum_precision == "float32")

    def table(self, rng: np.random.Generator, n_features: int = N_FEATURES) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return a table to fit to and its classes."""
        return training_table(rng, int(rng.integers(80, 240)), n_features, self.n_classes, missing=self.missing)


def finite(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows scikit-learn's check of inputs does not refuse."""
    usable: NDArray[np.bool_] = ~np.isinf(rows).any(axis=1)
    return usable


def require_equal(what: str, whole: NDArray[Any], parts: NDArray[Any]) -> None:
    """Raise unless the model says the same as its trees, which answer in its place where it refuses rows."""
    if not np.array_equal(whole, parts):
        raise AssertionError(f"{what} of scikit-learn's model differ from those made of its trees")
