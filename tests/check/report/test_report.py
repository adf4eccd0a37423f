"""What a report says, on paper, on a terminal, in a notebook, as JSON and as a plot."""

import io
import json
import pickle
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import softgrad as sg
from check.report_examples import ALL, DIAGONAL, LINE, RIGHT, UNCHECKED, UNNAMED, WITH_A_LINE, WRONG, V
from softgrad.check import Mistake, Place, Report, SourceLine
from softgrad.check.report.source import source_line

TEXTS = {
    "right": """\
check_vjp: right, largest relative error 3.1e-16

checked z (4, 3): complex step, every entry; 1,068 calls""",
    "wrong": """\
check_vjp: wrong, largest relative error 4.3e-01
  z[0, 1]: got 0.2131, wanted -0.0412

Only the diagonal of softmax's Jacobian
  Every output of softmax depends on every logit, because they share one sum. p * (1 - p) is how
  p_i changes with its own z_i; the entries off the diagonal, -p_i p_j, are missing.

  found      dz equals p * (1 - p) * dp on all 6 draws
  should be  dz = p * (dp - sum_k(p * dp))
  in NumPy   dz = p * (dp - (p * dp).sum(axis=-1, keepdims=True))

Fits as well: Sigmoid's derivative in place of softmax's

- the rows of dz do not sum to 0, as those of softmax must

checked z (4, 3): complex step, every entry; 1,068 calls""",
    "unnamed": """\
check_grad: wrong, largest relative error 5.0e-01
  W1[3, 7]: got 0.5, wanted 1

None of the known mistakes fits.

- got / wanted is 0.5 in every entry""",
    "overwritten": """\
check_vjp: wrong

The backward overwrites grad_output
  Whoever called it goes on with other numbers.

  found      grad_output[0, 1] was 0.3 before the call and 0.1 after it
  in NumPy   grad_output = grad_output.copy()

checked z (4, 3): complex step, every entry; 1,068 calls""",
    "unchecked": """\
check_grad: cannot be checked

- loss is not repeatable: seed its random numbers""",
}

LONG = "dz = " + " + ".join(f"p[:, {i}] * dp[:, {i}]" for i in range(20))


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def on_terminal(monkeypatch):
    """str() of a report, where standard output is a terminal of 80 columns that shows colours."""

    def shown(report, **environment):
        monkeypatch.delenv("NO_COLOR", raising=False)
        for name, value in {"TERM": "xterm-256color", "COLUMNS": "80", **environment}.items():
            monkeypatch.setenv(name, value)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", Terminal())
            return str(report)

    return shown


@pytest.mark.parametrize("name", ALL)
def test_text(name):
    assert ALL[name].text() == TEXTS[name]
    assert str(ALL[name]) == TEXTS[name]  # pytest's standard output is no terminal


def test_prose_is_wrapped_and_lines_to_copy_are_not():
    report = replace(WRONG, mistakes=(replace(DIAGONAL, fix=f"{LONG}\nreturn dz"),), facts=("word " * 50,))
    assert f"\n  in NumPy   {LONG}\n             return dz\n" in report.text()
    assert max(len(line) for line in report.text().splitlines() if LONG not in line) <= 96
    assert max(len(line) for line in report.text(width=60).splitlines() if "dz" not in line) <= 60


def test_an_error_in_a_late_digit_is_seen():
    assert str(Place("b", (2,), 0.2500000013, 0.25)) == "b[2]: got 0.250000001, wanted 0.25"
    assert str(Place("loss scale", (), float("nan"), 1.0)) == "loss scale: got nan, wanted 1"
    assert str(Place("b", (2,), 0.1, 0.1)) == "b[2]: got 0.1, wanted 0.1"


def test_many_parameters_are_counted():
    report = replace(RIGHT, checked={f"W{i}": (2, np.int64(3)) for i in range(8)})
    assert "checked W0 (2, 3), W1 (2, 3), W2 (2, 3), W3 (2, 3), W4 (2, 3), W5 (2, 3), 2 more" in report.text()


