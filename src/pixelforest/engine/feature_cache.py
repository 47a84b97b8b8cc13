"""`FeatureCache`: planes of features that are computed once, however many models ask for them."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

DEFAULT_BYTES = 2**30


class FeatureCache:
    """Keep computed features, so that a search over filters and sigmas computes each of them once per image.

    Give one to ``ImageFeatureStack(cache=…)``. Every feature of an image is kept as one plane, under the content of the
    image, the definition of the feature and the device: stacks with other filters, clones of a stack, and folds of a
    cross-validation find what another one has computed, and an image that was changed in place is another image.
    Features have the same bits whether computed alone or with others, so no result depends on the cache.

    `clone` and `copy.deepcopy` return the cache itself. In other processes (``n_jobs=2``) it begins empty; a worker
    process keeps the one that it was sent last, for all tasks of the search.

    Parameters
    ----------
    max_bytes : int
        Memory that planes may take, in each process; those that nobody asked for longest go first. All features of all
        images of a search take ``4 * n_features * n_pixels``; with less, a search that goes through them again and
        again finds little.

    Attributes
    ----------
    hits, misses : int
        How many planes were found, and how many were not.
    n_bytes : int
        Memory that the planes take now; ``len(cache)`` is their number.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> cache = pf.FeatureCache()
    >>> image = np.random.default_rng(0).normal(size=(64, 48))
    >>> for sigmas in [(1, 2), (1, 2, 4)]:
    ...     features = pf.ImageFeatureStack(("gaussian",), sigmas, cache=cache).transform(image)
    >>> cache.misses, cache.hits
    (3, 2)
    """

    def __init__(self, max_bytes: int = DEFAULT_BYTES) -> None:
        if isinstance(max_bytes, bool) or not isinstance(max_bytes, int | np.integer):
            raise TypeError(f"`max_bytes` must be a number of bytes, got {max_bytes!r}")
        if max_bytes < 1:
            raise ValueError(f"`max_bytes` must be at least 1, got {max_bytes}")
        self.__setstate__({"max_bytes": int(max_bytes), "name": uuid4().hex})

    def get(self, key: Hashable) -> NDArray[Any] | None:
        """Return the plane that is kept under `key`, read only; None if there is none.

        Parameters
        ----------
        key : hashable
        """
        with self._lock:
            plane = self._planes.get(key)
            if plane is None:
                self.misses += 1
            else:
                self.hits += 1
                self._planes.move_to_end(key)
            return plane

    def put(self, key: Hashable, plane: NDArray[Any]) -> None:
        """Keep a copy of `plane`; what nobody asked for longest makes room. A plane above `max_bytes` is not kept.

        Parameters
        ----------
        key : hashable
        plane : ndarray
        """
        if plane.nbytes > self.max_bytes:
            return
        kept = plane.copy()
        kept.setflags(write=False)
        with self._lock:
            replaced = self._planes.pop(key, None)
            self._planes[key] = kept
            self.n_bytes += kept.nbytes - (0 if replaced is None else replaced.nbytes)
            while self.n_bytes > self.max_bytes:
                self.n_bytes -= self._planes.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Forget all planes, and what was counted."""
        with self._lock:
            self._planes: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
            self.hits = self.misses = self.n_bytes = 0

    def __len__(self) -> int:
        return len(self._planes)

    def __repr__(self) -> str:
        return f"FeatureCache(max_bytes={self.max_bytes})"

    def __deepcopy__(self, memo: dict[int, Any]) -> FeatureCache:
        return self

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return _cache_here, (self.name, self.max_bytes)

    def __getstate__(self) -> dict[str, Any]:
        return {"max_bytes": self.max_bytes, "name": self.name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.max_bytes: int = state["max_bytes"]
        self.name: str = state["name"]
        self._lock = threading.Lock()
        self.clear()
        _caches[self.name] = self


_caches: WeakValueDictionary[str, FeatureCache] = WeakValueDictionary()
_arrived: deque[FeatureCache] = deque(maxlen=1)
_lock = threading.Lock()


def _cache_here(name: str, max_bytes: int) -> FeatureCache:
    """Return the cache of this name in this process; the one that arrived last lives on between tasks."""
    with _lock:
        cache = _caches.get(name)
        if cache is None:
            cache = FeatureCache.__new__(FeatureCache)
            cache.__setstate__({"max_bytes": max_bytes, "name": name})
            _arrived.append(cache)
        return cache
