"""Measurements are scikit-image's, region by region; what scikit-image lacks is compared with its formula."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from scipy.spatial.distance import cdist
from skimage import data
from skimage.feature import graycomatrix, graycoprops
from skimage.measure import label, regionprops, regionprops_table

from pixelforest.regions import measure_regions
from pixelforest.regions.catalog import NOT_COLUMNS, PROPERTIES

SHARED = [name for name in PROPERTIES if hasattr(regionprops(np.ones((2, 2), int), np.ones((2, 2)))[0], name)]
FLAT = [name for name in SHARED if PROPERTIES[name].only_2d]
NO_SPACING = [name for name in SHARED if PROPERTIES[name].spacing != "any"]
BETWEEN = ("orientation", "eccentricity")
"""Of shapes without a longest axis they are whatever rounding makes of them."""


def assert_same(labels, image, names, **parameters):
    """Compare with `regionprops_table`, in float64: of float32 images scikit-image takes means in float32."""
    spacing = parameters.get("spacing")
    expected = regionprops_table(labels, image, properties=["label", *names], spacing=spacing)
    found = measure_regions(labels, image, properties=names, **parameters)
    assert found.labels.dtype == np.int64
    assert_array_equal(found.labels, expected.pop("label"))
    assert list(found.names) == list(expected)
    for name, values in expected.items():
        scale = np.abs(values[np.isfinite(values)]).max(initial=1.0)
        power = 2 if name.startswith("axis_") else 1  # the root of rounding is large
        assert_allclose(found.column(name) ** power, values**power, rtol=1e-9, atol=1e-10 * scale**power, err_msg=name)


def regions_of(labels, name):
    """Return one measurement without a choice of words."""
    return measure_regions(labels, properties=[name]).values[:, 0]


def coins():
    image = data.coins()
    return label(image > 110), image


def cells():
    """Return regions in 3-D, with gaps between their labels, and an image."""
    volume = ndimage.gaussian_filter(np.random.default_rng(0).random((12, 40, 36)), 2)
    labels = label(volume > np.quantile(volume, 0.9))
    solid = np.bincount(labels.ravel()) > 30  # flat regions have no hull, and scikit-image warns
    return 3 * labels * solid[labels], (1e4 * volume).astype(np.uint16)


def test_flat_regions_in_volumes_have_no_hull():
    labels = np.zeros((3, 5, 5), int)
    labels[1], labels[:, 2, 2] = 4, 7
    found = measure_regions(labels, properties=("area_convex", "solidity", "feret_diameter_max", "area"))
    assert_array_equal(found.values, [[np.nan, np.nan, np.nan, 24], [np.nan, np.nan, np.nan, 3]])
    solid = measure_regions(np.ones((3, 3, 3), int), properties=["solidity"], spacing=(1e-9, 1, 1e6))
    assert solid.values[0, 0] == 1


def test_nothing_of_scikit_image_is_missing():
    region = regionprops(np.ones((2, 2), int), np.ones((2, 2)))[0]
    names = [name for name in dir(type(region)) if not name.startswith("_")]
    assert len(SHARED) > 30
    assert set(names) <= {*PROPERTIES, *NOT_COLUMNS}


def test_every_property_on_a_photograph():
    labels, image = coins()
    assert labels.max() > 80
    assert_same(labels, image, SHARED)


def test_every_property_of_volumes():
    labels, image = cells()
    assert len(np.unique(labels)) > 8
    assert_same(labels, image, [name for name in SHARED if name not in FLAT])


@pytest.mark.parametrize("spacing", [(2.0, 2.0), (0.5, 3.0)])
def test_spacing(spacing):
    labels, image = coins()
    names = [name for name in SHARED if name not in NO_SPACING or (spacing[0] == spacing[1] and "hu" not in name)]
    assert_same(labels, image, names, spacing=spacing)


def test_spacing_of_volumes():
    labels, image = cells()
    assert_same(labels, image, [name for name in SHARED if name not in FLAT], spacing=(2.0, 0.5, 0.25))


@pytest.mark.parametrize("channel_axis", [0, 1, -1])
def test_channels(channel_axis):
    labels, image = coins()
    channels = np.stack([image, 255 - image, image // 2], axis=-1)
    names = [name for name in SHARED if PROPERTIES[name].needs_image] + ["area"]
    expected = regionprops_table(labels, channels, properties=names)
    moved = np.moveaxis(channels, -1, channel_axis)
    found = measure_regions(labels, moved, properties=names, channel_axis=channel_axis)
    assert list(found.names) == list(expected)
    assert "intensity_mean-2" in found.names
    assert "centroid_weighted-1-2" in found.names
    for name, values in expected.items():
        assert_allclose(found.column(name), values, rtol=1e-9, atol=1e-9 * np.abs(values).max(), err_msg=name)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint32, np.int64, np.float32, np.float64, ">f4"])
def test_dtypes_of_the_image(dtype):
    labels, image = coins()
    image = image.astype(dtype)
    names = ("intensity_min", "intensity_max", "intensity_mean", "intensity_std", "intensity_median")
    expected = regionprops_table(labels, image.astype(np.float64), properties=names)
    found = measure_regions(labels, image, properties=names)
    for name, values in expected.items():
        assert_allclose(found.column(name), values, rtol=1e-12, atol=1e-13, err_msg=name)


@given(st.data())
def test_any_label_image(data):
    ndim = data.draw(st.sampled_from([2, 2, 3]))
    shape = tuple(data.draw(st.integers(1, 12 if ndim == 2 else 6)) for _ in range(ndim))
    rng = np.random.default_rng(data.draw(st.integers(0, 9999)))
    labels = rng.choice([0, 0, 1, 2, 9, 70], shape)
    assume(labels.any())  # without a region scikit-image measures one of nothing, and warns
    labels = np.repeat(labels, data.draw(st.integers(1, 3)), axis=-1)
    image = rng.integers(1, 65535, labels.shape).astype(data.draw(st.sampled_from([np.uint16, np.float64])))
    slow = ("feret_diameter_max", "area_convex", "solidity")  # and shapes that scikit-image cannot hull in 3-D
    names = [name for name in SHARED if name not in BETWEEN and name not in slow and (ndim == 2 or name not in FLAT)]
    names = [name for name in names if "normalized" not in name and "hu" not in name]
    assert_same(labels, image, names)


def test_large_coordinates_lose_no_digits():
    shape = (3, 100_000)
    labels = np.zeros(shape, np.uint8)
    labels[:, -7:] = 1
    labels[1, 5:99_990] = 2
    found = measure_regions(labels, properties=("axis_major_length", "axis_minor_length", "centroid"))
    small = measure_regions(labels[:, -9:], properties=("axis_major_length", "axis_minor_length"))
    assert_array_equal(found.values[0, :2], small.values[0])
    n = 99_985
    assert found.values[1, 0] == pytest.approx(4 * np.sqrt((n**2 - 1) / 12), rel=1e-15)
    assert found.values[1, 1] == 0


def test_regions_too_large_for_64_bits():
    """A row of 3 million pixels in a volume: its sums of squares are Python's integers; the test is of that path."""
    labels = np.ones((1, 3_000_000), np.uint8)
    found = measure_regions(labels, properties=("axis_major_length", "centroid"))
    assert found.values[0, 0] == pytest.approx(4 * np.sqrt((3_000_000.0**2 - 1) / 12), rel=1e-15)
    assert found.values[0, 2] == (3_000_000 - 1) / 2


