"""`augment`: altered copies of images, whose labels follow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from pixelforest.augment.geometry import bend, flip_and_turn
from pixelforest.images.containers import ImageAxes, channels_first, checked_axes, collect_images
from pixelforest.images.labels import as_labels


class Augmentation(BaseEstimator):
    """How copies of an image may differ from it; every copy draws its own values.

    Steps in this order: flip, quarter turns, rotation and elastic deformation (one interpolation), gain and offset,
    blur, noise. A step with its neutral value is left out and changes no bit.

    Parameters
    ----------
    flip : bool
        Whether each spatial axis is mirrored with probability 1/2.
    quarter_turns : bool
        Whether the (y, x) plane is turned by 0, 90, 180 or 270 degrees.
    rotation : float
        Largest angle in the (y, x) plane, in degrees, drawn from both directions. What comes in at borders is a
        mirror image.
    elastic : float
        Root mean square displacement along each axis, in pixels (Simard, Steinkraus and Platt 2003).
    elastic_sigma : float
        Smoothness of the displacement, in pixels.
    gain : float
        Contrast is multiplied by a factor between ``1 / (1 + gain)`` and ``1 + gain``.
    offset : float
        Largest change of brightness, either way, in standard deviations of the image.
    blur : float
        Largest sigma of a Gaussian, in pixels.
    noise : float
        Largest standard deviation of Gaussian noise, in standard deviations of the image.

    Examples
    --------
    >>> Augmentation(rotation=15, noise=0.1)
    Augmentation(noise=0.1, rotation=15)
    """

    def __init__(
        self,
        *,
        flip: bool = True,
        quarter_turns: bool = True,
        rotation: float = 0.0,
        elastic: float = 0.0,
        elastic_sigma: float = 8.0,
        gain: float = 0.0,
        offset: float = 0.0,
        blur: float = 0.0,
        noise: float = 0.0,
    ) -> None:
        self.flip = flip
        self.quarter_turns = quarter_turns
        self.rotation = rotation
        self.elastic = elastic
        self.elastic_sigma = elastic_sigma
        self.gain = gain
        self.offset = offset
        self.blur = blur
        self.noise = noise

    def check(self) -> None:
        """Raise a ValueError that names the first parameter that is negative, not finite or, of a sigma, 0."""
        for name in ("rotation", "elastic", "gain", "offset", "blur", "noise"):
            value = getattr(self, name)
            if not (isinstance(value, int | float | np.number) and 0 <= value < np.inf):
                raise ValueError(f"`{name}` must be a finite number >= 0, got {value!r}")
        if not 0 < self.elastic_sigma < np.inf:
            raise ValueError(f"`elastic_sigma` must be positive and finite, got {self.elastic_sigma!r}")

    def alter(
        self, planes: NDArray[Any], maps: list[NDArray[Any]], rng: np.random.Generator
    ) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        """Return an altered copy of an image, and of label or weight images that only follow its geometry.

        Parameters
        ----------
        planes : ndarray, shape (n_channels, *spatial)
        maps : list of ndarray, shape (*spatial,)
            Values of these are never mixed.
        rng : numpy Generator
        """
        planes, maps = flip_and_turn(planes, maps, rng, flip=self.flip, quarter_turns=self.quarter_turns)
        if self.rotation or self.elastic:
            angle = rng.uniform(-self.rotation, self.rotation)
            planes, maps = bend(planes, maps, rng, angle=angle, elastic=self.elastic, sigma=self.elastic_sigma)
        return self._change_values(planes, rng), maps

    def _change_values(self, planes: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        from scipy.ndimage import gaussian_filter

        if not (self.gain or self.offset or self.blur or self.noise):
            return planes
        spatial = tuple(range(1, planes.ndim))
        values = planes.astype(np.float64)
        center, spread = values.mean(spatial, keepdims=True), values.std(spatial, keepdims=True)
        if self.gain:
            values = center + (values - center) * (1 + self.gain) ** rng.uniform(-1, 1)
        if self.offset:
            values = values + spread * rng.uniform(-self.offset, self.offset)
        if self.blur:
            values = gaussian_filter(values, rng.uniform(0, self.blur), axes=spatial, mode="nearest")
        if self.noise:
            values = values + rng.normal(size=values.shape) * spread * rng.uniform(0, self.noise)
        return as_dtype(values, planes.dtype)


def augment(
    images: Any,
    labels: Any,
    augmentation: Augmentation | None = None,
    *,
    copies: int = 1,
    sample_weight: Any = None,
    spatial_ndim: int = 2,
    channel_axis: int | None = None,
    random_state: Any = None,
) -> tuple[Any, ...]:
    """Return images and label images, and after them altered copies of all of them.

    Use it on training images only: a copy of a test image is not a new image. `AugmentedTraining` does that inside
    cross-validation.

    Parameters
    ----------
    images : list of array-like, or stack
        They may differ in size. Quarter turns and rotations suit square pixels.
    labels : list of array-like of int
        Label images; geometry moves them with their image, without new values.
    augmentation : Augmentation, optional
        Default: flips and quarter turns, which change no value.
    copies : int
        Of every image, at least 1.
    sample_weight : list of array-like, optional
        One weight image per image; follows like labels.
    spatial_ndim : {2, 3}
    channel_axis : int, optional
    random_state : int, RandomState or None
        A copy depends on this, the position of its image and its own number, and on nothing else.

    Returns
    -------
    images : list of ndarray
        The images as they are, then the first copy of each, then the second, … Same dtypes: integers are rounded and
        kept in their range.
    labels : list of ndarray
    sample_weight : list of ndarray
        Only if it was given.

    Raises
    ------
    TypeError, ValueError
        What `ImageSegmenter.fit` refuses; negative strengths; `copies` that is no positive integer.

    Examples
    --------
    >>> image, label = np.arange(6.0).reshape(2, 3), np.array([[0, 0, 1], [2, 0, 0]])
    >>> images, labels = augment([image], [label], copies=2, random_state=0)
    >>> [image.shape for image in images], all(set(l[i == 2]) == {1} for i, l in zip(images, labels))
    ([(2, 3), (3, 2), (2, 3)], True)
    """
    how = Augmentation() if augmentation is None else augmentation
    if not isinstance(how, Augmentation):
        raise TypeError(f"`augmentation` must be an Augmentation or None, got {type(how).__name__}")
    how.check()
    if isinstance(copies, bool) or not isinstance(copies, int | np.integer) or copies < 1:
        raise ValueError(f"`copies` must be an integer >= 1, got {copies!r}")
    axes = checked_axes(spatial_ndim, channel_axis)
    batch = collect_images(images, axes, argument="images", allow_single=False)
    planes = [channels_first(image, axes, index=i, argument="images") for i, image in enumerate(batch.images)]
    maps = [_checked_maps(planes, labels, "labels")]
    if sample_weight is not None:
        maps.append(_checked_maps(planes, sample_weight, "sample_weight"))
    seed = int(check_random_state(random_state).randint(2**31))
    kept = [[np.asarray(image) for image in batch.images], *maps]
    results = [list(part) for part in kept]
    for copy in range(copies):
        for index, image in enumerate(planes):
            rng = np.random.default_rng((seed, index, copy))
            altered, followed = how.alter(image, [part[index] for part in maps], rng)
            results[0].append(_in_layout(altered, axes))
            for part, array in zip(results[1:], followed, strict=True):
                part.append(array)
    return tuple(results)


def as_dtype(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return real values as `dtype`; integers are rounded and kept in range."""
    if dtype.kind == "b":
        return values > 0.5
    if dtype.kind in "ui":
        bounds = np.iinfo(dtype)
        return np.clip(np.rint(values), bounds.min, bounds.max).astype(dtype)
    return values.astype(dtype)


def _checked_maps(planes: list[NDArray[Any]], maps: Any, name: str) -> list[NDArray[Any]]:
    if len(maps) != len(planes):
        raise ValueError(f"`{name}` must hold {len(planes)} arrays, one per image, got {len(maps)}")
    checked = []
    for index, (image, array) in enumerate(zip(planes, maps, strict=True)):
        shape = image.shape[1:]
        found = as_labels(array, shape, index=index, argument=name) if name == "labels" else np.asarray(array)
        if found.shape != shape:
            raise ValueError(f"`{name}[{index}]` must have the shape of its image, {shape}, got {found.shape}")
        checked.append(found)
    return checked


def _in_layout(planes: NDArray[Any], axes: ImageAxes) -> NDArray[Any]:
    return planes[0] if axes.channel_axis is None else np.moveaxis(planes, 0, axes.channel_axis)
