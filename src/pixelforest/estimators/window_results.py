"""Labels or probabilities of any window of an image that is not loaded: how files are predicted."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.select import open_backends
from pixelforest.engine.scaling import ChannelScales, measure_scales
from pixelforest.engine.streaming import ImageRun, run_job
from pixelforest.estimators.segmenter import ImageSegmenter
from pixelforest.features.patch import Window

Kind = Literal["labels", "probabilities"]


class WindowResults:
    """Predicts windows of images; equal to cutting them out of the prediction of the whole image.

    Parameters
    ----------
    model : ImageSegmenter
        Fitted.
    kind : {"labels", "probabilities"}
    """

    def __init__(self, model: ImageSegmenter, kind: Kind) -> None:
        self._job = model._job(kind, is_masked=False)
        self._limits = model._limits()

    def __call__(self, planes: Any, window: Window, scales: ChannelScales | None = None) -> NDArray[Any]:
        r"""Return the results on a window.

        Parameters
        ----------
        planes : array-like, shape (n_channels, \*spatial)
            The image; read by slices.
        window : Window
        scales : ChannelScales, optional
            Of the whole image, where they are known; see `measured_scales`.

        Returns
        -------
        ndarray, shape (\*window.shape) or (n_classes, \*window.shape)
        """
        results = np.empty(self._job.result_shape(window.shape), self._job.dtype)
        backends = open_backends(self._job.device, allow_mixed=self._job.allow_mixed_devices)
        run_job(
            self._job,
            [ImageRun(self._job.scaled(planes, 0, scales), results, target=window)],
            backends,
            limits=self._limits,
        )
        return results if self._job.n_values is None else np.moveaxis(results, -1, 0)


def label_dtype(model: ImageSegmenter) -> np.dtype[Any]:
    """Return the dtype of the labels of a fitted model."""
    return np.dtype(model._label_dtype())


def measured_scales(model: ImageSegmenter, planes: Any) -> ChannelScales | None:
    r"""Return how a fitted model scales an image, which is read for it; None if the model scales none.

    Parameters
    ----------
    model : ImageSegmenter
    planes : array-like, shape (n_channels, \*spatial)
    """
    features = model.features_
    scaling = features.scaling()
    return None if scaling is None else measure_scales(planes, scaling, features.nan_policy, 0)
