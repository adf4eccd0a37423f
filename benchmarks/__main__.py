"""The command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks import against, csv_tables, goals, linear, page, plots, tables, training
from benchmarks.questions import QUESTIONS, QUICK_SIZES
from benchmarks.record import Record, load_all
from benchmarks.runner import ROUNDS, run

USE_SAVED = ("goals", "plot", "page")
PAGES = ("accuracy", "capabilities", "stream")  # each writes into a page of its own


def main() -> None:
    """Runs the named questions, or all questions if no name is given."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Compare the speed and the accuracy of softgrad with other libraries."
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"questions; or: {', '.join(USE_SAVED)}, {', '.join(PAGES)}, linear, training, "
        f"tables, or one of {', '.join(csv_tables.PREFIX + name for name in csv_tables.NAMES)}",
    )
    parser.add_argument("--list", action="store_true", help="list the questions")
    parser.add_argument("--quick", action="store_true", help="use small sizes and two rounds, and save nothing")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"number of rounds (default: {ROUNDS})")
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="time the questions with the softgrad in DIR, too, and save nothing"
    )
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="LIBRARY=PATH",
        help="for capabilities: ask a library with another interpreter, such as TensorFlow=/venv/bin/python",
    )
    arguments = parser.parse_args()
    known = {*QUESTIONS, *USE_SAVED, *PAGES, "linear", "training", *linear.QUESTIONS, "tables"}
    known |= {csv_tables.PREFIX + name for name in csv_tables.NAMES}
    if unknown := set(arguments.names) - known:
        parser.error(f"there is no question {', '.join(sorted(unknown))}; --list lists them")
    if arguments.list:
        for question in (*QUESTIONS.values(), *linear.QUESTIONS.values()):
            print(f"{question.name:24} {question.title}, {question.dtype}")
        return
    if arguments.against:
        try:
            against.main(
                arguments.names or list(QUESTIONS), arguments.against, quick=arguments.quick, rounds=arguments.rounds
            )
        except ValueError as error:
            parser.error(str(error))
        return
    records: dict[str, Record] = {}
    for name in arguments.names or QUESTIONS:
        if name in USE_SAVED:
            show_saved(name)
        elif name == "accuracy":
            from benchmarks import accuracy

            accuracy.main(quick=arguments.quick)
        elif name == "capabilities":
            from benchmarks import capabilities

            capabilities.main(dict(given.split("=", 1) for given in arguments.python), quick=arguments.quick)
        elif name == "stream":
            from benchmarks import stream

            stream.main(quick=arguments.quick)
        elif name == "training":
            training.main(quick=arguments.quick, rounds=arguments.rounds)
        elif name == "linear" or name in linear.QUESTIONS:
            linear.main([] if name == "linear" else [name], quick=arguments.quick, rounds=arguments.rounds)
        elif name == "tables" or name.removeprefix(csv_tables.PREFIX) in csv_tables.NAMES:
            chosen = [] if name == "tables" else [name.removeprefix(csv_tables.PREFIX)]
            csv_tables.main(chosen, quick=arguments.quick)
        else:
            if not records:
                tables.console().print(tables.CAPTION)
            records[name] = run_question(name, quick=arguments.quick, rounds=arguments.rounds)
    if records:
        print_goals(records)


def run_question(name: str, *, quick: bool, rounds: int) -> Record:
    """Runs one question, prints its table, and saves the record."""
    question = QUESTIONS[name]
    progress = tables.progress()
    with progress:
        if quick:
            record = run(replace(question, sizes=QUICK_SIZES), rounds=2, sample_seconds=0.05, report=progress.update)
        else:
            record = run(question, rounds=rounds, report=progress.update)
    console = tables.console()
    console.print(tables.table(record))
    for note in tables.notes(record):
        console.print(note)
    if not quick:
        console.print(f"saved in {record.save()}")
    return record


def show_saved(what: str) -> None:
    """Prints the goals, or writes the plots or the page, from the saved records."""
    saved = load_all()
    if not saved:
        sys.exit("no results are saved yet; run python -m benchmarks")
    for name in QUESTIONS.keys() - saved:
        print(f"{name}: no results are saved yet; run python -m benchmarks {name}", file=sys.stderr)
    if what == "goals":
        print_goals(goals.with_linear(saved))
    elif what == "page":
        print(*page.write(saved), sep="\n")
    else:
        for record in saved.values():
            if len(record.sweep()) > 1:
                print(*plots.draw(record), sep="\n")


def print_goals(records: Mapping[str, Record]) -> None:
    """Prints every goal of the questions that have a record."""
    console = tables.console()
    console.print(tables.goals(goals.evaluate(records)))
    console.print(tables.GOALS_CAPTION)


if __name__ == "__main__":
    main()
