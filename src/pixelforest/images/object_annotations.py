"""Annotations of objects: painted into an image of the same shape, or a mapping from labels."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.exceptions import AmbiguousAnnotationWarning, UnlabeledImageWarning
from pixelforest.images.labels import as_labels, one_per_image
from pixelforest.images.targets import as_targets

Reader = Callable[[Any, Any, int], "ObjectAnnotation | None"]
"""Reads the annotation of one sample, given the annotation, the sample and its index; None where there is none."""


@dataclass(frozen=True, eq=False)
class ObjectAnnotation:
    """The annotated objects of one image.

    Parameters
    ----------
    index : int
        Which image.
    objects : ndarray of int64, shape (n_annotated,)
        Labels of the annotated objects; of pairs of objects, their row in the table of pairs.
    values : ndarray, shape (n_annotated,)
        The class, or the number, that each was given.
    """

    index: int
    objects: NDArray[np.int64]
    values: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Votes:
    """What most of the annotated pixels of each object say.

    Parameters
    ----------
    objects, classes : ndarray
        One class per annotated object.
    disputed : dict
        The objects with several classes: for each the number of votes of each class.
    """

    objects: NDArray[np.int64]
    classes: NDArray[Any]
    disputed: dict[int, dict[int, int]]


def read_all(y: Any, samples: Sequence[Any], read: Reader) -> list[ObjectAnnotation]:
    """Return the annotations of all samples that have one.

    Parameters
    ----------
    y : list
        One annotation per sample.
    samples : sequence
        What each annotation belongs to.
    read : callable
        Reads one of them.

    Raises
    ------
    TypeError, ValueError
        No list, another number of annotations than samples, nothing annotated at all, or what `read` raises.

    Warns
    -----
    UnlabeledImageWarning
        Names the images without annotation.
    """
    given = one_per_image(y, len(samples), "y")
    found = [read(annotation, sample, i) for i, (annotation, sample) in enumerate(zip(given, samples, strict=True))]
    annotations = [annotation for annotation in found if annotation is not None]
    if not annotations:
        raise ValueError(f"`y` annotates nothing in {len(samples)} image(s)")
    if empty := [i for i, annotation in enumerate(found) if annotation is None]:
        warnings.warn(f"images without annotation are left out: {empty}", UnlabeledImageWarning, stacklevel=4)
    return annotations


def count_votes(objects: NDArray[Any], classes: NDArray[Any]) -> Votes:
    """Return the most frequent class of every object; of equally frequent ones the largest.

    Parameters
    ----------
    objects, classes : ndarray, shape (n_votes,)

    Examples
    --------
    >>> votes = count_votes(np.array([7, 7, 7, 9, 9]), np.array([1, 2, 1, 3, 1]))
    >>> votes.classes, votes.disputed
    (array([1, 3]), {7: {1: 2, 2: 1}, 9: {1: 1, 3: 1}})
    """
    pairs, counts = np.unique(np.stack([objects, classes]).astype(np.int64), axis=1, return_counts=True)
    order = np.lexsort((pairs[1], counts, pairs[0]))  # of each object, the most frequent class comes last
    pairs, counts = pairs[:, order], counts[order]
    is_last = np.append(pairs[0, 1:] != pairs[0, :-1], True)
    distinct, n_classes = np.unique(pairs[0], return_counts=True)
    disputed: dict[int, dict[int, int]] = {int(label): {} for label in distinct[n_classes > 1]}
    for label, value, count in sorted(zip(*pairs.tolist(), counts.tolist(), strict=True)):
        if label in disputed:
            disputed[label][value] = count
    return Votes(pairs[0, is_last], pairs[1, is_last], disputed)


def warn_of_disputes(index: int, disputed: Mapping[Any, Mapping[int, int]], what: str) -> None:
    """Warn that objects (or pairs) of an image were annotated with several classes."""
    if disputed:
        listed = "; ".join(
            f"{label}: " + ", ".join(f"class {value} {n} times" for value, n in votes.items())
            for label, votes in disputed.items()
        )
        warnings.warn(
            f"`y[{index}]` gives several classes to {what} {listed}; the most frequent counts, the largest of equals",
            AmbiguousAnnotationWarning,
            stacklevel=5,
        )


def read_classes(given: Any, labels: NDArray[Any], index: int) -> ObjectAnnotation | None:
    r"""Return the class of every annotated object of one image.

    Parameters
    ----------
    given : array-like of int, shape (\*spatial), or mapping
        A sparse class image, 0 where nothing is annotated; or label → class, an integer or a string.
    labels : ndarray of integers
        The label image.
    index : int
        Which image, for messages.

    Raises
    ------
    TypeError, ValueError
        See `as_labels`; annotated pixels of which none lies on an object; a mapping of labels that are no objects, or
        to values that are neither all integers nor all strings.

    Warns
    -----
    AmbiguousAnnotationWarning
        Names the objects with several classes.
    """
    if isinstance(given, Mapping):
        objects, values = _read_mapping(given, labels, index)
        if len(objects) and values.dtype.kind not in "uiU":
            raise TypeError(
                f"`y[{index}]` must map to classes that are all integers or all strings, got {values[:3].tolist()}"
            )
        return ObjectAnnotation(index, objects, values) if len(objects) else None
    array = as_labels(given, labels.shape, index=index)
    marked = _marked_pixels(array > 0, labels, index)
    if marked is None:
        return None
    votes = count_votes(labels[marked], array[marked])
    warn_of_disputes(index, votes.disputed, "objects")
    return ObjectAnnotation(index, votes.objects, votes.classes)


def read_values(given: Any, labels: NDArray[Any], index: int) -> ObjectAnnotation | None:
    r"""Return the number of every annotated object of one image.

    Parameters
    ----------
    given : array-like of float, shape (\*spatial), or mapping
        An image that is NaN where nothing is annotated (the mean over an object's other pixels counts); or label →
        number, NaN for none.
    labels : ndarray of integers
        The label image.
    index : int
        Which image, for messages.

    Raises
    ------
    TypeError, ValueError
        Images of integers or of another shape; inf; annotated pixels of which none lies on an object; a mapping of
        labels that are no objects, or to values that are no numbers.
    """
    if isinstance(given, Mapping):
        objects, values = _read_mapping(given, labels, index)
        if len(objects) and values.dtype.kind not in "uif":
            raise TypeError(f"`y[{index}]` must map to numbers, got {values[:3].tolist()}")
        values = values.astype(np.float64)
        objects, values = objects[~np.isnan(values)], values[~np.isnan(values)]
    else:
        array = as_targets(given, labels.shape, index=index)
        marked = _marked_pixels(~np.isnan(array), labels, index)
        if marked is None:
            return None
        objects, position = np.unique(labels[marked].astype(np.int64), return_inverse=True)
        values = np.bincount(position, array[marked]) / np.bincount(position)
    if np.isinf(values).any():
        raise ValueError(f"`y[{index}]` must hold finite numbers, got inf")
    return ObjectAnnotation(index, objects, values) if len(objects) else None


def _marked_pixels(marked: NDArray[np.bool_], labels: NDArray[Any], index: int) -> NDArray[np.bool_] | None:
    n_marked = int(marked.sum())
    if not n_marked:
        return None
    on_objects: NDArray[np.bool_] = marked & (labels > 0)
    if not on_objects.any():
        raise ValueError(f"`y[{index}]` marks no object: none of its {n_marked} annotated pixels lies on one")
    return on_objects


def _read_mapping(given: Mapping[Any, Any], labels: NDArray[Any], index: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    keys = list(given)
    if not all(isinstance(key, int | np.integer) and not isinstance(key, bool) for key in keys):
        raise TypeError(f"`y[{index}]` must map from labels, which are integers, got {keys[:3]}")
    objects = np.array(keys, np.int64)
    if unknown := sorted(set(keys) - set(np.unique(labels[labels > 0]).tolist())):
        raise ValueError(f"`y[{index}]` maps from labels that are no objects of its image: {unknown[:10]}")
    kinds = {np.asarray(value).dtype.kind for value in given.values()}
    if "U" in kinds and len(kinds) > 1:  # NumPy would write the numbers as text
        raise TypeError(f"`y[{index}]` must map to values of one type, got {list(given.values())[:3]}")
    order = np.argsort(objects)  # so that what is learned does not depend on the order of the mapping
    return objects[order], np.array(list(given.values()))[order]
