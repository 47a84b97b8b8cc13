"""Refusals for what belongs to one process: OpenCL survives neither a fork nor a pickle."""

from __future__ import annotations

import os
from typing import NoReturn


def refuse_fork(pid: int) -> None:
    """Raise in a process that was forked from the one that started OpenCL, where any call would hang.

    Parameters
    ----------
    pid : int
        The process that started OpenCL.
    """
    if pid != os.getpid():
        raise RuntimeError(
            f"OpenCL was started in process {pid} before this process was forked from it, and does not survive a fork; "
            "start worker processes with 'spawn', 'forkserver' or loky, or use OpenCL only in the workers"
        )


def refuse_pickle(value: object, hint: str = "") -> NoReturn:
    """Raise, because handles of one process mean nothing in another.

    Parameters
    ----------
    value : object
        What was to be pickled.
    hint : str
        What to do instead.
    """
    raise TypeError(f"a {type(value).__name__} lives in one process and cannot be pickled or copied{hint}")
