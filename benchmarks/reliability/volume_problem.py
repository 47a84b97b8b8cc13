"""A real volume, a model of its nuclei, and what one way to predict it gives."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import pixelforest as pf

CHUNKS = (8, 16, 16)


@dataclass(frozen=True)
class VolumeProblem:
    """A volume, a model that learnt from strokes in one half of it, and a folder for files.

    Attributes
    ----------
    image : ndarray, shape (n_z, n_y, n_x)
    objects : ndarray of bool, shape (n_z, n_y, n_x)
        Where nuclei are.
    folder : Path
        For what the ways read and write.
    name : str
        Where the volume comes from.
    """

    image: NDArray[Any]
    objects: NDArray[np.bool_]
    folder: Path
    name: str

    @classmethod
    def load(cls, data: Path, folder: Path) -> VolumeProblem:
        """Read StarDist's volume of nuclei from the real images in `data`, or make one of balls where it is absent."""
        from skimage import io

        source = data / "stardist"
        if (source / "img3d.tif").exists():
            objects = io.imread(source / "mask3d.tif") > 0
            return cls(io.imread(source / "img3d.tif"), objects, folder, "stardist/img3d.tif")
        noise = np.random.default_rng(0).normal(size=(31, 61, 57))
        objects = ndimage.gaussian_filter(noise, 3) > 0.01
        image = np.clip(150 + 100 * objects + 30 * noise, 0, None).astype(np.uint16)
        return cls(image, objects, folder, f"made up: there is no {source / 'img3d.tif'}")

    @cached_property
    def model(self) -> pf.ImageSegmenter:
        """Trained on the half with small x, a voxel away from the borders of nuclei, on every fifth row."""
        half = self.image.shape[2] // 2
        objects = self.objects[..., :half]
        strokes = np.zeros(objects.shape, np.uint8)
        strokes[ndimage.binary_erosion(objects)] = 2
        strokes[~ndimage.binary_dilation(objects)] = 1
        strokes[np.indices(strokes.shape)[:2].sum(axis=0) % 5 > 0] = 0
        features = pf.ImageFeatureStack(
            ("original", "gaussian", "laplacian_of_gaussian", "hessian_eigenvalues"), (1, 2), spatial_ndim=3
        )
        forest = pf.OpenCLRandomForestClassifier(50, max_depth=8, random_state=0)
        return pf.ImageSegmenter(features, forest).fit([self.image[..., :half]], [strokes])

    def with_tiles(self, **parameters: Any) -> pf.ImageSegmenter:
        """Return the model with other tiles."""
        model: pf.ImageSegmenter = copy.copy(self.model).set_params(**parameters)
        return model

    def lazy(self) -> Any:
        """Return the volume in chunks, the last ones smaller."""
        import dask.array

        return dask.array.from_array(self.image, chunks=CHUNKS)

    def path(self, name: str) -> Path:
        """Return a path in the folder."""
        return self.folder / name


@dataclass(frozen=True)
class Answer:
    """What one way gives.

    Attributes
    ----------
    labels : ndarray
    probabilities : ndarray, optional
        Where the way gives them too.
    parts : int, optional
        Tiles or chunks that were computed, where the way tells.
    """

    labels: NDArray[Any]
    probabilities: NDArray[Any] | None = None
    parts: int | None = None
