"""`fit_folders`: from a folder of images and a folder of masks to a fitted model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pixelforest.io.image_folder import open_pairs

PLACE = re.compile(r"`([Xy])\[(\d+)\]`")


def fit_folders(
    model: Any, images: str | Path, masks: str | Path, *, image_suffix: str = "", mask_suffix: str = ""
) -> Any:
    """Fit a model to the images of one folder and the masks of another.

    Files are read one by one, when the model asks for them. An `ImageSegmenter` keeps the features at annotated pixels
    only, and computes them near these; in pipelines, steps before it keep what they return for all images.

    Parameters
    ----------
    model : estimator
        An `ImageSegmenter`, or a pipeline that ends in one or in a `PixelClassifier`.
    images, masks : str or Path
        Folders whose files pair by name, see `pixelforest.io.image_folder.open_pairs`. What a mask's values mean is for
        the model to say: by default 0 is not annotated; ``unlabeled=None`` makes it a class.
    image_suffix, mask_suffix : str
        What names of images and masks end in, before the extension.

    Returns
    -------
    estimator
        `model`, fitted.

    Raises
    ------
    ValueError, TypeError
        Files that do not pair, or an image or a mask that the model does not take: the message names the file.
    FileNotFoundError
        There is no such folder, or no image in it.

    Examples
    --------
    >>> import tempfile
    >>> import pixelforest as pf
    >>> from skimage import io
    >>> from pixelforest.demo_data import load_blobs
    >>> image, annotation = load_blobs()
    >>> folder = Path(tempfile.mkdtemp())
    >>> io.imsave(folder / "blobs.tif", image)
    >>> io.imsave(folder / "blobs_mask.png", annotation, check_contrast=False)
    >>> model = fit_folders(pf.ImageSegmenter(), folder, folder, mask_suffix="_mask")
    >>> model.classes_
    array([1, 2], dtype=uint8)
    """
    X, y = open_pairs(images, masks, image_suffix=image_suffix, mask_suffix=mask_suffix)
    try:
        return model.fit(X, y)
    except (ValueError, TypeError) as error:
        place = PLACE.search(str(error))
        if place is None:
            raise
        path = (X if place[1] == "X" else y)[int(place[2])].path
        raise type(error)(f"{path}: {error}") from error
