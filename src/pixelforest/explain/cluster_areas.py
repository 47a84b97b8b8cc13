"""`cluster_areas`: how much of each image each cluster of pixels covers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from pixelforest.images.containers import checked_axes, checked_spacing, collect_images

Values = Literal["areas", "shares"]


def cluster_areas(
    labels: Any,
    *,
    names: Sequence[str] | None = None,
    spacing: Sequence[float] | None = None,
    values: Values = "areas",
    spatial_ndim: int = 2,
) -> pd.DataFrame:
    """Return the area of every cluster in every image.

    Clusters of pixels are whatever `Flatten` and a clusterer of scikit-learn find; `Flatten.inverse_transform` makes
    label images of their labels. Here 0 is a cluster like any other, and so is −1, which some clusterers call noise.

    Parameters
    ----------
    labels : list of array-like of int, stack, or one label image
        The cluster of every pixel.
    names : sequence of str, optional
        Of the images. Default: 0, 1, …
    spacing : sequence of float, optional
        Distance between pixels on every axis, ``(z, y, x)`` order; areas (volumes) are then physical. Default: areas
        are numbers of pixels.
    values : {"areas", "shares"}
        Areas, or shares, which add up to 1 in every image.
    spatial_ndim : {2, 3}
        Number of axes of a label image.

    Returns
    -------
    pandas.DataFrame
        One row per image, one column per cluster that occurs anywhere, ascending; 0 where an image lacks it.

    Raises
    ------
    TypeError
        Labels that are not integers.
    ValueError
        More or fewer `names` than images, unknown `values`, a `spacing` that is not positive or has another length.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> labels = [np.array([[0, 0, 1]]), np.array([[2, 0], [2, 2]])]
    >>> pf.explain.cluster_areas(labels, names=["a", "b"])
    cluster  0  1  2
    image
    a        2  1  0
    b        1  0  3
    """
    if values not in get_args(Values):
        raise ValueError(f"`values` must be one of {get_args(Values)}, got {values!r}")
    axes = checked_axes(spatial_ndim, None)
    arrays = [np.asarray(array) for array in collect_images(labels, axes, argument="labels").images]
    for index, array in enumerate(arrays):
        if array.dtype.kind not in "ui":
            raise TypeError(f"`labels[{index}]` must hold integers, one per cluster, got dtype {array.dtype}")
    if names is not None and (isinstance(names, str) or len(names) != len(arrays)):
        raise ValueError(f"`names` must hold {len(arrays)} names, one per image, got {names!r}")
    counted = [np.unique(array, return_counts=True) for array in arrays]
    clusters = np.unique(np.concatenate([found for found, _ in counted]))
    counts = np.zeros((len(arrays), len(clusters)), np.int64)
    for row, (found, count) in zip(counts, counted, strict=True):
        row[np.searchsorted(clusters, found)] = count
    table = pd.DataFrame(
        counts,
        index=pd.Index(range(len(arrays)) if names is None else list(names), name="image"),
        columns=pd.Index(clusters, name="cluster"),
    )
    if values == "shares":
        return table.div(table.sum(axis=1), axis=0)
    return table if spacing is None else table * np.prod(checked_spacing(spacing, spatial_ndim))
