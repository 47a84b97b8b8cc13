"""Names: scikit-image's, older ones, apoc's and CellProfiler's; and what is refused, by name."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from skimage.measure import _regionprops

from pixelforest.regions import measure_regions
from pixelforest.regions.catalog import NOT_COLUMNS, PROPERTIES
from pixelforest.regions.names import aliases, parse_properties

LABELS = np.array([[1, 1, 0, 0], [1, 2, 2, 0], [0, 2, 2, 0]])


@pytest.mark.parametrize(("old", "new"), _regionprops.PROPS.items())
def test_old_names_of_scikit_image(old, new):
    if new in NOT_COLUMNS:
        with pytest.raises(ValueError, match=f"'{old}' cannot be a column"):
            parse_properties([old], 2)
    else:
        (found,) = parse_properties([old], 2)
        assert (found.asked, found.name) == (old, new)


@pytest.mark.parametrize("ndim", [2, 3])
def test_every_alias_means_something(ndim):
    for alias, name in aliases(ndim).items():
        assert alias not in PROPERTIES, f"{alias} is a name already"
        if name.split("-")[0] not in NOT_COLUMNS and not (
            ndim == 3 and PROPERTIES[name.split("=")[0].split("-")[0]].only_2d
        ):
            parse_properties([alias], ndim)


def test_columns_are_named_as_asked():
    found = measure_regions(LABELS, LABELS, properties="AreaShape_Area, mean_intensity mass_center")
    assert found.names == ("AreaShape_Area", "mean_intensity", "mass_center-0", "mass_center-1")


def test_axes_have_letters():
    names = ("centroid_x", "centroid_y", "bbox_min_x", "bbox_max_x", "bbox_width", "bbox_height")
    found = measure_regions(LABELS, properties=names)
    assert_array_equal(found.values[1], [1.5, 1.5, 1, 2, 2, 2])
    wide = measure_regions(np.repeat(LABELS[None], 3, axis=0), properties=("bbox_depth", "centroid_z", "bbox_max_x"))
    assert_array_equal(wide.values[1], [3, 1, 2])
    corners = ("AreaShape_BoundingBoxMinimum_Y", "AreaShape_BoundingBoxMaximum_Y", "AreaShape_Center_X")
    assert_array_equal(measure_regions(LABELS, properties=corners).values[1], [1, 3, 1.5])


def test_columns_can_be_asked_for_by_name():
    every = measure_regions(LABELS, LABELS, properties=("inertia_tensor", "moments_central", "centroid"))
    chosen = measure_regions(LABELS, LABELS, properties=("inertia_tensor-1", "moments_central-2-0", "centroid-1"))
    assert chosen.names == ("inertia_tensor-1-0", "inertia_tensor-1-1", "moments_central-2-0", "centroid-1")
    for name in chosen.names:
        assert_array_equal(chosen.column(name), every.column(name))


def test_every_property_is_documented():
    page = Path(__file__).parents[2] / "docs" / "objects.md"
    words = set(re.findall(r"`(\w+)(?:=\d+)?`", page.read_text(encoding="utf-8")))
    distances = {name for name in PROPERTIES if name.endswith(("mass_center", "mass_center_ratio"))}
    assert set(PROPERTIES) - distances <= words


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        (["aera"], "unknown name, 'aera': did you mean 'area'?"),
        (["AreaShape_Areas"], "did you mean 'AreaShape_Area'"),
        (["coords"], "'coords' cannot be a column: it is a list of pixels"),
        (["label"], "rows are named by"),
        (["area", "area"], "holds 'area' twice"),
        (["centroid", "centroid-0"], r"columns twice: \['centroid-0'\]"),
        (["centroid-2"], r"'centroid-2' is not there, 'centroid' has components of shape \(2,\)"),
        (["area-0"], "'area-0' is not there"),
        ([], "at least one"),
        (["area=3"], "takes no value"),
        (["proximal_neighbor_count"], "needs a value, its distance: write 'proximal_neighbor_count=…'"),
        (["proximal_neighbor_count=far"], "must be a number of at least 0"),
        (["average_distance_of_n_nearest_neighbors=0"], "must be a whole number of at least 1"),
        (["average_distance_of_n_nearest_neighbors=1.5"], "must be a whole number"),
        (["intensity_percentile=101"], "at most 100"),
        (["proximal_neighbor_count=inf"], "must be a number"),
    ],
)
def test_bad_names_raise(properties, message):
    with pytest.raises(ValueError, match=message):
        measure_regions(LABELS, LABELS, properties=properties)


def test_what_is_no_name_raises():
    with pytest.raises(TypeError, match=r"`properties` must hold names, got 3"):
        measure_regions(LABELS, properties=[3])


@pytest.mark.parametrize("name", [name for name in PROPERTIES if PROPERTIES[name].only_2d])
def test_what_is_flat_is_refused_in_volumes(name):
    with pytest.raises(ValueError, match=f"'{name}.*' is defined for 2-D images only, and these have 3 axes"):
        measure_regions(LABELS[None], LABELS[None], properties=[name])


def test_perimeter_eccentricity_and_orientation_are_flat():
    flat = {name for name in PROPERTIES if PROPERTIES[name].only_2d}
    assert {"perimeter", "perimeter_crofton", "orientation", "eccentricity", "moments_hu"} <= flat


@pytest.mark.parametrize("name", [name for name in PROPERTIES if PROPERTIES[name].needs_image])
def test_what_needs_an_image_is_refused_without(name):
    asked = name if PROPERTIES[name].default or not PROPERTIES[name].parameter else f"{name}=5"
    with pytest.raises(ValueError, match=f"'{asked}' needs an image of intensities"):
        measure_regions(LABELS, properties=[asked])


def test_spacing_must_suit_the_property():
    with pytest.raises(ValueError, match="'perimeter' needs the same `spacing` on all axes"):
        measure_regions(LABELS, properties=["perimeter"], spacing=(1, 2))
    with pytest.raises(ValueError, match="'moments_hu' is defined without `spacing` only"):
        measure_regions(LABELS, properties=["moments_hu"], spacing=(2, 2))
    with pytest.raises(ValueError, match="`spacing` must be 2 finite numbers > 0"):
        measure_regions(LABELS, spacing=(1, 0))


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (LABELS.astype(float), TypeError, "`labels` must hold integers, one per region, got dtype float64"),
        (LABELS > 0, TypeError, "`skimage.measure.label` makes regions of a mask"),
        (-LABELS, ValueError, "must not hold negative labels, got -2"),
        (LABELS[0], ValueError, r"must have 2 or 3 axes.*got shape \(4,\)"),
        (LABELS.astype(np.uint64) * np.uint64(2**63), ValueError, r"labels above 2\*\*63 - 1"),
    ],
)
def test_bad_labels_raise(labels, error, message):
    with pytest.raises(error, match=message):
        measure_regions(labels)


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((4, 4)), ValueError, r"shape of its label image, \(3, 4\); got \(4, 4\)"),
        (np.zeros((3, 4, 2)), ValueError, "`channel_axis` says which axis holds channels"),
        (np.full((3, 4), np.nan), ValueError, "`image` holds NaN or inf"),
        (np.full((3, 4), np.inf), ValueError, "`image` holds NaN or inf"),
        (np.full((3, 4), 1j), TypeError, "`image` must hold real numbers, got dtype complex128"),
        (np.full((3, 4), "a"), TypeError, "`image` must hold real numbers"),
    ],
)
def test_bad_images_raise(image, error, message):
    with pytest.raises(error, match=message):
        measure_regions(LABELS, image)
