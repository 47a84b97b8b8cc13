"""From rows of a table of regions to label images, and back: `map_regions`, `select_regions`, `regions_at`.

Rows are those of `RegionFeatures`: their index holds the image and the label of every region.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pixelforest.images.containers import ImageBatch, checked_axes, collect_images
from pixelforest.regions.input_checks import checked_regions

LEVELS = ["image", "label"]


def map_regions(labels: Any, values: pd.Series, *, background: float = np.nan, spatial_ndim: int = 2) -> Any:
    """Return images in which every region has the value of its row.

    Parameters
    ----------
    labels : list of array-like of int, stack, or one label image
        The label images whose regions were measured.
    values : Series of numbers
        One row per region, in any order; its index holds ``image`` and ``label``.
    background : float
        Value of pixels without a region, and of regions without a row. An integer keeps integers integers.
    spatial_ndim : {2, 3}
        Number of axes of a label image.

    Returns
    -------
    ndarray or list of ndarray
        As `labels` came.

    Raises
    ------
    TypeError
        `values` are no Series of numbers, or labels are not integers.
    ValueError
        An index of other levels, a region twice, or one that `labels` do not have.

    Examples
    --------
    >>> import pandas as pd
    >>> import pixelforest as pf
    >>> labels = np.array([[1, 1, 0, 5], [1, 0, 0, 5]])
    >>> table = pf.RegionFeatures("area").set_output(transform="pandas").transform([labels])
    >>> pf.explain.map_regions(labels, table["area"], background=0)
    array([[3., 3., 0., 2.],
           [3., 0., 0., 2.]])
    """
    if not isinstance(values, pd.Series) or values.dtype.kind not in "buif":
        raise TypeError(f"`values` must be a Series of numbers, got {getattr(values, 'dtype', type(values).__name__)}")
    batch, rows = _checked(labels, values.index, "values", spatial_ndim)
    dtype = np.result_type(values.dtype, background)
    maps = []
    for index, array in enumerate(batch.images):
        here = rows.get_level_values("image") == index
        regions, positions = np.unique(array, return_inverse=True)
        found = np.full(len(regions), background, dtype)
        found[np.searchsorted(regions, rows[here].get_level_values("label"))] = values[here]
        maps.append(found[positions].reshape(array.shape))
    return batch.restore(maps)


def select_regions(labels: Any, rows: pd.DataFrame | pd.MultiIndex, *, spatial_ndim: int = 2) -> Any:
    """Return the label images with some of their regions only; the others become background.

    Parameters
    ----------
    labels : list of array-like of int, stack, or one label image
        The label images whose regions were measured.
    rows : DataFrame or MultiIndex
        The regions that stay, such as ``table[table["area"] > 50]``: by the levels ``image`` and ``label``.
    spatial_ndim : {2, 3}
        Number of axes of a label image.

    Returns
    -------
    ndarray or list of ndarray
        As `labels` came, with the same numbers and dtypes.

    Raises
    ------
    TypeError
        `rows` are neither, such as a mask of rows; or labels are not integers.
    ValueError
        An index of other levels, a region twice, or one that `labels` do not have.

    Examples
    --------
    >>> import pixelforest as pf
    >>> labels = np.array([[1, 1, 0, 5], [1, 0, 0, 5]])
    >>> table = pf.RegionFeatures("area").set_output(transform="pandas").transform([labels])
    >>> pf.explain.select_regions(labels, table[table["area"] > 2])
    array([[1, 1, 0, 0],
           [1, 0, 0, 0]])
    """
    if not isinstance(rows, pd.DataFrame | pd.MultiIndex):
        raise TypeError(
            f"`rows` must be a DataFrame or its index (of a mask: `table[mask]`), got {type(rows).__name__}"
        )
    index = rows.index if isinstance(rows, pd.DataFrame) else rows
    batch, kept = _checked(labels, index, "rows", spatial_ndim)
    labels_of = kept.get_level_values("label")
    return batch.restore(
        [
            np.where(np.isin(array, labels_of[kept.get_level_values("image") == i]), array, array.dtype.type(0))
            for i, array in enumerate(batch.images)
        ]
    )


def regions_at(labels: Any, marks: Any, *, spatial_ndim: int = 2) -> pd.MultiIndex:
    """Return which regions are marked in images: the way back from pictures to rows of a table.

    Parameters
    ----------
    labels : list of array-like of int, stack, or one label image
        The label images whose regions were measured.
    marks : list of array-like, stack, or one image
        Such as masks, or strokes of a brush: a region is marked if any of its pixels is not 0.
    spatial_ndim : {2, 3}
        Number of axes of a label image.

    Returns
    -------
    pandas.MultiIndex
        Levels ``image`` and ``label``, ascending: ``table.loc[regions_at(labels, marks)]``.

    Raises
    ------
    TypeError
        Labels that are not integers.
    ValueError
        Another number of `marks` than of label images, or other shapes.

    Examples
    --------
    >>> import pixelforest as pf
    >>> labels = np.array([[1, 1, 0, 5], [1, 0, 0, 5]])
    >>> marks = np.array([[0, 0, 0, 1], [0, 0, 0, 0]])
    >>> pf.explain.regions_at(labels, marks).to_list()
    [(0, 5)]
    """
    arrays = _label_images(labels, spatial_ndim).images
    marked = collect_images(marks, checked_axes(spatial_ndim, None), argument="marks").images
    if [np.shape(mark) for mark in marked] != [array.shape for array in arrays]:
        raise ValueError(
            "`marks` must have the shapes of the label images, "
            f"{[array.shape for array in arrays]}, got {[np.shape(mark) for mark in marked]}"
        )
    found = [np.unique(array[np.asarray(mark) != 0]) for array, mark in zip(arrays, marked, strict=True)]
    pairs = [(index, int(label)) for index, some in enumerate(found) for label in some if label]
    return pd.MultiIndex.from_tuples(pairs, names=LEVELS)


def _label_images(labels: Any, spatial_ndim: int) -> ImageBatch:
    batch = collect_images(labels, checked_axes(spatial_ndim, None), argument="labels")
    images = [checked_regions(array, argument=f"labels[{i}]") for i, array in enumerate(batch.images)]
    return ImageBatch(images, batch.container, batch.leading)


def _checked(labels: Any, index: pd.Index, argument: str, spatial_ndim: int) -> tuple[ImageBatch, pd.MultiIndex]:
    """Return label images and the rows that name their regions, checked against one another."""
    if list(index.names) != LEVELS:
        raise ValueError(f"the index of `{argument}` must have the levels {LEVELS}, got {list(index.names)}")
    if index.has_duplicates:
        image, label = index[index.duplicated()][0]
        raise ValueError(f"`{argument}` must name every region once, got label {label} of image {image} twice")
    batch = _label_images(labels, spatial_ndim)
    images, names = (index.get_level_values(level).to_numpy() for level in LEVELS)
    is_known = np.zeros(len(index), np.bool_)
    for i, array in enumerate(batch.images):
        here = images == i
        is_known[here] = np.isin(names[here], _regions(array))
    if not is_known.all():
        image, label = index[~is_known][0]
        raise ValueError(f"`{argument}` names a region that `labels` do not have: label {label} of image {image}")
    return batch, index


def _regions(array: NDArray[Any]) -> NDArray[Any]:
    found = np.unique(array)
    return found[found != 0]
