"""linear_cross_entropy beside PyTorch and the bare products: time, memory and accuracy, each kept in results/."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.questions import Question, Size
from benchmarks.questions.linear import LinearCrossEntropy, RealHead, TrainedHead

ROUNDS = 5
QUICK = Size(64, 1000, 32)


def _question(name: str, title: str, operation: LinearCrossEntropy, size: Size) -> Question:
    return Question(f"linear-{name}", title, operation, "float32", (size,))


QUESTIONS = {
    question.name: question
    for question in (
        _question("32000", "drawn", LinearCrossEntropy(), Size(1024, 32_000, 256)),
        _question("50257", "drawn", LinearCrossEntropy(), Size(2048, 50_257, 768)),
        _question("128256", "drawn", LinearCrossEntropy(), Size(4096, 128_256, 512)),
        _question("trained", "as trained", TrainedHead(), Size(2048, 50_257, 768)),
        _question("real", "real", RealHead(), Size(2048, 30_522, 384)),
    )
}


def main(names: Sequence[str] = (), *, quick: bool = False, rounds: int = ROUNDS) -> None:
    """Asks the named questions, or all, and prints one table of what is kept of them; quick keeps nothing."""
    from benchmarks import tables
    from benchmarks.linear import ask, page
    from benchmarks.record import load

    console = tables.console()
    asked = {}
    for name in names or QUESTIONS:
        if reason := ask.absent(QUESTIONS[name]):
            print(f"{name} is left out: {reason}", file=sys.stderr)
            continue
        with tables.progress() as progress:
            record = ask.ask(QUESTIONS[name], quick=quick, rounds=rounds, say=progress.update)
        if not quick:
            print(f"saved in {record.save()}", file=sys.stderr)
        asked[name] = record
    if not quick:
        asked = {name: record for name in QUESTIONS if (record := load(name))}
    console.print(page.times(asked))
    console.print(page.measures(asked))
    for record in asked.values():
        for note in tables.notes(record):
            console.print(f"{record.question}: {note}")