@pytest.mark.parametrize("scale", [2**16 + 3, 2**31 - 1, 2**33, 2**50])
@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_labels_may_be_any_numbers(scale, dtype):
    labels, image = coins()
    order = np.random.default_rng(0).permutation(labels.max() + 1)
    order[order == 0], order[0] = order[0], 0
    spread = order[labels].astype(dtype) * dtype(scale)
    names = ("area", "intensity_mean", "perimeter", "solidity", "touching_neighbor_count")
    found, plain = (measure_regions(x, image, properties=names) for x in (spread, order[labels]))
    assert_array_equal(found.labels, plain.labels * scale)
    assert_array_equal(found.values, plain.values)


def test_more_labels_than_16_bits_hold():
    labels = np.arange(1, 70_001).reshape(200, 350)
    found = measure_regions(labels, labels, properties=("area", "intensity_max", "bbox"))
    assert_array_equal(found.labels, np.arange(1, 70_001))
    assert_array_equal(found.column("intensity_max"), found.labels)
    assert_array_equal(found.column("bbox-1"), np.arange(70_000) % 350)


def test_one_pixel():
    labels = np.zeros((5, 5), np.uint8)
    labels[2, 3] = 4
    names = [name if PROPERTIES[name].default or not PROPERTIES[name].parameter else f"{name}=2" for name in PROPERTIES]
    found = measure_regions(labels, labels, properties=names)
    assert found.values.shape[0] == 1
    assert not np.isinf(found.values).any()
    assert found.column("area") == 1
    assert np.isnan(found.column("aspect_ratio"))  # 0 / 0
    assert np.isnan(found.column("circularity"))
    assert found.column("feret_diameter_min") == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4)])
