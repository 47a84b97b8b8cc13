"""Labels of any window of an image that is not loaded: how files are predicted by an `ImageSegmenter`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.select import open_backends
from pixelforest.engine.scaling import ChannelScales, ScaledPlanes
from pixelforest.engine.streaming import ImageRun, run_job
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
        self._job = model._job("labels", is_masked=False)
        self._limits = model._limits()
        self._planes = self._job.scaled(planes, 0)

    @property
    def scales(self) -> ChannelScales | None:
        """How the image is scaled, if the model scales images; found when this object is made."""
        return self._planes.scales if isinstance(self._planes, ScaledPlanes) else None

    def __call__(self, window: Window) -> NDArray[Any]:
        """Return the labels of a window."""
        labels = np.empty(window.shape, self._job.dtype)
        backends = open_backends(self._job.device, allow_mixed=self._job.allow_mixed_devices)
        run_job(self._job, [ImageRun(self._planes, labels, target=window)], backends, limits=self._limits)
        return labels


def label_dtype(model: ImageSegmenter) -> np.dtype[Any]:
    """Return the dtype of the labels of a fitted model."""
    return np.dtype(model._label_dtype())
