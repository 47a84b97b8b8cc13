"""Ordinary image files: which there are in a folder, and labels and probabilities written whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
import tifffile
from numpy.typing import NDArray

from pixelforest.io.run_record import sync_file

READABLE = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")
WRITABLE = (".png", ".tif", ".tiff")
TIFF = (".tif", ".tiff")


def list_images(inputs: Sequence[Path]) -> list[Path]:
    """Return image files: those given, and for a folder all in it, sorted by name.

    Raises
    ------
    FileNotFoundError
        A file or folder does not exist, or a folder holds no image.
    ValueError
        A file that is no image.
    """
    found: list[Path] = []
    for path in inputs:
        if path.is_dir():
            images = sorted(p for p in path.iterdir() if p.suffix.lower() in READABLE)
            if not images:
                raise FileNotFoundError(f"`inputs`: folder {str(path)!r} holds no image ({', '.join(READABLE)})")
            found += images
        elif not path.exists():
            raise FileNotFoundError(f"`inputs`: there is no {str(path)!r}")
        elif path.suffix.lower() not in READABLE:
            raise ValueError(f"`inputs` must be images ({', '.join(READABLE)}), folders or Zarr, got {str(path)!r}")
        else:
            found.append(path)
    return found


def read_image(path: Path) -> NDArray[Any]:
    """Read an image file.

    Raises
    ------
    ValueError
        The file cannot be read as an image.
    """
    try:
        content = path.read_bytes()
        if path.suffix.lower() in TIFF:
            return np.asarray(tifffile.imread(BytesIO(content)))
        return np.asarray(imageio.imread(content, extension=path.suffix.lower()))
    except Exception as error:  # each plugin raises its own
        raise ValueError(f"cannot read {str(path)!r} as an image: {error}") from error


def read_header(path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and dtype of what `read_image` reads, without the pixels.

    Raises
    ------
    ValueError
        The file cannot be read as an image.
    """
    try:
        with path.open("rb") as file:  # plugins leave files that they cannot read open
            if path.suffix.lower() in TIFF:
                found: Any = tifffile.TiffFile(file).series[0]
            else:
                found = imageio.improps(file, extension=path.suffix.lower())
            return tuple(found.shape), np.dtype(found.dtype)
    except Exception as error:  # each plugin raises its own
        raise ValueError(f"cannot read {str(path)!r} as an image: {error}") from error


def label_file_name(image: Path, labels_ndim: int) -> str:
    """Return the name of the label file of an image: PNG in two dimensions unless the image is TIFF, else TIFF.

    Examples
    --------
    >>> label_file_name(Path("a.jpg"), 2), label_file_name(Path("b.tif"), 2), label_file_name(Path("c.png"), 3)
    ('a.png', 'b.tif', 'c.tif')
    """
    if labels_ndim == 2 and image.suffix.lower() not in TIFF:
        return f"{image.stem}.png"
    return f"{image.stem}.tif"


def probability_file_name(image: Path) -> str:
    """Return the name of the probability file of an image."""
    return f"{image.stem}.tif"


def write_probabilities(path: Path, probabilities: NDArray[np.float32], class_names: Sequence[str]) -> None:
    r"""Write probabilities as OME-TIFF, a channel per class, and wait until it is on disk.

    Parameters
    ----------
    path : Path
    probabilities : ndarray of float32, shape (\*spatial, n_classes)
        In two or three dimensions.
    class_names : sequence of str

    Raises
    ------
    ValueError
        Another format.
    """
    if path.suffix.lower() not in TIFF:
        raise ValueError(f"`output`: probabilities are written as {', '.join(TIFF)}, got {str(path)!r}")
    axes = "CZYX" if probabilities.ndim == 4 else "CYX"
    metadata = {"axes": axes, "Channel": {"Name": list(class_names)}}
    planes = np.ascontiguousarray(np.moveaxis(probabilities, -1, 0))
    tifffile.imwrite(path, planes, ome=True, photometric="minisblack", metadata=metadata)
    sync_file(path)


def write_labels(path: Path, labels: NDArray[Any]) -> None:
    """Write a label image as PNG or TIFF and wait until it is on disk.

    Raises
    ------
    ValueError
        Another format, or a PNG of a volume or of labels above 65,535.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITABLE:
        raise ValueError(f"`output` must end in {', '.join(WRITABLE)}, got {str(path)!r}")
    if suffix == ".png" and (labels.ndim != 2 or labels.dtype.itemsize > 2):
        raise ValueError(
            f"`output`: PNG holds 2-D labels of 8 or 16 bits, got {labels.shape} of {labels.dtype}; use .tif"
        )
    if suffix in TIFF:
        tifffile.imwrite(path, labels, photometric="minisblack")  # three planes are a volume, no colours
    else:
        imageio.imwrite(path, labels)
    sync_file(path)
