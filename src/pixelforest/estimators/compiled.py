"""Programs of forests: made once per backend, left out of pickles, and made again when the model changes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from pixelforest.backends.protocol import Backend, ForestProgram
from pixelforest.forest.read import read_forests, trees_of
from pixelforest.forest.representation import Forest


class ForestPrograms:
    """Hold the forests of a model, one per target, and their programs, one list per backend.

    Pickles and copies have the forests and no programs: those live in one process. Safe to use from several threads.

    Parameters
    ----------
    forests : sequence of Forest
        What to make programs of.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from pixelforest.backends.select import open_backend
    >>> programs = ForestPrograms(read_forests(DecisionTreeClassifier().fit([[0], [1]], [0, 1])))
    >>> programs.on(open_backend("numpy")) is programs.on(open_backend("numpy"))
    True
    """

    def __init__(self, forests: Sequence[Forest]) -> None:
        self.forests = tuple(forests)
        self._lock = threading.Lock()
        self._programs: dict[tuple[Backend, str | None], tuple[ForestProgram, ...]] = {}

    def on(self, backend: Backend, form: str | None = None) -> tuple[ForestProgram, ...]:
        """Return one program per forest for a backend.

        Parameters
        ----------
        backend : Backend
            See `pixelforest.backends.select.open_backend`.
        form : {"traverse", "shared", "coherent", "shallow"}, optional
            Forces a kernel form.

        Raises
        ------
        ValueError
            `form` is unknown, does not suit the forest, or there are no kernels on this backend.
        """
        with self._lock:
            if (backend, form) not in self._programs:
                self._programs[backend, form] = tuple(backend.load_forest(forest, form=form) for forest in self.forests)
            return self._programs[backend, form]

    def __reduce__(self) -> tuple[type[ForestPrograms], tuple[tuple[Forest, ...]]]:
        """Pickle and copy without programs."""
        return ForestPrograms, (self.forests,)


class WatchedPrograms:
    """Hold the programs of a fitted scikit-learn forest, and notice when its trees change.

    An estimator makes one in `fit` and asks it in `predict`. Nothing is read or compiled before it is needed. Refits,
    `warm_start` and replaced trees are noticed, because the tree objects are compared with those that were read.
    Pickles and copies are empty. Safe to use from several threads.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from pixelforest.backends.select import open_backend
    >>> model = RandomForestClassifier(n_estimators=2, random_state=0).fit([[0], [1]], [0, 1])
    >>> watched, backend = WatchedPrograms(), open_backend("numpy")
    >>> programs = watched.of(model).on(backend)
    >>> programs is watched.of(model).on(backend)
    True
    >>> programs is watched.of(model.set_params(random_state=1).fit([[0], [1]], [1, 0])).on(backend)
    False
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trees: Sequence[Any] = ()
        self._programs: ForestPrograms | None = None

    def of(self, model: Any) -> ForestPrograms:
        """Return forests and programs of a fitted model.

        Raises
        ------
        ValueError
            See `read_forests`.
        """
        with self._lock:
            trees = trees_of(model)
            if self._programs is None or not _are_same(trees, self._trees):
                self._programs = ForestPrograms(read_forests(model))
                # Kept, not only their ids: an id may be used again once a tree is gone.
                self._trees = [tree.tree_ for tree in trees]
            return self._programs

    def __reduce__(self) -> tuple[type[WatchedPrograms], tuple[()]]:
        """Pickle and copy as an empty holder."""
        return WatchedPrograms, ()


def only_one(items: Sequence[Any]) -> Any:
    """Return the forest or program of a model of one target.

    Raises
    ------
    ValueError
        There are several.

    Examples
    --------
    >>> only_one(["forest"])
    'forest'
    """
    if len(items) != 1:
        raise ValueError(f"a model of {len(items)} targets is {len(items)} forests: several outputs cannot be compiled "
                         "into one")  # fmt: skip
    return items[0]


def _are_same(trees: Sequence[Any], known: Sequence[Any]) -> bool:
    return len(trees) == len(known) and all(tree.tree_ is other for tree, other in zip(trees, known, strict=True))
