"""Run one task for many items: how, and the simplest way, in turn in this process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

Spread = Callable[[Callable[[Any], Any], Sequence[Any]], Generator[tuple[int, Any], None, None]]
"""Takes a task and items; yields the position of an item and what the task made of it, as soon as that is done."""


def in_turn(task: Callable[[Any], Any], items: Sequence[Any]) -> Generator[tuple[int, Any], None, None]:
    """Run the task here, for one item after the other.

    Examples
    --------
    >>> list(in_turn(str.upper, ["a", "b"]))
    [(0, 'A'), (1, 'B')]
    """
    for number, item in enumerate(items):
        yield number, task(item)
