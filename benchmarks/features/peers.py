"""Peers: the same features composed from other libraries, each from functions that its users would call.

A peer is a list of tasks; every task returns the planes of some features. Tasks of one peer share what a careful user
would share: the smoothed image of one sigma.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from inspect import signature
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.features.workloads import Workload
from pixelforest.backends.select import open_backend
from pixelforest.features.conventions import CONVENTIONS
from pixelforest.features.kernels import weights

Image = NDArray[Any]
Tasks = list[Callable[[], list[Image]]]
THREADS = 2


def planes_of(tasks: Tasks, n_threads: int = 1) -> list[Image]:
    """Run the tasks and return all planes in order."""
    if n_threads == 1:
        return [plane for task in tasks for plane in task()]
    with ThreadPoolExecutor(n_threads) as pool:
        return [plane for planes in pool.map(lambda task: task(), tasks) for plane in planes]


class Filters:
    """Building blocks of one library: correlations along axes, and functions of planes.

    Parameters
    ----------
    correlate : callable
        ``correlate(image, kernels, boundary)`` with one kernel per axis, first axis first.
    magnitude, subtract : callable
        Functions of planes.
    """

    def __init__(self, correlate: Any, magnitude: Any, subtract: Any = np.subtract) -> None:
        self.correlate, self.magnitude, self.subtract = correlate, magnitude, subtract

    def gaussian(self, image: Image, sigma: float, convention: str, orders: tuple[int, ...]) -> Image:
        """Return a derivative of the smoothed image."""
        rules = CONVENTIONS[convention]
        kernels = [np.array(weights(rules.gaussian(sigma, order)), np.float32) for order in orders]
        return self.correlate(image, kernels, rules.boundary)

    def eigenvalues(self, a: Image, b: Image, c: Image) -> list[Image]:
        """Return the eigenvalues of (a b; b c), largest first."""
        root, middle = self.magnitude(0.5 * (a - c), b), 0.5 * (a + c)
        return [middle + root, middle - root]


def apoc_tasks(filters: Filters, image: Image, sigmas: Sequence[float], sobel: Any) -> Tasks:
    """Return the tasks of W1; one per sigma."""

    def scale(sigma: float) -> list[Image]:
        blurred, first, second = (
            filters.gaussian(image, factor * sigma, "clesperanto", (0, 0)) for factor in (1.0, 0.9, 1.1)
        )
        ones = np.ones(3, np.float32)
        laplace = filters.subtract(9 * blurred, filters.correlate(blurred, (ones, ones), "nearest"))
        return [blurred, filters.subtract(first, second), laplace, filters.magnitude(*sobel(blurred))]

    return [lambda: [image.copy()], *(partial(scale, sigma) for sigma in sigmas)]


def skimage_tasks(filters: Filters, image: Image, sigmas: Sequence[float], sobel: Any, differences: Any) -> Tasks:
    """Return the tasks of W2; one per sigma."""

    def scale(sigma: float) -> list[Image]:
        blurred = filters.gaussian(image, sigma, "skimage", (0, 0))
        edges = (2**-0.5 / 4) * filters.magnitude(*sobel(blurred))
        d_y, d_x = differences(blurred)
        d_yy, d_yx = differences(d_y)
        return [blurred, edges, *filters.eigenvalues(d_yy, d_yx, differences(d_x)[1])]

    return [partial(scale, sigma) for sigma in sigmas]


def ilastik_tasks(filters: Filters, image: Image, sigmas: Sequence[float]) -> Tasks:
    """Return the tasks of W3; one per sigma. The structure tensor as fastfilters computes it."""
    rules = CONVENTIONS["ilastik"]

    def scale(sigma: float) -> list[Image]:
        before, left = rules.before(sigma)
        kernel = np.array(weights(before), np.float32) if before is not None else np.ones(1, np.float32)
        smooth = filters.correlate(image, (kernel, kernel), "mirror")

        def derivative(*orders: int, at: float = left, of: Image = smooth) -> Image:
            return filters.gaussian(of, at, "ilastik", orders)

        gaussian = derivative(0, 0)
        d_yy, d_yx, d_xx = derivative(2, 0), derivative(1, 1), derivative(0, 2)
        gradient = filters.magnitude(derivative(1, 0), derivative(0, 1))
        y, x = derivative(1, 0, at=left / 2), derivative(0, 1, at=left / 2)
        tensor = [derivative(0, 0, of=product) for product in (y * y, y * x, x * x)]
        band = filters.subtract(gaussian, derivative(0, 0, at=0.66 * left))
        laplacian = d_yy + d_xx
        return [
            gaussian, laplacian, gradient, band, *filters.eigenvalues(*tensor), *filters.eigenvalues(d_yy, d_yx, d_xx)
        ]  # fmt: skip

    return [partial(scale, sigma) for sigma in sigmas]


def scipy_tasks(workload: Workload, image: Image) -> Tasks:
    """Return the tasks of SciPy, with scikit-image's eigenvalues of volumes."""

    def correlate(image: Image, kernels: Sequence[Image], boundary: str) -> Image:
        for axis, kernel in enumerate(kernels):
            image = ndimage.correlate1d(image, kernel, axis=axis, mode=boundary)
        return image

    filters = Filters(correlate, np.hypot)

    def sobel(mode: str) -> Any:
        return lambda image: [ndimage.sobel(image, axis, mode=mode) for axis in (0, 1)]

    match workload.name:
        case "W2":
            return skimage_tasks(filters, image, workload.sigmas, sobel("reflect"), np.gradient)
        case "W3":
            return ilastik_tasks(filters, image, workload.sigmas)
        case "W4":
            return [partial(_scipy_volume, image, sigma) for sigma in workload.sigmas]
        case _:
            return apoc_tasks(filters, image, workload.sigmas, sobel("nearest"))


