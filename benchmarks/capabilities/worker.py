"""The process of one library: it asks the questions that are named, and prints the answers as JSON.

    python -m benchmarks.capabilities.worker LIBRARY [QUESTION ...]

An answer has the key "values" with a list of arrays, "error" with the message of an exception, or "absent". The answer
to a question of memory is a number of MiB, which is right only in a new process.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.capabilities import numbers
from benchmarks.capabilities.libraries import LIBRARIES, Absent, Library
from benchmarks.capabilities.questions import MEMORY, Question
from benchmarks.capabilities.reports import ASKED

Answer = dict[str, Any]


def main() -> None:
    """Answers on standard output. What libraries print goes to standard error."""
    name, *questions = sys.argv[1:]
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    entry = LIBRARIES[name]
    answers = ask(entry.load(), questions)
    json.dump({"versions": dict(_versions(entry.packages)), "answers": answers}, output)
    output.close()


def _versions(packages: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for package in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            yield package, importlib.metadata.version(package)


def ask(library: Library, names: list[str]) -> dict[str, Answer]:
    """The answers of a library."""
    answers = {}
    for name in names:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers[name] = _answer(library, ASKED[name])
    return answers


def _answer(library: Library, question: Question) -> Answer:
    try:
        if question.shows == MEMORY:
            return {"values": [_megabytes(library, question)]}
        given = question.ask(library)
    except Absent:
        return {"absent": True}
    except Exception as error:  # whatever a library raises is its answer
        return {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"}
    arrays = given if isinstance(given, tuple) else (given,)
    return {"values": [np.asarray(array).astype(float).tolist() for array in arrays]}


def _megabytes(library: Library, question: Question) -> float:
    """The peak resident memory of a call beside its inputs and its results, in MiB, after a small call."""
    library.linear(*numbers.vocabulary(8, 64, 16))
    before = _resident("VmRSS")
    results = question.ask(library)
    inputs_and_results = sum(result.nbytes for result in results[1:]) * 2  # x and w have the sizes of dx and dw
    return (_resident("VmHWM") - before - inputs_and_results) / 2**20


def _resident(field: str) -> int:
    """The resident memory in bytes, now (VmRSS) or at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


if __name__ == "__main__":
    main()
