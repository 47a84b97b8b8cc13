"""What image-shaped estimators share: results in the container that came, and tags that say what they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pixelforest.engine.xarrays import is_named, stack_like
from pixelforest.images.containers import ImageAxes, ImageBatch, collect_images


class ImageInputMixin:
    """Tags of estimators whose samples are images, and a `set_output` that leaves n-D results alone."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags

    def set_output(self, *, transform: Any = None) -> Any:
        """Do nothing: n-D results cannot be data frames. Named images (xarray) come back named."""
        return self


def map_images(X: Any, axes: ImageAxes, function: Callable[[Any, int], Any]) -> Any:
    """Return ``function(image, index)`` of every image, in the container that `X` is.

    Raises
    ------
    TypeError, ValueError
        See `collect_images`.
    """
    batch = collect_images(X, axes)
    return restore(batch, [function(image, index) for index, image in enumerate(batch.images)], X)


def restore(batch: ImageBatch, results: list[Any], X: Any) -> Any:
    """Return results, one per image, in the container that `X` is; named stacks keep their names."""
    if batch.container == "stack" and is_named(X):
        return stack_like(results, batch, X)
    return batch.restore(results)


def spatial_shapes(batch: ImageBatch, axes: ImageAxes) -> list[tuple[int, ...]]:
    """Return the spatial shape of every image."""
    return [axes.spatial(np.shape(image)) for image in batch.images]


def checked_n_channels(
    batch: ImageBatch, axes: ImageAxes, *, expected: int | None = None, what: str = "channels"
) -> int:
    """Return the number of channels that all images have.

    Raises
    ------
    ValueError
        An image with another number than the first one, or than `expected` (what `fit` saw).
    """
    for index, image in enumerate(batch.images):
        n_channels = 1 if axes.channel_axis is None else np.shape(image)[axes.channel_axis]
        if expected is None:
            expected = n_channels
        if n_channels != expected:
            raise ValueError(f"`X[{index}]` must have {expected} {what}, as in `fit`; it has {n_channels}")
    assert expected is not None  # a batch holds at least one image
    return expected
