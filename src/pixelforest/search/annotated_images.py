"""All features at the annotated pixels of all images, computed once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from pixelforest.estimators.segmenter import row_reader
from pixelforest.estimators.shapes import spatial_shapes
from pixelforest.explain.pixel_rows import last_step
from pixelforest.features.build import applications
from pixelforest.features.spec import FeatureSpec
from pixelforest.images.containers import collect_images
from pixelforest.images.labels import read_annotations
from pixelforest.search.stacked_model import StackedModel


@dataclass(frozen=True, eq=False)
class AnnotatedImages:
    """Rows of features.

    Attributes
    ----------
    rows : dict of int to ndarray of float32, shape (n_pixels, n_features)
        Of every image with annotated pixels.
    labels : dict of int to ndarray, shape (n_pixels,)
    columns : dict of FeatureSpec to list of int
        Where the features of each specification are, in the order of the specifications.
    n_channels : int
    """

    rows: dict[int, NDArray[np.float32]]
    labels: dict[int, NDArray[Any]]
    columns: dict[FeatureSpec, list[int]]
    n_channels: int

    def take(
        self, images: Iterable[int], columns: Sequence[int]
    ) -> tuple[list[NDArray[np.float32]], list[NDArray[Any]]]:
        """Return rows and labels of those of some images that have any."""
        known = [int(index) for index in images if int(index) in self.rows]
        return [self.rows[index][:, columns] for index in known], [self.labels[index] for index in known]


def read_images(model: StackedModel, X: Any, y: Any) -> AnnotatedImages:
    """Compute the features of a model at the annotated pixels of all images; pixels that NaN reaches are left out.

    Parameters
    ----------
    model : StackedModel
    X : list of array-like
    y : list of array-like of int

    Raises
    ------
    TypeError, ValueError
        Images or labels that the model does not take.
    """
    stack = clone(model.stack)
    images = X if model.front is None else clone(model.front).fit_transform(X)
    batch = collect_images(images, stack.axes(), allow_single=False)
    stack.fit(batch.images)
    read, rows, labels = row_reader(stack), {}, {}
    shapes = spatial_shapes(batch, stack.axes())
    for annotation in read_annotations(y, shapes, unlabeled=last_step(model.model).unlabeled):
        found, valid = read(batch.images[annotation.index], annotation)
        if valid.any():
            rows[annotation.index] = found[valid]
            labels[annotation.index] = annotation.labels[valid]
    columns: dict[FeatureSpec, list[int]] = {}
    first, ndim = 0, stack.filter_ndim or stack.spatial_ndim
    for spec, _ in applications(stack.specs(), stack.n_features_in_):
        n = len(spec.names(ndim))
        columns.setdefault(spec, []).extend(range(first, first + n))
        first += n
    return AnnotatedImages(rows, labels, columns, stack.n_features_in_)
