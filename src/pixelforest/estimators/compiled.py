"""`CompiledForest`: remembers programs that were built from the trees of a model, and notices when those change."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from pixelforest.backends.protocol import Backend, ForestProgram
from pixelforest.forest.read import read_forest, trees_of
from pixelforest.forest.representation import Forest


class CompiledForest:
    """Hold the forest read from a model and its programs, one per backend.

    An estimator makes one in `fit` and asks it in `predict`. Nothing is read or compiled before it is needed. Refits,
    `warm_start` and replaced trees are noticed, because the tree objects are compared with those that were read.
    Pickles and copies are empty: programs live in one process. Safe to use from several threads.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from pixelforest.backends.select import open_backend
    >>> model = RandomForestClassifier(n_estimators=2, random_state=0).fit([[0], [1]], [0, 1])
    >>> compiled = CompiledForest()
    >>> program = compiled.program(model, open_backend("numpy"))
    >>> program is compiled.program(model, open_backend("numpy"))
    True
    >>> program is compiled.program(model.set_params(random_state=1).fit([[0], [1]], [1, 0]), open_backend("numpy"))
    False
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trees: Sequence[Any] = ()
        self._forest: Forest | None = None
        self._programs: dict[Backend, ForestProgram] = {}

    def forest(self, model: Any) -> Forest:
        """Return the forest of a fitted model.

        Raises
        ------
        ValueError
            See `read_forest`.
        """
        with self._lock:
            return self._current_forest(model)

    def program(self, model: Any, backend: Backend) -> ForestProgram:
        """Return the program of a fitted model on a backend.

        Raises
        ------
        ValueError
            See `read_forest`.
        """
        with self._lock:
            forest = self._current_forest(model)
            if backend not in self._programs:
                self._programs[backend] = backend.load_forest(forest)
            return self._programs[backend]

    def _current_forest(self, model: Any) -> Forest:
        trees = trees_of(model)
        if self._forest is None or not _are_same(trees, self._trees):
            self._forest = read_forest(model)
            # Kept, not only their ids: an id may be used again once a tree is gone.
            self._trees, self._programs = [tree.tree_ for tree in trees], {}
        return self._forest

    def __reduce__(self) -> tuple[type[CompiledForest], tuple[()]]:
        """Pickle and copy as an empty holder."""
        return CompiledForest, ()


def _are_same(trees: Sequence[Any], known: Sequence[Any]) -> bool:
    return len(trees) == len(known) and all(tree.tree_ is other for tree, other in zip(trees, known, strict=True))
