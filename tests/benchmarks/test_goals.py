"""The goals, and the page that shows them, from given records."""

import re
import sys

import pytest
from benchmarks.goals import GOALS, evaluate
from benchmarks.providers import COPY, PEERS, SOFTGRAD, SOFTGRAD_OUT, SOFTGRAD_TORCH
from benchmarks.questions import QUESTIONS, Size
from benchmarks.record import Record, Row

from benchmarks import __main__, page, tables

VOCABULARY, SMALL = Size(4096, 32_000), Size(64, 10)
MACHINE = {"processor": "Z80", "processors": 1, "memory_gib": 1, "system": "CP/M 2.2", "python": "3.11"}


def record(question="cross-entropy", absent=(), **milliseconds):
    """A record with two sizes. The times are the same, except that softgrad takes 20 ms at the small size."""

    def row(size, softgrad):
        times = {SOFTGRAD: softgrad, SOFTGRAD_OUT: 8, COPY: 6, "torch": 120, "jax.jit": 40, "NumPy": 30} | milliseconds
        seconds = {line: [ms / 1000] for line, ms in times.items() if line not in absent}
        return Row(size.rows, size.classes, 10**9, seconds, {})

    rows = [row(VOCABULARY, 10), row(SMALL, 20)]
    return Record(
        question, f"the title of {question}", "2026-01-01", MACHINE, {"numpy": "2.0"}, dict.fromkeys(absent, ""), rows
    )


def result_of(question, size, against, **change):
    return next(
        result
        for result in evaluate({question: record(question, **change)})
        if result.goal.size == size and result.goal.against == against
    )


def test_a_goal_is_reached_or_not():
    result = result_of("cross-entropy", VOCABULARY, ("torch",))
    assert (result.goal.wanted, result.value, result.verdict()) == (10, pytest.approx(12), "reached")
    result = result_of("cross-entropy", SMALL, ("torch",), torch=100)
    assert (result.goal.wanted, result.value, result.verdict()) == (6, pytest.approx(5), "FALLS SHORT")


def test_the_fastest_peer_counts():
    result = result_of("cross-entropy", VOCABULARY, ("torch.compile", "jax.jit", "NumPy"))
    assert (result.fastest, result.value, result.verdict()) == ("NumPy", pytest.approx(3), "FALLS SHORT")
    result = result_of("cross-entropy", VOCABULARY, ("torch.compile", "jax.jit", "NumPy"), absent=("NumPy",))
    assert (result.fastest, result.value, result.verdict()) == ("jax.jit", pytest.approx(4), "reached, without NumPy")


def test_the_copy_is_compared_with_the_call_with_out():
    result = result_of("cross-entropy", VOCABULARY, (COPY,))
    assert (result.value, result.verdict()) == (pytest.approx(0.75), "reached")


def test_the_worst_size_counts_for_a_goal_at_every_size():
    result = result_of("softmax", None, PEERS)
    assert (result.size, result.fastest, result.value) == (SMALL, "NumPy", pytest.approx(1.5))
    assert result_of("softmax", None, PEERS, NumPy=19).verdict() == "FALLS SHORT"


def test_a_goal_of_the_module_compares_the_module():
    (result,) = [
        result
        for result in evaluate({"cross-entropy": record(**{SOFTGRAD_TORCH: 12})})
        if result.goal.size == VOCABULARY and result.goal.ours == SOFTGRAD_TORCH
    ]
    assert (result.goal.wanted, result.value, result.verdict()) == (7, pytest.approx(10), "reached")


def test_a_goal_that_was_not_measured_is_not_reached():
    result = result_of("cross-entropy", Size(65_536, 1000), ("torch",))
    assert (result.value, result.verdict()) == (None, "not run")
    assert result_of("cross-entropy", VOCABULARY, ("torch",), absent=("torch",)).verdict() == "not run"
    assert evaluate({}) == []


def test_the_questions_and_sizes_of_the_goals_exist():
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
    assert text.count("Z80") == 1  # one line for both questions


def test_writing_the_page_draws_its_plots(tmp_path):
    with_sweep = record()
    with_sweep.rows += [Row(rows, 1000, 1, {SOFTGRAD: [rows / 1e3], "torch": [rows / 1e2]}, {}) for rows in (1, 16)]
    text = page.write({"cross-entropy": with_sweep}, tmp_path / "performance.md").read_text()
    assert "](images/benchmark-cross-entropy.png)" in text
    assert (tmp_path / "images" / "benchmark-cross-entropy.png").read_bytes().startswith(b"\x89PNG")


def test_the_goals_are_printed_from_the_saved_records(monkeypatch, capsys):
    monkeypatch.setattr(__main__, "load_all", lambda: {"cross-entropy": record()})
    monkeypatch.setattr(sys, "argv", ["benchmarks", "goals"])
    __main__.main()
    out, err = capsys.readouterr()
    assert "FALLS SHORT" in out
    assert "softmax: no results are saved yet; run python -m benchmarks softmax" in err


@pytest.mark.parametrize("command", ["goals", "plot", "page"])
def test_a_command_that_needs_saved_records_says_that_there_are_none(command, monkeypatch):
    monkeypatch.setattr(__main__, "load_all", dict)
    monkeypatch.setattr(sys, "argv", ["benchmarks", command])
    with pytest.raises(SystemExit, match="no results are saved yet; run python -m benchmarks"):
        __main__.main()


def test_tables_can_be_written_as_markdown():
    lines = tables.text(tables.goals(evaluate({"softmax": record("softmax")}), markdown=True)).splitlines()
    assert [line.count("|") for line in lines] == [8, 8, 8]
