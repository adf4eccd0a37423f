"""The training of networks compared with scikit-learn's MLPClassifier, a loop in torch, and the matrix products alone.

Softmax regression by L-BFGS is compared with scikit-learn's LogisticRegression.

Every run is a new process, which trains once. The libraries take turns. All get the same rows, the same sizes of the
network and of the batch, Adam with the same learning rate or L-BFGS with the same L2 term, and float32.
"""

from __future__ import annotations

import importlib.util
import math
import multiprocessing
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import record, tables
from benchmarks.training.libraries import LIBRARIES, SOFTGRAD, Outcome
from benchmarks.training.tasks import ACCURACY, LOSS, TASKS, Task

if TYPE_CHECKING:
    from rich.table import Table

QUICK_EPOCHS = 1
CAPTION = (
    "Seconds of one training, the median and the fastest of the rounds. A ratio is our median divided by that of the "
    "library. The accuracy is that of the test rows. The loss is what L-BFGS minimises, with its L2 term."
)


@dataclass
class Result:
    """The runs of all libraries on one task."""

    task: str
    title: str
    date: str
    machine: dict[str, str | int]
    seconds: dict[str, list[float]]  # one number per round
    accuracy: dict[str, float]
    loss: dict[str, float] = field(default_factory=dict)

    def ratio(self, other: str) -> float | None:
        """Our time, divided by that of another library; None if it was not timed."""
        if not self.seconds.get(other):
            return None
        return statistics.median(self.seconds[SOFTGRAD]) / statistics.median(self.seconds[other])


class Verdict(NamedTuple):
    """A measure with the largest value that is wanted."""

    name: str
    wanted: float
    found: float

    def __str__(self) -> str:
        return "reached" if self.found <= self.wanted else "FALLS SHORT"


def main(*, quick: bool = False, rounds: int = 5) -> None:
    """Runs every task, prints the tables, and saves the results unless `quick`."""
    console = tables.console()
    results = []
    for task in TASKS.values():
        if reason := task.missing():
            print(f"{task.title} is left out: {reason}", file=sys.stderr)
            continue
        with tables.progress() as status:
            status.update(f"training: {task.title}")
            results.append(measure(task._replace(epochs=QUICK_EPOCHS) if quick else task, 1 if quick else rounds))
        if not quick:
            saved = record.write_json(record.FOLDER / f"training-{task.name}.json", asdict(results[-1]))
            print(f"saved in {saved}", file=sys.stderr)
    console.print(CAPTION)
    console.print(times(results))
    console.print(measures(results))
    for result in results:
        if int(result.machine["percent_busy_before"]) > tables.BUSY:
            console.print(f"{result.title}: the machine was busy before the start, so the figures are rough")


def measure(task: Task, rounds: int) -> Result:
    """The result of a task, in as many rounds."""
    here = [name for name, (_, package) in LIBRARIES[task.optimizer].items() if importlib.util.find_spec(package)]
    result = Result(task.name, f"{task.title}, {task.size}", record.now(), record.machine(), {n: [] for n in here}, {})
    for _ in range(rounds):
        for name in here:
            outcome = in_new_process(task, name)
            result.seconds[name].append(float(f"{outcome.seconds:.4g}"))
            if outcome.accuracy is not None:
                result.accuracy[name] = outcome.accuracy
            if outcome.loss is not None:
                result.loss[name] = float(f"{outcome.loss:.6g}")
    return result


def in_new_process(task: Task, library: str) -> Outcome:
    """The outcome of one run."""
    context = multiprocessing.get_context("spawn")
    connection, child_end = context.Pipe()
    process = context.Process(target=_run, args=(child_end, task, library))
    process.start()
    child_end.close()
    try:
        answer: Outcome = connection.recv()
    finally:
        process.join()
    return answer


def _run(answer: Connection, task: Task, library: str) -> None:
    answer.send(LIBRARIES[task.optimizer][library][0](task, task.load()))


def times(results: Sequence[Result]) -> Table:
    """The table of seconds, accuracies and losses."""
    table = tables.empty(["data and network", "library", "seconds", "fastest", "ours / library", "accuracy", "loss"])
    for result in results:
        for name, seconds in result.seconds.items():
            ratio, accuracy, loss = result.ratio(name), result.accuracy.get(name), result.loss.get(name)
            table.add_row(
                result.title,
                name,
                f"{statistics.median(seconds):.3f}",
                f"{min(seconds):.3f}",
                "" if name == SOFTGRAD or ratio is None else f"{ratio:.2f}",
                "" if accuracy is None else f"{accuracy:.4f}",
                "" if loss is None else f"{loss:.4f}",
            )
    return table


def measures(results: Sequence[Result]) -> Table:
    """The table of measures, with the value that is wanted and the value that was found."""
    table = tables.empty(["measure", "data and network", "wanted", "found", ""])
    for result in results:
        for verdict in verdicts(result):
            table.add_row(verdict.name, result.title, f"{verdict.wanted:g}", f"{verdict.found:.3f}", str(verdict))
    return table


def verdicts(result: Result) -> Iterator[Verdict]:
    """The measures of a result."""
    for peer, wanted in TASKS[result.task].wanted.items():
        if peer == ACCURACY:
            best = max((a for name, a in result.accuracy.items() if name != SOFTGRAD), default=0.0)
            yield Verdict("accuracy below the best library", wanted, best - result.accuracy[SOFTGRAD])
        elif peer == LOSS:
            best = min((loss for name, loss in result.loss.items() if name != SOFTGRAD), default=math.inf)
            yield Verdict("loss above the best library", wanted, result.loss[SOFTGRAD] - best)
        elif (ratio := result.ratio(peer)) is not None:
            yield Verdict(f"time / time of {peer}", wanted, ratio)
