"""Folders of images and their masks, paired by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pixelforest.io.image_files import READABLE
from pixelforest.io.lazy_images import ImageFile, ZarrFile, open_image
from pixelforest.io.zarr_folders import is_zarr

LOSSY = (".jpg", ".jpeg")
MOST_NAMED = 20
"""Files that an error names; of the others it tells the number."""

LazyImages = list[ImageFile | ZarrFile]


def open_folder(folder: str | Path) -> LazyImages:
    """Return the images in a folder, sorted by name; each is read when it is used.

    Parameters
    ----------
    folder : str or Path
        With PNG, TIFF, JPEG or BMP files, or OME-Zarr folders. Hidden files and files of other kinds are no images.

    Returns
    -------
    list
        Has an entry with `path`, `shape` and `dtype` for each image; it may be passed to `fit`, `predict`,
        ``cross_val_score`` or ``GridSearchCV`` as a list of arrays.

    Raises
    ------
    FileNotFoundError
        There is no such folder, or no image in it.
    ValueError
        A file that cannot be read as an image.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from pixelforest.io.image_files import write_labels
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("b.png", "a.tif"):
    ...     write_labels(folder / name, np.zeros((4, 6), np.uint8))
    >>> [(image.path.name, image.shape) for image in open_folder(folder)]
    [('a.tif', (4, 6)), ('b.png', (4, 6))]
    """
    return [open_image(path) for path in _files(folder, "folder")]


def open_pairs(
    images: str | Path, masks: str | Path, *, image_suffix: str = "", mask_suffix: str = ""
) -> tuple[LazyImages, LazyImages]:
    """Return images and their masks, in the same order, sorted by name; each is read when it is used.

    A mask belongs to the image of the same name. Extensions do not count (``a.png`` and ``a.tif``), and neither do the
    suffixes that names of images or masks end in (``a.png`` and ``a_mask.png`` for ``mask_suffix="_mask"``).

    Parameters
    ----------
    images, masks : str or Path
        Folders, see `open_folder`; they may be the same one if a suffix tells images and masks apart.
    image_suffix, mask_suffix : str
        What names of images and masks end in, before the extension.

    Returns
    -------
    images, masks : list
        Of the same length.

    Raises
    ------
    FileNotFoundError
        There is no such folder, or no image in it.
    ValueError
        Images without mask or masks without image, which are named; two images or masks of one name; a mask in a format
        that changes its values (JPEG); one folder and no suffix.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from pixelforest.io.image_files import write_labels
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("b.png", "b_mask.png", "a.png", "a_mask.png"):
    ...     write_labels(folder / name, np.zeros((4, 6), np.uint8))
    >>> images, masks = open_pairs(folder, folder, mask_suffix="_mask")
    >>> [(image.path.name, mask.path.name) for image, mask in zip(images, masks)]
    [('a.png', 'a_mask.png'), ('b.png', 'b_mask.png')]
    """
    image_files, mask_files = _files(images, "images"), _files(masks, "masks")
    if Path(images).resolve() == Path(masks).resolve():
        image_files, mask_files = _apart(image_files, image_suffix, mask_suffix)
    lossy = [path for path in mask_files if path.suffix.lower() in LOSSY]
    if lossy:
        raise ValueError(f"`masks` must be stored without loss, which JPEG is not: {_named(lossy)}")
    by_name, strange_images = _by_name(image_files, image_suffix, "images")
    masks_by_name, strange_masks = _by_name(mask_files, mask_suffix, "masks")
    alone = strange_images + [path for name, path in by_name.items() if name not in masks_by_name]
    masks_alone = strange_masks + [path for name, path in masks_by_name.items() if name not in by_name]
    if alone or masks_alone:
        told = [f"{what}: {_named(paths)}" for what, paths in (("images without a mask", alone),
                ("masks without an image", masks_alone)) if paths]  # fmt: skip
        suffixes = f" (image_suffix={image_suffix!r}, mask_suffix={mask_suffix!r})"
        raise ValueError(f"`images` and `masks` must pair by name{suffixes}; {'; '.join(told)}")
    names = sorted(by_name)
    return [open_image(by_name[name]) for name in names], [open_image(masks_by_name[name]) for name in names]


def _files(folder: str | Path, argument: str) -> list[Path]:
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"`{argument}` must be a folder, and there is none at {str(folder)!r}")
    found = sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and (is_zarr(path) if path.is_dir() else path.suffix.lower() in READABLE)
    )
    if not found:
        raise FileNotFoundError(
            f"`{argument}`: folder {str(folder)!r} holds no image ({', '.join(READABLE)}, OME-Zarr)"
        )
    return found


def _name(path: Path) -> str:
    """Return the name of an image without what says how it is stored."""
    is_extension = path.suffix.lower() in (*READABLE, ".zarr")
    return (path.stem if is_extension else path.name).removesuffix(".ome")


def _apart(files: list[Path], image_suffix: str, mask_suffix: str) -> tuple[list[Path], list[Path]]:
    """Return which files of one folder are images and which are masks: the longer suffix is looked for first."""
    if image_suffix == mask_suffix:
        raise ValueError("`images` and `masks` are one folder: give the suffix that tells them apart, as `mask_suffix`")
    longer = max(image_suffix, mask_suffix, key=len)
    found = [path for path in files if _name(path).endswith(longer)]
    rest = [path for path in files if path not in found]
    return (rest, found) if longer == mask_suffix else (found, rest)


def _by_name(files: list[Path], suffix: str, argument: str) -> tuple[dict[str, Path], list[Path]]:
    """Return files by their name without `suffix`, and those that do not end in it."""
    by_name: dict[str, Path] = {}
    strange = []
    for path in files:
        if not _name(path).endswith(suffix):
            strange.append(path)
            continue
        other = by_name.setdefault(_name(path).removesuffix(suffix), path)
        if other is not path:
            raise ValueError(f"`{argument}` must have names of their own, got {other.name!r} and {path.name!r}")
    return by_name, strange


def _named(paths: Iterable[Path]) -> str:
    names = [repr(path.name) for path in sorted(paths)]
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
