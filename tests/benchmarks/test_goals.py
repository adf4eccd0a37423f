"""The goals, and the page that shows them, from given records."""

import re
import sys

import pytest
from benchmarks.goals import GOALS, evaluate
from benchmarks.providers import COPY, PEERS, SOFTGRAD, SOFTGRAD_OUT, SOFTGRAD_ROWS, SOFTGRAD_TORCH
from benchmarks.questions import QUESTIONS, Size
from benchmarks.record import Record, Row

from benchmarks import __main__, goals, linear, page, tables

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


def test_columns_are_compared_with_the_rows_of_softgrad_and_short_rows_with_the_copy():
    columns = result_of("softmax-columns", None, (SOFTGRAD_ROWS,), **{SOFTGRAD_ROWS: 9})
    assert (columns.size, columns.value, columns.verdict()) == (SMALL, pytest.approx(9 / 20), "FALLS SHORT")
    short = result_of("softmax-short-rows", None, (COPY,))
    assert (short.goal.wanted, short.value, short.verdict()) == (0.5, pytest.approx(0.75), "reached")


def test_the_linear_loss_has_a_goal_at_the_memory_of_torch():
    size = linear.QUESTIONS[goals.LINEAR].sizes[0]
    seconds = {"softgrad": [15.0], "softgrad, memory as torch": [12.0], "torch, chunks of 512": [12.6]}
    rows = [Row(size.rows, size.classes, 0, seconds, {}, features=size.features)]
    (result,) = evaluate({goals.LINEAR: Record(goals.LINEAR, "", "2026-01-01", MACHINE, {}, {}, rows)})
    assert (result.value, result.verdict()) == (pytest.approx(1.05), "reached")


def test_a_goal_that_was_not_measured_is_not_reached():
    result = result_of("cross-entropy", Size(65_536, 1000), ("torch",))
    assert (result.value, result.verdict()) == (None, "not run")
    assert result_of("cross-entropy", VOCABULARY, ("torch",), absent=("torch",)).verdict() == "not run"
    assert evaluate({}) == []


def test_the_questions_and_sizes_of_the_goals_exist():
    for goal in GOALS:
        question = {**QUESTIONS, **linear.QUESTIONS}[goal.question]
        assert goal.size is None or goal.size in question.sizes
        assert goal.question == goals.LINEAR or set(goal.against) <= {COPY, SOFTGRAD_ROWS, *PEERS}
    assert {goal.question for goal in GOALS if goal.size is None} == set(QUESTIONS)


@pytest.fixture
def root(tmp_path):
    """A folder with the two first pages of the repository."""
    for name in page.FIRST_PAGES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("before\n<!-- speed -->\nold\n<!-- end -->\nafter\n")
    return tmp_path


def test_the_pages_hold_goals_tables_machine_and_versions(root):
    paths = page.write({name: record(name) for name in ("cross-entropy", "softmax-float64")}, root)
    performance, goals, *_ = (path.read_text() for path in paths)
    for text in (performance, goals):
        assert "$" not in text
        assert max(map(len, (line for line in text.splitlines() if not line.startswith(("|", "<"))))) <= 130
    assert re.search(r"\| cross-entropy +\| 64 x 10 +\| torch +\| torch +\| 6 +\| 6.00 +\| ", goals)
    assert "FALLS SHORT" in goals
    assert "## the title of softmax-float64" in performance
    assert "- 2026-01-01: Z80, 1 processors, 1 GiB; CP/M 2.2; Python 3.11; numpy 2.0" in performance
    assert performance.count("Z80") == 1  # one line for both questions


def test_the_first_pages_have_the_figure_of_speed(root):
    for path in page.write({"cross-entropy": record()}, root)[2:]:
        before, start, *sentence, end, after = path.read_text().splitlines()
        assert (before, start, end, after) == ("before", "<!-- speed -->", "<!-- end -->", "after")
        assert " ".join(sentence).strip() == (
            "For 4,096 x 32,000 logits in float32, softgrad takes 10 ms for the mean cross-entropy and its gradient; "
            "torch takes 12.0 times as long, JAX with jit 4.0 times, hand-written NumPy 3.0 times."
        )


def test_the_page_says_where_softgrad_is_behind(root):
    slower = record(torch=15)
    text = " ".join(page.write({"cross-entropy": slower}, root)[0].read_text().split())
    assert "softgrad is the fastest library in 1 of the 2 rows of the tables below." in text
    assert "in the title of cross-entropy, at 64 x 10, where torch takes 0.75 of its time." in text
    assert "behind" not in page.write({"cross-entropy": record()}, root)[0].read_text()


def test_a_question_without_results_leaves_the_first_pages_alone(root):
    page.write({"softmax": record("softmax")}, root)
    assert (root / "README.md").read_text().splitlines()[2] == "old"


def test_the_pages_of_the_repository_have_a_place_for_the_figure():
    for name in page.FIRST_PAGES:
        assert page.SENTENCE.search((page.ROOT / name).read_text()), name


def test_writing_the_page_draws_its_plots_for_light_and_dark_pages(root):
    swept = record()
    swept.rows += [
        Row(rows, 1000, 1, {SOFTGRAD: [rows / 1e3], SOFTGRAD_TORCH: [rows / 5e2], "torch": [rows / 1e2]}, {})
        for rows in (1, 16)
    ]
    text = page.write({"cross-entropy": swept}, root)[0].read_text()
    for name in ("benchmark-cross-entropy.png", "benchmark-cross-entropy-dark.png"):
        assert f'"images/{name}"' in text
        assert (root / "docs" / "images" / name).read_bytes().startswith(b"\x89PNG")


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
    lines = tables.text(
        tables.goals(evaluate({"softmax-float64": record("softmax-float64")}), markdown=True)
    ).splitlines()
    assert [line.count("|") for line in lines] == [8, 8, 8]
