"""Pictures show the numbers of their tables, on the axes that are given."""

import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from pixelforest import plot

SHARES = pd.DataFrame(
    [[0.1, 0.6, 0.2], [0.9, 0.4, 0.8]], index=["gaussian_sigma_1", "sobel_sigma_2"], columns=pd.RangeIndex(3)
)
CORRELATIONS = pd.DataFrame([[1, -0.5], [-0.5, 1]], index=["area", "solidity"], columns=["area", "solidity"])
IMPORTANCES = pd.DataFrame({"importance": [0.1, 0.7, -0.02], "std": [0.05, 0.2, 0.01]}, index=["a", "b", "c"])
PATH = pd.DataFrame(
    {
        "dropped": ["", "sobel_sigma_4", "gaussian_sigma_1"],
        "score": [0.9, 0.91, 0.7],
        "std": [0.02, 0.03, 0.01],
        "cost": [800.0, 500.0, 300.0],
        "is_selected": [False, True, False],
    }
)
EACH = [
    (plot.draw_split_statistics, SHARES),
    (plot.draw_correlations, CORRELATIONS),
    (plot.draw_importances, IMPORTANCES),
    (plot.draw_cost_and_score, PATH),
]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    pyplot.close("all")


def names(labels):
    return [label.get_text() for label in labels]


@pytest.mark.parametrize(
    ("draw", "table", "colors", "limits"),
    [
        (plot.draw_split_statistics, SHARES, "cividis", (0, 0.9)),
        (plot.draw_correlations, CORRELATIONS, "PuOr", (-1, 1)),
    ],
)
def test_fields_are_the_numbers(draw, table, colors, limits):
    ax = draw(table)
    (picture,) = ax.images
    np.testing.assert_array_equal(picture.get_array(), table)
    assert (picture.get_cmap().name, picture.get_clim()) == (colors, limits)
    assert names(ax.get_yticklabels()) == list(table.index)
    assert names(ax.get_xticklabels()) == [str(name) for name in table.columns]
    written = {text.get_position(): float(text.get_text()) for text in ax.texts}
    assert written == {(x, y): value for (y, x), value in np.ndenumerate(table.to_numpy())}


def test_numbers_are_written_where_there_is_room_and_a_number():
    wide = pd.DataFrame(np.full((2, 13), 0.5))
    assert not plot.draw_split_statistics(wide).texts
    unknown = pd.DataFrame([[1.0, np.nan], [np.nan, 1.0]])
    assert names(plot.draw_correlations(unknown).texts) == ["1.00", "", "", "1.00"]


def luminance(color):
    """Return the relative luminance of a colour, as the Web Content Accessibility Guidelines define it."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return np.dot((0.2126, 0.7152, 0.0722), channels)


@pytest.mark.parametrize("draw", [plot.draw_split_statistics, plot.draw_correlations])
def test_numbers_can_be_read_on_their_fields(draw):
    """The guidelines ask for a contrast of 4.5, or 3 for large text; black or white can always reach 4.58."""
    values = np.linspace(0, 1, 121).reshape(11, 11)
    ax = draw(pd.DataFrame(values if draw is plot.draw_split_statistics else 2 * values - 1))
    for text, value in zip(ax.texts, ax.images[0].get_array().ravel(), strict=True):
        field, ink = luminance(ax.images[0].to_rgba(value)[:3]), luminance(text.get_color())
        assert (max(field, ink) + 0.05) / (min(field, ink) + 0.05) > 4.2


def test_bars_are_sorted_and_as_long_as_the_importances():
    ax = plot.draw_importances(IMPORTANCES)
    assert [bar.get_width() for bar in ax.patches] == [-0.02, 0.1, 0.7]
    assert names(ax.get_yticklabels()) == ["c", "a", "b"]
    (lines,) = (artist for artist in ax.collections)
    ends = np.array([segment[:, 0] for segment in lines.get_segments()])
    np.testing.assert_allclose(ends, [[-0.03, -0.01], [0.05, 0.15], [0.5, 0.9]])
    assert ax.get_xlabel() == "importance"


def test_drops_of_a_score_name_it_and_unknown_spreads_are_left_out():
    ax = plot.draw_importances(IMPORTANCES.assign(baseline=0.8125))
    assert ax.get_xlabel() == "drop of the score when shuffled (score: 0.812)"
    assert not plot.draw_importances(IMPORTANCES.assign(std=np.nan)).collections


def test_steps_lie_at_their_cost_and_score():
    ax = plot.draw_cost_and_score(PATH)
    curve, selected = (line for line in ax.lines if line.get_marker() == "o")
    points = [(800, 0.9), (500, 0.91), (300, 0.7)]
    assert list(map(tuple, curve.get_xydata())) == points
    assert list(map(tuple, selected.get_xydata())) == [(500, 0.91)]
    (bars,) = ax.collections
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, [[0.88, 0.92], [0.88, 0.94], [0.69, 0.71]])
    *numbers, steps = ax.texts
    assert {text.get_text(): text.xy for text in numbers} == dict(zip("012", points, strict=True))
    assert steps.get_text() == "0  all features\n1  \N{MINUS SIGN} sobel_sigma_4\n2  \N{MINUS SIGN} gaussian_sigma_1"


@pytest.mark.parametrize(("draw", "table"), EACH)
def test_axes_of_the_caller_are_used(draw, table):
    before = table.copy()
    ax = Figure().subplots()
    assert draw(table, ax=ax) is ax
    assert not pyplot.get_fignums()
    assert draw(table) is not ax
    assert len(pyplot.get_fignums()) == 1
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(("draw", "table"), EACH)
def test_without_matplotlib_the_error_says_what_to_install(draw, table, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pictures need matplotlib: pip install "pixelforest\[plot\]"'):
        draw(table)


def test_tables_without_anything_to_draw_are_refused():
    for draw, table in EACH:
        with pytest.raises(ValueError, match=r"`(table|path)` must have rows"):
            draw(table.iloc[:0])
    with pytest.raises(ValueError, match=r"`table` must have rows and columns, got shape \(2, 0\)"):
        plot.draw_split_statistics(SHARES.iloc[:, :0])
    with pytest.raises(ValueError, match="columns 'importance' and 'std', got"):
        plot.draw_importances(SHARES)
    with pytest.raises(ValueError, match=r"`path` must have rows and the columns \('dropped', .*, got \['score'\]"):
        plot.draw_cost_and_score(PATH[["score"]])
    with pytest.raises(ValueError, match=r"`table` must be a square table of correlations, got shape \(2, 3\)"):
        plot.draw_correlations(SHARES)
