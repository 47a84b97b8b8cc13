"""Suggestions for misspelt names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return what to tell somebody who wrote `name` instead of one of the `known` names.

    Examples
    --------
    >>> suggestion("sobl", ["sobel", "gaussian"])
    "did you mean 'sobel'?"
    >>> suggestion("xyz", ["sobel", "gaussian"])
    "known names are 'gaussian', 'sobel'"
    """
    known = sorted(known)
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return "known names are " + ", ".join(repr(k) for k in known)
