"""One provider in a process of its own: it takes one order at a time, answers, and waits without turning."""

from __future__ import annotations

import gc
import os
import statistics
import time
from multiprocessing.connection import Connection
from pathlib import Path
from timeit import Timer
from typing import NamedTuple

from benchmarks import inputs
from benchmarks.providers import Call, Entry, NotOffered, Provider
from benchmarks.questions import Question, Truth

LONG = 0.1  # seconds; of such calls one is a sample, with none before it


class Prepare(NamedTuple):
    """Read the inputs, call once, compare with the truth; the answer is a fault or None for each call."""

    files: tuple[Path, ...]
    truths: tuple[Truth, ...]


class Time(NamedTuple):
    """Call for about so many seconds; the answer is the median of a call in seconds."""

    line: str
    seconds: float


class Failed(NamedTuple):
    """The answer where there is none, with the reason."""

    reason: str


class Bench:
    """What a process holds: a provider, and the calls that it has ready."""

    def __init__(self, provider: Provider, question: Question) -> None:
        self.provider, self.question = provider, question
        self.calls: dict[str, Call] = {}

    def prepare(self, files: tuple[Path, ...], truths: tuple[Truth, ...]) -> dict[str, str | None]:
        """Only a call whose result is right can be timed."""
        if self.calls:
            self.calls = {}
            gc.collect()  # the inputs of the last size
        calls = self.provider.calls(self.question.operation, inputs.read(files, self.question.dtype))
        faults = {line: self.provider.fault(truths, call(), self.question.dtype) for line, call in calls.items()}
        self.calls = {line: call for line, call in calls.items() if faults[line] is None}
        return faults

    def time(self, line: str, seconds: float) -> float:
        """The median of as many calls as fit, one at least, after one that wakes the threads and the caches."""
        timer = Timer(self.calls[line])
        first = timer.timeit(1)
        if first > LONG:
            return first
        times: list[float] = []
        end = time.perf_counter() + seconds
        while not times or time.perf_counter() < end:
            times.append(timer.timeit(1))
        return statistics.median(times)


def serve(orders: Connection, entry: Entry, question: Question) -> None:
    """Says None when the library is there, then answers orders until there are no more."""
    os.dup2(2, 1)  # what libraries print does not belong among the tables
    try:
        bench = Bench(entry.load(question.dtype), question)
    except Exception as error:  # a library may fail in any way, and the others go on
        orders.send(_failed(error))
        return
    gc.disable()
    orders.send(None)
    while order := orders.recv():
        try:
            orders.send(bench.prepare(*order) if isinstance(order, Prepare) else bench.time(*order))
        except Exception as error:
            orders.send(_failed(error))


def _failed(error: Exception) -> Failed:
    if isinstance(error, NotOffered):
        return Failed(str(error))
    return Failed(": ".join([type(error).__name__, *str(error).splitlines()[:1]]))
