"""The tables of docs/torch.md: their columns of softgrad are what a run gives now, and wrong answers are seen."""

import itertools
import sys

import numpy as np
import pytest
from benchmarks.capabilities import measure, numbers, page
from benchmarks.capabilities.exact import exact
from benchmarks.capabilities.judging import NO_DIGIT, cell, ulps
from benchmarks.capabilities.libraries import LIBRARIES, Absent, Library
from benchmarks.capabilities.questions import MEMORY, QUESTIONS, SECTIONS, ULPS, VALUES, VOCABULARY
from benchmarks.capabilities.reports import ASKED, REPORTS
from benchmarks.capabilities.worker import ask

from conftest import load

NAMES = {"softgrad": "ml_dtypes", "softgrad.torch": "torch"}  # our columns, and what each needs
QUICK = [name for name, question in ASKED.items() if question.shows != MEMORY and "compiled" not in name]
COMPILED = [name for name in ASKED if "compiled" in name]


def cells(library, names):
    answers = ask(library, names)
    return {name: cell(ASKED[name], answers[name], exact(name, ASKED[name])) for name in names}


def on_the_page(column):
    """The cells of a column of all tables, by question."""
    found = {}
    for title in page.TABLES:
        header, *rows = page.read(title)
        found |= {row[0]: row[header.index(column)] for row in rows}
    return found


def agree(name, shown, now):
    """Whether two cells say the same; the largest errors may differ by 1 ulp between processors."""
    if ASKED[name].shows == ULPS and shown.endswith(" ulp") and now.endswith(" ulp"):
        return abs(float(shown.split()[0]) - float(now.split()[0])) <= 1
    return shown == now


@pytest.mark.parametrize("column", NAMES)
def test_the_page_shows_what_a_run_gives(column):
    load(NAMES[column])
    shown, now = on_the_page(column), cells(LIBRARIES[column].load(), QUICK)
    assert {name: (shown[name], now[name]) for name in QUICK if not agree(name, shown[name], now[name])} == {}


@pytest.mark.thorough
def test_the_page_shows_what_a_compiled_run_gives():
    load("torch")
    shown, now = on_the_page("softgrad.torch"), cells(LIBRARIES["softgrad.torch"].load(), COMPILED)
    assert {name: (shown[name], now[name]) for name in COMPILED if not agree(name, shown[name], now[name])} == {}


def test_the_page_has_a_row_for_each_question():
    assert list(on_the_page("softgrad")) == list(ASKED)
    for title, section in (*SECTIONS.items(), (page.OPEN_REPORTS, REPORTS)):
        assert [row[0] for row in page.read(title)[1:]] == list(section)


class Slip(Library):
    """The answers are right, and then changed."""

    def __init__(self, change):
        self.change = change

    def __getattr__(self, name):
        return lambda *_, **__: self.change


SLIPS = {
    "zero": lambda x: 0 * x,
    "sign": lambda x: -x,
    "NaN": lambda x: np.nan * x,
    "the tenth digit": lambda x: x * (1 + 1e-9),
}


@pytest.mark.parametrize("name", [name for name, question in QUESTIONS.items() if question.shows in (VALUES, ULPS)])
def test_a_wrong_entry_is_seen(name):
    """The largest entry of each array in turn is changed."""
    question, right = ASKED[name], exact(name, ASKED[name])
    arrays = [np.asarray(array, float) for array in (right if isinstance(right, tuple) else (right,))]
    good = cell(question, {"values": [array.tolist() for array in arrays]}, right)
    assert good == "yes" or good.endswith(" ulp")
    for slip, place in itertools.product(SLIPS, range(len(arrays))):
        changed = [array.copy() for array in arrays]
        largest = np.abs(changed[place]).argmax()
        changed[place].flat[largest] = SLIPS[slip](changed[place].flat[largest])
        if question.shows == ULPS and slip == "the tenth digit":
            continue
        if slip == "NaN" or changed[place].flat[largest] != arrays[place].flat[largest]:
            bad = cell(question, {"values": [array.tolist() for array in changed]}, right)
            assert "wrong" in bad or NO_DIGIT in bad, (slip, bad)


