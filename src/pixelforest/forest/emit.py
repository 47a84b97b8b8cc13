"""Write a forest as readable OpenCL C: nested ``if``, one function per tree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from math import isfinite

from pixelforest.forest.fixed_point import FixedPoint, fixed_point
from pixelforest.forest.keys import round_down
from pixelforest.forest.representation import Forest


def emit_opencl(forest: Forest, *, class_names: Sequence[str] | None = None) -> str:
    """Return a program that decides rows as `forest` does.

    The text is OpenCL C 1.2 and needs nothing else. It has one function per tree, nested ``if`` with ``<=`` and hex
    float literals (thresholds rounded down to float32, with the decimal value beside them); every leaf adds votes,
    integers out of a power of two, so the sum does not depend on the order. The kernel ``predict`` reads rows
    ``(n_rows, n_features)`` of float and writes the index of the class with most votes (of one output: whether its
    votes are positive; of a regressor: nothing), and all votes. Of models that compare float64 it decides rows of
    float32 alike. Splits on categories read columns that `with_derived_columns` appends. It compares floats: on a
    device that flushes denormals, denormal features compare as zero. It is meant for reading and for small forests;
    `kernel_source_` is what pixelforest itself runs.

    Parameters
    ----------
    forest : Forest
        What to write.
    class_names : sequence of str, optional
        Names of classes, or of the outputs of a regressor, for the comments.

    Returns
    -------
    str
        Source text.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from pixelforest.forest.read import read_forest
    >>> model = RandomForestClassifier(1, bootstrap=False, random_state=0).fit([[0.0], [1.0]], [0, 1])
    >>> text = emit_opencl(read_forest(model), class_names=["dark", "bright"])
    >>> "    if (x[0] <= 0x1.0000000000000p-1f) {  // 0.5" in text
    True
    """
    names = list(class_names or map(str, range(forest.n_classes)))
    numbers = fixed_point(forest)
    lines = [*_head(forest, names, numbers)]
    for tree in range(forest.n_trees):
        lines += ["", *_tree(forest, tree, numbers)]
    lines += ["", *_kernel(forest, numbers)]
    return "\n".join(lines) + "\n"


def _head(forest: Forest, names: list[str], numbers: FixedPoint) -> Iterator[str]:
    def plural(count: int, noun: str, nouns: str) -> str:
        return f"{count} {noun if count == 1 else nouns}"

    what = plural(forest.n_outputs, "output", "outputs")
    if forest.decision != "none":
        what = plural(forest.n_classes, "class", "classes")
    trees = plural(forest.n_trees, "tree", "trees")
    yield f"// A forest of {trees} for {plural(forest.n_features, 'feature', 'features')} and {what}."
    if forest.decision == "sign":
        quoted = [json.dumps(name) for name in names]
        yield f"// votes[0]: positive for {quoted[1]}, else {quoted[0]}"
    else:
        for index, name in enumerate(names):
            yield f"// votes[{index}]: {json.dumps(name)}"  # quoted: no name ends or continues the comment
    for index, split in enumerate(forest.categorical):
        missing = "one" if split.is_missing_member else "none"
        members = ", ".join(f"{member:.9g}" for member in split.members)
        kind = {"value": "value", "truncated": "integer part", "floor": "floor"}[split.category]
        column = f"x[{forest.n_features + index}]: 1 where the {kind} of x[{split.feature}]"
        yield f"// {column} is one of {members} (NaN is {missing}), else 0"
    votes = f"A tree has {numbers.scale} votes." if numbers.whole else f"One is {numbers.scale!r} votes."
    yield f"// {votes} NaN takes the `else`, or the `if` where isnan is asked."
    yield "#pragma OPENCL FP_CONTRACT OFF"


def _tree(forest: Forest, tree: int, numbers: FixedPoint) -> Iterator[str]:
    yield f"inline void tree_{tree}(const float *x, {numbers.sum_type} *votes) {{"
    thresholds = round_down(forest.threshold)
    # Text and nodes still to be written, the next one last: trees may be deeper than Python's recursion.
    pending: list[tuple[int, int | str]] = [(1, int(forest.roots[tree]))]
    while pending:
        depth, item = pending.pop()
        indent = "    " * depth
        if isinstance(item, str):
            yield indent + item
        elif forest.leaf[item] >= 0:
            yield from (indent + line for line in _leaf(forest, tree, item, numbers))
        else:
            feature, threshold = f"x[{forest.feature[item]}]", float(thresholds[item])
            literal = f"{abs(threshold).hex()}f" if isfinite(threshold) else "INFINITY"
            literal = f"-{literal}" if threshold < 0 else literal
            or_missing = f" || isnan({feature})" if forest.missing_left[item] else ""
            yield f"{indent}if ({feature} <= {literal}{or_missing}) {{  // {float(forest.threshold[item]):.9g}"
            pending += [(depth, "}"), (depth + 1, int(forest.right[item])), (depth, "} else {")]
            pending.append((depth + 1, int(forest.left[item])))
    yield "}"


def _leaf(forest: Forest, tree: int, node: int, numbers: FixedPoint) -> Iterator[str]:
    row, first = int(forest.leaf[node]), int(forest.first_output[tree])
    votes = [int(count) for count in numbers.leaves[row]]
    if numbers.is_complement:
        votes.append(int(numbers.scale) - sum(votes))
    suffix = "L" if numbers.sum_type == "long" else ""
    for index, count in enumerate(votes):
        if count:
            yield f"votes[{first + index}] += {count}{suffix};  // {forest.leaf_values[row, index]:.6g}"


def _kernel(forest: Forest, numbers: FixedPoint) -> Iterator[str]:
    outputs, type_ = forest.n_outputs, numbers.sum_type
    features = forest.n_features + len(forest.categorical)
    start = ", ".join(f"{count}L" for count in numbers.start) if numbers.start.any() else "0"
    winners = "" if forest.decision == "none" else "global uint *winners, "
    yield f"kernel void predict(global const float *rows, {winners}global {type_} *all_votes) {{"
    yield "    const size_t row = get_global_id(0);"
    yield f"    float x[{features}];"
    yield f"    for (int i = 0; i < {features}; i++)"
    yield f"        x[i] = rows[row * {features} + i];"
    yield f"    {type_} votes[{outputs}] = {{{start}}};"
    for tree in range(forest.n_trees):
        yield f"    tree_{tree}(x, votes);"
    if forest.decision == "largest":
        yield "    uint winner = 0;"
    yield f"    for (uint i = 0; i < {outputs}; i++) {{"
    yield f"        all_votes[row * {outputs} + i] = votes[i];"
    if forest.decision == "largest":
        yield "        if (votes[i] > votes[winner])"
        yield "            winner = i;"
    yield "    }"
    if forest.decision != "none":
        yield f"    winners[row] = {'winner' if forest.decision == 'largest' else 'votes[0] > 0'};"
    yield "}"
