"""The command line."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from benchmarks import plots, tables
from benchmarks.questions import QUESTIONS, QUICK_SIZES
from benchmarks.record import load
from benchmarks.runner import ROUNDS, run


def main() -> None:
    """Runs what was asked for; without a name, every question."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="softgrad beside its peers")
    parser.add_argument("names", nargs="*", metavar="NAME", help="questions; or: plot, accuracy")
    parser.add_argument("--list", action="store_true", help="name the questions")
    parser.add_argument("--quick", action="store_true", help="small sizes, two rounds, nothing saved")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"times that each provider is asked ({ROUNDS})")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {*QUESTIONS, "plot", "accuracy"}:
        parser.error(f"no question is called {', '.join(sorted(unknown))}; --list names them")
    if arguments.list:
        for question in QUESTIONS.values():
            print(f"{question.name:24} {question.title}, {question.dtype}")
        return
    for name in arguments.names or QUESTIONS:
        if name == "plot":
            plot()
        elif name == "accuracy":
            from benchmarks import accuracy

            accuracy.main(quick=arguments.quick)
        else:
            ask(name, quick=arguments.quick, rounds=arguments.rounds)


def ask(name: str, *, quick: bool, rounds: int) -> None:
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


def plot() -> None:
    """Draws every question that was saved."""
    for name in QUESTIONS:
        if record := load(name):
            print(plots.draw(record))
        else:
            print(f"{name}: nothing saved yet; run python -m benchmarks {name}", file=sys.stderr)


if __name__ == "__main__":
    main()
