"""Ready sets of features under the names that users of apoc, ilastik, scikit-image and TWS know."""

from __future__ import annotations

from pixelforest.features.spec import FeatureSpec

ORIGINAL = FeatureSpec("original")
BLUR, SOBEL = "gaussian_blur", "sobel_of_gaussian_blur"
BLUR_DOG_LOG = (BLUR, "difference_of_gaussian", "laplace_box_of_gaussian_blur")


def _grid(filters: tuple[str, ...], sigmas: range | tuple[int, ...]) -> tuple[FeatureSpec, ...]:
    return tuple(FeatureSpec(name, sigma) for name in filters for sigma in sigmas)


APOC: dict[str, tuple[FeatureSpec, ...]] = {
    "small_quick": (ORIGINAL, *_grid((BLUR, SOBEL), (1,))),
    "medium_quick": _grid((BLUR, SOBEL), (5,)),
    "large_quick": _grid((BLUR, SOBEL), (25,)),
    "small_dog_log": (ORIGINAL, *_grid(BLUR_DOG_LOG, (1,))),
    "medium_dog_log": _grid(BLUR_DOG_LOG, (5,)),
    "large_dog_log": _grid(BLUR_DOG_LOG, (25,)),
    "object_size_1_to_2_px": _grid(BLUR_DOG_LOG, (1, 2)),
    "object_size_1_to_5_px": (ORIGINAL, *_grid(BLUR_DOG_LOG, range(1, 6))),
    "object_size_3_to_8_px": _grid(BLUR_DOG_LOG, range(3, 9)),
    "object_size_5_to_10_px": _grid(BLUR_DOG_LOG, range(5, 11)),
    "object_size_10_to_15_px": _grid(BLUR_DOG_LOG, range(10, 16)),
    "object_size_15_to_20_px": _grid(BLUR_DOG_LOG, range(15, 21)),
    "object_size_20_to_25_px": _grid(BLUR_DOG_LOG, range(20, 26)),
    "object_size_25_to_50_px": _grid(BLUR_DOG_LOG, range(25, 50, 5)),
    "object_size_50_to_100_px": _grid(BLUR_DOG_LOG, range(50, 100, 10)),
}
"""Preset name → feature specifications, as apoc 0.12 defines them (only the small ones contain the original image)."""

ILASTIK_SIGMAS = (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
ILASTIK_FILTERS = (
    "gaussian",
    "laplacian_of_gaussian",
    "gaussian_gradient_magnitude",
    "difference_of_gaussians",
    "structure_tensor_eigenvalues",
    "hessian_eigenvalues",
)
SKIMAGE_FILTERS = ("gaussian", "sobel", "hessian_eigenvalues")
WEKA_FILTERS = ("gaussian", "sobel", "hessian_trace", "hessian_determinant", "hessian_eigenvalues")


def _ilastik() -> tuple[FeatureSpec, ...]:
    """Return ilastik's matrix of features, all ticked that it offers: 37 at its 7 sigmas, Gaussian first."""
    return tuple(
        FeatureSpec(name, sigma, "ilastik")
        for name in ILASTIK_FILTERS
        for sigma in ILASTIK_SIGMAS
        if sigma >= 0.7 or name == "gaussian"
    )


def _skimage() -> tuple[FeatureSpec, ...]:
    """Return the features of `skimage.feature.multiscale_basic_features` as it is called without arguments."""
    return tuple(FeatureSpec(name, 2.0**k, "skimage") for k in range(-1, 5) for name in SKIMAGE_FILTERS)


def _weka() -> tuple[FeatureSpec, ...]:
    """Return the features that Trainable Weka Segmentation computes by default, sigmas 1 to 16.

    TWS smooths with 0.4 times the sigma that it shows; so do these. Its Hessian is Sobel's operator applied twice;
    here it is that of Gaussian derivatives, and what TWS computes from its eigenvalues is left to the forest. The
    names say the sigma that is used.
    """
    shown = (1, 2, 4, 8, 16)
    specs = [ORIGINAL, FeatureSpec("sobel", 0.1)]  # sigma 0: nothing is smoothed
    specs += [FeatureSpec(name, round(0.4 * sigma, 1)) for sigma in shown for name in WEKA_FILTERS]
    pairs = [(a, b) for i, a in enumerate(shown) for b in shown[i + 1 :]]
    specs += [FeatureSpec(f"difference_of_scales_{b // a}", round(0.4 * a, 1)) for a, b in pairs]
    return (*specs, FeatureSpec("membrane_projections"))


PRESETS: dict[str, tuple[FeatureSpec, ...]] = {
    **APOC,
    **{f"apoc_{name}": specs for name, specs in APOC.items()},
    "ilastik": _ilastik(),
    "skimage": _skimage(),
    "weka": _weka(),
}
"""Preset name → feature specifications. apoc's are there under its own names, too."""
