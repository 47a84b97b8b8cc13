"""A recipe for nuclei of many sizes: images are resized so that those of all have about the same diameter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.transform import resize
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone

import pixelforest as pf

BACKGROUND, INSIDE, BORDER = 1, 2, 3


def typical_diameter(image: NDArray[Any]) -> float:
    """Return how wide the bright objects are: a disc's pixels are a sixth of its diameter from its edge, on average."""
    smooth = ndimage.gaussian_filter(image.astype(np.float32), 1)
    depth = ndimage.distance_transform_edt(ndimage.binary_fill_holes(smooth > threshold_otsu(image)))
    return 6 * float(depth[depth > 0].mean())


def depth_classes(objects: NDArray[Any], border: float) -> NDArray[np.uint8]:
    """Return classes: the border of an object is less than `border` of its greatest depth from another value."""
    outermost = pf.instance_classes(objects, border_width=1) == BORDER
    depth = 1 + ndimage.distance_transform_edt((objects > 0) & ~outermost)
    greatest = np.zeros(int(objects.max()) + 1)
    np.maximum.at(greatest, objects, depth)
    classes = np.where(depth < border * greatest[objects], BORDER, INSIDE)
    return np.where(objects > 0, classes, BACKGROUND).astype(np.uint8)


class CommonSize(MetaEstimatorMixin, BaseEstimator):
    """Learn and find objects in images that are resized so that all have the same typical diameter."""

    def __init__(
        self, model: Any, *, diameter: float = 28, border: float = 0.2, share: float = 1 / 30, random_state: int = 0
    ) -> None:
        self.model = model
        self.diameter = diameter
        self.border = border
        self.share = share
        self.random_state = random_state

    def fit(self, X: list[NDArray[Any]], y: list[NDArray[Any]]) -> CommonSize:
        """Learn from as many random pixels as are `share` of the images `X`, whose objects are `y`."""
        random = np.random.default_rng(self.random_state)
        images, annotations = [self._resized(image) for image in X], []
        for image, resized, objects in zip(X, images, y, strict=True):
            classes = depth_classes(nearest(objects, resized.shape), self.border)
            is_learned = random.random(classes.shape) < self.share * image.size / resized.size
            annotations.append(np.where(is_learned, classes, 0).astype(np.uint8))
        self.model_ = clone(self.model).fit(images, annotations)
        return self

    def predict(self, X: list[NDArray[Any]]) -> list[NDArray[np.int64]]:
        """Return label images of the objects, as large as the images `X`."""
        found = self.model_.predict([self._resized(image) for image in X])
        return [nearest(labels, image.shape) for labels, image in zip(found, X, strict=True)]

    def _resized(self, image: NDArray[Any]) -> NDArray[np.float32]:
        factor = np.clip(self.diameter / typical_diameter(image), 0.25, 4)
        shape = [round(side * factor) for side in image.shape]
        return resize(image.astype(np.float32), shape, order=1, anti_aliasing=bool(factor < 1))


def nearest(labels: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return labels of another shape, each pixel with the label of the nearest one."""
    return resize(labels, shape, order=0, anti_aliasing=False, preserve_range=True).astype(np.int64)
