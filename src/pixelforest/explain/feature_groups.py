"""Which columns belong together: those of one filter, of one sigma, of one channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from pixelforest.estimators.feature_stack import ImageFeatureStack
from pixelforest.features.origins import FeatureOrigin, feature_origins
from pixelforest.spelling import suggestion

By = Literal["filter", "sigma", "channel", "feature"]
Groups = dict[str, list[int]]


def feature_groups(
    by: By | Mapping[str, Sequence[str]], names: Sequence[str], stack: ImageFeatureStack | None
) -> Groups:
    """Return the columns of every group, in the order of the features.

    Parameters
    ----------
    by : {"filter", "sigma", "channel", "feature"}, or mapping of str to sequence of str
        What the features of a group have in common, or the names of the features of each group.
    names : sequence of str
        Of all features.
    stack : ImageFeatureStack or None
        Fitted; what computed the features.

    Raises
    ------
    ValueError
        `by` is unknown, asks for filters where no `stack` is known, or names no group or no known feature.

    Examples
    --------
    >>> stack = ImageFeatureStack(("original", "hessian_eigenvalues"), sigmas=(1, 2))
    >>> feature_groups("sigma", stack.get_feature_names_out(), stack)
    {'no sigma': [0], 'sigma 1': [1, 2], 'sigma 2': [3, 4]}
    """
    if isinstance(by, Mapping):
        return _named_groups(by, list(names))
    if by not in get_args(By):
        raise ValueError(f"`by` must be one of {get_args(By)} or a mapping of names to features, got {by!r}")
    if by == "feature":
        labels = list(names)
    elif stack is None:
        raise ValueError(f"`by={by!r}` needs a model with an ImageFeatureStack; pass by='feature' or a mapping")
    else:
        n_channels = getattr(stack, "n_features_in_", 1)
        origins = feature_origins(stack.specs(), stack.filter_ndim or stack.spatial_ndim, n_channels)
        labels = [_label(origin, by) for origin in origins]
    groups: Groups = {}
    for column, label in enumerate(labels):
        groups.setdefault(label, []).append(column)
    return groups


def _label(origin: FeatureOrigin, by: By) -> str:
    if by == "filter":
        return origin.filter
    value = origin.sigma if by == "sigma" else origin.channel
    return f"no {by}" if value is None else f"{by} {value:g}"


def _named_groups(by: Mapping[str, Sequence[str]], names: list[str]) -> Groups:
    if not by:
        raise ValueError("`by` must name at least one group, got an empty mapping")
    groups: Groups = {}
    for label, members in by.items():
        if isinstance(members, str) or not len(members):
            raise ValueError(f"`by[{label!r}]` must be a sequence of names of features, got {members!r}")
        for name in members:
            if name not in names:
                raise ValueError(f"`by[{label!r}]`: there is no feature {name!r}; {suggestion(name, names)}")
        groups[label] = [names.index(name) for name in members]
    return groups
