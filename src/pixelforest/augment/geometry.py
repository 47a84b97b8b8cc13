"""Moves of pixels: an image and everything drawn on it go the same way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Moved = tuple[NDArray[Any], list[NDArray[Any]]]


def flip_and_turn(
    planes: NDArray[Any], maps: list[NDArray[Any]], rng: np.random.Generator, *, flip: bool, quarter_turns: bool
) -> Moved:
    """Mirror axes and turn the last two by right angles, at random; values stay as they are.

    Parameters
    ----------
    planes : ndarray, shape (n_channels, *spatial)
    maps : list of ndarray, shape (*spatial,)
    rng : numpy Generator
    flip, quarter_turns : bool
    """
    ndim = planes.ndim - 1
    mirrored = tuple(axis - ndim for axis in range(ndim) if flip and rng.random() < 0.5)
    turns = int(rng.integers(4)) if quarter_turns else 0

    def move(array: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(np.rot90(np.flip(array, mirrored), turns, axes=(-2, -1)))

    return move(planes), [move(array) for array in maps]


def bend(
    planes: NDArray[Any],
    maps: list[NDArray[Any]],
    rng: np.random.Generator,
    *,
    angle: float,
    elastic: float,
    sigma: float,
) -> Moved:
    """Rotate the (y, x) plane about the image's center and displace pixels smoothly, in one interpolation.

    Images are interpolated linearly, `maps` take the nearest value; beyond borders both are mirrored.

    Parameters
    ----------
    planes : ndarray, shape (n_channels, *spatial)
    maps : list of ndarray, shape (*spatial,)
    rng : numpy Generator
    angle : float
        In degrees.
    elastic : float
        Root mean square displacement along each axis, in pixels.
    sigma : float
        Of the Gaussian that smooths displacements, in pixels.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    shape = planes.shape[1:]
    center = (np.array(shape, np.float64) - 1) / 2
    where = np.indices(shape, np.float64) - center.reshape(-1, *(1,) * len(shape))
    cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    where[-2:] = cosine * where[-2] + sine * where[-1], cosine * where[-1] - sine * where[-2]
    where += center.reshape(-1, *(1,) * len(shape))
    if elastic:
        for axis, n_pixels in enumerate(shape):
            smooth = gaussian_filter(rng.normal(size=shape), sigma, mode="wrap")
            spread = smooth.std()
            if n_pixels > 1 and spread > 0:
                where[axis] += smooth * (elastic / spread)

    def move(array: NDArray[Any], order: int) -> NDArray[Any]:
        moved = map_coordinates(array.astype(np.float64) if order else array, where, order=order, mode="mirror")
        if order and array.dtype.kind in "ui":
            moved = np.rint(moved)  # linear interpolation stays within the range of its neighbours
        found: NDArray[Any] = moved.astype(array.dtype)
        return found

    return np.stack([move(plane, 1) for plane in planes]), [move(array, 0) for array in maps]
