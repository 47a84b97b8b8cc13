"""`RegionTable`: measurements of the regions of one label image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RegionTable:
    """One row per region, one column per measurement.

    Parameters
    ----------
    labels : ndarray of int64, shape (n_regions,)
        The regions, ascending; gaps in the label image are no rows.
    names : tuple of str
        Names of the columns.
    values : ndarray of float64, shape (n_regions, n_columns)

    Examples
    --------
    >>> table = RegionTable(np.array([3, 7]), ("area",), np.array([[5.0], [2.0]]))
    >>> table.column("area").tolist()
    [5.0, 2.0]
    """

    labels: NDArray[np.int64]
    names: tuple[str, ...]
    values: NDArray[np.float64]

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one measurement of all regions.

        Raises
        ------
        ValueError
            There is no such column.
        """
        found: NDArray[Any] = self.values[:, self.names.index(name)]
        return found
