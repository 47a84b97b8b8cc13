"""From the pixels of a class to objects: fill holes, split what touches, drop what is small or cut off, number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Split = Literal["distance", "probability"]


@dataclass(frozen=True)
class ObjectRules:
    """What makes objects of the pixels of a class.

    Parameters
    ----------
    split : {"distance", "probability"}, optional
        Touching objects are told apart by how far their pixels are from what is no object, or by how probable the
        inside of an object is; by default they stay together.
    seed_depth : float
        See `split_touching`.
    smoothing : float
        Sigma of the Gaussian that distances are smoothed with, in pixels or the unit of `spacing`.
    fill_holes : bool
        Whether holes, background that is enclosed by objects, become objects.
    min_size : int
        Objects of fewer pixels are dropped.
    clear_border : bool
        Whether objects that touch the border of the image are dropped.
    spacing : tuple of float
        Distance between pixels, one per axis.
    """

    split: Split | None
    seed_depth: float
    smoothing: float
    fill_holes: bool
    min_size: int
    clear_border: bool
    spacing: tuple[float, ...]


def label_objects(mask: NDArray[np.bool_], inside: NDArray[Any] | None, rules: ObjectRules) -> NDArray[np.uint32]:
    """Return the objects of one image, numbered in the order of their first pixels.

    Pixels are connected by faces: 4 neighbours in two dimensions, 6 in three.

    Parameters
    ----------
    mask : ndarray of bool
        Pixels of objects.
    inside : ndarray of float, optional
        How probable the inside of an object is; needed by ``split="probability"``.
    rules : ObjectRules

    Examples
    --------
    >>> rules = ObjectRules(None, 0.0, 0.0, False, 2, False, (1.0, 1.0))
    >>> label_objects(np.array([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 0, 0]]) > 0, None, rules)
    array([[0, 0, 1, 1],
           [0, 0, 1, 0],
           [2, 2, 0, 0]], dtype=uint32)
    """
    from skimage.segmentation import clear_border

    if rules.fill_holes:
        mask = ndimage.binary_fill_holes(mask)
    if rules.split is None:
        labels, _ = ndimage.label(mask)
    elif rules.split == "distance":
        distances = smooth(ndimage.distance_transform_edt(mask, rules.spacing), rules.smoothing, rules.spacing)
        labels = split_touching(mask, distances, rules.seed_depth)
    else:
        assert inside is not None
        labels = split_touching(mask, inside, rules.seed_depth)
    if rules.clear_border:
        labels = clear_border(labels)
    return number_by_first_pixel(labels, min_size=rules.min_size)


def smooth(values: NDArray[Any], sigma: float, spacing: tuple[float, ...]) -> NDArray[Any]:
    """Return values smoothed by a Gaussian, of a sigma in the unit of `spacing`; the border repeats its last pixel."""
    if sigma == 0:
        return values
    return ndimage.gaussian_filter(values, [sigma / step for step in spacing], mode="nearest")


def split_touching(mask: NDArray[np.bool_], height: NDArray[Any], seed_depth: float) -> NDArray[np.int32]:
    """Split the connected components of a mask where a landscape has valleys.

    The seeds are the summits that are at least `seed_depth` above the highest pass to a higher one (h-maxima, Soille,
    Morphological Image Analysis, 2003, section 6.3.4); the landscape is flooded from them, highest pixels first
    (watershed). Every component has at least one seed.

    Parameters
    ----------
    mask : ndarray of bool
        What is split.
    height : ndarray of float
        The landscape; finite. Outside the mask it does not matter.
    seed_depth : float
        At least 0, in the unit of `height`.

    Returns
    -------
    ndarray of int32
        0 outside the mask, else the number of an object.

    Examples
    --------
    >>> heights = np.array([[1.0, 3.0, 2.0, 2.5, 1.0, 4.0]])
    >>> split_touching(heights > 0, heights, 1.0)
    array([[1, 1, 1, 1, 2, 2]], dtype=int32)
    """
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import watershed

    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    faces = ndimage.generate_binary_structure(mask.ndim, 1)
    floor = height[mask].min() - seed_depth - 1  # below all, so that nothing is connected outside the mask
    land = np.pad(np.where(mask, height, floor).astype(np.float64), 1, constant_values=floor)
    lowered = reconstruction(land - seed_depth, land, method="dilation", footprint=faces)
    inner = (slice(1, -1),) * mask.ndim
    summits = local_maxima(lowered, connectivity=1)[inner]
    seeds, _ = ndimage.label(summits & mask)
    return np.asarray(watershed(-land[inner], seeds, mask=mask), dtype=np.int32)


def number_by_first_pixel(labels: NDArray[Any], *, min_size: int = 0) -> NDArray[np.uint32]:
    """Give objects the numbers 1, 2, … in the order of their first pixels, as `scipy.ndimage.label` does.

    Parameters
    ----------
    labels : ndarray of int
        0 is background.
    min_size : int
        Objects of fewer pixels become background.

    Examples
    --------
    >>> number_by_first_pixel(np.array([[7, 0, 2], [0, 0, 2]]), min_size=2)
    array([[0, 0, 1],
           [0, 0, 1]], dtype=uint32)
    """
    found, first, which, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    kept = np.flatnonzero((found != 0) & (sizes >= min_size))
    numbers = np.zeros(len(found), np.uint32)
    numbers[kept[np.argsort(first[kept])]] = np.arange(1, len(kept) + 1, dtype=np.uint32)
    return numbers[which].reshape(labels.shape)
