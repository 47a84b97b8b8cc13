"""Pair the label images of two arguments, and refuse what is not label images."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

LabelImages = ArrayLike | Iterable[ArrayLike]
ImagePair = tuple[NDArray[np.integer], NDArray[np.integer]]


def paired_label_images(first: LabelImages, second: LabelImages, *, names: tuple[str, str]) -> list[ImagePair]:
    """Return the images of two arguments side by side, as integer arrays.

    Parameters
    ----------
    first, second : integer array with at least two axes, or list of such arrays
        One label image, or a list of label images that may differ in shape. Where one is a list and the other an
        array, the array is a stack: its first axis counts the images.
    names : tuple of str
        What the caller's user calls the two arguments; the errors say so.

    Returns
    -------
    list of tuple of ndarray
        One pair per image, both of one shape.

    Raises
    ------
    TypeError
        If an argument is a tuple, or an image is masked or does not hold integers.
    ValueError
        If there is no image, or the numbers of images or the shapes of a pair differ, or an image is not 2-D or more.
    """
    first_images, second_images = _as_lists(first, second, names)
    if len(first_images) != len(second_images):
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must hold the same number of images, "
            f"got {len(first_images)} and {len(second_images)}"
        )
    if not first_images:
        raise ValueError(f"`{names[0]}` must hold at least one image, got an empty list")
    pairs = zip(first_images, second_images, strict=True)
    return [_image_pair(one, other, names, index) for index, (one, other) in enumerate(pairs)]


def as_integer(name: str, value: object) -> int:
    """Return `value` as an int.

    Raises
    ------
    TypeError
        If it is not an integer: 1.5 is no class, and NaN equals no pixel.
    """
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(f"`{name}` must be an integer, got {value!r}")
    return int(value)


def check_unlabeled(unlabeled: int | None) -> int | None:
    """Return the value of pixels that are not annotated, as an int or None.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    return None if unlabeled is None else as_integer("unlabeled", unlabeled)


def _as_lists(first: LabelImages, second: LabelImages, names: tuple[str, str]) -> tuple[list, list]:
    for name, value in zip(names, (first, second), strict=True):
        if isinstance(value, tuple):
            raise TypeError(f"`{name}` must be a label image or a list of label images, got a tuple")
    if _is_collection(first) or _is_collection(second):
        return list(first), list(second)  # type: ignore[arg-type]
    return [first], [second]


def _is_collection(value: LabelImages) -> bool:
    return isinstance(value, list) or (isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1)


def _image_pair(first: ArrayLike, second: ArrayLike, names: tuple[str, str], index: int) -> ImagePair:
    one, other = (_label_image(image, name, index) for image, name in zip((first, second), names, strict=True))
    if one.shape != other.shape:
        raise ValueError(
            f"image {index} of `{names[1]}` must have the shape {one.shape} of image {index} of `{names[0]}`, "
            f"got {other.shape}"
        )
    return one, other


def _label_image(image: ArrayLike, name: str, index: int) -> NDArray[np.integer]:
    if isinstance(image, np.ma.MaskedArray):
        raise TypeError(
            f"image {index} of `{name}` is a masked array, and its mask would be lost; fill it with the label of "
            "pixels that are not annotated"
        )
    labels = np.asarray(image)
    if labels.ndim < 2:
        raise ValueError(f"image {index} of `{name}` must have at least two axes, got shape {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"image {index} of `{name}` must hold integer labels, got dtype {labels.dtype}")
    return labels
