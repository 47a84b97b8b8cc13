"""Areas of clusters: counted one by one, and what a pipeline of scikit-learn finds on photographs."""

import numpy as np
import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

import pixelforest as pf
from pixelforest.demo_data import load_stained
from pixelforest.explain import cluster_areas

RNG = np.random.default_rng(0)
RAGGED = [RNG.integers(0, 5, (20, 30)), RNG.choice([-1, 7], (9, 4)).astype(np.int8)]


def test_areas_are_counted_in_ragged_images():
    table = cluster_areas(RAGGED, names=["a", "b"])
    assert (table.index.name, table.columns.name) == ("image", "cluster")
    assert table.columns.tolist() == [-1, 0, 1, 2, 3, 4, 7]
    for (name, cluster), area in table.stack().items():
        assert area == (RAGGED["ab".index(name)] == cluster).sum()


def test_shares_and_physical_areas():
    pixels = cluster_areas(RAGGED)
    assert pixels.index.tolist() == [0, 1]
    np.testing.assert_allclose(cluster_areas(RAGGED, spacing=(0.5, 3)), 1.5 * pixels)
    shares = cluster_areas(RAGGED, values="shares")
    np.testing.assert_allclose(shares, pixels / np.array([[600], [36]]))
    volumes = cluster_areas(np.zeros((2, 3, 4), int), spacing=(2, 1, 1), spatial_ndim=3)
    assert volumes.to_numpy().tolist() == [[48]]


@pytest.mark.parametrize("clusterer", [KMeans, MiniBatchKMeans, GaussianMixture])
def test_dark_clusters_cover_about_as_much_as_nuclei_do(clusterer):
    """Two clusters of the colours of all images together; the reference masks were drawn by people."""
    names, images, masks = load_stained()
    flatten = pf.Flatten()
    model = clusterer(2, random_state=0)
    labels = flatten.inverse_transform(make_pipeline(flatten, model).fit_predict(images), like=images)
    centers = model.means_ if clusterer is GaussianMixture else model.cluster_centers_
    dark = int(centers.sum(axis=1).argmin())
    table = cluster_areas(labels, names=names)
    assert table.sum(axis=1).tolist() == [128 * 160] * 3
    assert table.loc[names[1], dark] == (labels[1] == dark).sum()
    for found, mask in zip(labels[1:], masks[1:], strict=True):  # the first image is of another slide
        truth = mask > 0
        assert (truth & (found == dark)).sum() / (truth | (found == dark)).sum() > 0.6


def test_what_is_refused():
    with pytest.raises(TypeError, match=r"`labels\[1\]` must hold integers, one per cluster, got dtype float64"):
        cluster_areas([RAGGED[0], np.ones((2, 2))])
    for names in (["a"], "ab"):
        with pytest.raises(ValueError, match=r"`names` must hold 2 names, one per image, got "):
            cluster_areas(RAGGED, names=names)
    with pytest.raises(ValueError, match=r"`values` must be one of \('areas', 'shares'\), got 'share'"):
        cluster_areas(RAGGED, values="share")
    with pytest.raises(ValueError, match="`spacing` must be 2 finite numbers > 0"):
        cluster_areas(RAGGED, spacing=(1, 0))
