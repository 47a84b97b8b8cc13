"""`PROPERTIES`: every measurement by its name; the place to add one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pixelforest.regions import distances, intensities, masks, neighbours, outlines, sizes_and_axes, textures

Scope = Literal["region", "neighbours"]


@dataclass(frozen=True)
class Property:
    """One measurement.

    Attributes
    ----------
    compute : callable
        From `Regions`, or from `Neighbourhood` in the scope "neighbours", and the value of the parameter, if any, to
        values: one per region on the first axis.
    needs_image : bool
    only_2d : bool
        Whether it is not defined for volumes.
    spacing : {"any", "isotropic", "none"}
        Which spacings it is defined for.
    parameter : str, optional
        What ``name=value`` stands for; `None`: it takes none.
    default : float, optional
        The value if only ``name`` is written; `None`: it must be given.
    minimum, is_whole : float, bool
        What values the parameter may have.
    scope : {"region", "neighbours"}
        Whether it depends on nothing but the region's own pixels, or on other regions too.
    """

    compute: Callable[..., Any]
    needs_image: bool = False
    only_2d: bool = False
    spacing: Literal["any", "isotropic", "none"] = "any"
    parameter: str | None = None
    default: float | None = None
    minimum: float = 0.0
    maximum: float = float("inf")
    is_whole: bool = False
    scope: Scope = "region"


def _shapes() -> dict[str, Property]:
    everywhere = (
        *("num_pixels", "area", "bbox", "bbox_last", "bbox_size", "area_bbox", "extent", "centroid", "centroid_local"),
        *("equivalent_diameter_area", "inertia_tensor", "inertia_tensor_eigvals", "axis_major_length"),
        *("axis_minor_length", "aspect_ratio"),
    )
    flat = ("eccentricity", "orientation", "orientation_degrees", "roundness")
    found = {name: Property(getattr(sizes_and_axes, name)) for name in everywhere}
    found |= {name: Property(getattr(sizes_and_axes, name), only_2d=True) for name in flat}
    found["euler_number"] = Property(outlines.euler_number)
    for name in ("perimeter", "perimeter_crofton", "circularity", "compactness"):
        found[name] = Property(getattr(outlines, name), only_2d=True, spacing="isotropic")
    return found


def _masks() -> dict[str, Property]:
    everywhere = ("area_convex", "area_filled", "feret_diameter_max", "solidity")
    moments = ("moments", "moments_central", "moments_normalized")
    found = {name: Property(masks.by_scikit_image(name)) for name in (*everywhere, *moments)}
    found["moments_hu"] = Property(masks.by_scikit_image("moments_hu"), only_2d=True, spacing="none")
    for name in ("moments_weighted", "moments_weighted_central", "moments_weighted_normalized"):
        found[name] = Property(masks.by_scikit_image(name), needs_image=True)
    hu = masks.by_scikit_image("moments_weighted_hu")
    found["moments_weighted_hu"] = Property(hu, needs_image=True, only_2d=True, spacing="none")
    found["feret_diameter_min"] = Property(masks.feret_diameter_min, only_2d=True)
    return found


def _intensities() -> dict[str, Property]:
    names = (
        *("intensity_min", "intensity_max", "intensity_mean", "intensity_sum", "intensity_std", "intensity_median"),
        *("centroid_weighted", "centroid_weighted_local", "mass_displacement"),
    )
    found = {name: Property(getattr(intensities, name), needs_image=True) for name in names}
    found["intensity_percentile"] = Property(
        intensities.intensity_percentile, needs_image=True, parameter="percent", maximum=100
    )
    for name in textures.STATISTICS:
        found[f"texture_{name.lower()}"] = Property(
            textures.texture(name),
            needs_image=True,
            only_2d=True,
            parameter="distance in pixels",
            default=1,
            minimum=1,
            is_whole=True,
        )
    return found


def _distances() -> dict[str, Property]:
    words = ("mean_distance_to_{}", "max_distance_to_{}", "mean_max_distance_to_{}_ratio")
    return {
        word.format(centre): Property(getattr(distances, word.format(centre)), needs_image=centre == "mass_center")
        for centre in ("centroid", "mass_center")
        for word in words
    }


def _neighbours() -> dict[str, Property]:
    names = ("touching_neighbor_count", "touch_portion", "average_distance_of_touching_neighbors")
    return {name: Property(getattr(neighbours, name), scope="neighbours") for name in names} | {
        "average_distance_of_n_nearest_neighbors": Property(
            neighbours.average_distance_of_n_nearest_neighbors,
            parameter="number of neighbours",
            minimum=1,
            is_whole=True,
            scope="neighbours",
        ),
        "proximal_neighbor_count": Property(
            neighbours.proximal_neighbor_count, parameter="distance", scope="neighbours"
        ),
    }


PROPERTIES: dict[str, Property] = {**_shapes(), **_masks(), **_intensities(), **_distances(), **_neighbours()}
"""Name: measurement."""

NOT_COLUMNS = {
    "label": "it is what rows are named by: `RegionTable.labels`, or the index of a data frame",
    "slice": "it is a pair of Python objects; ask for 'bbox'",
    **dict.fromkeys(("coords", "coords_scaled"), "it is a list of pixels, whose length differs by region"),
    **dict.fromkeys(
        ("image", "image_convex", "image_filled", "image_intensity"), "it is an image, whose size differs by region"
    ),
}
"""Properties of scikit-image that are no numbers in a table; and why."""
