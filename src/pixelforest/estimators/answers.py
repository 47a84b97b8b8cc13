"""From the programs of a model to what scikit-learn's methods return, also into arrays that the user gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.protocol import ForestProgram
from pixelforest.forest import links
from pixelforest.forest.representation import Forest

LABELS_AT_ONCE = 2**16
"""Labels that are looked up together: their indices stay in the second cache."""


def class_labels(program: ForestProgram, classes: NDArray[Any], X: NDArray[Any], out: Any = None) -> NDArray[Any]:
    """Return the class of each row, ``X.shape[:-1]``.

    Parameters
    ----------
    program : ForestProgram
        Of a classifier.
    classes : ndarray, shape (n_classes,)
        Labels in the order of their indices.
    X : ndarray, shape (..., n_features)
        Checked rows.
    out : ndarray, optional
        Where to write; its dtype must hold all classes.

    Raises
    ------
    ValueError, TypeError
        `out` has another shape, or a dtype that cannot hold the classes.

    Examples
    --------
    >>> from pixelforest.backends.numpy.forest import NumpyForestProgram
    >>> from pixelforest.forest.read import read_forest
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> program = NumpyForestProgram(read_forest(DecisionTreeClassifier().fit([[0], [1]], [3, 5])))
    >>> class_labels(program, np.array([3, 5]), np.array([[[0.0], [1.0]]])).tolist()
    [[3, 5]]
    """
    shape = X.shape[:-1]
    if out is None:
        table = classes
    else:
        _check_out(out, shape)
        table = _as_dtype_of(classes, out)
    if table.dtype == np.min_scalar_type(len(table) - 1) and np.array_equal(table, np.arange(len(table))):
        return _written(out, table.dtype, lambda to: program.class_indices(X, out=to))
    indices = program.class_indices(X)
    if out is not None and not out.flags.c_contiguous:
        out[...] = table.take(indices)
        return out
    labels = np.empty(shape, table.dtype) if out is None else out
    flat, places = labels.reshape(-1), indices.reshape(-1)
    for start in range(0, len(flat), LABELS_AT_ONCE):
        part = slice(start, start + LABELS_AT_ONCE)
        table.take(places[part], out=flat[part], mode="clip")
    return labels


def class_probabilities(forest: Forest, program: ForestProgram, X: NDArray[Any], out: Any = None) -> NDArray[Any]:
    """Return the probabilities of each row, ``(*X.shape[:-1], n_classes)``, in the precision of the model.

    Parameters
    ----------
    forest : Forest
        A classifier.
    program : ForestProgram
        Made of it.
    X : ndarray, shape (..., n_features)
        Checked rows.
    out : ndarray of float32 or float64, optional
        Where to write.

    Raises
    ------
    ValueError, TypeError
        `out` has another shape or dtype.

    Examples
    --------
    >>> from pixelforest.backends.numpy.forest import NumpyForestProgram
    >>> from pixelforest.forest.read import read_forest
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> forest = read_forest(DecisionTreeClassifier().fit([[0], [1]], [3, 5]))
    >>> class_probabilities(forest, NumpyForestProgram(forest), np.array([[0.0], [1.0]])).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if out is not None:
        _check_out(out, (*X.shape[:-1], forest.n_classes), floats=True)
    if out is None and forest.sum_precision == "float32":
        return program.class_probabilities(X).astype(np.float32)
    return _written(out, np.dtype(np.float64), lambda to: program.class_probabilities(X, out=to))


def predictions(forest: Forest, program: ForestProgram, X: NDArray[Any], out: Any = None) -> NDArray[Any]:
    """Return what a regressor predicts, ``X.shape[:-1]`` or, of several outputs, ``(*X.shape[:-1], n_outputs)``.

    Parameters
    ----------
    forest : Forest
        A regressor.
    program : ForestProgram
        Made of it.
    X : ndarray, shape (..., n_features)
        Checked rows.
    out : ndarray of float32 or float64, optional
        Where to write.

    Raises
    ------
    ValueError, TypeError
        `out` has another shape or dtype.

    Examples
    --------
    >>> from pixelforest.backends.numpy.forest import NumpyForestProgram
    >>> from pixelforest.forest.read import read_forest
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> forest = read_forest(DecisionTreeRegressor().fit([[0], [1]], [3, 5]))
    >>> predictions(forest, NumpyForestProgram(forest), np.array([[0.0], [1.0]])).tolist()
    [3.0, 5.0]
    """
    shape = X.shape[:-1] if forest.n_outputs == 1 else (*X.shape[:-1], forest.n_outputs)
    if out is not None:
        _check_out(out, shape, floats=True)

    def fill(to: NDArray[Any] | None) -> NDArray[Any]:
        if forest.link == "identity":
            values = program.values(X, out=to if to is None else to.reshape(*X.shape[:-1], forest.n_outputs))
            return values.reshape(shape)
        values = program.values(X).reshape(-1, forest.n_outputs)
        found = links.predictions(forest, values).reshape(shape)
        if to is None:
            return found
        to[...] = found
        return to

    if out is None and forest.sum_precision == "float32":
        return fill(None).astype(np.float32)
    return _written(out, np.dtype(np.float64), fill)


