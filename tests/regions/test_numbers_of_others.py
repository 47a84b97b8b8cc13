"""Numbers that others published: the table of the 44 blobs, and what apoc measures on its own example."""

from pathlib import Path

import numpy as np
import pytest
from imageio.v3 import imread
from numpy.testing import assert_allclose
from pandas import read_csv
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label
from skimage.segmentation import clear_border

from pixelforest.regions import measure_regions

FORTY_FOUR = ("area", "solidity", "roundness", "circularity", "aspect_ratio")


@pytest.fixture(scope="module")
def forty_four(data_folder):
    """Measure the blobs above 120 that have more than 10 pixels and do not touch the border."""
    image = np.squeeze(imread(data_folder / "bia" / "blobs.tif"))
    regions = label(image > 120)
    sizes = np.bincount(regions.ravel())
    regions = clear_border(np.where(sizes[regions] > 10, regions, 0))
    return measure_regions(regions, image, properties=(*FORTY_FOUR, "standard_deviation_intensity"))


def test_the_table_of_44_blobs(forty_four):
    assert len(forty_four.labels) == 44
    printed = {"area": "401.863636", "solidity": "0.953153", "roundness": "0.762889"}
    printed |= {"circularity": "0.918858", "aspect_ratio": "1.374342"}
    assert {name: f"{forty_four.column(name).mean():.6f}" for name in FORTY_FOUR} == printed
    assert f"{forty_four.column('area').std(ddof=1):.6f}" == "202.852288"


def test_the_correlations_of_44_blobs(forty_four):
    area = forty_four.column("area")
    assert f"{np.corrcoef(area, forty_four.column('solidity'))[0, 1]:.6f}" == "-0.243908"
    assert f"{np.corrcoef(area, forty_four.column('circularity'))[0, 1]:.6f}" == "-0.626241"


def test_the_published_table_of_61_blobs(data_folder):
    """Its names are scikit-image's old ones; the blobs are those above Otsu's threshold of a smoothed image."""
    published = read_csv(data_folder / "bia" / "blobs_statistics.csv", index_col=0)
    image = np.squeeze(imread(data_folder / "bia" / "blobs.tif"))
    smooth = gaussian(image.astype(float), 2)
    found = measure_regions(label(smooth > threshold_otsu(smooth)), image, properties=list(published.columns))
    assert found.values.shape == (61, 12)
    for name in published.columns:
        assert_allclose(found.column(name), published[name], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("example", "labels", "image"),
    [
        ("blobs", "apoc_demo/labels.tif", "apoc_demo/blobs.tif"),
        ("membranes", "bia/membrane2d_oversegmented.tif", "bia/membrane2d.tif"),
    ],
)
def test_what_apoc_measures(example, labels, image, data_folder):
    """Recorded from clesperanto, which computes in float32; it counts labels that are not there as empty regions."""
    recorded = read_csv(Path(__file__).parent / f"measured_by_clesperanto_{example}.csv", index_col="label")
    regions = np.squeeze(imread(data_folder / labels)).astype(int)
    found = measure_regions(regions, np.squeeze(imread(data_folder / image)), properties=list(recorded.columns))
    expected = recorded.loc[found.labels]
    assert len(expected) > 50
    for name in recorded.columns:
        assert_allclose(found.column(name), expected[name], rtol=2e-5, atol=1e-6, err_msg=name)
    if example == "membranes":
        assert found.column("touching_neighbor_count").max() > 5
