"""Labels of any window of an image that is not loaded: how files are predicted by an `ImageSegmenter`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.select import open_backend
from pixelforest.engine.tiling import TileReader, tile_shape_of_plan, tiles
from pixelforest.estimators.segmenter import ImageSegmenter
from pixelforest.features.patch import Window


class WindowLabels:
    r"""Predicts windows of one image; equal to cutting them out of the prediction of the whole image.

    Parameters
    ----------
    model : ImageSegmenter
        Fitted.
    planes : array-like, shape (n_channels, \*spatial)
        The image; read by slices, window by window.
    """

    def __init__(self, model: ImageSegmenter, planes: Any) -> None:
        features = model.features_
        self._backend = open_backend(features.device)
        self._reader = TileReader(planes, features.plan_for(model.n_features_in_), features.nan_policy, 0)
        self._decide = model._label_decider()
        self._masked_label = model._masked_label
        self._dtype = label_dtype(model)

    def __call__(self, window: Window) -> NDArray[Any]:
        """Return the labels of a window."""
        labels = np.empty(window.shape, self._dtype)
        plan = self._reader.plan
        for part in tiles(window.shape, tile_shape_of_plan(window.shape, plan)):
            target = Window(
                tuple(a + o for a, o in zip(part.start, window.start, strict=True)),
                tuple(b + o for b, o in zip(part.stop, window.start, strict=True)),
            )
            patch, touched = self._reader.read(target)
            tile = labels[part.slices]
            tile[...] = self._decide(self._backend.compute_features(plan, patch))
            if touched is not None:
                tile[touched] = self._masked_label()
        return labels


def label_dtype(model: ImageSegmenter) -> np.dtype[Any]:
    """Return the dtype of the labels of a fitted model."""
    return np.dtype(model._label_dtype())
