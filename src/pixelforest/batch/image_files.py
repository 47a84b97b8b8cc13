"""`predict_images`: from image files to files of labels or probabilities of the same names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pixelforest
from pixelforest.batch.classes import check_gives_probabilities, class_names
from pixelforest.batch.identity import check_device, device_fingerprint, model_digest
from pixelforest.batch.workers import workers_of
from pixelforest.engine.tasks import in_turn
from pixelforest.estimators.window_results import Kind
from pixelforest.io.image_files import (
    WRITABLE,
    label_file_name,
    list_images,
    probability_file_name,
    read_image,
    write_labels,
    write_probabilities,
)
from pixelforest.io.run_record import open_run, retold, sync_folder


def predict_images(
    model: Any,
    inputs: Sequence[str | Path],
    output: str | Path,
    *,
    kind: Kind = "labels",
    resume: bool = False,
    progress: Callable[[str, int, int], object] | None = None,
    client: Any = None,
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
    kind : {"labels", "probabilities"}
        Probabilities are OME-TIFF of float32 with a channel per class.
    resume : bool
        Go on with an unfinished run.
    progress : callable, optional
        Called with "predict", images done and images in all.
    client : distributed.Client, optional
        Connected to a cluster whose workers see `inputs` and `output` under the same paths: they read, predict and
        write an image each. The record of the run is kept here.

    Raises
    ------
    ValueError
        Files that are no images, two of the same name, an image that the model does not take (the message names it), or
        an unfinished run of another model, device or other images.
    TypeError
        Probabilities of a model that gives none.
    RuntimeError
        Workers have different devices, or die again and again.
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
    output, paths = Path(output).absolute(), [Path(path) for path in inputs]
    if kind not in ("labels", "probabilities"):
        raise ValueError(f"`kind` must be 'labels' or 'probabilities', got {kind!r}")
    if kind == "probabilities":
        check_gives_probabilities(model)
    workers = workers_of(client)
    files = [path.absolute() for path in list_images(paths)]
    is_single = len(paths) == 1 and paths[0].is_file() and output.suffix.lower() in WRITABLE
    _check_names(files)
    device = device_fingerprint(model) if workers is None else workers.ask(device_fingerprint, model)
    identity = {
        "version": pixelforest.__version__,
        "kind": kind,
        "device": device,
        "model": model_digest(model),
        "images": [[path.name, path.stat().st_size] for path in files],
    }
    record = open_run(output, identity, lambda data: None if is_single else data.mkdir(), resume=resume)
    if progress is not None:
        progress("predict", len(record.done), len(files))
    missing = [path for path in files if path.name not in record.done]
    task = FileTask(model, kind, device, record.folder, record.data, output.name if is_single else None)
    try:
        with closing((workers or in_turn)(task, missing)) as finished:
            for number, digest in finished:
                record.mark(missing[number].name, digest)
                if progress is not None:
                    progress("predict", len(record.done), len(files))
    except OSError as error:
        raise record.with_what_is_safe(error, "images") from error
    record.publish()


def _check_names(files: Sequence[Path]) -> None:
    """Raise where two images would give one label file."""
    seen: dict[str, Path] = {}
    for path in files:
        other = seen.setdefault(path.stem, path)
        if other is not path:
            raise ValueError(f"`inputs` must have names of their own, got {str(other)!r} and {str(path)!r}")


@dataclass(frozen=True, eq=False)
class FileTask:
    """Predicts one image file and writes what is predicted; travels to workers.

    Parameters
    ----------
    model : estimator
    kind : {"labels", "probabilities"}
    device : str
        Fingerprint of the device that all files are predicted with.
    scratch : Path
        Folder for files that are not yet whole; they are renamed.
    data : Path
        The folder that they go to or, of a single one, the place.
    single_name : str, optional
        Name of the output where that is a single file.
    """

    model: Any
    kind: Kind
    device: str
    scratch: Path
    data: Path
    single_name: str | None

    def __call__(self, path: Path) -> str:
        """Return the digest of what was predicted and is on disk then.

        Raises
        ------
        TypeError, ValueError
            No image, or one that the model does not take; the message names the file.
        OSError
            The result cannot be written.
        RuntimeError
            This process has another device.
        """
        check_device(self.model, self.device)
        image = read_image(path)
        try:
            predict = self.model.predict if self.kind == "labels" else self.model.predict_proba
            values = np.asarray(predict([image])[0])
        except (ValueError, TypeError) as error:
            raise type(error)(f"{path}: {error}") from error
        try:
            self._write(path, values)
        except OSError as error:
            raise retold(error, f"cannot write the {self.kind} of {path}: {error.strerror or error}") from error
        return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()

    def _write(self, path: Path, values: NDArray[Any]) -> None:
        if self.kind == "labels":
            name = self.single_name or label_file_name(path, values.ndim)
            write_labels(self.scratch / name, values)
        else:
            name = self.single_name or probability_file_name(path)
            write_probabilities(self.scratch / name, values, class_names(self.model))
        (self.scratch / name).replace(self.data if self.single_name else self.data / name)
        sync_folder(self.data.parent if self.single_name else self.data)
