"""The page of a report: the two lines beside each other, the heat map, the curve."""

import re

import numpy as np
import pytest

import softgrad as sg
from softgrad.check.report.heat_map import heat_map
from softgrad.check.report.lines import marked
from softgrad.check.report.pictures import Entries

LINES = {  # wrong, right: what is marked in each
    ("dz = p * (1 - p) * dp", "dz = p * (dp - s)"): (["1", "p", "* dp"], ["dp", "s"]),
    ("return t - p", "dz = p - t"): (["- p"], ["p -"]),
    ("def f(p, t): return t - p", "dz = p - t"): (["- p"], ["p -"]),
    ("dz = a < b", "dz = a > b"): (["&lt;"], ["&gt;"]),
}


@pytest.mark.parametrize("pair", LINES)
def test_the_difference_of_two_lines_is_marked(pair):
    wrong, right = marked(*pair)
    assert re.findall("<del>(.*?)</del>", wrong) == LINES[pair][0]
    assert re.findall("<ins>(.*?)</ins>", right) == LINES[pair][1]
    assert [re.sub("<.*?>", "", line) for line in (wrong, right)] == [
        line.replace("<", "&lt;").replace(">", "&gt;") for line in pair
    ]


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(z, p, dp):
    return p * (1 - p) * dp


def test_a_wrong_gradient_has_both_pictures():
    page = sg.check_vjp(softmax, softmax_backward, np.array([[2.0, 1.0, 0.1], [0.0, 3.0, 1.0]])).to_html()
    assert page.count("<figure>") == 2
    assert "6 of 6 entries are wrong" in page
    assert "stays at the size of its error" in page
    assert "write instead, in NumPy" in page
    assert page.count("<del>") and page.count("<ins>")


def test_a_right_gradient_has_a_calm_page():
    page = sg.check_vjp(np.sin, lambda x, y, g: g * np.cos(x), np.array([0.5, 1.0])).to_html()
    assert "right in every entry" in page
    assert 'stroke-width="2"/></svg><figcaption>The gradient' not in page  # no entry is framed
    assert "<del>" not in page


def test_a_heat_map_shows_the_slice_of_the_worst_entry():
    got = np.zeros((2, 3, 4))
    got[1, 2, 3] = 0.5
    drawn = heat_map(Entries("W", got, np.zeros_like(got), (1, 2, 3), (0, 0, 0), got.shape), 1e-6)
    assert "W[1, 2, 3]: got 0.5, wanted 0" in drawn
    assert "1 of 12 entries are wrong" in drawn
    assert "+0.5" in drawn


def test_a_large_gradient_is_shown_in_cells_of_several_entries():
    got = np.zeros((100, 100))
    got[70, 40] = np.nan
    drawn = heat_map(Entries("W", got, np.zeros_like(got), (70, 40), (0, 0), got.shape), 1e-6)
    assert "each cell shows the worst of up to 63" in drawn
    assert drawn.count("<title>") == 12 * 15


def test_pictures_take_no_calls_beyond_the_limit():
    calls = 0

    def forward(x):
        nonlocal calls
        calls += 1
        return np.sin(x)

    report = sg.check_vjp(forward, lambda x, y, g: g * np.sin(x), np.linspace(0.1, 1, 5), max_calls=100)
    report.to_html()
    assert calls <= 100