def _scipy_volume(image: Image, sigma: float) -> list[Image]:
    pairs = combinations_with_replacement(range(3), 2)
    orders = [[axes.count(axis) for axis in range(3)] for axes in pairs]
    hessian = [ndimage.gaussian_filter(image, sigma, order=order) for order in orders]
    smooth, slope = ndimage.gaussian_filter(image, sigma), ndimage.gaussian_gradient_magnitude(image, sigma)
    return [smooth, hessian[0] + hessian[3] + hessian[5], slope, *eigenvalues_of_volume(hessian)]


def eigenvalues_of_volume(hessian: Sequence[Image]) -> Image:
    """Return the eigenvalues, largest first, of the matrices with this upper triangle; by LAPACK, as scikit-image."""
    from skimage.feature import hessian_matrix_eigvals

    return hessian_matrix_eigvals(list(hessian))


def opencv_tasks(workload: Workload, image: Image) -> Tasks:
    """Return the tasks of OpenCV, composed by its separable filters and its array functions."""
    import cv2

    cv2.setNumThreads(THREADS)
    borders = {"nearest": cv2.BORDER_REPLICATE, "mirror": cv2.BORDER_REFLECT_101, "reflect": cv2.BORDER_REFLECT}

    def correlate(image: Image, kernels: Sequence[Image], boundary: str) -> Image:
        return cv2.sepFilter2D(image, cv2.CV_32F, kernels[1], kernels[0], borderType=borders[boundary])

    def sobel(border: int) -> Any:
        return lambda f: [cv2.Sobel(f, cv2.CV_32F, 1 - axis, axis, borderType=border) for axis in (1, 0)]

    def differences(image: Image) -> list[Image]:
        half = np.array([-0.5, 0, 0.5], np.float32)
        results = []
        for axis in (0, 1):
            kernels = (half, None) if axis == 0 else (None, half)
            one = np.ones(1, np.float32)
            y, x = (one if k is None else k for k in kernels)
            found = cv2.sepFilter2D(image, cv2.CV_32F, x, y, borderType=cv2.BORDER_REPLICATE)
            ends = found.swapaxes(0, axis)
            ends[[0, -1]] *= 2  # one-sided differences, as NumPy's
            results.append(found)
        return results

    filters = Filters(correlate, cv2.magnitude, cv2.subtract)
    match workload.name:
        case "W2":
            return skimage_tasks(filters, image, workload.sigmas, sobel(borders["reflect"]), differences)
        case "W3":
            return ilastik_tasks(filters, image, workload.sigmas)
        case _:
            return apoc_tasks(filters, image, workload.sigmas, sobel(borders["nearest"]))


