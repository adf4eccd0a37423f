"""The page of a report: two lines beside each other, the entries that are wrong, the error against the step."""

import re

import numpy as np
import pytest

import softgrad as sg
from browser import CONTRAST, TOO_WIDE, as_seen, chromium_window
from softgrad.check.report.heat_map import heat_map
from softgrad.check.report.html import as_html_page
from softgrad.check.report.lines import marked
from softgrad.check.report.pictures import Entries
from softgrad.check.report.source import SourceLine

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4))
LARGE = RNG.normal(size=(60, 80))


def cube(x):
    return x**3


def real_cube(x):
    return np.abs(x) ** 3 * np.sign(x)  # refuses the complex step


def right(x, y, g):
    return 3 * x * x * g


def wrong_in_one_entry(x, y, g):
    dx = right(x, y, g)
    dx[1, 2] *= 1.5
    return dx


LINES = {  # wrong, right: what is marked in each
    ("dz = p * (1 - p) * dp", "dz = p * (dp - s)"): (["1", "p", "* dp"], ["dp", "s"]),
    ("return t - p", "dz = p - t"): (["- p"], ["p -"]),
    ("def f(p, t): return t - p", "dz = p - t"): (["- p"], ["p -"]),
    ("dz = a < b", "dz = a > b"): (["&lt;"], ["&gt;"]),
    ("da = dh * (1 - h)", "da = dh * (1 - h ** 2)"): ([], ["** 2"]),
    ("a = b.sum(\n0)", "a = b.sum(1)"): (["0"], ["1"]),
    ("dW = x.T @ g", "nothing(alike)"): ([], []),
}


@pytest.mark.parametrize("pair", LINES)
def test_the_difference_of_two_lines_is_marked(pair):
    wrong, right = marked(*pair)
    assert re.findall("<del>(.*?)</del>", wrong) == LINES[pair][0]
    assert re.findall("<ins>(.*?)</ins>", right) == LINES[pair][1]
    assert [re.sub("<.*?>", "", line) for line in (wrong, right)] == [
        line.replace("<", "&lt;").replace(">", "&gt;") for line in pair
    ]


AROUND = ("def f(x):", "    a = g(", "        x)", "    return a", "", "print(1)")


def test_a_statement_of_several_rows_is_whole_and_its_function_alone_is_shown():
    for number in (2, 3):
        line = SourceLine("f.py", number, AROUND[number - 1].strip(), "f", around=AROUND, first=1)
        assert (line.statement, line.statement_rows, line.function_rows) == ("a = g(\nx)", (2, 3), (1, 4))
    line = SourceLine("f.py", 6, "print(1)", "<lambda>", around=AROUND, first=1)
    assert line.function_rows == (6, 6)


def texts(picture):
    """The words of the cells, and the caption."""
    caption = re.sub(r"<[^>]+>", "", picture.partition("<figcaption>")[2])
    return re.findall(r"<text [^>]+>([^<]*)</text></g>", picture), caption


def entries(got, wanted, worst, corner=None, whole=None):
    got, wanted = np.asarray(got, dtype=float), np.asarray(wanted, dtype=float)
    return Entries("W", got, wanted, worst, corner or (0,) * got.ndim, whole or got.shape)


def test_a_small_gradient_shows_its_numbers():
    cells, caption = texts(heat_map(entries([[1, 2], [3, 4]], [[1, 2.5], [3 + 1e-9, 4]], (0, 1)), 1e-6))
    assert cells == ["0", "-0.5", "0", "0"]
    cells, _ = texts(heat_map(entries([1.0, 1.0, 2e4], [1.0 + 3e-4, 0.906, 0.0], (2,)), 1e-6))
    assert cells == ["-3e-4", "+0.094", "+2e4"]
    assert "1 of 4 entries is wrong. In the frame: W[0, 1]: got 2, wanted 2.5" in caption


def test_numbers_that_are_not_finite_and_entries_that_are_not_known():
    cells, caption = texts(heat_map(entries([np.nan, 1.0, np.inf], [1.0, np.nan, np.inf], (0,)), 1e-6))
    assert cells == ["NaN", "", ""]
    assert "1 of 3" in caption


def test_of_four_axes_the_slice_with_the_worst_entry_is_shown():
    got = np.zeros((2, 3, 2, 2))
    got[1, 2, 0, 1] = 1.0
    cells, caption = texts(heat_map(entries(got, np.zeros(got.shape), (1, 2, 0, 1)), 1e-6))
    assert cells == ["0", "+1", "0", "0"]
    assert "at [1, 2, :, :]" in caption
    assert "W[1, 2, 0, 1]: got 1, wanted 0" in caption


