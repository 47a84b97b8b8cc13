"""Clusters for those who have one: distributed is imported here, when it is asked for."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pixelforest.engine.cluster import OnWorkers


def workers_of(client: Any) -> OnWorkers | None:
    """Return who runs tasks for a client; None for none."""
    if client is None:
        return None
    from pixelforest.engine.cluster import OnWorkers

    return OnWorkers(client)


def connected_to(address: str | None) -> AbstractContextManager[Any]:
    """Return what connects to a scheduler while it lasts, and gives the client; None for no address.

    Raises
    ------
    ImportError
        distributed is missing.
    """
    if address is None:
        return nullcontext()
    try:
        from pixelforest.engine.cluster import connected
    except ImportError as error:
        raise ImportError(f'a cluster needs distributed: pip install "pixelforest[dask]" ({error})') from error
    return connected(address)
