"""The command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace

from benchmarks import goals, linear, page, plots, tables
from benchmarks.questions import QUESTIONS, QUICK_SIZES
from benchmarks.record import Record, load_all
from benchmarks.runner import ROUNDS, run

FROM_SAVED = ("goals", "plot", "page")


def main() -> None:
    """Runs what was asked for; without a name, every question."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="softgrad beside its peers")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"questions; or: {', '.join(FROM_SAVED)}, accuracy, linear"
    )
    parser.add_argument("--list", action="store_true", help="name the questions")
    parser.add_argument("--quick", action="store_true", help="small sizes, two rounds, nothing saved")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"times that each provider is asked ({ROUNDS})")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {*QUESTIONS, *FROM_SAVED, "accuracy", "linear", *linear.QUESTIONS}:
        parser.error(f"no question is called {', '.join(sorted(unknown))}; --list names them")
    if arguments.list:
        for question in (*QUESTIONS.values(), *linear.QUESTIONS.values()):
            print(f"{question.name:24} {question.title}, {question.dtype}")
        return
    asked: dict[str, Record] = {}
    for name in arguments.names or QUESTIONS:
        if name in FROM_SAVED:
            show(name)
        elif name == "accuracy":
            from benchmarks import accuracy

            accuracy.main(quick=arguments.quick)
        elif name == "linear" or name in linear.QUESTIONS:
            linear.main([] if name == "linear" else [name], quick=arguments.quick, rounds=arguments.rounds)
        else:
            if not asked:
                tables.console().print(tables.CAPTION)
            asked[name] = ask(name, quick=arguments.quick, rounds=arguments.rounds)
    if asked:
        print_goals(asked)


def ask(name: str, *, quick: bool, rounds: int) -> Record:
    """Runs one question, prints its table, saves what was found."""
    question = QUESTIONS[name]
    progress = tables.progress()
    with progress:
        if quick:
            record = run(replace(question, sizes=QUICK_SIZES), rounds=2, seconds=0.05, say=progress.update)
        else:
            record = run(question, rounds=rounds, say=progress.update)
    console = tables.console()
    console.print(tables.table(record))
    for note in tables.notes(record):
        console.print(note)
    if not quick:
        console.print(f"saved in {record.save()}")
    return record


def show(what: str) -> None:
    """What needs no run: the goals, the plots or the page of what was saved."""
    saved = load_all()
    if not saved:
        sys.exit("nothing saved yet; run python -m benchmarks")
    for name in QUESTIONS.keys() - saved:
        print(f"{name}: nothing saved yet; run python -m benchmarks {name}", file=sys.stderr)
    if what == "goals":
        print_goals(saved)
    elif what == "page":
        print(page.write(saved))
    else:
        for record in saved.values():
            if len(record.sweep()) > 1:
                print(plots.draw(record))


def print_goals(records: Mapping[str, Record]) -> None:
    """Every goal of these questions."""
    console = tables.console()
    console.print(tables.goals(goals.found(records)))
    console.print(tables.GOALS_CAPTION)


if __name__ == "__main__":
    main()