def skimage_call(workload: Workload, image: Image) -> Any:
    """Return the features by scikit-image's own function; one block, feature-major."""
    from skimage.feature import multiscale_basic_features

    known = signature(multiscale_basic_features).parameters  # renamed in scikit-image 0.26
    threads = {"workers" if "workers" in known else "num_workers": THREADS}
    features = multiscale_basic_features(image, sigma_min=0.5, sigma_max=16, **threads)
    return np.moveaxis(features, -1, 0)


def itk_tasks(workload: Workload, image: Image) -> Tasks:
    """Return the tasks of SimpleITK's recursive Gaussians; the Hessian's eigenvalues by LAPACK."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(THREADS)
    volume = SimpleITK.GetImageFromArray(image)

    def derivative(sigma: float, orders: Sequence[int]) -> Image:
        result = volume
        for axis, order in enumerate(reversed(orders)):
            result = SimpleITK.RecursiveGaussian(result, sigma=sigma, direction=axis, order=order)
        return SimpleITK.GetArrayViewFromImage(result).copy()

    def scale(sigma: float) -> list[Image]:
        pairs = combinations_with_replacement(range(3), 2)
        hessian = [derivative(sigma, [axes.count(axis) for axis in range(3)]) for axes in pairs]
        slope = SimpleITK.GradientMagnitudeRecursiveGaussian(volume, sigma=sigma)
        slope = SimpleITK.GetArrayViewFromImage(slope).copy()
        smooth = derivative(sigma, (0, 0, 0))
        return [smooth, hessian[0] + hessian[3] + hessian[5], slope, *eigenvalues_of_volume(hessian)]

    return [partial(scale, sigma) for sigma in workload.sigmas]


def apoc_tasks_of_apoc(workload: Workload, image: Image) -> Tasks:
    """Return apoc's own feature stack; downloaded, as users of its arrays do."""
    import apoc

    return [lambda: [np.asarray(f) for f in apoc.generate_feature_stack(image, " ".join(workload.features))]]


def fastfilters_tasks(workload: Workload, image: Image) -> Tasks:
    """Return the tasks of fastfilters: ilastik's order of work in W3, plain filters in W4."""
    if not hasattr(np, "float"):
        setattr(np, "float", float)  # noqa: B010 - fastfilters asks for a name that NumPy has dropped
    import fastfilters as ff

    def eigenvalues(values: Image) -> list[Image]:
        return [np.ascontiguousarray(values[..., i]) for i in range(values.shape[-1])]

    def ilastik(sigma: float) -> list[Image]:
        first, left = (float(np.sqrt(sigma**2 - 1)) if sigma > 1 else sigma), min(sigma, 1.0)
        smooth = ff.gaussianSmoothing(image, first, 3.5)
        gaussian = ff.gaussianSmoothing(smooth, left, 2.0)
        return [
            gaussian,
            ff.laplacianOfGaussian(smooth, left, 2.0),
            ff.gaussianGradientMagnitude(smooth, left, 2.0),
            gaussian - ff.gaussianSmoothing(smooth, 0.66 * left, 2.0),
            *eigenvalues(ff.structureTensorEigenvalues(smooth, left, left / 2, 2.0)),
            *eigenvalues(ff.hessianOfGaussianEigenvalues(smooth, left, 2.0)),
        ]

    def volume(sigma: float) -> list[Image]:
        return [
            ff.gaussianSmoothing(image, sigma, 4.0),
            ff.laplacianOfGaussian(image, sigma, 4.0),
            ff.gaussianGradientMagnitude(image, sigma, 4.0),
            *eigenvalues(ff.hessianOfGaussianEigenvalues(image, sigma, 4.0)),
        ]

    scale = ilastik if workload.name == "W3" else volume
    return [partial(scale, float(sigma)) for sigma in workload.sigmas]