@pytest.mark.parametrize(("name", "colour"), {"right": "32", "wrong": "31", "unchecked": "33"}.items())
def test_colours_on_a_terminal(name, colour, on_terminal):
    text = on_terminal(ALL[name])
    assert text.startswith(f"\033[1;{colour}mcheck_")
    plain = re.sub(r"\033\[[0-9;]*m", "", text)
    assert plain == ALL[name].text(width=80)


def test_no_color(on_terminal):
    assert on_terminal(WRONG, NO_COLOR="1") == TEXTS["wrong"]
    assert on_terminal(WRONG, TERM="dumb") == WRONG.text(width=80)


@pytest.mark.parametrize("name", ALL)
def test_rich_prints_it(name):
    from rich.console import Console

    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system="standard")
    console.print(ALL[name])
    assert re.sub(r"\033\[[0-9;]*m", "", console.file.getvalue()) == TEXTS[name] + "\n"


def test_repr_is_one_line():
    assert repr(WRONG) == "<Report check_vjp: wrong, largest relative error 4.3e-01, softmax-diagonal-only>"
    assert repr(UNCHECKED) == "<Report check_grad: cannot be checked>"


def test_it_is_neither_true_nor_false():
    """`assert check_vjp(...)` would pass whatever the gradient."""
    with pytest.raises(TypeError, match=r"check_vjp: .* use report\.ok, or softgrad\.testing\.assert_vjp in a test"):
        assert RIGHT
    with pytest.raises(TypeError, match=r"assert_grad"):
        bool(UNCHECKED)


def test_the_first_mistake_is_the_mistake():
    assert WRONG.mistake is DIAGONAL
    assert RIGHT.mistake is UNNAMED.mistake is None


def test_equality_looks_at_what_was_found_alone():
    assert replace(WRONG, curves=None) == WRONG
    assert hash(replace(WRONG, curves=None)) == hash(WRONG)
    assert replace(WRONG, error=0.44) != WRONG


@pytest.mark.parametrize("name", ALL)
def test_json_there_and_back(name):
    report = ALL[name]
    read = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    where = read["where"] and Place(**{**read["where"], "index": tuple(read["where"]["index"])})
    back = Report(
        **{
            **read,
            "error": float(read["error"]),
            "where": where,
            "mistakes": tuple(Mistake(**mistake) for mistake in read["mistakes"]),
            "facts": tuple(read["facts"]),
            "checked": {key: tuple(shape) for key, shape in read["checked"].items()},
        }
    )
    assert back.text() == report.text()
    assert back == report or np.isnan(report.error)


def test_json_of_numpy_numbers():
    place = Place("z", (np.int64(0), np.int64(1)), np.float64("nan"), np.float64("-inf"))
    report = replace(WRONG, ok=np.bool_(False), error=np.float64("inf"), where=place, checked={"z": (np.int64(4),)})
    read = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert read["where"] == {"name": "z", "index": [0, 1], "got": "nan", "wanted": "-inf"}
    assert (read["ok"], read["error"], read["checked"]) == (False, "inf", {"z": [4]})
    assert report.text().startswith("check_vjp: wrong, largest relative error inf")


class Elements(HTMLParser):
    """The text of an HTML page, and whether every element that opens is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.names, self.text = [], set(), ""  # without that of style sheets

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.names.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data + "\n"


def parsed(report):
    elements = Elements()
    elements.feed(report._repr_html_())
    assert elements.open == []
    return elements


@pytest.mark.parametrize("name", ALL)
def test_html_says_what_the_text_says(name):
    html = parsed(ALL[name])
    assert html.names.isdisjoint({"script", "link", "img", "iframe"})  # no script, nothing to load
    squeezed = re.sub(r"\s+", "", html.text)
    for paragraph in TEXTS[name].split("\n"):
        for part in re.split(r" {2,}", paragraph.strip().removeprefix("- ")):
            assert re.sub(r"\s+", "", part) in squeezed


def test_html_is_escaped():
    evil = "<script>alert('&')</script>"
    mistake = Mistake(*[evil] * 6)
    report = Report(evil, False, 1.0, Place(evil, (), 1.0, 0.0), (mistake, mistake), (evil,), evil, {evil: (1,)})
    html = parsed(report)
    assert "script" not in html.names
    assert html.text.count(evil) == 11  # verdict, place, five of the mistake, the other's title, fact, checked, method


def test_the_line_comes_first():
    assert WITH_A_LINE.text().startswith("""\
