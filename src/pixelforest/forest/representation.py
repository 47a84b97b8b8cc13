"""What every part of pixelforest means by a forest: one frozen record of validated arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pixelforest.forest.categories import CategorySplit, check_categories
from pixelforest.forest.structure import check_structure, integers, refuse, tree_depths, walk_levels

Decision = Literal["largest", "sign", "none"]
Link = Literal["identity", "logistic", "softmax", "exp", "signed_square", "softplus"]
Precision = Literal["float32", "float64"]
DecidesOn = Literal["values", "probabilities"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Forest:
    """Trees whose leaf values are added up. Equal only to itself, so it can key a cache; made by `make_forest`.

    A row is converted to `precision` and widened by its derived columns (see `categorical`). It starts at each root.
    At a node, ``x = row[feature]`` goes left if ``float64(x) <= threshold``; NaN goes left where `missing_left` says
    so, else right. Tree `t` adds column `j` of its leaf's values to output ``first_output[t] + j``, in the order of
    the trees, from `baseline` on. An average is then divided by `n_averaged`. These are the *values* of a row; what a
    model makes of them is in `pixelforest.forest.links`.

    Attributes
    ----------
    feature : ndarray of int32, shape (n_nodes,)
        Column that a node looks at; 0 in leaves. From `n_features` on: derived columns.
    threshold : ndarray of float64, shape (n_nodes,)
        Finite or +inf (splits NaN from everything else); 0 in leaves.
    left, right : ndarray of int32, shape (n_nodes,)
        Children, counted over all trees; -1 in leaves.
    missing_left : ndarray of bool, shape (n_nodes,)
        Where NaN goes left.
    leaf : ndarray of int32, shape (n_nodes,)
        Row of `leaf_values`; -1 in inner nodes.
    node_ids : ndarray of int32, shape (n_nodes,)
        What the model calls a node, counted in its tree.
    roots : ndarray of int32, shape (n_trees,)
        First node of each tree; the nodes of a tree are contiguous and the trees in order.
    depths : ndarray of int32, shape (n_trees,)
        Number of decisions on the longest path.
    leaf_values : ndarray of float64, shape (n_leaves, n_columns)
        What leaves add; finite.
    first_output : ndarray of int32, shape (n_trees,)
        Output that the first column of a tree's leaf values goes to.
    baseline : ndarray of float64, shape (n_outputs,)
        Where sums start; zeros for averages.
    n_features : int
        Length of a row.
    n_outputs : int
        Number of sums.
    averages : bool
        Whether sums are divided by `n_averaged`.
    precision : {"float32", "float64"}
        What the model converts rows to before it compares.
    sum_precision : {"float32", "float64"}
        What the model adds up in.
    decision : {"largest", "sign", "none"}
        "largest": the class is the index of the largest output, the first of equal ones; "sign": one output, class 1
        if it is positive, else class 0; "none": no classes.
    decides_on : {"values", "probabilities"}
        What the decision looks at; probabilities of unequal values may be equal.
    tie_class : {0, 1}
        Of "sign": the class where neither is more likely.
    link : {"identity", "logistic", "softmax", "exp", "signed_square", "softplus"}
        Makes probabilities or predictions from values.
    link_scale : float
        What values are multiplied with before the link.
    categorical : tuple of CategorySplit
        The derived columns.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    leaf: NDArray[np.int32]
    node_ids: NDArray[np.int32]
    roots: NDArray[np.int32]
    depths: NDArray[np.int32]
    leaf_values: NDArray[np.float64]
    first_output: NDArray[np.int32]
    baseline: NDArray[np.float64]
    n_features: int
    n_outputs: int
    averages: bool
    precision: Precision
    sum_precision: Precision
    decision: Decision
    decides_on: DecidesOn
    tie_class: int
    link: Link
    link_scale: float
    categorical: tuple[CategorySplit, ...]

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the fields only, so that equal forests give equal bytes."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.roots)

    @property
    def n_columns(self) -> int:
        """Number of values of a leaf."""
        return int(self.leaf_values.shape[1])

    @property
    def n_classes(self) -> int:
        """Number of classes; of outputs, where there are none."""
        return 2 if self.decision == "sign" else self.n_outputs

    @property
    def n_averaged(self) -> int:
        """Number of trees that add to each output of an average."""
        return self.n_trees * self.n_columns // self.n_outputs

    @property
    def max_depth(self) -> int:
        """Number of decisions on the longest path of all trees."""
        return int(self.depths.max())

    @cached_property
    def levels(self) -> tuple[NDArray[np.int32], ...]:
        """Nodes by their distance from the root, roots first."""
        return tuple(walk_levels(self.left, self.right, self.roots))


