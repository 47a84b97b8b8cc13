"""Workloads: forests trained on a few annotated pixels of a photograph, and all of its pixels to decide.

Real features, not noise: what makes image forests special is that neighbouring pixels decide alike.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import data
from sklearn.ensemble import RandomForestClassifier

SIGMAS = (1, 2, 5, 10, 1.5, 3, 7, 4)
"""Pixels; the order of the features of all workloads, of which each takes the first few."""
MAX_FEATURES = 30
ANNOTATED = 20_000
LABEL_NOISE = 0.05
THRESHOLDS = (70, 150)
"""Grey values between the classes."""


def _features_at(image: NDArray[np.float32], sigma: float) -> list[NDArray[np.float32]]:
    """Return Gaussian, difference of Gaussians, Laplacian and gradient magnitude at one scale."""
    smooth = ndimage.gaussian_filter(image, sigma)
    difference = ndimage.gaussian_filter(image, 0.9 * sigma) - ndimage.gaussian_filter(image, 1.1 * sigma)
    return [smooth, difference, ndimage.laplace(smooth), ndimage.generic_gradient_magnitude(smooth, ndimage.sobel)]


@dataclass(frozen=True)
class Photograph:
    """The cameraman, tiled to `shape`, with the noise of a sensor; SciPy's features and noisy annotations."""

    shape: tuple[int, int] = (1024, 2048)

    @cached_property
    def image(self) -> NDArray[np.float32]:
        """Grey values, ``shape``."""
        camera = np.roll(data.camera(), (-90, -190), axis=(0, 1)).astype(np.float32)  # the head first, for small images
        repeats = [-(-wanted // there) for wanted, there in zip(self.shape, camera.shape, strict=True)]
        tiled = np.tile(camera, repeats)[: self.shape[0], : self.shape[1]]
        return (tiled + np.random.default_rng(0).normal(0, 8, self.shape)).astype(np.float32)

    @cached_property
    def block(self) -> NDArray[np.float32]:
        """Features, ``(MAX_FEATURES, *shape)``."""
        with ThreadPoolExecutor(2) as pool:  # SciPy's filters release the lock
            scales = list(pool.map(lambda sigma: _features_at(self.image, sigma), SIGMAS))
        return np.stack([self.image, *(feature for scale in scales for feature in scale)][:MAX_FEATURES])

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """Classes 0 to 2 by brightness, of which `LABEL_NOISE` are random; ``(n_pixels,)``."""
        classes = np.digitize(ndimage.gaussian_filter(self.image, 3).ravel(), THRESHOLDS)
        is_wrong = np.random.default_rng(1).random(classes.size) < LABEL_NOISE
        return np.where(is_wrong, np.random.default_rng(2).integers(0, 3, classes.size), classes).astype(np.uint8)

    @cached_property
    def annotated(self) -> NDArray[np.intp]:
        """Pixels that the forests are fitted on."""
        count = min(ANNOTATED, self.labels.size // 4)
        return np.random.default_rng(3).choice(self.labels.size, count, replace=False)


@dataclass(frozen=True)
class Workload:
    """A fitted forest and the pixels to decide.

    Parameters
    ----------
    photograph : Photograph
        Shared by all workloads.
    share_of_trees : float
        Below 1, fits fewer trees, for tests.
    """

    letter: ClassVar[str]
    n_estimators: ClassVar[int] = 100
    max_depth: ClassVar[int | None]
    n_features: ClassVar[int] = MAX_FEATURES
    n_classes: ClassVar[int] = 3
    compile_limit: ClassVar[float] = 2.0
    """Seconds that pixelforest's first prediction may take."""
    row_pixels: ClassVar[int] = 2**17
    """Pixels that engines of rows decide: enough that starting threads does not count."""

    photograph: Photograph
    share_of_trees: float = 1.0

    @property
    def block(self) -> NDArray[np.float32]:
        """Features ``(n_features, height, width)``."""
        return self.photograph.block[: self.n_features]

    @cached_property
    def rows(self) -> NDArray[np.float32]:
        """All pixels in raster order as C-ordered rows, ``(n_pixels, n_features)``."""
        return np.ascontiguousarray(self.block.reshape(self.n_features, -1).T)

    @cached_property
    def training_rows(self) -> NDArray[np.float32]:
        """Features of the annotated pixels."""
        return self.rows[self.photograph.annotated]

    @cached_property
    def training_labels(self) -> NDArray[np.uint8]:
        """Classes of the annotated pixels, 0 to ``n_classes - 1``: labels are class indices."""
        return np.minimum(self.photograph.labels[self.photograph.annotated], self.n_classes - 1)

    @cached_property
    def model(self) -> RandomForestClassifier:
        """Scikit-learn's forest, ``n_jobs=1``."""
        n_trees = max(round(self.n_estimators * self.share_of_trees), 1)
        forest = RandomForestClassifier(n_trees, max_depth=self.max_depth, random_state=0, n_jobs=2)
        return forest.fit(self.training_rows, self.training_labels).set_params(n_jobs=1)

    @property
    def title(self) -> str:
        """The forest in words."""
        depth = "unlimited depth" if self.max_depth is None else f"depth {self.max_depth}"
        return f"{self.model.n_estimators:,} trees, {depth}"

    @property
    def n_nodes(self) -> int:
        """Nodes of all trees, leaves included."""
        return sum(estimator.tree_.node_count for estimator in self.model.estimators_)

    @cached_property
    def expected(self) -> NDArray[np.float64]:
        """Scikit-learn's probabilities of all pixels, summed in the order of the trees."""
        chunks = np.array_split(self.rows, max(len(self.rows) // 2**16, 1))
        predict: Callable[[NDArray[np.float32]], NDArray[np.float64]] = self.model.predict_proba
        with ThreadPoolExecutor(2) as pool:
            return np.concatenate(list(pool.map(predict, chunks)))

    def spread_pixels(self, count: int) -> NDArray[np.intp]:
        """Return about `count` pixels: whole lines of the image, evenly spaced, in raster order."""
        height, width = self.photograph.shape
        n_lines = min(max(count // width, 1), height)
        lines = np.linspace(0, height - 1, n_lines).round().astype(np.intp)
        return (lines[:, None] * width + np.arange(width)).ravel()

    def shuffled_pixels(self, count: int) -> NDArray[np.intp]:
        """Return up to `count` pixels of the whole image in random order: nothing coherent is left."""
        return np.random.default_rng(4).permutation(len(self.rows))[:count]


class ShallowForest(Workload):
    letter = "A"
    max_depth, n_features, n_classes, compile_limit = 2, 10, 2, 1.0
    row_pixels = 2**19


class DeepForest(Workload):
    letter = "B"
    max_depth, n_features, compile_limit = 10, 16, 1.0
    row_pixels = 2**18


class NoisyForest(Workload):
    letter = "C"
    max_depth = None


class LargeForest(Workload):
    letter = "D"
    n_estimators, max_depth = 1000, 3


WORKLOADS: tuple[type[Workload], ...] = (ShallowForest, DeepForest, NoisyForest, LargeForest)
