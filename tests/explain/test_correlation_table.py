"""Correlations: the figures that biologists were shown for the 44 blobs, and NumPy's for features of images."""

import numpy as np
import pandas as pd
import pytest
from skimage.measure import label, regionprops_table
from skimage.segmentation import clear_border

import pixelforest as pf
from pixelforest.demo_data import load_blobs
from pixelforest.explain import correlation_table


def blobs_table():
    """Measure the blobs brighter than 120 that are larger than 10 pixels and do not touch the border."""
    image, _ = load_blobs()
    labels = clear_border(label(image > 120))
    properties = (
        *("area", "area_bbox", "area_convex", "extent", "feret_diameter_max", "eccentricity", "perimeter", "solidity"),
        *("intensity_max", "intensity_mean"),
    )
    table = pd.DataFrame(regionprops_table(labels, image, properties=properties))
    table = table[table["area"] > 10]
    return table.assign(circularity=4 * np.pi * table["area"] / table["perimeter"] ** 2)


def test_the_figures_of_the_44_blobs():
    table = blobs_table()
    assert len(table) == 44
    assert round(table["area"].mean(), 6) == 401.863636
    found = correlation_table(table).round(6)
    expected = {
        ("area", "solidity"): -0.243908,
        ("area", "circularity"): -0.626241,
        ("area", "area_bbox"): 0.973718,
        ("area", "area_convex"): 0.997560,
        ("area", "intensity_max"): 0.511730,
        ("area", "intensity_mean"): 0.530250,
        ("area", "extent"): -0.362472,
        ("area", "feret_diameter_max"): 0.930981,
        ("area", "eccentricity"): 0.348585,
        ("extent", "solidity"): 0.853431,
        ("solidity", "eccentricity"): -0.723572,
    }
    assert {pair: found.loc[pair] for pair in expected} == expected
    assert (found == found.T).all(axis=None)


def test_features_of_several_images_are_taken_together():
    rng = np.random.default_rng(0)
    stack = pf.ImageFeatureStack(("gaussian", "sobel"), sigmas=(1, 2), device="numpy")
    images = [rng.normal(size=shape) for shape in ((20, 30), (15, 10))]
    features = stack.transform(images)
    names = stack.get_feature_names_out()
    table = correlation_table(features, feature_names=names)
    pixels = np.concatenate([values.reshape(-1, 4) for values in features]).astype(float)
    np.testing.assert_allclose(table, np.corrcoef(pixels.T), rtol=0, atol=1e-12)
    assert table.index.tolist() == table.columns.tolist() == names.tolist()
    np.testing.assert_allclose(correlation_table(features[0]), np.corrcoef(features[0].reshape(-1, 4).T), atol=1e-6)


def test_named_arrays_bring_their_names():
    xarray = pytest.importorskip("xarray")
    stack = pf.ImageFeatureStack(("gaussian",), sigmas=(1, 2), device="numpy")
    image = xarray.DataArray(np.random.default_rng(0).normal(size=(9, 8)), dims=("y", "x"))
    assert correlation_table(stack.transform(image)).columns.tolist() == ["gaussian_sigma_1", "gaussian_sigma_2"]


def test_constant_columns_and_missing_values():
    table = pd.DataFrame({"a": [1.0, 2, 3, np.nan], "b": [2.0, 4, 6, 0], "c": 5.0})
    found = correlation_table(table)
    assert found.loc["a", "b"] == pytest.approx(1.0)
    assert found["c"].isna().all()
    assert correlation_table(table[["a", "b"]] ** 3, method="spearman").loc["a", "b"] == pytest.approx(1.0)


def test_bad_input_is_refused():
    with pytest.raises(TypeError, match=r"`X` must hold numbers; drop the columns \['name'\]"):
        correlation_table(pd.DataFrame({"name": ["a", "b"], "area": [1, 2]}))
    with pytest.raises(
        ValueError, match=r"`X` must hold arrays with the same number of features .*\(3, 4, 2\), \(3, 4"
    ):
        correlation_table([np.zeros((3, 4, 2)), np.zeros((3, 4, 3))])
    with pytest.raises(
        ValueError, match=r"`X` must hold arrays with the same number of features .*got shapes \[\(5,\)"
    ):
        correlation_table(np.zeros(5))
    with pytest.raises(ValueError, match="`X` must have at least two rows, got 1"):
        correlation_table(np.zeros((1, 4)))
    with pytest.raises(ValueError, match="`feature_names` must hold 4 names, one per column, got"):
        correlation_table(np.zeros((3, 4)), feature_names=["a"])
    with pytest.raises(ValueError, match=r"`method` must be one of .*got 'pearsson'"):
        correlation_table(np.zeros((3, 4)), method="pearsson")
