"""Record what fastfilters and pyclesperanto compute, for tests that run where they are not installed.

Run in an environment that has one of them: ``python -m benchmarks.agreement.record_originals FOLDER``. fastfilters is
not on the package index; build https://github.com/ilastik/fastfilters (0.3). pyclesperanto is (0.25.1 was used).
Every file holds the images and, as ``<filter>:<ndim>:<sigma>``, every third pixel of the outputs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

ILASTIK_SIGMAS = {2: (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0), 3: (0.3, 0.7, 1.0, 1.6, 3.5)}
CLESPERANTO_SIGMAS = (0.5, 1.0, 2.3)
Outputs = Iterator[tuple[str, float, np.ndarray]]


def images() -> dict[int, np.ndarray]:
    random = np.random.default_rng(0)
    return {2: random.normal(20, 50, (41, 46)).astype(np.float32), 3: random.normal(20, 50, (14, 15, 17)).astype("f4")}


def fastfilters_outputs(image: np.ndarray) -> Outputs:
    """Yield ilastik's features as its operator OpPixelFeaturesPresmoothed calls fastfilters."""
    import fastfilters as ff

    for sigma in ILASTIK_SIGMAS[image.ndim]:
        first, scale = (float(np.sqrt(sigma**2 - 1)), 1.0) if sigma > 1 else (sigma, sigma)
        smooth = ff.gaussianSmoothing(image, first, 3.5)
        narrow, wide = (ff.gaussianSmoothing(smooth, s, 2.0) for s in (scale * 0.66, scale))
        tensor = ff.structureTensorEigenvalues(smooth, scale, scale * 0.5, 2.0)
        yield "gaussian", sigma, wide[np.newaxis]
        yield "difference_of_gaussians", sigma, (wide - narrow)[np.newaxis]
        yield "laplacian_of_gaussian", sigma, ff.laplacianOfGaussian(smooth, scale, 2.0)[np.newaxis]
        yield "gaussian_gradient_magnitude", sigma, ff.gaussianGradientMagnitude(smooth, scale, 2.0)[np.newaxis]
        yield "structure_tensor_eigenvalues", sigma, descending(tensor)
        yield "hessian_eigenvalues", sigma, descending(ff.hessianOfGaussianEigenvalues(smooth, scale, 2.0))


def descending(values: np.ndarray) -> np.ndarray:
    return np.sort(np.moveaxis(values, -1, 0), axis=0)[::-1]


def clesperanto_outputs(image: np.ndarray) -> Outputs:
    """Yield apoc's features from pyclesperanto's functions."""
    import pyclesperanto as cle

    def blur(sigma: float) -> object:
        return cle.gaussian_blur(image, sigma_x=sigma, sigma_y=sigma, sigma_z=sigma if image.ndim == 3 else 0)

    for sigma in CLESPERANTO_SIGMAS:
        yield "gaussian", sigma, np.asarray(blur(sigma))[np.newaxis]
        band = np.asarray(blur(0.9 * sigma)) - np.asarray(blur(1.1 * sigma))
        yield "difference_of_gaussians", sigma, band[np.newaxis]
        yield "laplacian_of_gaussian", sigma, np.asarray(cle.laplace(blur(sigma), connectivity="box"))[np.newaxis]
        yield "sobel", sigma, np.asarray(cle.sobel(blur(sigma)))[np.newaxis]
        radius = int(sigma + 0.5)
        box = {"radius_x": radius, "radius_y": radius, "radius_z": radius * (image.ndim == 3), "connectivity": "box"}
        for name, function in (
            ("minimum", cle.minimum_filter),
            ("maximum", cle.maximum_filter),
            ("local_mean", cle.mean_filter),
        ):
            yield name, sigma, np.asarray(function(image, **box))[np.newaxis]


def record(path: Path, outputs: Callable[[np.ndarray], Outputs]) -> None:
    arrays = {}
    for ndim, image in images().items():
        arrays[f"image:{ndim}"] = image
        for name, sigma, values in outputs(image):
            thinned = values[(slice(None), *(slice(None, None, 3),) * ndim)]
            arrays[f"{name}:{ndim}:{sigma}"] = np.ascontiguousarray(thinned, np.float32)
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for library, outputs in (("fastfilters", fastfilters_outputs), ("pyclesperanto", clesperanto_outputs)):
        try:
            record(folder / f"{library}.npz", outputs)
            print(f"recorded {library}")
        except ImportError as error:
            print(f"{library} is not installed: {error}")
