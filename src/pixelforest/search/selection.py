"""`select_features`: drop filters that cost more than they are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state

from pixelforest.explain.permutation import Fold, Scorer, checked_scorer, image_folds, score_drops
from pixelforest.explain.pixel_rows import PixelRows, last_step
from pixelforest.features.plan import FeaturePlan
from pixelforest.features.spec import FeatureSpec
from pixelforest.search.annotated_images import AnnotatedImages, read_images
from pixelforest.search.feature_cost import measured_cost
from pixelforest.search.stacked_model import stacked_model

Cost = Callable[[FeaturePlan], float]
Kept = tuple[FeatureSpec, ...]
LEAST_SAVING = 0.01
"""Of the whole cost; smaller savings are not told from the noise of measurements."""


@dataclass(frozen=True, eq=False)
class FeatureSelection:
    """What `select_features` found.

    Attributes
    ----------
    model : fitted estimator
        A clone of the given one with the features that are left, trained on all images.
    features : tuple of FeatureSpec
        That are left.
    path : DataFrame
        One row per step, the first one with all features. Columns: ``dropped`` (name of the filter and sigma that went
        last; empty in the first row), ``n_features``, ``score`` and ``std`` (mean and standard deviation over the
        folds), ``cost`` (microseconds per megapixel, or what `cost` returned), ``is_selected``.
    held_out_scores : ndarray of float64 or None
        Of images that no step of the selection has seen, one per fold of `outer_cv`.
    """

    model: Any
    features: Kept
    path: pd.DataFrame
    held_out_scores: NDArray[np.float64] | None


def select_features(
    model: Any,
    X: Any,
    y: Any,
    *,
    budget: float | None = None,
    tolerance: float = 0.01,
    scoring: Scorer | None = None,
    cv: int | BaseCrossValidator | None = None,
    groups: ArrayLike | None = None,
    outer_cv: int | BaseCrossValidator | None = None,
    cost: Cost | None = None,
    n_repeats: int = 3,
    random_state: Any = None,
) -> FeatureSelection:
    """Drop one filter at one sigma after the other, the one that is worth least for what it costs first.

    At every step clones are trained on some images and scored on the others. The features of each filter and sigma are
    shuffled together, as `explain.permutation_importances` does; the drop of the score, divided by the time that is
    saved without them, is what they are worth. Time is measured on the device of the model, for what is left as a
    whole: features that share their smoothing save little alone. A saving counts as 1 % of the cost at least.

    Parameters
    ----------
    model : estimator
        An `ImageSegmenter`, a pipeline that ends in one, or one that ends in an `ImageFeatureStack` and a
        `PixelClassifier`. Steps in front must learn nothing, as `ImageNormalizer` does not.
    X : list of array-like
        Images.
    y : list of array-like of int
        Label images; features are computed near annotated pixels, once.
    budget : float, optional
        Microseconds per megapixel: stop as soon as the features cost no more, whatever the score.
    tolerance : float
        Without `budget`: how much lower than that of all features the score may be. Steps go down to a single filter
        and sigma, because scores of few images go up and down, and the last that is not lower is selected.
    scoring : callable, optional
        A scorer that looks at annotated pixels only, such as those of `pixelforest.metrics`. Default: macro Jaccard.
    cv : int or splitter, optional
        How images are held out of the training of a step. Default: 5 folds, or as many as there are images or `groups`.
    groups : array-like of shape (n_images,), optional
        Images of one group are held out together: one donor, one slide.
    outer_cv : int or splitter, optional
        How images are held out of the whole selection, which is then repeated for each fold. Without it, nothing is.
    cost : callable, optional
        ``cost(plan)`` of a `FeaturePlan`, instead of measured microseconds per megapixel; for example
        ``lambda plan: len(plan.order)``, the number of planes, which is the same in every run.
    n_repeats : int
        How often features are shuffled in each fold.
    random_state : int, RandomState instance or None

    Returns
    -------
    FeatureSelection
        `model`, `features`, `path` (draw it with `plot.draw_cost_and_score`) and `held_out_scores`.

    Raises
    ------
    TypeError
        `model` is something else, or `scoring` is no scorer of label images.
    ValueError
        One image or group only; no feature alone is within `budget`; a fold with too few annotated pixels; a negative
        `tolerance`; a step of `model` that learns.

    Notes
    -----
    The scores of `path` are those of held-out images, but the images that chose what to drop are among them, so the
    selected one is optimistic. `held_out_scores` are not.

    Examples
    --------
    >>> import pixelforest as pf
    >>> from pixelforest.demo_data import load_demo
    >>> demo = load_demo()
    >>> model = pf.ImageSegmenter(pf.ImageFeatureStack(("original", "gaussian"), sigmas=(1, 4)))
    >>> found = pf.select_features(
    ...     model, demo.train_images[:3], demo.train_scribbles[:3], budget=3, cost=lambda plan: len(plan.order)
    ... )
    >>> found.path[["n_features", "cost"]].iloc[[0, -1]].values.tolist()
    [[3.0, 6.0], [1.0, 2.0]]
    """
    stacked = stacked_model(model)
    if not tolerance >= 0:
        raise ValueError(f"`tolerance` must be at least 0, got {tolerance!r}")
    folds = image_folds(X, y, cv, groups, otherwise="annotate another one")
    outer_folds = () if outer_cv is None else image_folds(X, y, outer_cv, groups, otherwise="annotate another one")
    images = read_images(stacked, X, y)
    measure = cost or (lambda plan: measured_cost(plan, stacked.stack.device))
    descent = _Descent(
        images,
        stacked.classifier,
        checked_scorer(scoring, last_step(model).unlabeled),
        cache(lambda kept: float(measure(stacked.with_features(kept).plan_for(images.n_channels)))),
        budget,
        tolerance,
        n_repeats,
        check_random_state(random_state),
    )
    steps, chosen = descent.run(folds)
    held_out = []
    for train, test in outer_folds:
        of_train = None if groups is None else np.asarray(groups)[train]
        inner = image_folds([X[i] for i in train], [y[i] for i in train], cv, of_train, otherwise="hold out fewer")
        found, best = descent.run([(train[a], train[b]) for a, b in inner])
        held_out.append(descent.evaluate(found[best].kept, [(train, test)])[0].item())
    return FeatureSelection(
        stacked.with_stack(stacked.with_features(steps[chosen].kept)).fit(X, y),
        steps[chosen].kept,
        _table(steps, chosen, images),
        None if outer_cv is None else np.array(held_out),
    )


@dataclass(frozen=True)
class _Step:
    """What is left, what went last, and what that means."""

    kept: Kept
    dropped: FeatureSpec | None
    scores: NDArray[np.float64]
    cost: float

    @property
    def score(self) -> float:
        return float(self.scores.mean())


@dataclass(frozen=True, eq=False)
class _Descent:
    """From all features down to the `budget`, or to a single filter and sigma."""

    images: AnnotatedImages
    classifier: Any
    score: Scorer
    cost_of: Callable[[Kept], float]
    budget: float | None
    tolerance: float
    n_repeats: int
    rng: np.random.RandomState

    def run(self, folds: Sequence[Fold]) -> tuple[list[_Step], int]:
        """Return all steps, and which one is selected."""
        kept, dropped = tuple(self.images.columns), None
        steps: list[_Step] = []
        while True:
            scores, importances = self.evaluate(kept, folds)
            cost = min([self.cost_of(kept), *(step.cost for step in steps)])  # less work never takes longer
            steps.append(_Step(kept, dropped, scores, cost))
            if self._is_cheap(steps[-1]) or len(kept) == 1:
                return steps, self._chosen(steps)
            dropped = self._least_worth(steps[-1], importances)
            kept = tuple(spec for spec in kept if spec != dropped)

    def evaluate(self, kept: Kept, folds: Sequence[Fold]) -> tuple[NDArray[np.float64], dict[FeatureSpec, float]]:
        """Return the score of every fold, and what it drops by on average without each filter and sigma."""
        columns = sorted(column for spec in kept for column in self.images.columns[spec])
        together = [[columns.index(column) for column in self.images.columns[spec]] for spec in kept]
        scores, drops = [], []
        for train, test in folds:
            rows, labels = self.images.take(train, columns)
            values = np.concatenate(labels)
            if np.unique(values).size < 2:
                raise ValueError(f"`cv`: the training images {np.asarray(train).tolist()} show fewer than two classes")
            fitted = clone(self.classifier).fit(np.concatenate(rows), values)
            pixels = PixelRows(fitted, *self.images.take(test, columns), names=(), stack=None)
            if not pixels.rows:
                raise ValueError(f"`cv`: the held-out images {np.asarray(test).tolist()} have no annotated pixel")
            dropped, baseline = score_drops(pixels, together, self.score, self.n_repeats, self.rng)
            scores.append(baseline)
            drops.append(dropped.mean(axis=1))
        return np.array(scores), dict(zip(kept, np.mean(drops, axis=0).tolist(), strict=True))

    def _is_cheap(self, step: _Step) -> bool:
        return self.budget is not None and step.cost <= self.budget

    def _chosen(self, steps: list[_Step]) -> int:
        if self.budget is None:
            return max(number for number, step in enumerate(steps) if step.score >= steps[0].score - self.tolerance)
        if not self._is_cheap(steps[-1]):
            raise ValueError(
                f"`budget` must be at least {steps[-1].cost:.4g}, what {steps[-1].kept[0].name!r} alone costs, got "
                f"{self.budget!r}"
            )
        return len(steps) - 1

    def _least_worth(self, step: _Step, importances: dict[FeatureSpec, float]) -> FeatureSpec:
        def worth(spec: FeatureSpec) -> tuple[float, float]:
            saved = step.cost - self.cost_of(tuple(other for other in step.kept if other != spec))
            return max(importances[spec], 0.0) / max(saved, LEAST_SAVING * step.cost), -saved

        return min(step.kept, key=worth)


def _table(steps: list[_Step], chosen: int, images: AnnotatedImages) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "dropped": ["" if step.dropped is None else step.dropped.name for step in steps],
            "n_features": [sum(len(images.columns[spec]) for spec in step.kept) for step in steps],
            "score": [step.score for step in steps],
            "std": [float(step.scores.std()) for step in steps],
            "cost": [step.cost for step in steps],
            "is_selected": [number == chosen for number in range(len(steps))],
        },
        index=pd.RangeIndex(len(steps), name="step"),
    )
