"""Pictures of clusters show the colours and the areas that they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from pixelforest import plot

CENTERS = np.array([[0.9, 0.8, 1.0], [0.3, 0.1, 0.6], [0.6, 0.5, 0.5]])
AREAS = pd.DataFrame([[30, 60, 10], [0, 80, 40]], index=["a", "b"], columns=[0, 1, 4])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    pyplot.close("all")


def test_fields_have_the_colours_of_the_centres_and_numbers_that_can_be_read():
    ax = plot.draw_cluster_centers(CENTERS)
    (picture,) = ax.images
    np.testing.assert_allclose(picture.get_array()[0], CENTERS)
    assert [text.get_text() for text in ax.texts] == ["0", "1", "2"]
    assert [text.get_position()[0] for text in ax.texts] == [0, 1, 2]
    assert [text.get_color() for text in ax.texts] == ["black", "white", "black"]


def test_bars_are_stacked_areas_in_the_colours_of_their_clusters():
    ax = plot.draw_cluster_areas(AREAS, colors=CENTERS)
    bars = [bar for container in ax.containers for bar in container]
    assert [bar.get_height() for bar in bars] == [30, 0, 60, 80, 10, 40]
    assert [bar.get_y() for bar in bars] == [0, 0, 30, 0, 90, 80]
    assert [to_rgb(bar.get_facecolor()) for bar in bars] == [to_rgb(color) for color in np.repeat(CENTERS, 2, axis=0)]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    assert sorted(text.get_text() for text in ax.get_legend().get_texts()) == ["0", "1", "4"]
    assert ax.get_ylabel() == "area"
    assert plot.draw_cluster_areas(AREAS.div(AREAS.sum(axis=1), axis=0)).get_ylabel() == "share of the image"


@pytest.mark.parametrize(("draw", "what"), [(plot.draw_cluster_areas, AREAS), (plot.draw_cluster_centers, CENTERS)])
def test_axes_of_the_caller_are_used(draw, what):
    ax = Figure().subplots()
    assert draw(what, ax=ax) is ax
    assert not pyplot.get_fignums()


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"`centers` must lie in \[0, 1\], got 25.5 to 255; divide those of uint8"):
        plot.draw_cluster_centers(255 * CENTERS)
    with pytest.raises(ValueError, match=r"`centers` must hold red, green and blue, .*, got shape \(3, 2\)"):
        plot.draw_cluster_centers(CENTERS[:, :2])
    with pytest.raises(ValueError, match="`colors` must hold 3 colours, one per cluster, got 2"):
        plot.draw_cluster_areas(AREAS, colors=CENTERS[:2])
    with pytest.raises(ValueError, match=r"`table` must have rows and columns, got shape \(0, 3\)"):
        plot.draw_cluster_areas(AREAS[:0])