def vigra_tasks(workload: Workload, image: Image) -> Tasks:
    """Return the tasks of vigra, which have fastfilters' names and other arguments."""
    import vigra

    image = vigra.taggedView(image, "zyx"[-image.ndim :])
    filters = vigra.filters

    def planes(values: Any) -> list[Image]:
        values = np.asarray(values)
        return [np.ascontiguousarray(values[..., i]) for i in range(values.shape[-1])]

    def scale(sigma: float) -> list[Image]:
        found = filters.hessianOfGaussianEigenvalues(image, sigma, window_size=4.0)
        return [
            np.asarray(filters.gaussianSmoothing(image, sigma, window_size=4.0)),
            np.asarray(filters.laplacianOfGaussian(image, sigma, window_size=4.0)),
            np.asarray(filters.gaussianGradientMagnitude(image, sigma, window_size=4.0)),
            *planes(found),
        ]

    return [partial(scale, float(sigma)) for sigma in workload.sigmas]


def clesperanto_tasks(workload: Workload, image: Image) -> Tasks:
    """Return the tasks of pyclesperanto on the device that pixelforest has; uploaded once, every feature downloaded."""
    import pyclesperanto as cle

    device = open_backend("auto").fingerprint.split("|")[0]  # its device comes first in the list, before PoCL's
    cle.select_device(device)
    uploaded = cle.push(image)

    def blur(sigma: float) -> Any:
        return cle.gaussian_blur(uploaded, sigma_x=sigma, sigma_y=sigma)

    def scale(sigma: float) -> list[Image]:
        smooth = blur(sigma)
        band = cle.difference_of_gaussian(
            uploaded, sigma1_x=0.9 * sigma, sigma1_y=0.9 * sigma, sigma2_x=1.1 * sigma, sigma2_y=1.1 * sigma
        )
        return [np.asarray(f) for f in (smooth, band, cle.laplace(smooth, connectivity="box"), cle.sobel(smooth))]

    return [lambda: [image], *(partial(scale, sigma) for sigma in workload.sigmas)]


PEERS: dict[str, tuple[str, tuple[str, ...], Callable[[Workload, Image], Tasks], int]] = {
    "SciPy": ("scipy", ("W1", "W1+25", "W2", "W3", "W4"), scipy_tasks, 1),
    "SciPy, 2 threads": ("scipy", ("W1", "W1+25", "W2", "W3", "W4"), scipy_tasks, THREADS),
    "scikit-image": ("skimage", ("W2",), lambda w, image: [lambda: list(skimage_call(w, image))], 1),
    "OpenCV": ("cv2", ("W1", "W1+25", "W2", "W3"), opencv_tasks, 1),
    "ITK": ("SimpleITK", ("W4",), itk_tasks, 1),
    "apoc": ("apoc", ("W1", "W1+25"), apoc_tasks_of_apoc, 1),
    "pyclesperanto": ("pyclesperanto", ("W1", "W1+25"), clesperanto_tasks, 1),
    "fastfilters": ("fastfilters", ("W3", "W4"), fastfilters_tasks, THREADS),
    "vigra": ("vigra", ("W4",), vigra_tasks, THREADS),
}
"""Name: module, workloads, builder of tasks, and how many threads run the tasks."""


def peers_of(workload: Workload, chosen: Sequence[str] | None = None) -> tuple[dict[str, Any], list[str]]:
    """Return by name who computes the features of an image, and who could if it were installed."""
    found, missing = {}, []
    for name, (module, names, tasks, n_threads) in PEERS.items():
        if workload.name not in names or (chosen is not None and name not in chosen):
            continue
        if find_spec(module) is None:
            missing.append(name)
        else:
            found[name] = lambda image, tasks=tasks, n=n_threads: planes_of(tasks(workload, image), n)
    return found, missing
