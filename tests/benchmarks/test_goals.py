"""The goals, and the page that shows them: from data, without a run."""

import re
import sys

import pytest
from benchmarks.goals import GOALS, found
from benchmarks.providers import COPY, PEERS, SOFTGRAD, SOFTGRAD_OUT
from benchmarks.questions import QUESTIONS, Size
from benchmarks.record import Record, Row

from benchmarks import __main__, page, tables

VOCABULARY, SMALL = Size(4096, 32_000), Size(64, 10)
MACHINE = {"processor": "Z80", "processors": 1, "memory_gib": 1, "system": "CP/M 2.2", "python": "3.11"}


def record(question="cross-entropy", absent=(), **milliseconds):
    """At two sizes the same times, but that softgrad takes 20 ms at the small one."""

    def row(size, softgrad):
        times = {SOFTGRAD: softgrad, SOFTGRAD_OUT: 8, COPY: 6, "torch": 120, "jax.jit": 40, "NumPy": 30} | milliseconds
        seconds = {line: [ms / 1000] for line, ms in times.items() if line not in absent}
        return Row(size.rows, size.classes, 10**9, seconds, {})

    rows = [row(VOCABULARY, 10), row(SMALL, 20)]
    return Record(
        question, f"the title of {question}", "2026-01-01", MACHINE, {"numpy": "2.0"}, dict.fromkeys(absent, ""), rows
    )


def of(question, size, against, **change):
    return next(
        one
        for one in found({question: record(question, **change)})
        if one.goal.size == size and one.goal.against == against
    )


def test_a_goal_is_reached_or_not():
    one = of("cross-entropy", VOCABULARY, ("torch",))
    assert (one.goal.wanted, one.value, one.verdict()) == (10, pytest.approx(12), "reached")
    one = of("cross-entropy", SMALL, ("torch",), torch=100)
    assert (one.goal.wanted, one.value, one.verdict()) == (6, pytest.approx(5), "FALLS SHORT")


def test_the_fastest_peer_counts():
    one = of("cross-entropy", VOCABULARY, ("torch.compile", "jax.jit", "NumPy"))
    assert (one.fastest, one.value, one.verdict()) == ("NumPy", pytest.approx(3), "FALLS SHORT")
    one = of("cross-entropy", VOCABULARY, ("torch.compile", "jax.jit", "NumPy"), absent=("NumPy",))
    assert (one.fastest, one.value, one.verdict()) == ("jax.jit", pytest.approx(4), "reached, without NumPy")


def test_the_copy_is_held_against_out():
    one = of("cross-entropy", VOCABULARY, (COPY,))
    assert (one.value, one.verdict()) == (pytest.approx(0.75), "reached")


def test_of_every_size_the_worst_counts():
    one = of("softmax", None, PEERS)
    assert (one.size, one.fastest, one.value) == (SMALL, "NumPy", pytest.approx(1.5))
    assert of("softmax", None, PEERS, NumPy=19).verdict() == "FALLS SHORT"


def test_what_was_not_measured_is_no_success():
    one = of("cross-entropy", Size(65_536, 1000), ("torch",))
    assert (one.value, one.verdict()) == (None, "not run")
    assert of("cross-entropy", VOCABULARY, ("torch",), absent=("torch",)).verdict() == "not run"
    assert found({}) == []


def test_goals_are_of_questions_and_sizes_that_are_asked():
    for goal in GOALS:
        assert goal.size is None or goal.size in QUESTIONS[goal.question].sizes
        assert set(goal.against) <= {COPY, *PEERS}
    assert {goal.question for goal in GOALS if goal.size is None} == set(QUESTIONS)


def test_the_page_holds_goals_tables_machine_and_versions(tmp_path):
    records = {name: record(name) for name in ("cross-entropy", "softmax-float64")}
    text = page.write(records, tmp_path / "performance.md").read_text()
    assert "$" not in text
    assert max(map(len, (line for line in text.splitlines() if not line.startswith("|")))) <= 120
    assert re.search(r"\| cross-entropy +\| 64 x 10 +\| torch +\| torch +\| 6 +\| 6.00 +\| ", text)
    assert "FALLS SHORT" in text
    assert "## the title of softmax-float64" in text
    assert "- 2026-01-01: Z80, 1 processors, 1 GiB; CP/M 2.2; Python 3.11; numpy 2.0" in text
    assert text.count("Z80") == 1  # a line for both questions


def test_the_page_draws_the_plots_it_shows(tmp_path):
    asked = record()
    asked.rows += [Row(rows, 1000, 1, {SOFTGRAD: [rows / 1e3], "torch": [rows / 1e2]}, {}) for rows in (1, 16)]
    text = page.write({"cross-entropy": asked}, tmp_path / "performance.md").read_text()
    assert "](images/benchmark-cross-entropy.png)" in text
    assert (tmp_path / "images" / "benchmark-cross-entropy.png").read_bytes().startswith(b"\x89PNG")


def test_the_goals_are_printed_from_what_was_saved(monkeypatch, capsys):
    monkeypatch.setattr(__main__, "load_all", lambda: {"cross-entropy": record()})
    monkeypatch.setattr(sys, "argv", ["benchmarks", "goals"])
    __main__.main()
    out, err = capsys.readouterr()
    assert "FALLS SHORT" in out
    assert "softmax: nothing saved yet; run python -m benchmarks softmax" in err


@pytest.mark.parametrize("what", ["goals", "plot", "page"])
def test_nothing_saved_is_said(what, monkeypatch):
    monkeypatch.setattr(__main__, "load_all", dict)
    monkeypatch.setattr(sys, "argv", ["benchmarks", what])
    with pytest.raises(SystemExit, match="nothing saved yet; run python -m benchmarks"):
        __main__.main()


def test_markdown_is_a_table_of_markdown():
    lines = tables.text(tables.goals(found({"softmax": record("softmax")}), markdown=True)).splitlines()
    assert [line.count("|") for line in lines] == [8, 8, 8]
