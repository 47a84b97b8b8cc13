"""What probabilities are of: the classes of a fitted model, by name."""

from __future__ import annotations

from typing import Any


def check_gives_probabilities(model: Any) -> None:
    """Raise a TypeError where a model has no `predict_proba`."""
    if not hasattr(model, "predict_proba"):
        raise TypeError("`kind`: the model gives no probabilities: its classifier has no `predict_proba`")


def class_names(model: Any) -> tuple[str, ...]:
    """Return the classes of a fitted model, in the order of its probabilities, as texts.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> class_names(SimpleNamespace(classes_=np.array([2, 7])))
    ('2', '7')
    """
    return tuple(map(str, model.classes_.tolist()))