def test_no_region_is_no_row(shape):
    names = [
        name if PROPERTIES[name].default or not PROPERTIES[name].parameter else f"{name}=2"
        for name in PROPERTIES
        if len(shape) == 2 or not PROPERTIES[name].only_2d
    ]
    empty, image = np.zeros(shape, np.uint8), np.ones(shape)
    found = measure_regions(empty, image, properties=names)
    assert found.labels.shape == (0,)
    assert found.values.shape == (0, len(found.names))
    assert found.names == measure_regions(empty + 1, image, properties=names).names


def test_distances_to_centres():
    labels, image = cells()
    spacing = np.array([2.0, 1.0, 0.5])
    words = ("mean_distance_to_{}", "max_distance_to_{}", "mean_max_distance_to_{}_ratio")
    names = [word.format(centre) for centre in ("centroid", "mass_center") for word in words]
    found = measure_regions(labels, image, properties=names, spacing=spacing)
    for row, value in enumerate(found.labels):
        points = np.argwhere(labels == value) * spacing
        weights = image[labels == value].astype(float)
        for centre, at in (("centroid", points.mean(0)), ("mass_center", np.average(points, axis=0, weights=weights))):
            distance = np.sqrt(((points - at) ** 2).sum(1))
            expected = [distance.mean(), distance.max(), distance.max() / distance.mean()]
            assert_allclose([found.column(word.format(centre))[row] for word in words], expected, rtol=1e-11)


def test_formulae_of_shape():
    labels, _ = coins()
    labels[labels == 3] = 0
    names = ("aspect_ratio", "roundness", "circularity", "compactness", "orientation_degrees")
    found = measure_regions(labels, properties=names)
    with np.errstate(divide="ignore", invalid="ignore"):
        for row, region in enumerate(regionprops(labels)):
            major, minor = region.axis_major_length, region.axis_minor_length
            expected = [
                major / minor if minor > 1e-6 else np.nan,
                4 * region.area / (np.pi * major**2) if major else np.nan,
                4 * np.pi * region.area / region.perimeter**2 if region.perimeter else np.nan,
                region.perimeter**2 / (4 * np.pi * region.area),
                np.degrees(region.orientation),
            ]
            assert_allclose(found.values[row, :4], expected[:4], rtol=1e-9)
            assert_allclose(np.sin(np.radians(found.values[row, 4] - expected[4])), 0, atol=1e-9)


@pytest.mark.parametrize("percent", [0, 10, 50, 75, 100])
def test_percentiles(percent):
    labels, image = coins()
    noisy = image + np.random.default_rng(0).random(image.shape)
    found = measure_regions(labels, noisy, properties=(f"intensity_percentile={percent}", "intensity_sum"))
    for row, value in enumerate(found.labels):
        inside = noisy[labels == value]
        assert_allclose(found.values[row], [np.percentile(inside, percent), inside.sum()], rtol=1e-12)


def test_the_smallest_diameter_is_that_of_all_directions():
    labels, _ = coins()
    found = measure_regions(labels, properties=("feret_diameter_min", "feret_diameter_max"))
    angles = np.linspace(0, np.pi, 2_000)
    directions = np.stack([np.sin(angles), np.cos(angles)])
    offsets = np.array([[0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]])
    rows = np.argsort(regions_of(labels, "area"))[-20:-15]
    for row, value in zip(rows, found.labels[rows], strict=True):
        corners = (np.argwhere(labels == value)[:, None] + offsets).reshape(-1, 2)
        width = np.ptp(corners @ directions, axis=0).min()
        assert found.values[row, 0] == pytest.approx(width, rel=1e-3)
        assert found.values[row, 0] <= width + 1e-9
    assert (found.values[:, 0] <= found.values[:, 1]).all()


def test_texture_of_a_region_that_fills_the_image():
    image = data.camera()[:40, :50]
    found = measure_regions(np.ones(image.shape, int), image, properties=("texture_contrast", "texture_asm=3"))
    values = image.astype(float)
    levels = (32 * (values - values.min()) / np.ptp(values)).astype(np.uint8).clip(max=31)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    for column, (name, distance) in zip(found.values[0], [("contrast", 1), ("ASM", 3)], strict=True):
        pairs = graycomatrix(levels, [distance], angles, levels=32, symmetric=True, normed=True)
        assert column == pytest.approx(graycoprops(pairs, name).mean(), rel=1e-12)


def test_texture_sees_the_region_only():
    labels, image = coins()
    labels = np.where(labels == 5, 5, 0)
    other = np.where(labels == 5, image, 255 - image)
    names = ("texture_contrast", "texture_entropy=2", "texture_correlation")
    one, two = (measure_regions(labels, x, properties=names).values for x in (image, other))
    assert_array_equal(one, two)
    pairs = cdist(np.argwhere(labels == 5), np.argwhere(labels == 5)) == 1
    assert pairs.any()
