"""Large Gaussians on coarse grids against SciPy's: how far off each filter is, by scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import data

from benchmarks.agreement.scipy_oracles import ORACLES
from pixelforest.features.build import build_plan
from pixelforest.features.patch import Patch, Window
from pixelforest.features.spec import FeatureSpec

Image = NDArray[np.float32]
FILTERS = (
    "gaussian",
    "difference_of_gaussians",
    "difference_of_scales_2",
    "laplacian_of_gaussian",
    "gaussian_gradient_magnitude",
    "gaussian_derivatives",
    "hessian_eigenvalues",
    "hessian_determinant",
    "structure_tensor_eigenvalues",
    "sobel",
)
"""Those that a coarse grid serves; the trace of the Hessian is the Laplacian."""
SIGMAS = (4, 4.5, 6, 9, 15, 25, 50)
LIMIT = 5e-4
"""Of errors, relative to the largest magnitude that a filter can have for images of the same range."""


def images() -> Iterator[tuple[str, Image]]:
    """Yield two photographs, white noise, pixels that are 0 or 1, and a narrow strip, all from 0 to 1."""
    random = np.random.default_rng(0)
    yield "camera", data.camera()[100:311, 150:341].astype(np.float32) / 255
    yield "coins", data.coins()[:190, :161].astype(np.float32) / 255
    yield "noise", random.random((157, 180), np.float32)
    yield "bits", random.integers(0, 2, (180, 157)).astype(np.float32)
    yield "strip", random.random((7, 211), np.float32)


def cascade_error(compute: Callable[..., Any], image: Image, name: str, sigma: float) -> float:
    """Return the largest difference from SciPy, relative to what the filter can give for images of that range."""
    spacing = (1.0,) * image.ndim
    window = Window.whole(image.shape)
    plan = build_plan((FeatureSpec(name, sigma, large_sigma="cascade"),), spacing)
    values = compute(plan, Patch(image[np.newaxis], window, window, image.shape))
    expected = ORACLES[name](image.astype(np.float64), sigma, spacing)
    extent = float(np.ptp(image)) or 1.0
    limits = [bound.limit(extent) for bound in build_plan((FeatureSpec(name, sigma),), spacing).bounds]
    pairs = zip(values, expected, limits, strict=True)
    return max(float(np.abs(value - oracle).max()) / limit for value, oracle, limit in pairs)


def cascade_errors(compute: Callable[..., Any]) -> dict[str, dict[str, float]]:
    """Return the largest error of each filter by scale, over all images."""
    pictures = [image for _, image in images()]
    return {
        name: {str(sigma): max(cascade_error(compute, image, name, sigma) for image in pictures) for sigma in SIGMAS}
        for name in FILTERS
    }


def print_errors(errors: dict[str, dict[str, float]], engine: str) -> int:
    """Print the table of one engine; return how many errors are above `LIMIT`."""
    print(
        f"\nlarge_sigma='cascade' against SciPy, {engine}: largest error, relative to the range of the image times gain"
    )
    print(f"{'filter':30}" + "".join(f"{f'sigma {sigma}':>10}" for sigma in SIGMAS))
    for name, row in errors.items():
        print(f"{name:30}" + "".join(f"{error:10.1e}" for error in row.values()))
    return sum(error > LIMIT for row in errors.values() for error in row.values())
