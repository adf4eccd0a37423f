"""The process of one provider. It answers one request at a time, and uses no processor time while it waits."""

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

LONG_CALL = 0.1  # seconds; one call that takes longer is a sample by itself, without a warm-up call before it


class Prepare(NamedTuple):
    """The request to read the inputs, to call once, and to compare the results with the truth.

    The answer is a dict from each line to its fault, or to None if its result is right.
    """

    files: tuple[Path, ...]
    truths: tuple[Truth, ...]


class Time(NamedTuple):
    """The request to call a line for about `seconds` seconds. The answer is the median time of a call in seconds."""

    line: str
    seconds: float


class Failed(NamedTuple):
    """The answer to a request that could not be carried out."""

    reason: str


class Bench:
    """A provider, and its calls that are ready to be timed."""

    def __init__(self, provider: Provider, question: Question) -> None:
        self.provider, self.question = provider, question
        self.calls: dict[str, Call] = {}

    def prepare(self, files: tuple[Path, ...], truths: tuple[Truth, ...]) -> dict[str, str | None]:
        """The fault of each call, or None. Only a call whose result is right can be timed."""
        if self.calls:
            self.calls = {}
            gc.collect()  # frees the inputs of the previous size
        calls = self.provider.calls(self.question.operation, inputs.read(files, self.question.dtype))
        faults = {line: self.provider.fault(truths, call(), self.question.dtype) for line, call in calls.items()}
        self.calls = {line: call for line, call in calls.items() if faults[line] is None}
        return faults

    def time(self, line: str, seconds: float) -> float:
        """The median of at least one call, and of as many as fit into `seconds`, after one call to warm up."""
        timer = Timer(self.calls[line])
        first = timer.timeit(1)
        if first > LONG_CALL:
            return first
        times: list[float] = []
        end = time.perf_counter() + seconds
        while not times or time.perf_counter() < end:
            times.append(timer.timeit(1))
        return statistics.median(times)


def serve(connection: Connection, entry: Entry, question: Question) -> None:
    """Sends None once the library is loaded, then answers requests until it receives None."""
    os.dup2(2, 1)  # sends the output of libraries to standard error, so that it is not printed among the tables
    try:
        bench = Bench(entry.load(question.dtype), question)
    except Exception as error:  # a library may fail in any way; the other libraries are still timed
        connection.send(_failed(error))
        return
    gc.disable()
    connection.send(None)
    while request := connection.recv():
        try:
            connection.send(bench.prepare(*request) if isinstance(request, Prepare) else bench.time(*request))
        except Exception as error:
            connection.send(_failed(error))


def _failed(error: Exception) -> Failed:
    if isinstance(error, NotOffered):
        return Failed(str(error))
    return Failed(": ".join([type(error).__name__, *str(error).splitlines()[:1]]))
