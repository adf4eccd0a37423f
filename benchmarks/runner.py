"""Puts a question to every provider in turn, round after round, one order under way at a time."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self

from benchmarks.providers import PROVIDERS, Entry
from benchmarks.questions import Question, Size
from benchmarks.record import Record, Row, machine, now
from benchmarks.worker import Failed, Prepare, Time, serve

ROUNDS = 7
SECONDS = 0.15  # of calls in one sample
TOO_LONG = 5.0  # seconds of a call that is not asked for again
PAUSE = 0.02  # until the threads of the one before have gone to sleep: some turn for milliseconds when they are done


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
        try:
            self._orders.send(order)
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
        for size in question.sizes:
            record.rows.append(_measure(peers, question, size, rounds, seconds, say))
    return record


def _measure(
    peers: Sequence[Peer], question: Question, size: Size, rounds: int, seconds: float, say: Callable[[str], None]
) -> Row:
    row = Row(rows=size.rows, classes=size.classes, bytes_moved=question.bytes_moved(size), seconds={}, refused={})
    lines: list[tuple[Peer, str]] = []
    for peer in peers:
        say(f"{question.name} {size}: {peer.name} is prepared")
        answer = peer.ask(Prepare(size))
        faults = {peer.name: answer.reason} if isinstance(answer, Failed) else answer
        row.refused.update({line: fault for line, fault in faults.items() if fault})
        lines += [(peer, line) for line, fault in faults.items() if not fault]
    for turn in range(rounds):
        for index in range(len(lines)):
            peer, line = lines[(turn + index) % len(lines)]  # nobody is always after the same one
            if line in row.refused or max(row.seconds.get(line, [0])) > TOO_LONG:
                continue
            say(f"{question.name} {size}: round {turn + 1} of {rounds}, {line}")
            answer = peer.ask(Time(line, seconds))
            if isinstance(answer, Failed):
                row.refused[line] = answer.reason
            else:
                row.seconds.setdefault(line, []).append(answer)
    for line in row.refused:
        row.seconds.pop(line, None)
    return row
