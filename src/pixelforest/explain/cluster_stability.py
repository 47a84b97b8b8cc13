"""`cluster_stability`: whether clusters are in the data, or in the random seed."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score
from sklearn.utils import check_random_state


def cluster_stability(
    clusterer: Any, X: Any, *, embedding: Any = None, n_seeds: int = 10, random_state: Any = None
) -> pd.DataFrame:
    """Return how alike the clusters are that one clusterer finds with different random seeds.

    Embeddings such as UMAP and t-SNE, and clusterers such as k-means, begin at random. A fixed seed makes one of their
    answers repeatable, and not right. This repeats all of the work, embedding and clusters, with new seeds, and
    compares every two answers by the adjusted Rand index (Hubert and Arabie 1985): 1 for the same clusters,
    whatever their numbers, and about 0 for unrelated ones. It says nothing about other objects of the same kind.

    Parameters
    ----------
    clusterer : clusterer with `fit_predict`, or pipeline that ends in one
        Cloned for every seed; each of its parameters named ``random_state``, of all steps, is set.
    X : DataFrame, array-like, or whatever `clusterer` or `embedding` takes
    embedding : estimator with `fit_transform`, or pipeline that ends in one, optional
        What comes before the clusters and cannot be a step in front of them, such as `sklearn.manifold.TSNE`, which has
        no `transform`. Treated like `clusterer`.
    n_seeds : int
        At least 2; everything is fitted as often.
    random_state : int, RandomState or None
        What the seeds are drawn from.

    Returns
    -------
    pandas.DataFrame
        One row per pair of seeds: ``seed_a``, ``seed_b``; ``n_clusters_a``, ``n_clusters_b``, without the noise −1;
        ``adjusted_rand``, where noise counts as a cluster. ``adjusted_rand.describe()`` is the report.

    Raises
    ------
    ValueError
        Nothing in `clusterer` and `embedding` has a ``random_state``, or `n_seeds` is below 2.
    TypeError
        `clusterer` cannot `fit_predict`, or `embedding` cannot `fit_transform`.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import make_blobs
    >>> import pixelforest as pf
    >>> two, _ = make_blobs(60, centers=[[0, 0], [9, 9]], random_state=0)
    >>> found = [pf.explain.cluster_stability(KMeans(k, n_init=1), two, random_state=0) for k in (2, 6)]
    >>> [bool((pairs.adjusted_rand == 1).all()) for pairs in found]  # six clusters are in the seed, two in the data
    [True, False]
    """
    for name, step, method in (("clusterer", clusterer, "fit_predict"), ("embedding", embedding, "fit_transform")):
        if step is not None and not hasattr(step, method):
            raise TypeError(f"`{name}` must have `{method}`, got {type(step).__name__}")
    if isinstance(n_seeds, bool) or not isinstance(n_seeds, int | np.integer) or n_seeds < 2:
        raise ValueError(f"`n_seeds` must be an integer >= 2, got {n_seeds!r}")
    if not _random_parameters(clusterer) and (embedding is None or not _random_parameters(embedding)):
        raise ValueError(
            "`clusterer` or `embedding` must have a `random_state`: without one there is nothing to compare"
        )
    rng = check_random_state(random_state)
    seeds = [int(seed) for seed in rng.choice(2**16, n_seeds, replace=False)]
    answers = []
    for seed in seeds:
        rows = X if embedding is None else _with_seed(embedding, seed).fit_transform(X)
        answers.append(_with_seed(clusterer, seed).fit_predict(rows))
    n_clusters = [len(set(answer.tolist()) - {-1}) for answer in answers]
    pairs = [
        (seeds[a], seeds[b], n_clusters[a], n_clusters[b], adjusted_rand_score(answers[a], answers[b]))
        for a, b in combinations(range(n_seeds), 2)
    ]
    return pd.DataFrame(pairs, columns=["seed_a", "seed_b", "n_clusters_a", "n_clusters_b", "adjusted_rand"])


def _random_parameters(estimator: Any) -> list[str]:
    return [name for name in estimator.get_params() if name.split("__")[-1] == "random_state"]


def _with_seed(estimator: Any, seed: int) -> Any:
    return clone(estimator).set_params(**dict.fromkeys(_random_parameters(estimator), seed))
