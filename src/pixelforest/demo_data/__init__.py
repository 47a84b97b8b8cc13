"""A few small real images with sparse scribbles and reference masks, shipped with the package.

`load_demo` gives fluorescence images of nuclei: some to train on, with scribbles, and others to predict, with
reference masks. `load_blobs` gives ImageJ's blobs with one sparse annotation, `load_stained` stained nuclei in
colour. Sources, licences and the rule that chose the images are in the README.md of this folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files

import numpy as np
from skimage import io

__all__ = ["DemoData", "load_blobs", "load_demo", "load_stained"]


@dataclass(frozen=True, eq=False)
class DemoData:
    """Images of nuclei to train on and, disjoint from them, images to test on.

    Attributes
    ----------
    train_names, test_names : tuple of str
        Names of the images, sorted; no name is in both.
    train_images, test_images : list of ndarray of uint8
        Grey images ``(y, x)`` of four sizes.
    train_scribbles : list of ndarray of uint8
        For each training image: 0 = not annotated, 1 = background, 2 = nucleus. About 2 % of the pixels are annotated.
    test_masks : list of ndarray of uint16
        For each test image: 0 = background, every other value is one nucleus. ``mask > 0`` is class 2, the rest
        class 1.
    """

    train_names: tuple[str, ...]
    train_images: list[np.ndarray]
    train_scribbles: list[np.ndarray]
    test_names: tuple[str, ...]
    test_images: list[np.ndarray]
    test_masks: list[np.ndarray]


def _read(folder: str, name: str) -> np.ndarray:
    """Read one PNG of this package, also where the package does not lie in a plain folder."""
    with as_file(files(__name__) / folder / f"{name}.png") as path:
        return np.asarray(io.imread(path))


def _names(folder: str) -> tuple[str, ...]:
    """Sorted names of the PNG files in a folder of this package."""
    entries = (entry.name for entry in (files(__name__) / folder).iterdir())
    return tuple(sorted(name.removesuffix(".png") for name in entries if name.endswith(".png")))


def load_demo() -> DemoData:
    """Load the nuclei images: six with scribbles to train on, twelve with reference masks to test on.

    Returns
    -------
    DemoData
        New arrays at every call.

    Examples
    --------
    >>> from pixelforest.demo_data import load_demo
    >>> demo = load_demo()
    >>> len(demo.train_images), len(demo.test_images)
    (6, 12)
    >>> image, scribbles = demo.train_images[0], demo.train_scribbles[0]
    >>> image.shape, str(image.dtype), np.unique(scribbles).tolist()
    ((256, 256), 'uint8', [0, 1, 2])
    >>> print(f"{(scribbles > 0).mean():.1%} of the pixels are annotated")
    2.7% of the pixels are annotated
    >>> reference = np.where(demo.test_masks[0] > 0, 2, 1)  # nuclei one by one -> the two classes of the scribbles
    """
    train_names = _names("scribbles")  # an image is a training image if somebody scribbled on it
    test_names = tuple(name for name in _names("images") if name not in train_names)
    return DemoData(
        train_names=train_names,
        train_images=[_read("images", name) for name in train_names],
        train_scribbles=[_read("scribbles", name) for name in train_names],
        test_names=test_names,
        test_images=[_read("images", name) for name in test_names],
        test_masks=[_read("masks", name) for name in test_names],
    )


def load_blobs() -> tuple[np.ndarray, np.ndarray]:
    """Load ImageJ's blobs and a sparse annotation of it.

    Returns
    -------
    image : ndarray of uint8
        Bright blobs on a dark background, ``(254, 256)``.
    annotation : ndarray of uint8
        0 = not annotated, 1 = background, 2 = blob. 1.7 % of the pixels are annotated.

    Examples
    --------
    >>> from pixelforest.demo_data import load_blobs
    >>> image, annotation = load_blobs()
    >>> image.shape == annotation.shape
    True
    >>> [int((annotation == value).sum()) for value in (1, 2)]
    [737, 361]
    """
    return _read("blobs", "image"), _read("blobs", "annotation")


def load_stained() -> tuple[tuple[str, ...], list[np.ndarray], list[np.ndarray]]:
    """Load three colour images of stained nuclei and reference masks.

    Returns
    -------
    names : tuple of str
    images : list of ndarray of uint8
        Red, green and blue on the last axis, ``(128, 160, 3)``. Nuclei are violet; the first image is of another slide
        than the other two, and larger in scale.
    masks : list of ndarray of uint16
        0 = background, every other value is one nucleus.

    Examples
    --------
    >>> from pixelforest.demo_data import load_stained
    >>> names, images, masks = load_stained()
    >>> [name.split("_")[1] for name in names], images[0].shape
    (['dark', 'white', 'white'], (128, 160, 3))
    """
    names = _names("stained/images")
    images, masks = ([_read(f"stained/{kind}", name) for name in names] for kind in ("images", "masks"))
    return names, images, masks
