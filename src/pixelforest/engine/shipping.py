"""Send a job to other processes: its bytes once per graph, and one object per process with all that it built."""

from __future__ import annotations

import pickle
import threading
from collections import OrderedDict
from functools import cached_property
from hashlib import sha256
from typing import Any

KEPT = 4
"""Jobs that a process remembers; each may hold a forest and its program."""
_lock = threading.Lock()
_received: OrderedDict[str, Shipment] = OrderedDict()


class Shipment:
    """A job that pickles as bytes and, unpickled again in the same process, is the same object.

    A scheduler of processes pickles what tasks need for every task; the programs of a forest are built only once
    nevertheless.

    Parameters
    ----------
    job : object
        A `TileJob`, or whatever else tasks share.
    """

    def __init__(self, job: Any, payload: bytes | None = None) -> None:
        self.job = job
        if payload is not None:
            self.payload = payload

    @cached_property
    def payload(self) -> bytes:
        """The job, pickled."""
        import cloudpickle  # comes with dask; functions of a user's own script are sent along

        data: bytes = cloudpickle.dumps(self.job, protocol=pickle.HIGHEST_PROTOCOL)
        return data

    @cached_property
    def digest(self) -> str:
        """Name of the job: equal bytes, equal name."""
        return sha256(self.payload).hexdigest()

    def __reduce__(self) -> tuple[object, tuple[str, bytes]]:
        return _receive, (self.digest, self.payload)


def _receive(digest: str, payload: bytes) -> Shipment:
    with _lock:
        if digest not in _received:
            shipment = Shipment(pickle.loads(payload), payload)
            _received[digest] = shipment
            while len(_received) > KEPT:
                _received.popitem(last=False)
        _received.move_to_end(digest)
        return _received[digest]