def make_forest(
    *,
    feature: ArrayLike,
    threshold: ArrayLike,
    left: ArrayLike,
    right: ArrayLike,
    missing_left: ArrayLike,
    leaf: ArrayLike,
    roots: ArrayLike,
    leaf_values: ArrayLike,
    n_features: int,
    node_ids: ArrayLike | None = None,
    first_output: ArrayLike | None = None,
    n_outputs: int | None = None,
    baseline: ArrayLike | None = None,
    averages: bool = True,
    precision: Precision = "float32",
    sum_precision: Precision = "float64",
    decision: Decision = "largest",
    decides_on: DecidesOn = "values",
    tie_class: int = 0,
    link: Link = "identity",
    link_scale: float = 1.0,
    categorical: tuple[CategorySplit, ...] = (),
) -> Forest:
    """Check arrays from any source and freeze them.

    Parameters
    ----------
    feature, threshold, left, right, missing_left, leaf, roots, leaf_values, n_features
        See `Forest`. What `feature` and `threshold` hold in leaves is ignored.
    node_ids, first_output, n_outputs, baseline, averages, precision, sum_precision, decision, decides_on, \
tie_class, link, link_scale, categorical
        See `Forest`. By default a random forest for classification: every tree adds fractions to all classes.

    Returns
    -------
    Forest
        Its arrays are read-only copies.

    Raises
    ------
    ValueError
        Names the argument and the first node that is wrong: lengths that differ, children outside the tree, nodes
        with no or several parents, cycles, features or leaf rows out of range, thresholds that are NaN or -inf, leaf
        values that are not finite; outputs that no tree or a wrong number of trees adds to.

    Examples
    --------
    >>> stump = make_forest(
    ...     feature=[0, 0, 0], threshold=[0.5, 0, 0], left=[1, -1, -1], right=[2, -1, -1],
    ...     missing_left=[False] * 3, leaf=[-1, 0, 1], roots=[0], leaf_values=[[1, 0], [0, 1]], n_features=1,
    ... )
    >>> stump.n_trees, stump.n_outputs, stump.max_depth
    (1, 2, 1)
    """
    left_, right_ = integers("left", left), integers("right", right)
    leaf_, roots_ = integers("leaf", leaf), integers("roots", roots)
    feature_ = integers("feature", feature)
    threshold_ = np.array(threshold, np.float64)
    missing_left_ = np.array(missing_left, np.bool_)
    arrays: dict[str, NDArray[Any]] = {
        "feature": feature_,
        "threshold": threshold_,
        "right": right_,
        "missing_left": missing_left_,
        "leaf": leaf_,
    }
    if node_ids is not None:
        arrays["node_ids"] = integers("node_ids", node_ids)
    for name, array in arrays.items():
        if array.shape != left_.shape:
            raise ValueError(f"`{name}` must have one entry per node, {left_.shape}, got {array.shape}")
    values = _checked_values(leaf_values)
    inner = leaf_ < 0
    check_structure(left_, right_, roots_, inner)
    n_columns = int(n_features) + len(categorical)
    refuse("leaf", ~inner & (leaf_ >= len(values)), leaf_, f"-1 in inner nodes, else below {len(values)}")
    refuse("feature", inner & ((feature_ < 0) | (feature_ >= n_columns)), feature_, f"in [0, {n_columns})")
    with np.errstate(invalid="ignore"):
        usable = threshold_ > -np.inf
    refuse("threshold", inner & ~usable, threshold_, "finite or +inf")
    check_categories(categorical, int(n_features))
    outputs = values.shape[1] if n_outputs is None else int(n_outputs)
    forest = Forest(
        feature=np.where(inner, feature_, 0).astype(np.int32),
        threshold=np.where(inner, threshold_, 0.0),
        left=left_,
        right=right_,
        missing_left=missing_left_ & inner,
        leaf=leaf_,
        node_ids=arrays.get("node_ids", _ids_in_trees(roots_, len(left_))),
        roots=roots_,
        depths=tree_depths(left_, right_, roots_),
        leaf_values=values,
        first_output=np.zeros(len(roots_), np.int32)
        if first_output is None
        else integers("first_output", first_output),
        baseline=np.zeros(outputs) if baseline is None else np.array(baseline, np.float64),
        n_features=int(n_features),
        n_outputs=outputs,
        averages=averages,
        precision=precision,
        sum_precision=sum_precision,
        decision=decision,
        decides_on=decides_on,
        tie_class=tie_class,
        link=link,
        link_scale=float(link_scale),
        categorical=categorical,
    )
    _check_outputs(forest)
    for value in vars(forest).values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return forest


