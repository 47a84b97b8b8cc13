"""Our forests in the loops of active learning: scikit-activeml's strategies, and one written by hand as modAL's are."""

import numpy as np
import pytest
from sklearn.base import clone

import pixelforest as pf

FOREST = pf.OpenCLRandomForestClassifier(10, max_depth=4, random_state=0)


@pytest.fixture(scope="module")
def pool(crops):
    """Pixels of a real image as rows, and the class of each that an annotator would give."""
    stack = pf.ImageFeatureStack(("original", "gaussian"), (1, 2))
    rows = stack.transform(crops.images[0]).reshape(crops.images[0].size, -1)
    drawn = np.flatnonzero(crops.scribbles[0])
    return rows[drawn], crops.scribbles[0].ravel()[drawn]


@pytest.mark.parametrize("strategy", ["UncertaintySampling", "QueryByCommittee"])
def test_scikit_activeml_asks_our_forest(pool, strategy):
    from skactiveml import pool as strategies
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.utils import MISSING_LABEL

    X, truth = pool
    known = np.full(len(truth), MISSING_LABEL)
    for label in (1, 2):
        known[np.flatnonzero(truth == label)[:2]] = label
    classifier = SklearnClassifier(clone(FOREST), classes=[1, 2], random_state=0)
    query = getattr(strategies, strategy)(random_state=0)
    for _ in range(3):
        asked = query.query(X, known, classifier)
        assert np.isnan(known[asked]).all()
        known[asked] = truth[asked]
    assert np.isfinite(known).sum() == 7
    assert classifier.fit(X, known).score(X, truth) > 0.6


def test_a_loop_by_hand_asks_for_what_is_uncertain(pool):
    X, truth = pool
    known = np.r_[np.flatnonzero(truth == 1)[:2], np.flatnonzero(truth == 2)[:2]]
    for _ in range(3):
        model = clone(FOREST).fit(X[known], truth[known])
        unsure = pf.metrics.uncertainty(model.predict_proba(X))
        unsure[known] = -1
        known = np.append(known, unsure.argmax())
    assert len(np.unique(known)) == 7
