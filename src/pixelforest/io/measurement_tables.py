"""Tables of measurements from other programs, CellProfiler's among them, for any scikit-learn estimator."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

IDENTIFIERS = ("ImageNumber", "ObjectNumber", "Number_Object_Number", "label", "Unnamed: 0")
IDENTIFIER_PREFIXES = ("Metadata_", "FileName_", "PathName_", "URL_", "Parent_")
"""Columns of CellProfiler, of scikit-image's tables and of pandas that say which row it is, and measure nothing."""


def read_measurements(source: Any, *, index: Sequence[str] = ()) -> pd.DataFrame:
    """Return a table of measurements: numbers in columns, everything that says which row it is in the index.

    The result goes into any scikit-learn estimator as it is. Empty cells stay NaN: take an estimator that handles NaN,
    such as a forest, or write ``make_pipeline(SimpleImputer(), estimator)``.

    Parameters
    ----------
    source : path, open file or DataFrame
        A CSV file with one header line, such as `ExportToSpreadsheet` of CellProfiler writes for one kind of object.
    index : sequence of str
        Columns that are no measurements, besides those that are known by their names: ImageNumber, ObjectNumber,
        Number_Object_Number, label, and what begins with Metadata_, FileName_, PathName_, URL_ or Parent_.

    Returns
    -------
    DataFrame
        Numbers only.

    Raises
    ------
    ValueError
        Columns that hold no numbers and are not in `index` (the message names them), a column of `index` that does not
        exist, or no measurement at all.

    Examples
    --------
    >>> import io
    >>> import pixelforest as pf
    >>> lines = ["ImageNumber,ObjectNumber,AreaShape_Area,Metadata_Well,phase"]
    >>> lines += ["1,1,31,A1,G1", "1,2,64,A1,S", "2,1,,A2,S"]
    >>> table = pf.read_measurements(io.StringIO(chr(10).join(lines)), index=["phase"])
    >>> print(table)
                                                   AreaShape_Area
    ImageNumber ObjectNumber Metadata_Well phase
    1           1            A1            G1               31.0
                2            A1            S                64.0
    2           1            A2            S                 NaN

    Classes and groups are levels of the index:

    >>> from sklearn.ensemble import RandomForestClassifier
    >>> model = RandomForestClassifier(random_state=0).fit(table, table.index.get_level_values("phase"))
    """
    table: pd.DataFrame = source if isinstance(source, pd.DataFrame) else pd.read_csv(source)
    if isinstance(index, str) or (unknown := [name for name in index if name not in table.columns]):
        wrong = index if isinstance(index, str) else unknown
        raise ValueError(f"`index` must be a sequence of columns of the table, {list(table.columns)}, got {wrong!r}")
    apart = [name for name in table.columns if name in index or _is_identifier(name)]
    measured = table.drop(columns=apart)
    if not len(measured.columns):
        raise ValueError(f"`source` holds no column of measurements, got {list(table.columns)}")
    if text := list(measured.select_dtypes(exclude=[np.number]).columns):
        raise ValueError(
            f"columns {text} of `source` hold no numbers; name them in `index=` if they are no measurements, "
            f"for example {text[0]!r}: {measured[text[0]].iloc[0] if len(measured) else None!r}"
        )
    return table.set_index(apart) if apart else measured


def _is_identifier(name: Any) -> bool:
    once = re.sub(r"\.\d+$", "", str(name))  # pandas calls a second column of one name "ImageNumber.1"
    return once in IDENTIFIERS or once.startswith(IDENTIFIER_PREFIXES)