def _checked_values(leaf_values: ArrayLike) -> NDArray[np.float64]:
    values = np.array(leaf_values, np.float64)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"`leaf_values` must have shape (n_leaves >= 1, n_columns >= 1), got {values.shape}")
    is_finite: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1))
    refuse("leaf_values", ~is_finite, values, "finite", what="row")
    return values


def _ids_in_trees(roots: NDArray[np.int32], n_nodes: int) -> NDArray[np.int32]:
    counts = np.diff(np.append(roots, n_nodes))
    return (np.arange(n_nodes) - np.repeat(roots, counts)).astype(np.int32)


def _check_outputs(forest: Forest) -> None:
    n_outputs, first = forest.n_outputs, forest.first_output
    if first.shape != forest.roots.shape:
        raise ValueError(f"`first_output` must have one entry per tree, {forest.roots.shape}, got {first.shape}")
    beyond = (first < 0) | (first + forest.n_columns > n_outputs)
    refuse("first_output", beyond, first, f"in [0, {n_outputs - forest.n_columns}]", what="tree")
    if forest.baseline.shape != (n_outputs,) or not np.isfinite(forest.baseline).all():
        raise ValueError(f"`baseline` must be {n_outputs} finite numbers, got {forest.baseline}")
    if forest.averages:
        if forest.baseline.any():
            raise ValueError(f"`baseline` must be 0 where `averages` is True, got {forest.baseline}")
        counts = np.bincount(first, minlength=n_outputs)
        adding = np.convolve(counts, np.ones(forest.n_columns, np.intp))[:n_outputs]
        refuse("first_output", adding != forest.n_averaged, adding, "the same number of trees for each", what="output")
    if forest.decision == "sign" and n_outputs != 1:
        raise ValueError(f"`n_outputs` must be 1 where `decision` is 'sign', got {n_outputs}")
    if forest.tie_class not in (0, 1):
        raise ValueError(f"`tie_class` must be 0 or 1, got {forest.tie_class!r}")
    if not np.isfinite(forest.link_scale) or forest.link_scale <= 0:
        raise ValueError(f"`link_scale` must be finite and positive, got {forest.link_scale}")
    choices: dict[str, Any] = {
        "precision": Precision,
        "sum_precision": Precision,
        "decision": Decision,
        "decides_on": DecidesOn,
        "link": Link,
    }
    for name, options in choices.items():
        if getattr(forest, name) not in get_args(options):
            raise ValueError(f"`{name}` must be one of {get_args(options)}, got {getattr(forest, name)!r}")