check_grad: wrong, largest relative error 5.0e-01
  W1[3, 7]: got 0.5, wanted 1

rnn.py, line 31, in backward:   dh = Whh @ da
  da is right: the gradient of Wxh @ x + Whh @ h + bh  (line 14)
  found on 6 of 6 draws

Only the diagonal of softmax's Jacobian""")
    html = WITH_A_LINE._repr_html_()
    assert html.count("<mark") == 1
    assert "  31          dh = Whh @ da  # &lt;- here</mark><span>  32      return dh</span></pre>" in html
    parsed(WITH_A_LINE)
    without = replace(WITH_A_LINE, backward_line=SourceLine("rnn.py", 31, "", "<lambda>"))
    assert "\n\nrnn.py, line 31, in a lambda\n\n" in without.text()
    parsed(without)
    assert WITH_A_LINE.to_dict()["backward_line"] == {
        "file": LINE.file,
        "number": 31,
        "text": "dh = Whh @ da",
        "function": "backward",
        "notes": list(LINE.notes),
        "mended": "",
    }
    json.dumps(WITH_A_LINE.to_dict(), allow_nan=False)


SOURCES = {  # a row of source: what is shown of it
    "    dz = p - t  # the residual": "dz = p - t",
    '    label = "#1"': 'label = "#1"',
    "    # only a comment": "# only a comment",
    "": "",
}


@pytest.mark.parametrize("row", SOURCES)
def test_a_line_is_shown_without_its_comment(row, tmp_path):
    file = tmp_path / "rows.py"
    file.write_text(f"first = 1\n{row}\nlast = 3\n")
    line = source_line(str(file), 2, "backward")
    assert line.text == SOURCES[row]
    assert line.around == ("first = 1", row.rstrip(), "last = 3")
    assert source_line(str(file), 9, "backward").shown == "rows.py, line 9, in backward"


def test_a_cell_has_no_file_name():
    assert source_line("/tmp/ipykernel_12/345.py", 3, "backward").place == "this cell, line 3, in backward"
    assert source_line("<stdin>", 3, "<module>").place == "this code, line 3"


@pytest.fixture
def pyplot(monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def test_plot(pyplot):
    ax = WRONG.plot()
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["z", "b"]
    plateau, v = (line.get_ydata() for line in ax.get_lines())
    assert plateau.max() / plateau.min() < 1.1
    assert np.array_equal(v, V)
    assert "step" in ax.get_xlabel()
    assert "error" in ax.get_ylabel()
    assert ax.get_title() == "check_vjp: wrong, largest relative error 4.3e-01"


def test_plot_on_axes_of_the_users(pyplot):
    _, ax = pyplot.subplots()
    assert RIGHT.plot(ax) is ax
    assert len(pyplot.get_fignums()) == 1


def test_an_error_of_0_has_no_place_on_a_logarithmic_axis(pyplot):
    report = replace(RIGHT, curves=lambda: {"z": ([1e-3, 1e-2, 1e-1], [0.0, 1e-4, float("nan")])})
    assert report.plot().get_lines()[0].get_xdata().tolist() == [1e-2]


def test_nothing_to_plot():
    with pytest.raises(ValueError, match=r"check_grad: plot\(\) has nothing to draw"):
        UNCHECKED.plot()


def test_plot_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(sg.MissingPackageError, match=r"Report\.plot: matplotlib is not installed; .*softgrad\[plot\]"):
        RIGHT.plot()


def test_a_report_is_pickled_without_its_curves():
    """They call functions, which need not be of a module."""
    report = sg.check_vjp(lambda x: x**2, lambda x, y, g: x * g, np.array([1.0, 2.0]))
    again = pickle.loads(pickle.dumps(report))
    assert again == report
    assert again.text() == report.text()
    with pytest.raises(ValueError, match="nothing to draw"):
        again.plot()


def test_nothing_judged_is_nothing_to_draw():
    report = sg.check_vjp(lambda x: x**2, lambda x, y, g: (x * g).sum(axis=0), np.ones((2, 3)))
    with pytest.raises(ValueError, match="nothing to draw"):
        report.plot()
