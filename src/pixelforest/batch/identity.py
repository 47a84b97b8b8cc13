"""What a run depends on, as short texts that can be compared when it is resumed: the model and the device."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator

from pixelforest.backends.select import open_backend
from pixelforest.estimators.compile_forest import CompiledClassifier
from pixelforest.forest.read import read_forests
from pixelforest.forest.representation import Forest


def device_fingerprint(model: Any) -> str:
    """Return name and driver of the devices that a model's estimators compute on."""
    devices = {
        estimator.device for estimator in _estimators_in(model) if isinstance(getattr(estimator, "device", None), str)
    }
    return ", ".join(sorted({open_backend(device).fingerprint for device in devices}))


def check_device(model: Any, fingerprint: str) -> None:
    """Check that this process computes with the device of the run that it takes part in.

    Raises
    ------
    RuntimeError
        It has another one, and no part of the model has `allow_mixed_devices`.
    """
    here = device_fingerprint(model)
    if here != fingerprint and not any(getattr(e, "allow_mixed_devices", False) for e in _estimators_in(model)):
        raise RuntimeError(
            f"a worker on {platform.node()} computes with {here!r}, and the run with {fingerprint!r}: results may "
            "differ in the last digits; name one device by `device=`, or pass allow_mixed_devices=True"
        )


def _estimators_in(value: Any) -> Iterator[BaseEstimator]:
    """Yield an estimator and all that it is made of."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _estimators_in(item)
    elif isinstance(value, BaseEstimator):
        yield value
        for attribute in vars(value).values():
            yield from _estimators_in(attribute)


def model_digest(model: Any) -> str:
    """Return a digest of a fitted model's parameters and of what it has learnt, devices left out.

    The same for a model, its copies and what is loaded from its file: forests count by their arrays. Objects of other
    libraries that are no estimators are hashed as joblib does, which may tell a loaded one from its original.

    Examples
    --------
    >>> import pixelforest as pf
    >>> model_digest(pf.Flatten()) == model_digest(pf.Flatten())
    True
    >>> model_digest(pf.ImageNormalizer(low=1)) == model_digest(pf.ImageNormalizer(low=2))
    False
    """
    summary = hashlib.sha256()
    for text in _described(model):
        summary.update(text)
    return summary.hexdigest()


def _described(value: Any) -> Iterator[bytes]:
    """Yield bytes that tell one value from another, whatever objects it is made of."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        yield f"{value.dtype.str}{value.shape}".encode() + np.ascontiguousarray(value).tobytes()
    elif isinstance(value, str | int | float | np.generic | type(None)):
        yield f"{value!r};".encode()
    elif isinstance(value, Forest):
        for field in fields(value):
            yield field.name.encode()
            yield from _described(getattr(value, field.name))
    elif isinstance(value, list | tuple | np.ndarray):
        yield f"{len(value)}:".encode()
        for item in value:
            yield from _described(item)
    elif isinstance(value, Mapping):
        for name in sorted(value):
            yield f"{name}=".encode()
            yield from _described(value[name])
    elif isinstance(value, CompiledClassifier):
        yield from _described(value.model.forests)
        yield from _described(value.classes_)
    elif isinstance(value, BaseEstimator):
        yield f"{type(value).__name__}(".encode()
        yield from _described(_state_of(value))
    else:
        yield joblib.hash(value).encode()


def _state_of(estimator: BaseEstimator) -> dict[str, Any]:
    """Return parameters and learnt attributes; of what a forest represents, the forest instead of its trees."""
    state = {name: value for name, value in estimator.get_params(deep=False).items() if name not in ("device", "cache")}
    learnt = {name: value for name, value in vars(estimator).items() if name.endswith("_") and name[0] != "_"}
    try:
        state["forest"] = read_forests(estimator)
        learnt = {name: value for name, value in learnt.items() if name == "classes_"}
    except (ValueError, TypeError):
        pass
    return state | learnt
