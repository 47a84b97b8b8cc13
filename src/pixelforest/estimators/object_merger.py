"""`ObjectMerger`: learn which touching objects belong together, and merge them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from pixelforest.engine.xarrays import name_like
from pixelforest.estimators.encoded_labels import with_codes
from pixelforest.estimators.object_tables import (
    ObjectInputMixin,
    check_names,
    default_object_forest,
    learn_rows,
    paint,
    predict_rows,
)
from pixelforest.estimators.shapes import restore
from pixelforest.images.labels import as_labels
from pixelforest.images.object_annotations import ObjectAnnotation, count_votes, read_all, warn_of_disputes
from pixelforest.regions.samples import ObjectSample
from pixelforest.regions.touching_pairs import TouchingPairs, across_faces, find_touching_pairs, measure_pairs

MERGE, KEEP = 1, 2
"""The two classes of pairs, as in apoc."""


class ObjectMerger(ObjectInputMixin, MetaEstimatorMixin, BaseEstimator):
    """Merge touching objects that belong together, learned from a few strokes across their borders.

    Every pair of touching objects is measured and classified: merge or keep apart. All objects that are connected by
    pairs to be merged become one (the transitive closure).

    Parameters
    ----------
    properties : sequence of str, or str, optional
        Measurements of pairs: touch_count, touch_portion, smaller_touch_portion, mean_touch_intensity,
        centroid_distance, and ``<measurement>_difference`` of any measurement of objects, such as
        intensity_mean_difference or area_difference. Without them: touch_portion, and for samples with an image
        mean_touch_intensity.
    estimator : scikit-learn classifier, optional
        Cloned by `fit`. Without one: ``RandomForestClassifier(100, max_depth=10, random_state=0)``.
    relabel : bool
        Whether the objects of the result are numbered 1, 2, …; otherwise a merged object has the smallest label of
        its parts.
    spacing : sequence of float, optional
        Distance between pixels on every spatial axis.
    spatial_ndim : {2, 3}
        Number of spatial axes.
    channel_axis : int, optional
        Axis of an image (not of the labels) that holds channels.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    classes_ : ndarray
        ``[1, 2]``: merge and keep apart.
    feature_names_in_ : ndarray of str
        The measurements.
    n_features_in_ : int
        How many there are.

    Notes
    -----
    Objects touch where pixels of both are neighbours along an axis (4 neighbours in 2-D, 6 in 3-D), as in apoc. The
    *faces* between such pixels are counted by touch_count; touch_portion is that number by all faces of an object with
    others and with the background, of the two objects the larger value. (apoc takes the object with the smaller label,
    which is chance; it also cuts intensities to integers.)

    Examples
    --------
    A square in two halves, and two squares that only touch:

    >>> import numpy as np
    >>> import pixelforest as pf
    >>> labels = np.zeros((14, 12), dtype=int)
    >>> labels[1:6, 1:4], labels[1:6, 4:7] = 1, 2
    >>> labels[8:13, 1:6], labels[11:14, 6:11] = 3, 4
    >>> strokes = np.zeros_like(labels)
    >>> strokes[3, 3:5] = 1
    >>> strokes[12, 5:7] = 2
    >>> merger = pf.ObjectMerger(["touch_portion"]).fit([labels], [strokes])
    >>> np.unique(merger.predict(labels))
    array([0, 1, 3, 4])
    >>> print(merger.predict_pairs(labels))
                  class
    label other
    1     2           1
    3     4           2
    """

    def __init__(
        self,
        properties: Sequence[str] | str | None = None,
        estimator: Any = None,
        *,
        relabel: bool = False,
        spacing: Sequence[float] | None = None,
        spatial_ndim: int = 2,
        channel_axis: int | None = None,
    ) -> None:
        self.properties = properties
        self.estimator = estimator
        self.relabel = relabel
        self.spacing = spacing
        self.spatial_ndim = spatial_ndim
        self.channel_axis = channel_axis

    def fit(self, X: Any, y: Any) -> ObjectMerger:
        """Fit the estimator to the annotated pairs of all images.

        Parameters
        ----------
        X : list of array-like of int, or of tuples (labels, image)
            They may differ in size.
        y : list of array-like of int, or of mappings
            For each image strokes across borders of objects, in an image of the same shape: 1 where the objects
            belong together, 2 where they do not, 0 elsewhere. A stroke marks the pairs of which it covers both sides
            of a face. Or a mapping from pairs of labels to 1 or 2.

        Raises
        ------
        ValueError, TypeError
            A lone sample, labels that are not integers, annotations of another shape or with other values, strokes
            that cross no border, pairs that do not touch, only one class. The message names the image.

        Warns
        -----
        AmbiguousAnnotationWarning
            Names the pairs with both classes; the more frequent one counts, "keep apart" if they are equal.
        """
        samples = self._samples(X, allow_single=False).images
        annotations = read_all(y, samples, _read)
        found = np.unique(np.concatenate([annotation.values for annotation in annotations]))
        if len(found) < 2:
            raise ValueError(f"`y` must hold pairs to merge ({MERGE}) and to keep apart ({KEEP}), got only {found}")
        tables = [self._pair_table(samples[annotation.index])[1] for annotation in annotations]
        estimator = default_object_forest() if self.estimator is None else self.estimator
        rows = [table.reset_index(drop=True) for table in tables]
        self.estimator_, self.classes_ = learn_rows(with_codes(estimator), rows, annotations, "pairs of objects"), found
        self.feature_names_in_ = np.array(tables[0].columns, dtype=object)
        self.n_features_in_ = len(self.feature_names_in_)
        return self

    def predict(self, X: Any) -> Any:
        """Return label images in which objects are merged.

        Parameters
        ----------
        X : list of samples, stack of label images, or one sample

        Returns
        -------
        list of ndarray, stack, or one ndarray
            As `X`, in the dtype of the labels.
        """
        check_is_fitted(self)
        batch, axes = self._samples(X), self._axes()
        merged = []
        for index, sample in enumerate(batch.images):
            pairs, classes = self._classified(sample, index)
            result = _merge(sample.labels, pairs, classes == MERGE, relabel=self.relabel)
            merged.append(name_like(result, sample.given, axes.without_channels()))
        return restore(batch, merged, X)

    def predict_pairs(self, X: Any) -> Any:
        """Return what `predict` decides about every pair, before the closure.

        Parameters
        ----------
        X : list of samples, stack of label images, or one sample

        Returns
        -------
        list of DataFrame, or one DataFrame
            The column "class" (1: merge, 2: keep apart), indexed by the two labels.
        """
        check_is_fitted(self)
        batch = self._samples(X)
        tables = []
        for index, sample in enumerate(batch.images):
            pairs, classes = self._classified(sample, index)
            tables.append(pd.DataFrame({"class": classes}, index=_pair_index(pairs)))
        return tables[0] if batch.container == "single" else tables

    def score(self, X: Any, y: Any) -> float:
        """Return the share of annotated pairs, over all images, that get their class.

        Parameters
        ----------
        X, y : list
            As in `fit`.
        """
        check_is_fitted(self)
        samples = self._samples(X, allow_single=False).images
        annotations = read_all(y, samples, _read)
        predicted = [self._classified(samples[a.index], a.index)[1][a.objects] for a in annotations]
        return float(accuracy_score(np.concatenate([a.values for a in annotations]), np.concatenate(predicted)))

    def _pair_table(self, sample: ObjectSample) -> tuple[TouchingPairs, pd.DataFrame]:
        names = self.properties
        if names is None:
            names = ("touch_portion",) if sample.image is None else ("touch_portion", "mean_touch_intensity")
        table = measure_pairs(
            sample.labels,
            sample.image,
            properties=names,
            spacing=self.spacing,
            channel_axis=None if sample.image is None else self.channel_axis,
        )
        return table.pairs, pd.DataFrame(table.values, index=_pair_index(table.pairs), columns=list(table.names))

    def _classified(self, sample: ObjectSample, index: int) -> tuple[TouchingPairs, NDArray[Any]]:
        pairs, table = self._pair_table(sample)
        check_names(table, list(self.feature_names_in_), index)
        if not len(table):
            return pairs, np.empty(0, self.classes_.dtype)
        return pairs, predict_rows(self.estimator_, table, "predict", f"pairs of objects of `X[{index}]`")


def _pair_index(pairs: TouchingPairs) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([pairs.first, pairs.second], names=("label", "other"))


def _read(given: Any, sample: ObjectSample, index: int) -> ObjectAnnotation | None:
    """Return the class of every annotated pair; pairs are named by their row."""
    pairs = find_touching_pairs(sample.labels)
    if isinstance(given, Mapping):
        return _read_mapping(given, pairs, index)
    strokes = as_labels(given, sample.labels.shape, index=index)
    if not strokes.any():
        return None
    if unknown := sorted(set(np.unique(strokes).tolist()) - {0, MERGE, KEEP}):
        raise ValueError(f"`y[{index}]` must hold {MERGE} (merge), {KEEP} (keep apart) and 0, got {unknown}")
    lower, upper = across_faces(sample.labels, sample.labels)
    stroke_below, stroke_above = across_faces(sample.labels, strokes)
    is_vote = (lower > 0) & (upper > 0) & (stroke_below == stroke_above) & (stroke_below > 0)
    if not is_vote.any():
        raise ValueError(f"`y[{index}]` marks no pair of objects: its strokes cross no border between two objects")
    rows = pairs.row_of(lower[is_vote].astype(np.int64), upper[is_vote].astype(np.int64))
    votes = count_votes(rows, stroke_below[is_vote])
    named = {(int(pairs.first[row]), int(pairs.second[row])): count for row, count in votes.disputed.items()}
    warn_of_disputes(index, named, "pairs of objects")
    return ObjectAnnotation(index, votes.objects, votes.classes)


def _read_mapping(given: Mapping[Any, Any], pairs: TouchingPairs, index: int) -> ObjectAnnotation | None:
    if not given:
        return None
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in given):
        raise TypeError(f"`y[{index}]` must map from pairs of labels, (label, other), got {list(given)[:3]}")
    if unknown := set(given.values()) - {MERGE, KEEP}:
        raise ValueError(f"`y[{index}]` must map to {MERGE} (merge) or {KEEP} (keep apart), got {sorted(unknown)}")
    first, second = np.array(list(given), np.int64).T
    rows = pairs.row_of(first, second)
    if (rows < 0).any():
        apart = [pair for pair, row in zip(given, rows, strict=True) if row < 0]
        raise ValueError(f"`y[{index}]` maps from pairs of objects that do not touch: {apart[:5]}")
    if len(np.unique(rows)) < len(rows):
        raise ValueError(f"`y[{index}]` holds a pair of objects twice, in both orders")
    order = np.argsort(rows)
    return ObjectAnnotation(index, rows[order], np.array(list(given.values()), np.int64)[order])


def _merge(labels: NDArray[Any], pairs: TouchingPairs, merges: NDArray[np.bool_], *, relabel: bool) -> NDArray[Any]:
    """Return the labels with every connected group of objects as one."""
    objects = np.unique(labels[labels > 0]).astype(np.int64)
    ends = (np.searchsorted(objects, side[merges]) for side in (pairs.first, pairs.second))
    graph = coo_array((np.ones(int(merges.sum()), bool), tuple(ends)), shape=(len(objects),) * 2)
    n_groups, group = connected_components(graph, directed=False)
    smallest = np.full(n_groups, np.iinfo(np.int64).max)
    np.minimum.at(smallest, group, objects)
    numbers = np.argsort(np.argsort(smallest)) + 1 if relabel else smallest
    return paint(labels, objects, numbers[group].astype(labels.dtype), 0)
