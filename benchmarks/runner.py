"""Runs a question with every provider, in several rounds. Only one provider works at a time."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from benchmarks import inputs
from benchmarks.providers import PROVIDERS, Entry
from benchmarks.questions import Question, Size
from benchmarks.record import Record, Row, machine, now
from benchmarks.worker import Failed, Prepare, Time, serve

ROUNDS = 5
SAMPLE_SECONDS = 0.05  # the duration of the calls in one sample
MAX_SECONDS = 2.0  # a line is not timed again once its samples add up to more than this
PAUSE = 0.02  # seconds until the threads of the previous provider sleep; those of torch spin for 5 milliseconds


class Peer:
    """The process of a provider, as the runner sees it."""

    def __init__(self, entry: Entry, question: Question) -> None:
        self.name = entry.name
        context = multiprocessing.get_context("spawn")
        self._connection, worker_end = context.Pipe()
        self._process = context.Process(target=serve, args=(worker_end, entry, question), daemon=True)
        self._process.start()
        worker_end.close()

    def request(self, request: Prepare | Time) -> Any:
        """The answer to a request; Failed if the process has ended, for example because memory ran out."""
        time.sleep(PAUSE)
        with suppress(OSError):  # the process has ended; receive() reports it
            self._connection.send(request)
        return self.receive()

    def receive(self) -> Any:
        """The next answer. The first one says whether the library could be loaded."""
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            return Failed("its process ended")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # the process may have ended already
            self._connection.send(None)
        self._connection.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()


def run(
    question: Question,
    providers: Sequence[Entry] = PROVIDERS,
    *,
    rounds: int = ROUNDS,
    sample_seconds: float = SAMPLE_SECONDS,
    max_seconds: float = MAX_SECONDS,
    report: Callable[[str], None] = lambda text: None,
) -> Record:
    """Times every installed provider at every size of the question.

    Args:
        question: the question.
        providers: the providers to time.
        rounds: the number of rounds.
        sample_seconds: the duration of one sample.
        max_seconds: a line is not timed again once its samples add up to more than this.
        report: is called with a description of what is done next.
    """
    present = [entry for entry in providers if entry.is_present()]
    versions = {package: version for entry in present for package, version in entry.versions().items()}
    record = Record(
        question=question.name,
        title=f"{question.operation.name}, {question.dtype}: {question.title}",
        date=now(),
        machine=machine(),
        versions=versions,
        absent={entry.name: entry.install for entry in providers if entry not in present},
        rows=[],
    )
    with ExitStack() as stack:
        peers = [stack.enter_context(Peer(entry, question)) for entry in present]
        report(f"{question.name}: importing the libraries")
        answers = {peer.name: peer.receive() for peer in peers}
        failed = {name: answer.reason for name, answer in answers.items() if isinstance(answer, Failed)}
        ready = [peer for peer in peers if peer.name not in failed]
        for size in question.sizes:

            def report_size(text: str, size: Size = size) -> None:
                report(f"{question.name} {size}: {text}")

            row = Row(
                size.rows,
                size.classes,
                question.bytes_moved(size),
                seconds={},
                not_timed=dict(failed),
                features=size.features,
            )
            lines = _prepare(ready, question, size, row, report_size)
            _time(lines, row, rounds, sample_seconds, max_seconds, report_size)
            record.rows.append(row)
    return record


def _prepare(
    peers: Sequence[Peer], question: Question, size: Size, row: Row, report: Callable[[str], None]
) -> list[tuple[Peer, str]]:
    """The lines that can be timed. For each of the others, the reason is added to row.not_timed."""
    lines: list[tuple[Peer, str]] = []
    with TemporaryDirectory() as folder:
        report("drawing the inputs")
        request = Prepare(*inputs.write(question, size, Path(folder)))
        for peer in peers:
            report(f"preparing {peer.name}")
            answer = peer.request(request)
            faults = {peer.name: answer.reason} if isinstance(answer, Failed) else answer
            row.not_timed.update({line: fault for line, fault in faults.items() if fault})
            lines += [(peer, line) for line, fault in faults.items() if not fault]
    return lines


def _time(
    lines: Sequence[tuple[Peer, str]],
    row: Row,
    rounds: int,
    sample_seconds: float,
    max_seconds: float,
    report: Callable[[str], None],
) -> None:
    """Fills row.seconds. A line that fails while it is timed is moved to row.not_timed."""
    rng = random.Random(0)
    for number in range(1, rounds + 1):
        for peer, line in rng.sample(lines, len(lines)):  # a new order, so that no line always follows the same one
            if line in row.not_timed or sum(row.seconds.get(line, [])) > max_seconds:
                continue
            report(f"round {number} of {rounds}, {line}")
            answer = peer.request(Time(line, sample_seconds))
            if isinstance(answer, Failed):
                row.not_timed[line] = answer.reason
            else:
                row.seconds.setdefault(line, []).append(answer)
    for line in row.not_timed:
        row.seconds.pop(line, None)