def test_what_each_outcome_shows():
    question = ASKED["class weights"]
    assert cell(question, {"absent": True}, None) == "-"
    assert cell(question, {"error": "TypeError: no weight"}, None) == "no"
    wanted_error = ASKED["a class index of K is an error"]
    assert cell(wanted_error, {"error": "IndexError: 5"}, None) == "yes"
    assert cell(wanted_error, {"values": [2.5, [[0.0]]]}, None) == "**wrong**: 2.5"
    assert cell(question, {"values": [1.0, [[2.0]]]}, (1.0, np.zeros((1, 2)))) == "**wrong**: shape (1, 1) for (1, 2)"
    report = ASKED["softmax: dz₀ at z = (40, 0)"]
    assert cell(report, {"values": [4.248354255e-18]}, 4.248354255e-18) == "4.25e-18"
    assert cell(report, {"values": [0.0]}, 4.248354255e-18) == "**0**"


def test_an_option_that_a_library_does_not_have_is_no_answer():
    class Refusing(Library):
        def loss_and_grad(self, z, target):
            raise AssertionError("the options were not given")

    answers = ask(Refusing(), ["temperature", "the third derivative"])
    assert "temperature" in answers["temperature"]["error"]
    assert answers["the third derivative"] == {"absent": True}
    with pytest.raises(Absent):
        Refusing().hvp(numbers.Z, numbers.Y, numbers.V)


@pytest.mark.parametrize(("dtype", "near_1"), [("bfloat16", 2.0**-7), ("float16", 2.0**-10), ("float32", 2.0**-23)])
def test_an_ulp_is_the_distance_of_neighbouring_numbers(dtype, near_1):
    right = np.array([1.0, 1e-30], np.longdouble)
    assert ulps(np.array([1 + near_1, right[1]], float), right, dtype) == pytest.approx(1, abs=1e-6)
    assert ulps(np.array([1.0, np.nan]), right, dtype) == np.inf


def test_tables_are_written_where_the_page_names_them(tmp_path):
    record = measure.Record("2026-01-02", "A processor", {"numpy": "2.0"}, {}, {}, {"softgrad": {"temperature": "yes"}})
    copy = tmp_path / "torch.md"
    copy.write_text(page.PAGE.read_text())
    page.write(record, copy)
    assert ["temperature", "yes"] in page.read("Options", copy)
    assert "Measured on 2026-01-02 with numpy 2.0; A processor." in copy.read_text()
    once = copy.read_text()
    assert page.write(record, copy).read_text() == once
    copy.write_text(once.replace("<!-- Options -->", ""))
    with pytest.raises(ValueError, match="wanted one place for the table 'Options', found 0"):
        page.write(record, copy)


@pytest.fixture
def softgrad_alone(monkeypatch):
    monkeypatch.setattr(measure, "LIBRARIES", ["softgrad"])


def test_a_library_is_asked_in_a_process(softgrad_alone):
    load("ml_dtypes")
    record = measure.measure({}, quick=True, report=lambda text: None)
    assert not record.left_out
    assert record.versions["numpy"] == np.__version__
    assert record.cells["softgrad"]["class weights"] == "yes"
    assert "LabelError" in record.errors["softgrad"]["a class index of K is an error"]
    assert record.exact["softmax: dz₀ at z = (40, 0)"] == "4.25e-18"


@pytest.mark.parametrize(("python", "reason"), [("false", "exit code 1"), ("/no/python", "No such file")])
def test_a_library_whose_process_fails_is_left_out(python, reason, softgrad_alone):
    record = measure.measure({"softgrad": python}, quick=True, report=lambda text: None)
    assert reason in record.left_out["softgrad"]
    assert record.cells == {}


def test_the_peak_memory_does_not_count_inputs_and_gradients():
    load("ml_dtypes")
    (name,) = [name for name in VOCABULARY if "1,024" in name]
    answered = measure._ask(sys.executable, "softgrad", [name])
    assert 0 < answered["answers"][name]["values"][0] < 80  # the gradients take 32 MiB, the buffer of the logits 64
