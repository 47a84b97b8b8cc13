"""What features cost on a device: measured as they are computed, with everything that they share."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from pixelforest.backends.select import open_backend
from pixelforest.engine.tiling import TileReader
from pixelforest.features.patch import Window
from pixelforest.features.plan import FeaturePlan

SHAPES = {2: (256, 256), 3: (40, 40, 40)}
"""Of the image of noise that is filtered; tiles of 256 to 2048 pixels a side take the same time per pixel."""
MOST_SECONDS = 0.5
"""After which no further round begins."""


def measured_cost(plan: FeaturePlan, device: str = "auto", *, n_rounds: int = 5) -> float:
    """Return the microseconds that a plan takes per megapixel, on one device: the fastest of several rounds.

    Whatever else runs on a machine makes rounds slower and none faster, so that the fastest says most about the plan.

    Parameters
    ----------
    plan : FeaturePlan
        Planes that several features need are computed, and paid for, once.
    device : str
        See `ImageFeatureStack`.
    n_rounds : int
        After one to warm up; fewer where they take longer than half a second.

    Examples
    --------
    >>> import pixelforest as pf
    >>> measured_cost(pf.ImageFeatureStack(("gaussian",), sigmas=(1,)).plan_) > 0
    True
    """
    backend = open_backend(device)
    shape = SHAPES[plan.ndim]
    image = np.random.default_rng(0).random((plan.n_channels, *shape), np.float32)
    patch, _ = TileReader(image, plan, "raise", 0).read(Window.whole(shape))
    backend.compute_features(plan, patch).to_host()  # builds kernels
    seconds: list[float] = []
    while len(seconds) < n_rounds and sum(seconds) < MOST_SECONDS:
        start = perf_counter()
        backend.compute_features(plan, patch).to_host()
        seconds.append(perf_counter() - start)
    return min(seconds) * 1e12 / image[0].size
