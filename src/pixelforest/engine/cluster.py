"""Run tasks on the workers of a `dask.distributed` cluster. The only file that imports distributed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from distributed import Client, KilledWorker, WorkerPlugin, as_completed, get_worker
from distributed.comm import CommClosedError

from pixelforest.engine.shipping import Shipment

CONNECT_SECONDS = 5.0
"""How long a scheduler, and then its first worker, may take to answer."""


@dataclass(frozen=True)
class OnWorkers:
    """Run tasks on the workers of a ``dask.distributed`` cluster.

    The task is sent to each worker once, also to those that join later. No more items are handed out than two per
    thread, so that a scheduler holds few of them however many there are. When the caller stops, items that wait are
    taken back; those at which workers are already get finished there, and nobody asks for them.

    Parameters
    ----------
    client : distributed.Client
    """

    client: Any

    def __call__(self, task: Callable[[Any], Any], items: Sequence[Any]) -> Generator[tuple[int, Any], None, None]:
        """Yield results in the order in which they come.

        Raises
        ------
        RuntimeError
            Workers died at an item again and again.
        OSError
            The scheduler is gone. What a task raises is raised as it is.
        """
        if not items:
            return
        name = f"pixelforest-{uuid4().hex}"
        self.client.register_plugin(_Delivery(Shipment(task)), name=name)
        waiting, numbers = iter(enumerate(items)), {}
        running = as_completed(loop=self.client.loop)
        try:
            for number, item in waiting:
                future = self.client.submit(_run, name, item, pure=False)
                numbers[future] = number
                running.add(future)
                if len(numbers) >= 2 * self._n_threads():
                    done = next(running)
                    yield numbers.pop(done), _result(done)
            for done in running:
                yield numbers.pop(done), _result(done)
        except CommClosedError as error:
            raise OSError(f"the scheduler is gone: {error}") from error
        finally:
            with suppress(OSError):  # where the scheduler is gone, nothing is left to tidy up
                self.client.cancel(list(numbers))
                self.client.unregister_worker_plugin(name)

    def ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """Return what one worker says."""
        return _result(self.client.submit(question, *arguments, pure=False))

    def _n_threads(self) -> int:
        return max(1, sum(self.client.nthreads().values()))


class _Delivery(WorkerPlugin):
    """Brings a task to every worker. As a future it would be lost with the worker that holds it."""

    def __init__(self, shipment: Shipment) -> None:
        self.shipment = shipment


def _run(name: str, item: Any) -> Any:
    delivery: Any = get_worker().plugins[name]
    return delivery.shipment.job(item)


def _result(future: Any) -> Any:
    try:
        return future.result()
    except KilledWorker as error:
        raise RuntimeError(f"workers died again and again, perhaps for want of memory: {error}") from error
    except CancelledError as error:
        raise OSError(f"the scheduler is gone, or has taken the task back: {error}") from error


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a scheduler of ``dask.distributed`` while the context lasts.

    Parameters
    ----------
    address : str
        Such as ``"tcp://10.0.0.1:8786"``.

    Yields
    ------
    distributed.Client

    Raises
    ------
    OSError
        Nothing answers there, or the cluster has no worker.
    """
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise OSError(f"no scheduler answers at {address!r}: {error}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise OSError(f"the scheduler at {address!r} has no workers; start some with `dask worker`") from error
        yield client