@pytest.mark.parametrize("shape", [(200,), (50, 90)])
def test_a_single_wrong_entry_of_many_is_seen(shape):
    got = np.ones(shape)
    worst = tuple(n - 3 for n in shape)
    got[worst] = 2.0
    picture = heat_map(entries(got, np.ones(shape), worst), 1e-6)
    assert f"W{list(worst)}: got 2, wanted 1</title>" in picture
    assert "each cell shows the worst of up to" in picture
    assert picture.count("<g>") <= 12 * 16


def test_a_number_is_one_cell():
    cells, caption = texts(heat_map(entries(3.0, 2.0, ()), 1e-6))
    assert cells == ["+1"]
    assert "W: got 3, wanted 2" in caption


@pytest.fixture(scope="module")
def wrong():
    return sg.check_vjp(cube, wrong_in_one_entry, X, names=["<b>"])


def test_the_page_shows_which_entry_is_wrong_and_that_its_error_stays(wrong):
    drawn = wrong.pictures()
    assert drawn.entries.worst == (1, 2)
    off = np.abs(drawn.entries.got - drawn.entries.wanted) > 1e-9
    assert np.argwhere(off).tolist() == [[1, 2]]
    assert drawn.curve.errors[3:-3] == pytest.approx(1 / 3, rel=1e-3)
    assert drawn.curve.of_right.min() < 1e-9
    page = wrong.to_html()
    assert page.startswith("<!DOCTYPE html>")
    assert "<script" not in page
    assert "<b>" not in page
    assert "took the complex step" in page
    assert f"; {drawn.calls} more for the pictures" in page


def test_the_step_of_the_check_is_marked():
    for backward in (right, wrong_in_one_entry):
        report = sg.check_vjp(real_cube, backward, X)
        assert 1e-8 < report.pictures().curve.used < 0.1
        assert "step of the check" in report.to_html()


def test_a_right_gradient_has_a_curve_alone():
    report = sg.check_vjp(cube, right, X)
    assert (report.pictures().entries, report.pictures().curve.of_right) == (None, None)
    assert report.pictures().curve.errors.min() < 1e-9


@pytest.mark.thorough
def test_around_the_worst_entry_of_a_large_gradient():
    def backward(x, y, g):
        dx = right(x, y, g)
        dx[58, 40] *= 1.5
        return dx

    shown = sg.check_vjp(cube, backward, LARGE).pictures().entries
    assert (shown.corner, shown.worst, shown.got.shape, shown.whole) == ((57, 37), (1, 3), (3, 7), (60, 80))
    assert np.argwhere(np.abs(shown.got - shown.wanted) > 1e-9).tolist() == [[1, 3]]


def test_pictures_take_no_more_than_the_calls_that_are_left():
    calls = []

    def counted(x):
        calls.append(1)
        return np.abs(x) ** 3

    for limit in (100, 160, 250, 400):
        calls.clear()
        report = sg.check_vjp(counted, lambda x, y, g: 3 * x * np.abs(x) * g, X, max_calls=limit)
        made = report.calls
        page = report.to_html()
        assert (report.calls, made + report.pictures().calls <= limit) == (made, True)
        assert page == report.to_html()  # the second time nothing is called
    assert report.pictures().curve is not None


def test_nothing_is_drawn_of_a_function_that_has_changed():
    scale = [2.0]
    report = sg.check_vjp(lambda x: scale[0] * x, lambda x, y, g: scale[0] * g, X)
    scale[0] = 3.0
    assert report.pictures().curve is None
    assert "check_vjp: right" in report.to_html()


def test_a_function_that_raises_later_does_not_hinder_the_report():
    broken = []

    def forward(x):
        if broken:
            raise RuntimeError
        return x**2

    report = sg.check_vjp(forward, lambda x, y, g: 2 * x * g, X)
    broken.append(1)
    assert "check_vjp: right" in report.to_html()


@pytest.mark.browser
def test_the_page_fits_a_phone_and_has_contrast(tmp_path, wrong):
    file = tmp_path / "page.html"
    file.write_text(as_html_page("page", [wrong.to_html()]), encoding="utf-8")
    with chromium_window() as chromium:
        for width in (390, 1280):
            as_seen(chromium, width)
            chromium.get(file.as_uri())
            assert chromium.execute_script(TOO_WIDE) == 0
            for scheme in ("light", "dark"):
                as_seen(chromium, width, scheme)
                assert chromium.execute_script(CONTRAST) >= 4.5
        ground = chromium.execute_script("return getComputedStyle(document.querySelector('.sg-wrong')).backgroundColor")
        assert ground == "rgb(179, 38, 30)"
