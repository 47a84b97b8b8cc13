"""Objects whose class would teach an object classifier most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.estimators.object_classifier import ObjectClassifier
from pixelforest.metrics.uncertainty import ProbabilityMeasure, uncertainty
from pixelforest.suggest.diverse import choose_diverse

if TYPE_CHECKING:
    from pandas import DataFrame


def suggest_objects(
    model: ObjectClassifier, images: Any, k: int, *, annotations: Any, measure: ProbabilityMeasure
) -> DataFrame:
    """Return objects to annotate; see `suggest_annotations`.

    Parameters
    ----------
    model : ObjectClassifier
        Fitted.
    images, k, annotations, measure
        See `suggest_annotations`.

    Raises
    ------
    TypeError, ValueError
        See `suggest_annotations`.
    """
    import pandas as pd

    tables = model.measured(images)
    known = [set()] * len(tables) if annotations is None else model.annotated_objects(images, annotations)
    parts = []
    for index, (table, taken) in enumerate(zip(tables, known, strict=True)):
        left = table.loc[~table.index.isin(taken)]
        parts.append(left.set_axis(pd.MultiIndex.from_product([[index], left.index], names=["image", "label"])))
    candidates = pd.concat(parts)
    if candidates.empty:
        return pd.DataFrame({"image": [], "label": [], "uncertainty": []}).astype({"image": int, "label": int})
    scores = uncertainty(model.table_probabilities(candidates), measure)
    chosen = choose_diverse(scores, _without_nan(candidates.to_numpy()), k)
    rows = candidates.index.to_frame(index=False).iloc[chosen].reset_index(drop=True)
    return rows.assign(uncertainty=scores[chosen])


def _without_nan(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return measurements with the mean of their column where they are not finite, 0 in a column of none."""
    is_finite = np.isfinite(values)
    counts = is_finite.sum(axis=0)
    means = np.where(is_finite, values, 0).sum(axis=0) / np.maximum(counts, 1)
    return np.where(is_finite, values, means)
