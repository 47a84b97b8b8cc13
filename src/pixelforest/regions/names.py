"""Names of measurements: scikit-image's, and those of apoc, CellProfiler and older versions, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pixelforest.regions.catalog import NOT_COLUMNS, PROPERTIES, Property
from pixelforest.spelling import suggestion

SCIKIT_IMAGE = {
    "Area": "area",
    "Centroid": "centroid",
    "Coordinates": "coords",
    "Eccentricity": "eccentricity",
    "EulerNumber": "euler_number",
    "Extent": "extent",
    "FeretDiameterMax": "feret_diameter_max",
    "Image": "image",
    "ConvexImage": "image_convex",
    "convex_image": "image_convex",
    "FilledImage": "image_filled",
    "filled_image": "image_filled",
    "IntensityImage": "image_intensity",
    "intensity_image": "image_intensity",
    "InertiaTensor": "inertia_tensor",
    "InertiaTensorEigvals": "inertia_tensor_eigvals",
    "Label": "label",
    "Moments": "moments",
    "Orientation": "orientation",
    "Perimeter": "perimeter",
    "Slice": "slice",
    "Solidity": "solidity",
    "BoundingBox": "bbox",
    "BoundingBoxArea": "area_bbox",
    "bbox_area": "area_bbox",
    "ConvexArea": "area_convex",
    "convex_area": "area_convex",
    "EquivDiameter": "equivalent_diameter_area",
    "equivalent_diameter": "equivalent_diameter_area",
    "FeretDiameter": "feret_diameter_max",
    "FilledArea": "area_filled",
    "filled_area": "area_filled",
    "CentralMoments": "moments_central",
    "HuMoments": "moments_hu",
    "NormalizedMoments": "moments_normalized",
    "LocalCentroid": "centroid_local",
    "local_centroid": "centroid_local",
    "major_axis_length": "axis_major_length",
    "minor_axis_length": "axis_minor_length",
    "MajorAxisLength": "axis_major_length",
    "MinorAxisLength": "axis_minor_length",
    "max_intensity": "intensity_max",
    "mean_intensity": "intensity_mean",
    "min_intensity": "intensity_min",
    "std_intensity": "intensity_std",
    "MaxIntensity": "intensity_max",
    "MeanIntensity": "intensity_mean",
    "MinIntensity": "intensity_min",
    "CroftonPerimeter": "perimeter_crofton",
    "WeightedCentroid": "centroid_weighted",
    "weighted_centroid": "centroid_weighted",
    "WeightedLocalCentroid": "centroid_weighted_local",
    "weighted_local_centroid": "centroid_weighted_local",
    "WeightedMoments": "moments_weighted",
    "weighted_moments": "moments_weighted",
    "WeightedCentralMoments": "moments_weighted_central",
    "weighted_moments_central": "moments_weighted_central",
    "WeightedHuMoments": "moments_weighted_hu",
    "weighted_moments_hu": "moments_weighted_hu",
    "WeightedNormalizedMoments": "moments_weighted_normalized",
    "weighted_moments_normalized": "moments_weighted_normalized",
}
APOC = {
    "sum_intensity": "intensity_sum",
    "standard_deviation_intensity": "intensity_std",
    "mass_center": "centroid_weighted",
    **{f"proximal_neighbor_count_d{d}": f"proximal_neighbor_count={d}" for d in (10, 20, 40, 80, 160)},
    **{
        f"average_distance_of_n{n}_nearest_neighbors": f"average_distance_of_n_nearest_neighbors={n}"
        for n in (1, 2, 3, 4, 5, 6, 7, 8, 10, 20)
    },
}
CELLPROFILER = {
    "AreaShape_Area": "area",
    "AreaShape_BoundingBoxArea": "area_bbox",
    "AreaShape_Compactness": "compactness",
    "AreaShape_ConvexArea": "area_convex",
    "AreaShape_Eccentricity": "eccentricity",
    "AreaShape_EquivalentDiameter": "equivalent_diameter_area",
    "AreaShape_EulerNumber": "euler_number",
    "AreaShape_Extent": "extent",
    "AreaShape_FormFactor": "circularity",
    "AreaShape_MajorAxisLength": "axis_major_length",
    "AreaShape_MaxFeretDiameter": "feret_diameter_max",
    "AreaShape_MinFeretDiameter": "feret_diameter_min",
    "AreaShape_MinorAxisLength": "axis_minor_length",
    "AreaShape_Orientation": "orientation_degrees",
    "AreaShape_Perimeter": "perimeter",
    "AreaShape_Solidity": "solidity",
    "Intensity_IntegratedIntensity": "intensity_sum",
    "Intensity_LowerQuartileIntensity": "intensity_percentile=25",
    "Intensity_MassDisplacement": "mass_displacement",
    "Intensity_MaxIntensity": "intensity_max",
    "Intensity_MeanIntensity": "intensity_mean",
    "Intensity_MedianIntensity": "intensity_median",
    "Intensity_MinIntensity": "intensity_min",
    "Intensity_StdIntensity": "intensity_std",
    "Intensity_UpperQuartileIntensity": "intensity_percentile=75",
    "Neighbors_NumberOfNeighbors_Adjacent": "touching_neighbor_count",
}
ALONG_AXES = {
    "centroid_{}": "centroid-{}",
    "mass_center_{}": "centroid_weighted-{}",
    "bbox_min_{}": "bbox-{}",
    "bbox_max_{}": "bbox_last-{}",
    "AreaShape_Center_{}": "centroid-{}",
    "AreaShape_BoundingBoxMinimum_{}": "bbox-{}",
    "Location_Center_{}": "centroid-{}",
    "Location_CenterMassIntensity_{}": "centroid_weighted-{}",
}
"""A letter of an axis on the left, its number on the right; letters are small in apoc and large in CellProfiler."""
SIDES = {"bbox_width": "x", "bbox_height": "y", "bbox_depth": "z"}


def aliases(ndim: int) -> dict[str, str]:
    """Return what other names stand for in images of 2 or 3 axes.

    Examples
    --------
    >>> aliases(3)["centroid_x"], aliases(2)["AreaShape_FormFactor"]
    ('centroid-2', 'circularity')
    """
    letters = "zyx"[-ndim:]
    along = {
        word.format(letter.upper() if word[0].isupper() else letter): name.format(axis)
        for word, name in ALONG_AXES.items()
        for axis, letter in enumerate(letters)
    }
    along |= {
        f"AreaShape_BoundingBoxMaximum_{letter.upper()}": f"bbox-{ndim + axis}" for axis, letter in enumerate(letters)
    }
    along |= {word: f"bbox_size-{letters.index(letter)}" for word, letter in SIDES.items() if letter in letters}
    return SCIKIT_IMAGE | APOC | CELLPROFILER | along


@dataclass(frozen=True)
class Asked:
    """What somebody asked for.

    Attributes
    ----------
    asked : str
        In their words: columns are named so.
    name : str
        Of the measurement.
    value : float, optional
        Of its parameter.
    component : tuple of int
        Which of its components; none: all.
    """

    asked: str
    name: str
    value: float | None
    component: tuple[int, ...]

    @property
    def measurement(self) -> Property:
        """What it stands for."""
        return PROPERTIES[self.name]


def parse_properties(properties: Sequence[str], ndim: int) -> tuple[Asked, ...]:
    """Return what is asked for.

    Parameters
    ----------
    properties : sequence of str, or str
        Names, in one string separated by blanks or commas if you like; some take a value, ``name=value``, and
        ``name-0`` is one component of a vector.
    ndim : {2, 3}

    Raises
    ------
    TypeError
        Something else than names.
    ValueError
        An unknown name (with a suggestion), no name or one twice, a bad value; a property that is no number; one that
        is defined for 2-D images only, in 3-D.

    Examples
    --------
    >>> [asked.name for asked in parse_properties("area mean_intensity", 2)]
    ['area', 'intensity_mean']
    """
    names = properties.replace(",", " ").split() if isinstance(properties, str) else list(properties)
    if not names:
        raise ValueError(f"`properties` must name at least one measurement, got {properties!r}")
    for i, name in enumerate(names):
        if not isinstance(name, str):
            raise TypeError(f"`properties` must hold names, got {name!r}")
        if name in names[:i]:
            raise ValueError(f"`properties` holds {name!r} twice")
    return tuple(_parse(name, ndim) for name in names)


def _parse(asked: str, ndim: int) -> Asked:
    known = aliases(ndim)
    word, _, value = known.get(asked, asked).partition("=")
    word = known.get(word, word)
    base, *component = word.split("-")
    base = known.get(base, base)
    if base in NOT_COLUMNS:
        raise ValueError(f"`properties`: {asked!r} cannot be a column: {NOT_COLUMNS[base]}")
    if base not in PROPERTIES or not all(part.isdigit() for part in component):
        hint = suggestion(asked.partition("=")[0], _names_to_suggest(asked, known))
        raise ValueError(f"`properties` holds an unknown name, {asked!r}: {hint}")
    found = PROPERTIES[base]
    if found.only_2d and ndim != 2:
        raise ValueError(f"`properties`: {asked!r} is defined for 2-D images only, and these have {ndim} axes")
    return Asked(asked, base, _value(asked, value, found), tuple(int(part) for part in component))


def _names_to_suggest(asked: str, known: dict[str, str]) -> list[str]:
    """Return names that `asked` may be meant to be: other programs' only where they are close, they are many."""
    from difflib import get_close_matches

    return [*PROPERTIES, *get_close_matches(asked, known, n=1, cutoff=0.8)]


