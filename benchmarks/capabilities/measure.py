"""Runs a process for each library, and one more for each measurement of memory, and judges the answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.capabilities.exact import exact
from benchmarks.capabilities.judging import cell
from benchmarks.capabilities.libraries import LIBRARIES
from benchmarks.capabilities.questions import MEMORY
from benchmarks.capabilities.reports import ASKED
from benchmarks.record import FOLDER, machine, now, write_json

ROOT = Path(__file__).parents[2]
PATH = FOLDER / "capabilities.json"


@dataclass
class Record:
    """The cells of every library, by question, and what else the page states."""

    date: str
    processor: str
    versions: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)  # the libraries that were not asked, and why
    exact: dict[str, str] = field(default_factory=dict)
    cells: dict[str, dict[str, str]] = field(default_factory=dict)
    errors: dict[str, dict[str, str]] = field(default_factory=dict)  # the messages behind the cells "no"

    def save(self, path: Path = PATH) -> Path:
        """Writes the record as JSON, and returns the path."""
        return write_json(path, asdict(self))


def load(path: Path = PATH) -> Record:
    """The saved record."""
    return Record(**json.loads(path.read_text()))


def measure(pythons: Mapping[str, str], *, quick: bool, report: Callable[[str], None]) -> Record:
    """The record of all libraries, each asked by its interpreter in `pythons`, or by this one."""
    record = Record(now(), str(machine()["processor"]))
    together = [name for name, question in ASKED.items() if question.shows != MEMORY]
    alone = [] if quick else [name for name in ASKED if name not in together]
    right = {name: exact(name, question) for name, question in ASKED.items()}
    record.exact = {name: f"{float(right[name]):.3g}" for name in right if _is_number(right[name])}
    for library in LIBRARIES:
        python = pythons.get(library, sys.executable)
        answers: dict[str, Any] = {}
        for names in (together, *([name] for name in alone)):
            report(f"{library}: {names[0]}")
            answered = _ask(python, library, names)
            if isinstance(answered, str):
                record.left_out[library] = answered
                break
            answers |= answered["answers"]
            record.versions |= answered["versions"]
        else:
            record.cells[library] = {name: cell(ASKED[name], given, right[name]) for name, given in answers.items()}
            record.errors[library] = {name: given["error"] for name, given in answers.items() if "error" in given}
    return record


def _ask(python: str, library: str, names: Sequence[str]) -> dict[str, Any] | str:
    """The answers of a library, or why there are none."""
    command = [python, "-m", "benchmarks.capabilities.worker", library, *names]
    try:
        process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    if process.returncode:
        return (process.stderr.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
    answered: dict[str, Any] = json.loads(process.stdout)
    return answered


def _is_number(right: Any) -> bool:
    return right is not None and not isinstance(right, tuple) and getattr(right, "ndim", 0) == 0
