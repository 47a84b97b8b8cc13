"""Filters that SciPy, scikit-image or NumPy compute on the host: the same numbers on every backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.features.geometry import Geometry
from pixelforest.features.host import HostOperation
from pixelforest.features.planes import Host, Plane, Source
from pixelforest.features.textures import binary_pattern, projected_membranes, quantised_entropy

ENTROPY_BINS = 32


def _outputs(
    source: Source,
    geometry: Geometry,
    name: str,
    function: Callable[..., Any],
    radii: tuple[int, ...],
    *,
    n_outputs: int = 1,
    needs_position: bool = False,
    statistics: Callable[[NDArray[np.float32]], Any] | None = None,
    keywords: tuple[tuple[str, Any], ...] = (),
) -> tuple[Plane, ...]:
    """Return the planes of a function of one channel; `radii` are those of the filtered axes."""
    operation = HostOperation(
        name,
        function,
        halo=(0,) * geometry.first_axis + radii,
        n_outputs=n_outputs,
        keywords=keywords,
        needs_position=needs_position,
        statistics=statistics,
        is_sliced=geometry.first_axis > 0,
    )
    return tuple(Host((source.channel,), operation, index) for index in range(n_outputs))


def _median(image: NDArray[np.float32], *, radii: tuple[int, ...], boundary: str) -> NDArray[np.float32]:
    from scipy import ndimage

    values: NDArray[np.float32] = ndimage.median_filter(image, size=[2 * r + 1 for r in radii], mode=boundary)
    return values


def median(source: Source, geometry: Geometry) -> tuple[Plane, ...]:
    """Return the median of a box of ``2 r + 1`` pixels per axis, ``r = int(σ / spacing + 0.5)``.

    Unit and range: those of the image. Source: `scipy.ndimage.median_filter`, borders as the convention says.
    """
    keywords = (("boundary", geometry.convention.boundary), ("radii", geometry.radii))
    return _outputs(source, geometry, "median", _median, geometry.radii, keywords=keywords)


def _range_of(image: NDArray[np.float32]) -> tuple[float, float]:
    return float(image.min()), float(image.max())


def entropy(source: Source, geometry: Geometry) -> tuple[Plane, ...]:
    """Return the entropy ``-Σ p log2(p)`` of the values in a box, in 32 bins from the image's minimum to its maximum.

    The box has ``2 r + 1`` pixels per axis, ``r = int(σ / spacing + 0.5)``, and is cut at borders. Unit: bit; range:
    0 to 5. The image's range is found in a first pass over the whole image (`needs_statistics`).
    Source: `skimage.filters.rank.entropy`; Trainable Weka Segmentation bins in the same way.
    """
    keywords = (("n_bins", ENTROPY_BINS), ("radii", geometry.radii))
    return _outputs(
        source, geometry, "entropy", quantised_entropy, geometry.radii, statistics=_range_of, keywords=keywords
    )


def local_binary_pattern(source: Source, geometry: Geometry) -> tuple[Plane, ...]:
    """Return uniform local binary patterns of 8 points on a circle of radius σ, 2-D only.

    A point is 1 where the image is at least as bright there as at the centre. Patterns with at most two changes on
    the circle give their number of ones, 0 to 8; others give 9. Unit: none. Values in between pixels are interpolated
    linearly; outside the image they are 0. Source: `skimage.feature.local_binary_pattern` with ``method="uniform"``;
    here equal pixels interpolate to exactly themselves, so plain areas give 8 wherever they lie.
    """
    radius = geometry.sigmas[0]
    if len(set(geometry.sigmas)) > 1:
        raise ValueError(f"`spacing`: 'local_binary_pattern' needs square pixels, got {geometry.spacing}")
    reach = (int(np.ceil(radius)),) * 2
    return _outputs(source, geometry, "local_binary_pattern", binary_pattern, reach, keywords=(("radius", radius),))


def membrane_projections(source: Source, geometry: Geometry) -> tuple[Plane, ...]:
    """Return mean, maximum, minimum, sum, standard deviation and median over 10 turned lines, 2-D only.

    A line two pixels wide and 19 long (TWS's membrane of thickness 1) that sums to 1 is turned by multiples of 18°
    (nearest pixels) and correlated with the image; the 10 results are projected. The standard deviation is that of a
    sample (ddof 1). Unit: that of the image; range: 0 to 1, the sum 0 to 10. The line is measured in pixels, whatever
    `spacing`; borders are repeated. Source: Trainable Weka Segmentation, `FeatureStack.getMembraneFeatures`.
    """
    return _outputs(source, geometry, "membrane_projections", projected_membranes, (9, 9), n_outputs=6)


def _position(image: NDArray[np.float32], *, origin: tuple[int, ...], shape: tuple[int, ...]) -> NDArray[np.float64]:
    axes = [(start + np.arange(n) + 0.5) / size for start, n, size in zip(origin, image.shape, shape, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def position(source: Source, geometry: Geometry) -> tuple[Plane, ...]:
    """Return ``(i + 1/2) / n`` for every axis of n pixels: where in the image a pixel lies. Range: 0 to 1, no unit."""
    return _outputs(
        source, geometry, "position", _position, (0,) * geometry.ndim, n_outputs=geometry.ndim, needs_position=True
    )
