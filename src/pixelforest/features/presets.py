"""Ready sets of features under the names that users of apoc know."""

from __future__ import annotations

from pixelforest.features.spec import FeatureSpec

ORIGINAL = FeatureSpec("original")
BLUR, SOBEL = "gaussian_blur", "sobel_of_gaussian_blur"
BLUR_DOG_LOG = (BLUR, "difference_of_gaussian", "laplace_box_of_gaussian_blur")


def _grid(filters: tuple[str, ...], sigmas: range | tuple[int, ...]) -> tuple[FeatureSpec, ...]:
    return tuple(FeatureSpec(name, sigma) for name in filters for sigma in sigmas)


PRESETS: dict[str, tuple[FeatureSpec, ...]] = {
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
