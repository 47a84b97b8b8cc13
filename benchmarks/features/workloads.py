"""Workloads: an image and the features of it, as users of apoc, scikit-image, ilastik and of volumes ask for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import data

import pixelforest as pf
from pixelforest.features.cascade import LargeSigma
from pixelforest.features.presets import ILASTIK_FILTERS, ILASTIK_SIGMAS

APOC_FILTERS = (
    "gaussian_blur",
    "difference_of_gaussian",
    "laplace_box_of_gaussian_blur",
    "sobel_of_gaussian_blur",
)
SCIPY_FILTERS = ("gaussian", "difference_of_gaussians", "laplacian_of_gaussian", "sobel")
"""SciPy's relatives of apoc's; the Laplacian is one of Gaussian derivatives, which takes more passes than the box."""
VOLUME_FILTERS = ("gaussian", "laplacian_of_gaussian", "gaussian_gradient_magnitude", "hessian_eigenvalues")
SKIMAGE_SIGMAS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


def noisy_photograph(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a photograph, repeated to `shape`, with the noise of a sensor; slices of a volume drift."""
    camera = data.camera().astype(np.float32)
    height, width = shape[-2:]
    tiled = np.tile(camera, (-(-height // 512), -(-width // 512)))[:height, :width]
    noise = np.random.default_rng(0).normal(0, 8, shape).astype(np.float32)
    if len(shape) == 2:
        return tiled + noise
    return np.stack([np.roll(tiled, 3 * z, axis=0) for z in range(shape[0])]) + noise


@dataclass(frozen=True)
class Workload:
    """An image, and which features of it are wanted.

    Attributes
    ----------
    name : str
    title : str
        What is computed, in words.
    shape : tuple of int
        Of the image that is timed.
    check_shape : tuple of int
        Of the image on which every contestant is compared with the reference.
    features : tuple of str
        As `ImageFeatureStack` takes them.
    sigmas : tuple of float
    convention : str
    goals : dict
        Ratios to peers that are aimed at.
    cascade : tuple of str
        Features of SciPy's convention that stand for `features` where large Gaussians are computed on coarse grids,
        which conventions of other libraries do not allow; none: this is not tried.
    cascade_goals : dict
        Ratios to peers that are aimed at there.
    """

    name: str
    title: str
    shape: tuple[int, ...]
    check_shape: tuple[int, ...]
    features: tuple[str, ...]
    sigmas: tuple[float, ...]
    convention: str
    goals: dict[str, float]
    cascade: tuple[str, ...] = ()
    cascade_goals: dict[str, float] = field(default_factory=dict)

    def image(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return a photograph, repeated to `shape`, with the noise of a sensor."""
        return noisy_photograph(shape)

    @cached_property
    def large_image(self) -> NDArray[np.float32]:
        """The image that is timed."""
        return self.image(self.shape)

    def stack(self, device: str) -> pf.ImageFeatureStack:
        """Return the transformer that computes the features."""
        return pf.ImageFeatureStack(
            features=list(self.features), spatial_ndim=len(self.shape), convention=self.convention, device=device
        )

    def cascade_stack(self, device: str, large_sigma: LargeSigma = "cascade") -> pf.ImageFeatureStack:
        """Return the transformer that computes `cascade`."""
        return pf.ImageFeatureStack(features=list(self.cascade), large_sigma=large_sigma, device=device)

    def reference(self, image: NDArray[np.float32]) -> NDArray[Any]:
        """Return the features in feature-major order, by SciPy in float64."""
        return np.moveaxis(self.stack("numpy").transform(image), -1, 0)


def grid_of(filters: tuple[str, ...], sigmas: tuple[float, ...]) -> tuple[str, ...]:
    """Return every filter at every sigma, scale by scale."""
    return tuple(f"{name}={sigma:g}" for sigma in sigmas for name in filters)


def workloads(side: int = 2048, volume: tuple[int, int, int] = (64, 512, 512)) -> tuple[Workload, ...]:
    """Return W1 to W4 for square images of `side` pixels and volumes of shape `volume`."""
    plane, small = (side, side), (min(side, 301), min(side, 277))
    little = tuple(min(n, m) for n, m in zip(volume, (26, 70, 83), strict=True))
    apoc = "original + {gaussian, DoG, Laplace box, Sobel}"
    skimage = tuple(
        f"{name}={sigma:g}" for sigma in SKIMAGE_SIGMAS for name in ("gaussian", "sobel", "hessian_eigenvalues")
    )
    return (
        Workload(
            "W1",
            f"apoc: {apoc} x sigma 1, 5",
            plane,
            small,
            ("original", *grid_of(APOC_FILTERS, (1, 5))),
            (1, 5),
            "clesperanto",
            {"OpenCV": 3},
        ),
        Workload(
            "W1+25",
            f"apoc: {apoc} x sigma 1, 5, 25",
            plane,
            small,
            ("original", *grid_of(APOC_FILTERS, (1, 5, 25))),
            (1, 5, 25),
            "clesperanto",
            {"OpenCV": 6},
            ("original", *grid_of(SCIPY_FILTERS, (1, 5, 25))),
            {"OpenCV": 20},
        ),
        Workload(
            "W2",
            "scikit-image: multiscale_basic_features as it is called without arguments",
            plane,
            small,
            skimage,
            SKIMAGE_SIGMAS,
            "skimage",
            {"OpenCV": 3, "scikit-image": 25},
        ),
        Workload(
            "W3",
            "ilastik: 8 outputs x 7 sigmas from 0.3 to 10",
            plane,
            small,
            grid_of(ILASTIK_FILTERS, ILASTIK_SIGMAS),
            ILASTIK_SIGMAS,
            "ilastik",
            {"OpenCV": 7},
        ),
        Workload(
            "W4",
            "volume: {gaussian, LoG, gradient magnitude, Hessian eigenvalues} x sigma 1, 3",
            volume,
            little,
            grid_of(VOLUME_FILTERS, (1, 3)),
            (1, 3),
            "scipy",
            {"fastfilters": 20, "ITK": 20},
        ),
    )
