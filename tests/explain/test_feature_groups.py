"""Groups of columns are those that the names of the features tell."""

from itertools import chain

import numpy as np
import pytest

import pixelforest as pf
from pixelforest.explain.feature_groups import feature_groups
from pixelforest.features.filters import filters_for


@pytest.mark.parametrize("spatial_ndim", [2, 3])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_groups_agree_with_the_names_of_all_filters(spatial_ndim, n_channels):
    filters = filters_for((1.0,) * spatial_ndim)
    stack = pf.ImageFeatureStack(filters, sigmas=(1, 2.5), spatial_ndim=spatial_ndim, channel_axis=-1)
    stack.fit([np.zeros((4,) * spatial_ndim + (n_channels,))])
    names = stack.get_feature_names_out()

    def selected(is_member):
        return [column for column, name in enumerate(names) if is_member(name)]

    by_sigma = feature_groups("sigma", names, stack)
    for sigma in ("1", "2.5"):
        assert by_sigma.pop(f"sigma {sigma}") == selected(lambda name, end=f"_sigma_{sigma}": name.endswith(end))
    assert by_sigma == {"no sigma": selected(lambda name: "_sigma_" not in name)}

    by_channel = feature_groups("channel", names, stack)
    position = by_channel.pop("no channel")
    assert position == selected(lambda name: name.startswith("position"))
    if n_channels == 2:
        expected = {f"channel {c}": selected(lambda name, c=c: name.startswith(f"channel_{c}_")) for c in (0, 1)}
        assert by_channel == expected

    by_filter = feature_groups("filter", names, stack)
    assert sorted(by_filter) == sorted(filters)
    for label, columns in by_filter.items():
        own = [names[column].removeprefix("channel_0_").removeprefix("channel_1_") for column in columns]
        assert all(name.startswith(label) for name in own)
    assert sorted(chain(*by_filter.values())) == list(range(len(names)))
    assert feature_groups("feature", names, stack) == {name: [column] for column, name in enumerate(names)}


def test_slices_of_volumes_are_filtered_in_two_dimensions():
    stack = pf.ImageFeatureStack(("hessian_eigenvalues",), sigmas=(1,), spatial_ndim=3, filter_ndim=2)
    assert feature_groups("filter", stack.get_feature_names_out(), stack) == {"hessian_eigenvalues": [0, 1]}
