"""`permutation_importances`: what images lose that the model has not seen when a filter says nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.inspection import permutation_importance
from sklearn.model_selection import BaseCrossValidator, GroupKFold, KFold, check_cv
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length

from pixelforest.explain.feature_groups import By, feature_groups
from pixelforest.explain.pixel_rows import PixelRows, last_step, pixel_rows
from pixelforest.metrics import PixelScorer

Scorer = Callable[[Any, Any, Any], float]
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]
N_FOLDS = 5


def permutation_importances(
    model: Any,
    X: Any,
    y: Any,
    *,
    by: By | Mapping[str, Sequence[str]] = "filter",
    scoring: Scorer | None = None,
    cv: int | BaseCrossValidator | Literal["prefit"] | None = None,
    groups: ArrayLike | None = None,
    n_repeats: int = 5,
    random_state: Any = None,
) -> pd.DataFrame:
    """Return how much a score drops when features are shuffled among pixels, together for each filter.

    By default clones of `model` are fitted, and every score is that of images which its clone has not seen. Importances
    on training images tell what a forest has learnt by heart. With ``cv="prefit"`` the fitted `model` itself is scored
    on `X`, and it is for you to know that it was not trained on these images.

    Features of one filter share information with one another: shuffled one at a time, each seems to be of little use.
    So they are shuffled together, as rows, which keeps what they have in common. Features in other groups that know the
    same still make a group look less important.

    Parameters
    ----------
    model : estimator
        `ImageSegmenter`, `PixelClassifier`, or a pipeline that ends in one.
    X : list of array-like
        Images (feature images for a `PixelClassifier` alone).
    y : list of array-like of int
        Label images. Only annotated pixels are shuffled and scored, and features are computed near them.
    by : {"filter", "sigma", "channel", "feature"}, or mapping of str to sequence of str
        What is shuffled together, or the names of features for each group.
    scoring : callable, optional
        A scorer that looks at annotated pixels only, such as those of `pixelforest.metrics`. Default: macro Jaccard.
    cv : int, splitter or "prefit", optional
        How images are held out. Default: 5 folds, or as many as there are images or `groups`.
    groups : array-like of shape (n_images,), optional
        Images of one group are held out together: one donor, one slide.
    n_repeats : int
        How often each group of features is shuffled in each fold.
    random_state : int, RandomState instance or None

    Returns
    -------
    pandas.DataFrame
        One row per group; columns ``importance`` and ``std`` (mean and standard deviation of the drop over folds and
        repeats), ``baseline`` (mean score without shuffling), and ``n_features``.

    Raises
    ------
    TypeError
        `model` is something else, or `scoring` is no scorer of label images.
    ValueError
        `by` names no features of `model`, `groups` are given for a fitted model, there is but one image or group to
        hold out, or a fold has no annotated pixel.

    Notes
    -----
    The shuffling is that of :func:`sklearn.inspection.permutation_importance`, and so are the numbers by feature.

    Examples
    --------
    >>> import pixelforest as pf
    >>> from pixelforest.demo_data import load_demo
    >>> demo = load_demo()
    >>> model = pf.ImageSegmenter(pf.ImageFeatureStack(("gaussian", "laplacian_of_gaussian"), sigmas=(1, 4)))
    >>> table = pf.explain.permutation_importances(
    ...     model, demo.train_images[:3], demo.train_scribbles[:3], n_repeats=2, random_state=0
    ... )
    >>> list(table.index), list(table.columns)
    (['gaussian', 'laplacian_of_gaussian'], ['importance', 'std', 'baseline', 'n_features'])
    """
    rng = check_random_state(random_state)
    score = checked_scorer(scoring, last_step(model).unlabeled)
    if isinstance(cv, str):
        if cv != "prefit":
            raise ValueError(f"`cv` must be a number, a splitter, 'prefit' or None, got {cv!r}")
        if groups is not None:
            raise ValueError("`groups` say what is held out together; a fitted model (cv='prefit') is scored on all")
        folds = [pixel_rows(model, X, y)]
    else:
        folds = _held_out(model, X, y, cv, groups)
    together = feature_groups(by, folds[0].names, folds[0].stack)
    drops, baselines = zip(
        *(score_drops(fold, list(together.values()), score, n_repeats, rng) for fold in folds), strict=True
    )
    all_drops = np.concatenate(drops, axis=1)
    return pd.DataFrame(
        {
            "importance": all_drops.mean(axis=1),
            "std": all_drops.std(axis=1),
            "baseline": np.mean(baselines),
            "n_features": [len(columns) for columns in together.values()],
        },
        index=pd.Index(list(together), name=by if isinstance(by, str) else "group"),
    )


def checked_scorer(scoring: Scorer | None, unlabeled: int | None) -> Scorer:
    """Return the scorer of label images; macro Jaccard, if none is given.

    Raises
    ------
    TypeError
        It cannot be called.
    """
    score = PixelScorer("jaccard", unlabeled=unlabeled) if scoring is None else scoring
    if not callable(score):
        raise TypeError(
            f"`scoring` must be a scorer of label images, such as those of pixelforest.metrics, got {score!r}"
        )
    return score


def _held_out(model: Any, X: Any, y: Any, cv: Any, groups: ArrayLike | None) -> list[PixelRows]:
    """Return the pixels of images that were held out, with the classifier that has not seen them, for every fold."""
    folds = []
    for train, test in image_folds(X, y, cv, groups, otherwise="cv='prefit' scores a fitted model"):
        fitted = clone(model).fit([X[i] for i in train], [y[i] for i in train])
        folds.append(pixel_rows(fitted, [X[i] for i in test], [y[i] for i in test]))
    return folds


def image_folds(X: Any, y: Any, cv: Any, groups: ArrayLike | None, *, otherwise: str) -> list[Fold]:
    """Return which images are trained on, and which are held out, in every fold.

    Parameters
    ----------
    X, y : list of n_images arrays
    cv : int, splitter or None
        None: 5 folds, or as many as there are images or groups.
    groups : array-like of shape (n_images,) or None
    otherwise : str
        What to do with a single image, for messages.

    Raises
    ------
    ValueError
        There is but one image or group.
    """
    check_consistent_length(X, y, groups)
    n_parts = len(X) if groups is None else len(np.unique(np.asarray(groups)))
    if n_parts < 2:
        raise ValueError(
            f"`X` must hold at least two {'images' if groups is None else 'groups'}, so that one can be held out, got "
            f"{n_parts}; {otherwise}"
        )
    if cv is None:
        cv = (KFold if groups is None else GroupKFold)(min(N_FOLDS, n_parts))
    return list(check_cv(cv).split(X, y, groups))


def score_drops(
    pixels: PixelRows, groups: list[list[int]], score: Scorer, n_repeats: int, rng: np.random.RandomState
) -> tuple[NDArray[np.float64], float]:
    """Return the drop of the score for every group (rows) and repeat (columns), and the score without shuffling."""
    ends = np.cumsum([len(part) for part in pixels.labels])[:-1]
    labels = np.concatenate(pixels.labels)
    # scikit-learn shuffles single columns: one column per group, which holds the numbers of the rows to look at.
    numbers = np.repeat(np.arange(len(labels))[:, np.newaxis], len(groups), axis=1)
    images = [part[np.newaxis] for part in np.split(labels, ends)]

    def score_images(estimator: Any, shuffled: NDArray[np.intp], _: Any) -> float:
        return float(score(estimator, np.split(shuffled, ends), images))

    estimator = _ShuffledRows(pixels.classifier, np.concatenate(pixels.rows), groups)
    found = permutation_importance(
        estimator, numbers, labels, scoring=score_images, n_repeats=n_repeats, random_state=rng
    )
    return found.importances, score_images(estimator, numbers, labels)


class _ShuffledRows(BaseEstimator):
    """Predicts label images one pixel high; of every group of columns, a row takes those of another row."""

    def __init__(self, classifier: Any, rows: NDArray[Any], groups: list[list[int]]) -> None:
        self.classifier = classifier
        self.rows = rows
        self.groups = groups

    def fit(self, X: Any, y: Any = None) -> _ShuffledRows:
        return self

    def predict(self, X: list[NDArray[np.intp]]) -> list[NDArray[Any]]:
        numbers = np.concatenate(X)
        rows = self.rows.copy()
        for column, members in enumerate(self.groups):
            if (numbers[:, column] != np.arange(len(rows))).any():  # groups may share columns: leave the others alone
                rows[:, members] = self.rows[numbers[:, column, np.newaxis], members]
        ends = np.cumsum([len(part) for part in X])[:-1]
        return [part[np.newaxis] for part in np.split(self.classifier.predict(rows), ends)]
