"""What is segmented: images, features and forests; and the same features by SciPy and scikit-image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import hessian_matrix_eigvals
from sklearn.ensemble import RandomForestClassifier

import pixelforest as pf
from benchmarks.features.workloads import noisy_photograph
from pixelforest.features.conventions import CONVENTIONS
from pixelforest.features.kernels import weights

Image = NDArray[Any]
FILTERS = (
    "original",
    "gaussian",
    "difference_of_gaussians",
    "laplacian_of_gaussian",
    "gaussian_gradient_magnitude",
    "hessian_eigenvalues",
)
"""Of `docs/few-strokes.md`."""
APOC_PRESET = "object_size_1_to_5_px"
"""The first of apoc's presets that its documentation shows, and its size of forest."""
TREES = 100
JOBS = 2
TRAINED = {2: (512, 512), 3: (32, 128, 128)}
"""Corner of the image with strokes, by number of axes."""


def scipy_features(image: Image, sigmas: Sequence[float]) -> list[Image]:
    """Return the planes of `FILTERS`, filter by filter, by SciPy and scikit-image's eigenvalues."""
    pairs = list(combinations_with_replacement(range(image.ndim), 2))
    orders = [[axes.count(axis) for axis in range(image.ndim)] for axes in pairs]
    hessians = [[ndimage.gaussian_filter(image, sigma, order=order) for order in orders] for sigma in sigmas]
    diagonal = [i for i, (a, b) in enumerate(pairs) if a == b]
    return [
        image,
        *(ndimage.gaussian_filter(image, s) for s in sigmas),
        *(ndimage.gaussian_filter(image, 0.9 * s) - ndimage.gaussian_filter(image, 1.1 * s) for s in sigmas),
        *(np.sum([hessian[i] for i in diagonal], axis=0) for hessian in hessians),
        *(ndimage.gaussian_gradient_magnitude(image, s) for s in sigmas),
        *(plane for hessian in hessians for plane in hessian_matrix_eigvals(hessian)),
    ]


def apoc_features(image: Image, sigmas: Sequence[float]) -> list[Image]:
    """Return the planes of apoc's preset, filter by filter, by SciPy."""

    def blur(sigma: float) -> Image:
        smooth = image
        for axis in range(image.ndim):
            kernel = np.array(weights(CONVENTIONS["clesperanto"].gaussian(sigma, 0)), np.float32)
            smooth = ndimage.correlate1d(smooth, kernel, axis=axis, mode="nearest")
        return smooth

    n = 3**image.ndim
    blurred = [blur(sigma) for sigma in sigmas]
    bands = [blur(0.9 * sigma) - blur(1.1 * sigma) for sigma in sigmas]
    return [image, *blurred, *bands, *(n * (b - ndimage.uniform_filter(b, 3, mode="nearest")) for b in blurred)]


@dataclass(frozen=True)
class Setting:
    """A segmentation: an image, its features and a forest.

    Attributes
    ----------
    name, title : str
    shape : tuple of int
    sigmas : tuple of float
    max_depth : int
    features : str, optional
        A preset instead of `FILTERS`.
    device : str
    """

    name: str
    title: str
    shape: tuple[int, ...]
    sigmas: tuple[float, ...]
    max_depth: int
    features: str | None = None
    device: str = "auto"

    @cached_property
    def image(self) -> NDArray[np.float32]:
        """Image to segment."""
        return noisy_photograph(self.shape)

    @cached_property
    def training(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """A corner of the image, and two classes of brightness on every 16th row of it."""
        corner = self.image[tuple(slice(n) for n in TRAINED[len(self.shape)])]
        labels = np.zeros(corner.shape, np.uint8)
        smooth = ndimage.gaussian_filter(corner, 3)
        labels[..., ::16, :] = 1 + (smooth > np.median(smooth))[..., ::16, :]
        return corner, labels

    @cached_property
    def model(self) -> pf.ImageSegmenter:
        """Segmenter with the compiled forest."""
        chosen: dict[str, Any] = {"filters": FILTERS, "sigmas": self.sigmas}
        if self.features is not None:
            chosen = {"features": f"apoc_{self.features}"}
        stack = pf.ImageFeatureStack(**chosen, spatial_ndim=len(self.shape), device=self.device)
        forest = pf.OpenCLRandomForestClassifier(
            TREES, max_depth=self.max_depth, random_state=0, n_jobs=JOBS, device=self.device
        )
        corner, labels = self.training
        return pf.ImageSegmenter(stack, forest).fit([corner], [labels])

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.model.features_.plan_.outputs)

    @property
    def halo(self) -> list[int]:
        """Pixels around a tile that decide its labels, on every axis."""
        return list(self.model._job("labels", is_masked=False).halo)

    @cached_property
    def sklearn_forest(self) -> RandomForestClassifier:
        """scikit-learn's forest, with the trees that the compiled one has."""
        corner, labels = self.training
        forest = RandomForestClassifier(TREES, max_depth=self.max_depth, random_state=0, n_jobs=JOBS)
        return forest.fit(self.model.features_.transform(corner)[labels > 0], labels[labels > 0])

    @property
    def peer_features(self) -> Callable[[Image, Sequence[float]], list[Image]]:
        """What computes the features without pixelforest."""
        return scipy_features if self.features is None else apoc_features

    def peer_predict(self) -> NDArray[np.uint8]:
        """Segment the image with SciPy, scikit-image and scikit-learn."""
        planes = self.peer_features(self.image, self.sigmas)
        rows = np.stack([plane.ravel() for plane in planes], axis=1)
        return self.sklearn_forest.predict(rows).reshape(self.shape)

    def flips(self) -> int:
        """Return how many pixels of the corner the forests decide otherwise, given the same features."""
        corner, _ = self.training
        features = self.model.features_.transform(corner)
        expected = self.sklearn_forest.predict(features.reshape(-1, features.shape[-1]))
        return int((self.model.predict(corner).ravel() != expected).sum())


def settings(side: int, volume: tuple[int, int, int], device: str) -> tuple[Setting, ...]:
    """Return the settings for square images of `side` pixels and volumes of shape `volume`."""
    plane, sigmas = (side, side), (1.0, 2.0, 3.0, 4.0, 5.0)
    forest = f"{TREES} trees of depth"
    return (
        Setting("plane", f"filters of few strokes, {forest} 10", plane, sigmas, 10, device=device),
        Setting("volume", f"filters of few strokes, sigma 1 and 3, {forest} 10", volume, (1.0, 3.0), 10, device=device),
        Setting("plane, apoc", f"apoc's {APOC_PRESET}, {forest} 2", plane, sigmas, 2, APOC_PRESET, device),
        Setting("volume, apoc", f"apoc's {APOC_PRESET}, {forest} 2", volume, sigmas, 2, APOC_PRESET, device),
    )
