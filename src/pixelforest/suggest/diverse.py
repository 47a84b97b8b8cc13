"""Choose a few candidates that are worth a look and differ from one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def choose_diverse(scores: NDArray[np.float64], features: NDArray[np.float64], k: int) -> NDArray[np.intp]:
    """Return the positions of `k` candidates, the best first.

    Farthest-first traversal (Gonzalez 1985; the core-set choice of Sener and Savarese 2018) with distances weighted by
    scores: after the first, each candidate is the one with the largest score times distance to the nearest of those
    that were chosen before it. Features are scaled to unit standard deviation among the candidates.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_candidates,)
        Not negative.
    features : ndarray of float64, shape (n_candidates, n_features)
        Finite.
    k : int
        As many, or all candidates where there are fewer.

    Examples
    --------
    >>> choose_diverse(np.array([0.9, 0.8, 0.7]), np.array([[0.0], [0.1], [5.0]]), 2).tolist()
    [0, 2]
    """
    spread = features.std(axis=0) if len(features) else np.ones(features.shape[1])
    scale = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)
    scaled = features * scale
    nearest = np.full(len(scores), np.inf)
    chosen: list[int] = []
    is_left = np.ones(len(scores), np.bool_)
    for _ in range(min(k, len(scores))):
        value = scores * nearest if chosen else scores
        best = int(np.where(is_left, value, -1.0).argmax())
        chosen.append(best)
        is_left[best] = False
        np.minimum(nearest, np.linalg.norm(scaled - scaled[best], axis=1), out=nearest)
    return np.array(chosen, np.intp)
