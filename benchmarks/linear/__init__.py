"""linear_cross_entropy and linear_token_log_probs compared with PyTorch and with their matrix products alone.

Measured are time, memory and accuracy.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.questions import Operation, Question, Size
from benchmarks.questions.linear import LinearCrossEntropy, LinearTokenLogProbs, RealHead, TrainedHead

ROUNDS = 5
QUICK = Size(64, 1000, 32)


def _question(name: str, title: str, operation: Operation, size: Size, dtype: str = "float32") -> Question:
    return Question(f"linear-{name}", title, operation, dtype, (size,))


QUESTIONS = {
    question.name: question
    for question in (
        _question("32000", "random", LinearCrossEntropy(), Size(1024, 32_000, 256)),
        _question("50257", "random", LinearCrossEntropy(), Size(2048, 50_257, 768)),
        _question("128256", "random", LinearCrossEntropy(), Size(4096, 128_256, 512)),
        _question("trained", "as trained", TrainedHead(), Size(2048, 50_257, 768)),
        _question("32000-bfloat16", "random, bfloat16", LinearCrossEntropy(), Size(1024, 32_000, 256), "bfloat16"),
        _question("50257-bfloat16", "random, bfloat16", LinearCrossEntropy(), Size(2048, 50_257, 768), "bfloat16"),
        _question("tokens", "random, tokens", LinearTokenLogProbs(), Size(2048, 50_257, 768)),
        _question("real", "real", RealHead(), Size(2048, 30_522, 384)),
    )
}


def main(names: Sequence[str] = (), *, quick: bool = False, rounds: int = ROUNDS) -> None:
    """Runs the named questions, or all of them, and prints the tables of all saved records.

    With `quick` nothing is saved, and the tables are those of this run.
    """
    from benchmarks import tables
    from benchmarks.linear import measure, page
    from benchmarks.record import load

    console = tables.console()
    records = {}
    for name in names or QUESTIONS:
        if reason := measure.missing_packages(QUESTIONS[name]):
            print(f"{name} is left out: {reason}", file=sys.stderr)
            continue
        with tables.progress() as progress:
            record = measure.measure(QUESTIONS[name], quick=quick, rounds=rounds, report=progress.update)
        if not quick:
            print(f"saved in {record.save()}", file=sys.stderr)
        records[name] = record
    if not quick:
        records = {name: record for name in QUESTIONS if (record := load(name))}
    console.print(page.times(records))
    console.print(page.measures(records))
    for record in records.values():
        for note in tables.notes(record):
            console.print(f"{record.question}: {note}")
