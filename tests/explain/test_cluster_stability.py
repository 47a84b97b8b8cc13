"""Agreement of clusters between seeds: fitted and compared by hand."""

from itertools import combinations

import numpy as np
import pytest
from scipy.special import comb
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.linear_model import HuberRegressor
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import GaussianRandomProjection

from pixelforest.explain import cluster_stability

NOISE = np.random.default_rng(0).normal(size=(80, 5))
GROUPS = make_blobs(80, n_features=5, centers=3, cluster_std=0.3, random_state=0)[0]


def adjusted_rand(first, second):
    """Return Hubert and Arabie's index (1985) from counts of pairs."""
    together = sum(comb(np.sum((first == a) & (second == b)), 2) for a in set(first) for b in set(second))
    in_first, in_second = (sum(comb(np.sum(one == c), 2) for c in set(one)) for one in (first, second))
    expected = in_first * in_second / comb(len(first), 2)
    return (together - expected) / ((in_first + in_second) / 2 - expected)


def test_every_pair_of_seeds_is_compared():
    table = cluster_stability(KMeans(6, n_init=1), NOISE, n_seeds=4, random_state=0)
    seeds = [*table.seed_a[:1], *table.seed_b[:3]]
    assert len(set(seeds)) == 4
    assert list(zip(table.seed_a, table.seed_b, strict=True)) == list(combinations(seeds, 2))
    labels = {seed: KMeans(6, n_init=1, random_state=seed).fit_predict(NOISE) for seed in seeds}
    expected = [adjusted_rand(labels[a], labels[b]) for a, b in combinations(seeds, 2)]
    np.testing.assert_allclose(table.adjusted_rand, expected, rtol=1e-12)
    assert table.adjusted_rand.max() < 0.9
    assert (table[["n_clusters_a", "n_clusters_b"]] == 6).all(axis=None)


def test_the_seed_of_every_step_is_set():
    """Projections to one axis differ by seed; k-means with many starts does not."""
    projected = make_pipeline(GaussianRandomProjection(1, random_state=0), KMeans(3, n_init=10, random_state=0))
    table = cluster_stability(projected, NOISE, n_seeds=4, random_state=0)
    assert table.adjusted_rand.max() < 0.9
    assert projected.get_params()["kmeans__random_state"] == 0  # the caller's is left alone
    again = cluster_stability(projected, NOISE, n_seeds=4, random_state=0)
    assert table.equals(again)
    assert not table.equals(cluster_stability(projected, NOISE, n_seeds=4, random_state=1))


def test_real_groups_are_found_with_every_seed_and_through_an_embedding():
    embedding = make_pipeline(StandardScaler(), TSNE(perplexity=10, max_iter=300, init="random"))
    for clusterer, before in ((KMeans(3, n_init=3), None), (HDBSCAN(copy=True), embedding)):
        table = cluster_stability(clusterer, GROUPS, embedding=before, n_seeds=3, random_state=0)
        assert (table.adjusted_rand == 1).all()
        assert set(table.n_clusters_a) == {3}


def test_embeddings_get_new_seeds_too():
    """Projections to one axis differ by seed; k-means with many starts does not."""
    table = cluster_stability(KMeans(3, n_init=10), NOISE, embedding=GaussianRandomProjection(1), random_state=0)
    assert table.adjusted_rand.max() < 0.9


def test_noise_is_no_cluster_of_its_own_but_counts_in_the_index():
    spread = np.concatenate([GROUPS, 40 * np.random.default_rng(1).normal(size=(10, 5))])
    clusterer = make_pipeline(PCA(2, random_state=0), HDBSCAN(copy=True))
    assert -1 in clusterer.fit_predict(spread)
    table = cluster_stability(clusterer, spread, n_seeds=2, random_state=0)
    assert table[["n_clusters_a", "n_clusters_b"]].to_numpy().tolist() == [[3, 3]]
    assert table.adjusted_rand.tolist() == [1]


def test_what_is_refused():
    for embedding in (None, StandardScaler()):
        with pytest.raises(ValueError, match="`clusterer` or `embedding` must have a `random_state`"):
            cluster_stability(HDBSCAN(copy=True), NOISE, embedding=embedding)
    with pytest.raises(TypeError, match="`clusterer` must have `fit_predict`, got PCA"):
        cluster_stability(PCA(), NOISE)
    with pytest.raises(TypeError, match="`embedding` must have `fit_transform`, got HuberRegressor"):
        cluster_stability(KMeans(2), NOISE, embedding=HuberRegressor())
    for n_seeds in (1, True, 2.5):
        with pytest.raises(ValueError, match="`n_seeds` must be an integer >= 2, got "):
            cluster_stability(KMeans(2), NOISE, n_seeds=n_seeds)
