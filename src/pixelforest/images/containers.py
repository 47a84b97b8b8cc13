"""One sample is one image: lists, stacks and single images, and the way back to the container that came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from pixelforest.images.stored import StoredPlanes, is_stored, items_of

NanPolicy = Literal["raise", "mask"]

T = TypeVar("T")


@dataclass(frozen=True)
class ImageAxes:
    """How the array of one image is laid out.

    Parameters
    ----------
    spatial_ndim : int
        Number of spatial axes, 2 ``(y, x)`` or 3 ``(z, y, x)``.
    channel_axis : int, optional
        Axis of one image (never counting the sample axis of a stack) that holds channels.
    """

    spatial_ndim: int
    channel_axis: int | None

    @property
    def ndim(self) -> int:
        """Number of axes of one image."""
        return self.spatial_ndim + (self.channel_axis is not None)

    def describe(self) -> str:
        """Say in words what an image has to look like."""
        axes = ["z", "y", "x"][-self.spatial_ndim :]
        if self.channel_axis is not None:
            axes.insert(self.channel_axis % self.ndim, "channel")
        return f"{self.ndim} axes ({', '.join(axes)})"

    def without_channels(self) -> ImageAxes:
        """Return the axes of a label image that belongs to such an image."""
        return ImageAxes(self.spatial_ndim, None)

    def spatial(self, per_axis: tuple[T, ...]) -> tuple[T, ...]:
        """Return what belongs to the spatial axes: `per_axis`, a shape or names of axes, without the channel's."""
        if self.channel_axis is None:
            return tuple(per_axis)
        channel = self.channel_axis % self.ndim
        return tuple(value for axis, value in enumerate(per_axis) if axis != channel)


@dataclass(frozen=True)
class ImageBatch:
    """Images of one call, and the container they came in.

    Parameters
    ----------
    images : list
        One array-like per image.
    container : {"single", "list", "stack"}
        What results are put back into.
    leading : tuple of int
        Lengths of the leading axes of a stack; with names, there may be several.
    """

    images: list[Any]
    container: Literal["single", "list", "stack"]
    leading: tuple[int, ...] = ()

    def restore(self, results: list[Any]) -> Any:
        """Return `results`, one per image, in the container that the images came in."""
        if self.container == "single":
            return results[0]
        return self.stacked(results) if self.container == "stack" else results

    def items(self, values: Any) -> list[Any]:
        """Return what belongs to every image, of masks or outputs in the container that the images came in."""
        if self.container == "single":
            return [values]
        return list(values) if isinstance(values, list | tuple) else items_of(values, max(1, len(self.leading)))

    def stacked(self, results: Sequence[Any]) -> Any:
        """Return arrays, one per image, with the leading axes of the stack; of lazy arrays a lazy one."""
        for n in reversed(self.leading):
            results = [np.stack(results[i : i + n]) for i in range(0, len(results), n)]
        return results[0]


def collect_images(X: Any, axes: ImageAxes, *, argument: str = "X", allow_single: bool = True) -> ImageBatch:
    """Return the images in `X`.

    Parameters
    ----------
    X : list of array-like, stack with a leading sample axis, object array, or one image
        A DataArray may have several leading axes, except in `fit`.
    axes : ImageAxes
    argument : str
        Name of the argument, for messages.
    allow_single : bool
        Whether a lone image is meant; `fit` refuses it, because cross-validation would split its rows.

    Raises
    ------
    TypeError
        A tuple (which is always one sample), or something without axes.
    ValueError
        No image, a wrong number of axes, or a lone image that is not allowed.

    Examples
    --------
    >>> collect_images(np.zeros((5, 8, 8)), ImageAxes(2, None)).container
    'stack'
    >>> collect_images(np.zeros((5, 8, 8)), ImageAxes(3, None)).container
    'single'
    """
    if isinstance(X, tuple):
        raise TypeError(
            f"`{argument}` must be a list of images; a tuple is always one sample, got {len(X)} items in one"
        )
    if isinstance(X, list) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        batch = ImageBatch(list(X), "list")
    else:
        batch = _from_array(X, axes, argument, allow_single)
    if not batch.images:
        raise ValueError(f"`{argument}` holds no image (0 samples), got {X!r:.80}")
    for index, image in enumerate(batch.images):
        shape = np.shape(image) if not hasattr(image, "shape") else image.shape
        if len(shape) != axes.ndim:
            raise ValueError(
                f"`{argument}[{index}]` must be an image of {axes.describe()}, got shape {tuple(shape)}; "
                "`spatial_ndim` and `channel_axis` say which axes an image has"
            )
        if 0 in shape:
            raise ValueError(f"`{argument}[{index}]` is empty: it has shape {tuple(shape)}")
    return batch


