"""`predict_images`: from image files to label files of the same names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import pixelforest
from pixelforest.batch.identity import device_fingerprint, model_digest
from pixelforest.io.image_files import WRITABLE, label_file_name, list_images, read_image, write_labels
from pixelforest.io.run_record import RunRecord, open_run, sync_folder


def predict_images(
    model: Any,
    inputs: Sequence[str | Path],
    output: str | Path,
    *,
    resume: bool = False,
    progress: Callable[[str, int, int], object] | None = None,
) -> None:
    """Segment image files.

    Parameters
    ----------
    model : estimator
        An `ImageSegmenter`, or a pipeline that ends in one or in a `PixelClassifier`; each file is one image for it.
    inputs : sequence of str or Path
        PNG, TIFF, JPEG or BMP files, and folders of them.
    output : str or Path
        For one file: a ``.png`` or ``.tif`` file. Else a folder, which gets a label file of each image's name.
        Nothing may lie there yet; it appears when all of it is written, until then it is ``<output>.partial``.
    resume : bool
        Go on with an unfinished run.
    progress : callable, optional
        Called with "predict", images done and images in all.

    Raises
    ------
    ValueError
        Files that are no images, two of the same name, an image that the model does not take (the message names it), or
        an unfinished run of another model, device or other images.
    FileExistsError, FileNotFoundError
        `output` or an unfinished run exists; an input or the output's folder does not.

    Examples
    --------
    >>> import tempfile
    >>> from skimage import io
    >>> from pixelforest.demo_data import load_blobs
    >>> image, scribbles = load_blobs()
    >>> model = pixelforest.ImageSegmenter().fit([image], [scribbles])
    >>> folder = Path(tempfile.mkdtemp())
    >>> io.imsave(folder / "blobs.tif", image)
    >>> predict_images(model, [folder / "blobs.tif"], folder / "labels.png")
    >>> bool((io.imread(folder / "labels.png") == model.predict(image)).all())
    True
    """
    output, paths = Path(output), [Path(path) for path in inputs]
    files = list_images(paths)
    is_single = len(paths) == 1 and paths[0].is_file() and output.suffix.lower() in WRITABLE
    _check_names(files)
    identity = {
        "version": pixelforest.__version__,
        "device": device_fingerprint(model),
        "model": model_digest(model),
        "images": [[path.name, path.stat().st_size] for path in files],
    }
    record = open_run(output, identity, lambda data: None if is_single else data.mkdir(), resume=resume)
    if progress is not None:
        progress("predict", len(record.done), len(files))
    for path in files:
        if path.name in record.done:
            continue
        _predict_file(model, path, record, output if is_single else None)
        if progress is not None:
            progress("predict", len(record.done), len(files))
    record.publish()


def _check_names(files: Sequence[Path]) -> None:
    """Raise where two images would give one label file."""
    seen: dict[str, Path] = {}
    for path in files:
        other = seen.setdefault(path.stem, path)
        if other is not path:
            raise ValueError(f"`inputs` must have names of their own, got {str(other)!r} and {str(path)!r}")


def _predict_file(model: Any, path: Path, record: RunRecord, single: Path | None) -> None:
    image = read_image(path)
    try:
        labels = np.asarray(model.predict([image])[0])
    except (ValueError, TypeError) as error:
        raise type(error)(f"{path}: {error}") from error
    name = label_file_name(path, labels.ndim) if single is None else single.name
    scratch = record.folder / name
    try:
        write_labels(scratch, labels)
        scratch.replace(record.data if single is not None else record.data / name)
        sync_folder(record.data.parent if single is not None else record.data)
        record.mark(path.name, hashlib.sha256(labels.tobytes()).hexdigest())
    except OSError as error:
        safe = f"{len(record.done)} finished images are kept in {str(record.folder)!r} to resume from"
        raise OSError(error.errno, f"cannot write the labels of {path}: {error.strerror or error}; {safe}") from error
