"""What becomes of feature blocks: features as they are, labels or probabilities by a forest, or by any classifier."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.protocol import Backend, FeatureBlock
from pixelforest.backends.select import open_backend, requested_device
from pixelforest.estimators.compile_forest import CompiledClassifier
from pixelforest.estimators.compiled import ForestPrograms, only_one
from pixelforest.estimators.compiled_classifier import CompiledClassifierMixin
from pixelforest.estimators.outputs import as_dtype
from pixelforest.forest.narrow import narrow_forest, used_features
from pixelforest.forest.read import read_forest
from pixelforest.forest.representation import Forest
from pixelforest.forest.votes import vote_forest
from pixelforest.metrics.uncertainty import ProbabilityMeasure, uncertainty

_lock = threading.Lock()
_narrowed: WeakKeyDictionary[Forest, tuple[tuple[int, ...], ForestPrograms]] = WeakKeyDictionary()
_votes: WeakKeyDictionary[Forest, Forest] = WeakKeyDictionary()


@dataclass(frozen=True)
class FeatureRule:
    """Give the features themselves, ``(n_features, *spatial)``.

    Parameters
    ----------
    dtype : dtype
    names : tuple of str
        Of the features, for messages.
    """

    dtype: np.dtype[Any]
    names: tuple[str, ...]

    def __call__(self, backend: Backend, block: FeatureBlock) -> NDArray[Any]:
        """Return the block on the host."""
        return as_dtype(block.to_host(), self.dtype, self.names)


@dataclass(frozen=True)
class ForestLabels:
    """Give the label of the class that a forest decides for, on the device of the block.

    Parameters
    ----------
    programs : ForestPrograms
        Of one forest that takes the features of the block.
    form : str or None
        Forced kernel form.
    labels : ndarray, shape (n_classes,)
        One per class of the forest.
    """

    programs: ForestPrograms
    form: str | None
    labels: NDArray[Any]

    def __call__(self, backend: Backend, block: FeatureBlock) -> NDArray[Any]:
        """Return ``(*spatial)``."""
        return self.labels[self.programs.on(backend, self.form)[0].block_class_indices(block)]


@dataclass(frozen=True)
class ForestProbabilities:
    """Give the probabilities of a forest, on the device of the block.

    Parameters
    ----------
    programs : ForestPrograms
        Of one forest that takes the features of the block.
    form : str or None
        Forced kernel form.
    columns : tuple of int
        Where the classes of the forest go.
    n_classes : int
    """

    programs: ForestPrograms
    form: str | None
    columns: tuple[int, ...]
    n_classes: int

    def __call__(self, backend: Backend, block: FeatureBlock) -> NDArray[Any]:
        """Return ``(n_classes, *spatial)``, 0 for classes that the forest does not know."""
        found = self.programs.on(backend, self.form)[0].block_probabilities(block)
        return _in_places(found, self.columns, self.n_classes)


@dataclass(frozen=True)
class RowLabels:
    """Give what any classifier predicts for the pixels as rows.

    Parameters
    ----------
    classifier : fitted classifier
    """

    classifier: Any

    def __call__(self, backend: Backend, block: FeatureBlock) -> NDArray[Any]:
        """Return ``(*spatial)``."""
        return self.classifier.predict(_rows(block)).reshape(block.shape[1:])


@dataclass(frozen=True)
class RowProbabilities:
    """Give the probabilities that any classifier has for the pixels as rows.

    Parameters
    ----------
    classifier : fitted classifier
    columns : tuple of int
        Where the classes of the classifier go.
    n_classes : int
    """

    classifier: Any
    columns: tuple[int, ...]
    n_classes: int

    def __call__(self, backend: Backend, block: FeatureBlock) -> NDArray[Any]:
        """Return ``(n_classes, *spatial)``, 0 for classes that the classifier does not know."""
        found = self.classifier.predict_proba(_rows(block)).T
        return _in_places(found.reshape(-1, *block.shape[1:]), self.columns, self.n_classes)


@dataclass(frozen=True)
class Uncertainty:
    """Give how unsure the probabilities are that another rule gives.

    Parameters
    ----------
    probabilities : ForestProbabilities or RowProbabilities
    measure : {"entropy", "margin", "least_confident"}
    """

    probabilities: ForestProbabilities | RowProbabilities
    measure: ProbabilityMeasure

    def __call__(self, backend: Backend, block: FeatureBlock) -> NDArray[Any]:
        """Return ``(*spatial)``, float32."""
        return uncertainty(self.probabilities(backend, block), self.measure, axis=0).astype(np.float32)


Rule = ForestLabels | ForestProbabilities | RowLabels | RowProbabilities | Uncertainty
Measure = ProbabilityMeasure | Literal["disagreement"]


def classifier_rule(
    classifier: Any,
    device: str,
    n_features: int,
    kind: Literal["labels", "probabilities"],
    *,
    classes: NDArray[Any],
    dtype: np.dtype[Any],
) -> tuple[Rule, tuple[int, ...]]:
    """Return how `classifier` decides blocks, and which features it has to be given.

    Parameters
    ----------
    classifier : fitted classifier
    device : str
        Of the features. A forest of ours for the same device is applied there.
    n_features : int
        That the classifier was fitted with.
    kind : {"labels", "probabilities"}
    classes : ndarray
        In the order of the columns of probabilities.
    dtype : dtype
        Of labels.

    Returns
    -------
    rule : BlockRule
    features : tuple of int
        Of a forest on the device those that some tree looks at; else all.
    """
    columns = _columns(classifier, classes)
    if not _is_forest_on(classifier, device):
        everything = tuple(range(n_features))
        if kind == "labels":
            return RowLabels(classifier), everything
        return RowProbabilities(classifier, columns, len(classes)), everything
    is_compiled = isinstance(classifier, CompiledClassifier)
    forest = only_one(classifier.model.forests) if is_compiled else classifier.read_forest()
    form = classifier.form if is_compiled else None
    features, programs = narrowed_programs(forest)
    if kind == "labels":
        return ForestLabels(programs, form, classifier.classes_.astype(dtype)), features
    return ForestProbabilities(programs, form, columns, len(classes)), features


def uncertainty_rule(
    classifier: Any, device: str, n_features: int, measure: Measure, *, classes: NDArray[Any]
) -> tuple[Rule, tuple[int, ...]]:
    """Return how unsure `classifier` is about blocks, and which features it has to be given.

    Parameters
    ----------
    classifier : fitted classifier
    device, n_features, classes
        See `classifier_rule`.
    measure : {"entropy", "margin", "least_confident", "disagreement"}
        Of the probabilities; or the entropy of the trees' votes, each tree for the likeliest class of its leaf
        (vote entropy: Dagan and Engelson 1995).

    Returns
    -------
    rule : BlockRule
    features : tuple of int

    Raises
    ------
    ValueError
        An unknown `measure`; "disagreement" of what is no forest, or whose trees do not vote.
    """
    if measure not in (known := (*get_args(ProbabilityMeasure), "disagreement")):
        raise ValueError(f"`measure` must be one of {known}, got {measure!r}")
    rule: Any
    if measure == "disagreement":
        try:
            features, programs = narrowed_programs(_voting(_forest_of(classifier)))
        except ValueError as error:
            raise ValueError(f"`measure`: 'disagreement' needs a forest whose trees vote; {error}") from error
        rule = ForestProbabilities(programs, None, _columns(classifier, classes), len(classes))
        measure = "entropy"
    else:
        rule, features = classifier_rule(
            classifier, device, n_features, "probabilities", classes=classes, dtype=np.dtype(np.float32)
        )
    return Uncertainty(rule, measure), features


def _forest_of(classifier: Any) -> Forest:
    """Return the forest that a classifier is, in whatever library it was trained."""
    if isinstance(classifier, CompiledClassifier):
        return only_one(classifier.model.forests)
    if isinstance(classifier, CompiledClassifierMixin):
        return classifier.read_forest()
    return read_forest(classifier)


def _is_forest_on(classifier: Any, device: str) -> bool:
    """Return whether `classifier` is a forest of ours on `device`, which is opened only if its name leaves a doubt."""
    if not isinstance(classifier, CompiledClassifierMixin | CompiledClassifier):
        return False
    if requested_device(classifier.device) == requested_device(device):
        return True
    return open_backend(classifier.device) is open_backend(device)


def narrowed_programs(forest: Forest) -> tuple[tuple[int, ...], ForestPrograms]:
    """Return the features that some tree looks at, and programs for rows of these; the same as long as `forest` lives.

    Parameters
    ----------
    forest : Forest
    """
    with _lock:
        if forest not in _narrowed:
            features = used_features(forest)
            _narrowed[forest] = features, ForestPrograms([narrow_forest(forest, features)])
        return _narrowed[forest]


def _voting(forest: Forest) -> Forest:
    """Return the forest in which trees vote, the same as long as `forest` lives."""
    with _lock:
        if forest not in _votes:
            _votes[forest] = vote_forest(forest)
        return _votes[forest]


def _columns(classifier: Any, classes: NDArray[Any]) -> tuple[int, ...]:
    """Return where the classes of a classifier are among `classes`."""
    position = {label: i for i, label in enumerate(classes.tolist())}
    return tuple(position[label] for label in np.asarray(classifier.classes_).tolist())


def _rows(block: FeatureBlock) -> NDArray[np.float32]:
    """Return the pixels of a block as rows, a view."""
    values = block.to_host()
    return values.reshape(len(values), -1).T


def _in_places(values: NDArray[Any], columns: tuple[int, ...], n_classes: int) -> NDArray[Any]:
    if columns == tuple(range(n_classes)):
        return values
    placed = np.zeros((n_classes, *values.shape[1:]), values.dtype)
    placed[list(columns)] = values
    return placed
