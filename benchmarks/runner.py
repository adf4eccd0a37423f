"""Puts a question to every provider in turn, round after round, one order under way at a time."""

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
SECONDS = 0.05  # of calls in one sample
ENOUGH = 2.0  # seconds that the samples of a line add up to when it is not asked again
PAUSE = 0.02  # until the threads of the one before have gone to sleep: torch's turn for 5 milliseconds


class Peer:
    """A provider's process, seen from here."""

    def __init__(self, entry: Entry, question: Question) -> None:
        self.name = entry.name
        context = multiprocessing.get_context("spawn")
        self._orders, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, entry, question), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, order: Prepare | Time) -> Any:
        """The answer, when it is there; Failed if the process has ended, for want of memory for example."""
        time.sleep(PAUSE)
        with suppress(OSError):  # its process has ended, which hear() finds too
            self._orders.send(order)
        return self.hear()

    def hear(self) -> Any:
        """What it says next, the first time whether its library is there."""
        try:
            return self._orders.recv()
        except (EOFError, OSError):
            return Failed("its process ended")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # it may have ended already
            self._orders.send(None)
        self._orders.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()


def run(
    question: Question,
    providers: Sequence[Entry] = PROVIDERS,
    *,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    enough: float = ENOUGH,
    say: Callable[[str], None] = lambda text: None,
) -> Record:
    """The times of every provider that is installed, over every size of the question."""
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
        say(f"{question.name}: the libraries are imported")
        words = {peer.name: peer.hear() for peer in peers}
        refused = {name: word.reason for name, word in words.items() if isinstance(word, Failed)}
        ready = [peer for peer in peers if peer.name not in refused]
        for size in question.sizes:

            def say_where(text: str, size: Size = size) -> None:
                say(f"{question.name} {size}: {text}")

            row = Row(
                size.rows,
                size.classes,
                question.bytes_moved(size),
                seconds={},
                refused=dict(refused),
                features=size.features,
            )
            lines = _prepare(ready, question, size, row, say_where)
            _time(lines, row, rounds, seconds, enough, say_where)
            record.rows.append(row)
    return record


def _prepare(
    peers: Sequence[Peer], question: Question, size: Size, row: Row, say: Callable[[str], None]
) -> list[tuple[Peer, str]]:
    """The lines that can be timed; the others go into row.refused."""
    lines: list[tuple[Peer, str]] = []
    with TemporaryDirectory() as folder:
        say("inputs are drawn")
        order = Prepare(*inputs.write(question, size, Path(folder)))
        for peer in peers:
            say(f"{peer.name} is prepared")
            answer = peer.ask(order)
            faults = {peer.name: answer.reason} if isinstance(answer, Failed) else answer
            row.refused.update({line: fault for line, fault in faults.items() if fault})
            lines += [(peer, line) for line, fault in faults.items() if not fault]
    return lines


def _time(
    lines: Sequence[tuple[Peer, str]],
    row: Row,
    rounds: int,
    seconds: float,
    enough: float,
    say: Callable[[str], None],
) -> None:
    """Fills row.seconds; a line that fails goes into row.refused after all."""
    order = random.Random(0)
    for turn in range(rounds):
        for peer, line in order.sample(lines, len(lines)):  # nobody is always after the same one
            if line in row.refused or sum(row.seconds.get(line, [])) > enough:
                continue
            say(f"round {turn + 1} of {rounds}, {line}")
            answer = peer.ask(Time(line, seconds))
            if isinstance(answer, Failed):
                row.refused[line] = answer.reason
            else:
                row.seconds.setdefault(line, []).append(answer)
    for line in row.refused:
        row.seconds.pop(line, None)