def _from_array(X: Any, axes: ImageAxes, argument: str, allow_single: bool) -> ImageBatch:
    if not hasattr(X, "ndim") or not hasattr(X, "shape"):
        raise TypeError(f"`{argument}` must be a list of images or an array, got {type(X).__name__}")
    leading = tuple(X.shape[: X.ndim - axes.ndim]) if X.ndim > axes.ndim else ()
    if len(leading) == 1 or (leading and hasattr(X, "dims") and allow_single):  # names tell several axes apart
        return ImageBatch(items_of(X, len(leading)), "stack", leading)
    if X.ndim != axes.ndim:
        raise ValueError(
            f"`{argument}` must be a list of images of {axes.describe()}, a stack of them, or one image; "
            f"got an array of shape {tuple(X.shape)}"
        )
    if not allow_single:
        raise ValueError(f"`{argument}`: got one image of shape {tuple(X.shape)}; write `fit([image], [labels])`")
    return ImageBatch([X], "single")


def channels_first(image: Any, axes: ImageAxes, *, index: int, argument: str = "X") -> NDArray[Any]:
    """Return one image as a NumPy view ``(n_channels, *spatial)``.

    Parameters
    ----------
    image : array-like
        Any real dtype; stored and lazy arrays are read as a whole (`planes_of` reads parts).
    axes : ImageAxes
    index : int
        Position of the image in `argument`, for messages.
    argument : str

    Raises
    ------
    TypeError
        Values that are not real numbers.
    """
    array = np.asarray(image)
    if array.dtype.kind not in "buif":
        raise TypeError(f"`{argument}[{index}]` must hold real numbers, got dtype {array.dtype}")
    if axes.channel_axis is None:
        return array[np.newaxis]
    return np.moveaxis(array, axes.channel_axis, 0)


def planes_of(image: Any, axes: ImageAxes, *, index: int) -> NDArray[Any] | StoredPlanes:
    """Return one image with channels first: a view, or for a stored or lazy array what reads the parts that are cut.

    Raises
    ------
    TypeError
        Values that are not real numbers.
    """
    if not is_stored(image):
        return channels_first(image, axes, index=index)
    if image.dtype.kind not in "buif":
        raise TypeError(f"`X[{index}]` must hold real numbers, got dtype {image.dtype}")
    return StoredPlanes(image, axes.channel_axis)


def as_float32(planes: NDArray[Any], *, index: int, argument: str = "X") -> NDArray[np.float32]:
    """Return C-contiguous float32 planes; finite values that float32 cannot hold raise.

    Raises
    ------
    ValueError
        Values beyond the range of float32.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        converted = np.ascontiguousarray(planes, dtype=np.float32)
    if planes.dtype.kind == "f" and planes.dtype.itemsize > 4 and (np.isinf(converted) & np.isfinite(planes)).any():
        raise ValueError(f"`{argument}[{index}]` holds values beyond the range of float32 (about ±3.4e38)")
    return converted


def checked_axes(spatial_ndim: int, channel_axis: int | None) -> ImageAxes:
    """Return the axes that an estimator's parameters describe.

    Raises
    ------
    ValueError
        `spatial_ndim` is not 2 or 3, or `channel_axis` lies outside the image.
    """
    if spatial_ndim not in (2, 3):
        raise ValueError(f"`spatial_ndim` must be 2 or 3, got {spatial_ndim!r}")
    axes = ImageAxes(int(spatial_ndim), channel_axis)
    if channel_axis is not None:
        if isinstance(channel_axis, bool) or not isinstance(channel_axis, int | np.integer):
            raise TypeError(f"`channel_axis` must be an integer or None, got {channel_axis!r}")
        if not -axes.ndim <= channel_axis < axes.ndim:
            raise ValueError(f"`channel_axis` must lie in [-{axes.ndim}, {axes.ndim}), got {channel_axis}")
    return axes


def checked_spacing(spacing: Sequence[float] | None, spatial_ndim: int) -> tuple[float, ...]:
    """Return the distance between pixels on every axis; 1 where none is given.

    Raises
    ------
    ValueError
        A wrong number of values, or one that is not positive and finite.
    """
    if spacing is None:
        return (1.0,) * spatial_ndim
    values = tuple(float(s) for s in np.atleast_1d(np.asarray(spacing, dtype=float)))
    if len(values) != spatial_ndim or not all(np.isfinite(s) and s > 0 for s in values):
        raise ValueError(f"`spacing` must be {spatial_ndim} finite numbers > 0, one per spatial axis, got {spacing!r}")
    return values