def decision_values(forest: Forest, program: ForestProgram, X: NDArray[Any]) -> NDArray[np.float64]:
    """Return the values of each row in the shape of scikit-learn's ``decision_function``.

    Parameters
    ----------
    forest : Forest
        What adds up leaf values.
    program : ForestProgram
        Made of it.
    X : ndarray, shape (..., n_features)
        Checked rows.

    Returns
    -------
    ndarray of float64, shape ``X.shape[:-1]`` or, of several outputs, ``(*X.shape[:-1], n_outputs)``

    Examples
    --------
    >>> from pixelforest.backends.numpy.forest import NumpyForestProgram
    >>> from pixelforest.forest.read import read_forest
    >>> from sklearn.ensemble import GradientBoostingClassifier
    >>> forest = read_forest(GradientBoostingClassifier(n_estimators=2).fit([[0], [1]], [0, 1]))
    >>> decision_values(forest, NumpyForestProgram(forest), np.zeros((4, 5, 1))).shape
    (4, 5)
    """
    values = program.values(X)
    return values[..., 0] if forest.n_outputs == 1 else values


def stacked_labels(
    programs: Sequence[ForestProgram], classes: Sequence[NDArray[Any]], X: NDArray[Any], out: Any = None
) -> NDArray[Any]:
    """Return the class of each row for each of several targets, ``(*X.shape[:-1], n_targets)``.

    Parameters
    ----------
    programs : sequence of ForestProgram
        One per target.
    classes : sequence of ndarray
        Labels of each target.
    X : ndarray, shape (..., n_features)
        Checked rows.
    out : ndarray, optional
        Where to write; its dtype must hold all classes.

    Raises
    ------
    ValueError, TypeError
        `out` has another shape, or a dtype that cannot hold the classes.

    Examples
    --------
    >>> from pixelforest.backends.numpy.forest import NumpyForestProgram
    >>> from pixelforest.forest.read import read_forests
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> model = DecisionTreeClassifier().fit([[0], [1]], [[3, 0], [5, 0]])
    >>> programs = [NumpyForestProgram(forest) for forest in read_forests(model)]
    >>> stacked_labels(programs, model.classes_, np.array([[0.0], [1.0]])).tolist()
    [[3, 0], [5, 0]]
    """
    shape = (*X.shape[:-1], len(programs))
    if out is None:
        out = np.empty(shape, classes[0].dtype)
    _check_out(out, shape)
    for target, (program, labels) in enumerate(zip(programs, classes, strict=True)):
        class_labels(program, labels, X, out=out[..., target])
    return out


def _written(out: NDArray[Any] | None, dtype: np.dtype[Any], fill: Any) -> NDArray[Any]:
    """Return what `fill` computes, written by itself to `out` if that is laid out as programs write, else copied."""
    if out is None or (out.flags.c_contiguous and out.dtype == dtype):
        result: NDArray[Any] = fill(out)
        return result if out is None else out
    out[...] = fill(None)
    return out


def _check_out(out: Any, shape: tuple[int, ...], *, floats: bool = False) -> None:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"`out` must be an ndarray of shape {shape}, got {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"`out` must have shape {shape}, got {out.shape}")
    if not out.flags.writeable:
        raise ValueError("`out` must be writeable, got a read-only array")
    if floats and out.dtype not in (np.float32, np.float64):
        raise ValueError(f"`out` must have dtype float32 or float64, got {out.dtype}")


def _as_dtype_of(classes: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
    expected = f"`out` must have a dtype that holds the classes {classes.tolist()}, such as {classes.dtype}"
    try:
        with np.errstate(invalid="ignore", over="ignore"):
            table = classes.astype(out.dtype)
            is_same = (table.dtype.kind in "OSU") == (classes.dtype.kind in "OSU") and (table == classes).all()
    except (TypeError, ValueError):
        is_same = False
    if not is_same:
        raise ValueError(f"{expected}, got {out.dtype}")
    return table