def _value(asked: str, text: str, found: Property) -> float | None:
    if found.parameter is None:
        if text:
            raise ValueError(f"`properties`: {asked!r} takes no value, got {text!r}")
        return None
    if not text:
        if found.default is None:
            raise ValueError(f"`properties`: {asked!r} needs a value, its {found.parameter}: write '{asked}=…'")
        return found.default
    try:
        value: float = float(text)
    except ValueError:
        value = float("nan")
    is_right = found.minimum <= value <= found.maximum and value < float("inf")
    if not is_right or (found.is_whole and value != int(value)):
        kind = "whole number" if found.is_whole else "number"
        limit = f" and at most {found.maximum:g}" if found.maximum < float("inf") else ""
        raise ValueError(
            f"`properties`: the {found.parameter} of {asked!r} must be a {kind} of at least {found.minimum:g}{limit}"
        )
    return value


def check_applicable(asked: Sequence[Asked], *, has_image: bool, spacing: Sequence[float]) -> None:
    """Raise for what cannot be measured here.

    Raises
    ------
    ValueError
        A property of the image, and there is none; a property that is not defined for this spacing.
    """
    for item in asked:
        found: Any = item.measurement
        if found.needs_image and not has_image:
            raise ValueError(f"`properties`: {item.asked!r} needs an image of intensities; give pairs (labels, image)")
        if found.spacing == "isotropic" and len(set(spacing)) != 1:
            raise ValueError(f"`properties`: {item.asked!r} needs the same `spacing` on all axes, got {tuple(spacing)}")
        if found.spacing == "none" and set(spacing) != {1.0}:
            raise ValueError(f"`properties`: {item.asked!r} is defined without `spacing` only, got {tuple(spacing)}")
