"""Forests whose trees vote instead of averaging: what their disagreement is measured by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pixelforest.forest.representation import Forest


def vote_forest(forest: Forest) -> Forest:
    """Return the forest in which every tree gives one whole vote, to the likeliest class of its leaf.

    The probabilities of the result are the shares of trees that vote for each class. Of equally likely classes the
    first gets the vote, as in ``DecisionTreeClassifier.predict``.

    Parameters
    ----------
    forest : Forest
        A classifier that averages class fractions, such as a random forest.

    Raises
    ------
    ValueError
        Trees that do not vote, such as those of boosting: they add corrections to one another.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from pixelforest.forest.read import read_forest
    >>> model = RandomForestClassifier(3, max_depth=1, random_state=0).fit([[0], [1], [2], [3]], [0, 1, 0, 1])
    >>> set(vote_forest(read_forest(model)).leaf_values.ravel().tolist())
    {0.0, 1.0}
    """
    if not forest.averages or forest.decision != "largest" or forest.n_columns != forest.n_outputs:
        raise ValueError("trees of this model do not vote: they add up to one decision, so they cannot disagree")
    votes = np.zeros_like(forest.leaf_values)
    votes[np.arange(len(votes)), forest.leaf_values.argmax(axis=1)] = 1
    votes.flags.writeable = False
    return replace(forest, leaf_values=votes)
