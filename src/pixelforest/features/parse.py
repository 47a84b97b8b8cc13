"""From what a user may write as `features` to specifications."""

from __future__ import annotations

from collections.abc import Sequence

from pixelforest.features.filters import FILTERS
from pixelforest.features.presets import PRESETS
from pixelforest.features.spec import FeatureSpec
from pixelforest.spelling import suggestion


def parse_features(features: str | Sequence[FeatureSpec | str]) -> tuple[FeatureSpec, ...]:
    """Return the specifications that `features` stands for.

    Parameters
    ----------
    features : str or sequence of FeatureSpec or str
        A preset's name, a feature string such as ``"original gaussian_blur=1"``, or a list of specifications or
        single feature strings.

    Returns
    -------
    tuple of FeatureSpec

    Raises
    ------
    ValueError
        An unknown filter or preset (with a suggestion), a malformed or missing sigma, nothing at all, or the same
        feature twice.
    TypeError
        Anything that is neither a string nor a sequence of strings and specifications.

    Examples
    --------
    >>> [spec.name for spec in parse_features("original gaussian_blur=1")]
    ['original', 'gaussian_blur_sigma_1']
    >>> len(parse_features("object_size_1_to_5_px"))
    16
    """
    given = features.split() if isinstance(features, str) else features
    if not isinstance(given, Sequence):
        raise TypeError(
            "`features` must be a preset name, a feature string or a list of FeatureSpec, "
            f"got {type(features).__name__}"
        )
    parsed = tuple(spec for feature in given for spec in _as_specs(feature))
    if not parsed:
        raise ValueError(f"`features` is empty, got {features!r}")
    names = [spec.name for spec in parsed]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"`features`: {name!r} is there {names.count(name)} times")
    return parsed


def _as_specs(feature: FeatureSpec | str) -> tuple[FeatureSpec, ...]:
    if isinstance(feature, FeatureSpec):
        return (feature,)
    if not isinstance(feature, str):
        raise TypeError(f"`features` must hold FeatureSpec or str, got {type(feature).__name__}: {feature!r}")
    return PRESETS.get(feature.strip()) or (_parse_one(feature.strip()),)


def _parse_one(word: str) -> FeatureSpec:
    name, equals, value = word.partition("=")
    if name not in FILTERS:
        known = (*FILTERS, *PRESETS)
        raise ValueError(f"`features`: unknown filter or preset {name!r}; {suggestion(name, known)}")
    if not FILTERS[name].has_sigma:
        if equals:
            raise ValueError(f"`features`: filter {name!r} has no sigma, got {word}")
        return FeatureSpec(name)
    try:
        sigma = float(value)
    except ValueError:
        raise ValueError(f"`features`: {word!r} needs a number as sigma, such as '{name}=1'") from None
    return FeatureSpec(name, sigma)
