"""One provider in a process of its own: it takes one order at a time, answers, and waits without turning."""

from __future__ import annotations

import gc
import os
import statistics
import time
from multiprocessing.connection import Connection
from timeit import Timer
from typing import NamedTuple

from benchmarks.providers import Call, Entry, NotOffered, Provider
from benchmarks.questions import Question, Size

AT_LEAST = 3  # calls in a sample
LONG = 2.0  # seconds; of such calls one is a sample


class Prepare(NamedTuple):
    """Make the inputs of a size, call once, compare with the truth; the answer is a fault or None for each call."""

    size: Size


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

    def prepare(self, size: Size) -> dict[str, str | None]:
        """Only a call whose result is right can be timed."""
        self.calls = {}
        gc.collect()  # the inputs of the last size
        operation, dtype = self.question.operation, self.question.dtype
        inputs = operation.inputs(size, dtype)
        faults: dict[str, str | None] = {}
        for line, call in self.provider.calls(operation, inputs).items():
            faults[line] = self.provider.fault(operation, inputs, call(), dtype)
            if faults[line] is None:
                self.calls[line] = call
        return faults

    def time(self, line: str, seconds: float) -> float:
        """The median of as many calls as fit, after one that wakes the threads and the caches."""
        timer = Timer(self.calls[line])
        if timer.timeit(1) > LONG:
            return timer.timeit(1)
        times: list[float] = []
        end = time.perf_counter() + seconds
        while len(times) < AT_LEAST or time.perf_counter() < end:
            times.append(timer.timeit(1))
        return statistics.median(times)


def serve(orders: Connection, entry: Entry, question: Question) -> None:
    """Answers orders until there are no more."""
    os.dup2(2, 1)  # what libraries print does not belong among the tables
    bench = None
    while order := orders.recv():
        try:
            bench = bench or Bench(entry.load(question.dtype), question)
            gc.disable()
            orders.send(bench.prepare(order.size) if isinstance(order, Prepare) else bench.time(*order))
        except NotOffered as error:
            orders.send(Failed(str(error)))
        except Exception as error:  # a library may fail in any way, and the others go on
            orders.send(Failed(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"))
