"""The results of a run as data, which are saved as JSON, one file per question."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.providers import COPY, SOFTGRAD, SOFTGRAD_OUT
from benchmarks.questions import QUESTIONS, SWEEP_CLASSES

FOLDER = Path(__file__).parent / "results"


@dataclass
class Row:
    """The results for one size. A line is something that is timed, under its name in the tables."""

    rows: int
    classes: int
    bytes_moved: int
    seconds: dict[str, list[float]]  # for each line the seconds of a call, one number per round
    not_timed: dict[str, str]  # the reason why a line was not timed
    features: int = 0  # the number of features of a row, if the logits are products with a matrix
    megabytes: dict[str, float] = field(default_factory=dict)  # the peak memory beyond inputs and results
    errors: dict[str, float] = field(default_factory=dict)  # the errors of a line's results

    def median(self, line: str) -> float | None:
        """The median of the seconds over the rounds; None if the line was not timed."""
        return statistics.median(self.seconds[line]) if self.seconds.get(line) else None

    def time_ratio(self, peer: str, ours: str = SOFTGRAD) -> float | None:
        """The time of a peer, divided by the time of softgrad's plain call, or of another call of ours."""
        return _ratio(self.median(peer), self.median(ours))

    def copy_ratio(self) -> float | None:
        """The time of the copy, divided by the time of softgrad, with out= if the function has it."""
        return _ratio(self.median(COPY), self.median(SOFTGRAD_OUT) or self.median(SOFTGRAD))

    def gigabytes_per_second(self) -> float | None:
        """The bytes moved per second by softgrad, with out= if the function has it."""
        return _ratio(self.bytes_moved / 1e9, self.median(SOFTGRAD_OUT) or self.median(SOFTGRAD))


@dataclass
class Record:
    """The results for one question."""

    question: str
    title: str
    date: str
    machine: dict[str, str | int]
    versions: dict[str, str]
    absent: dict[str, str]  # the providers that are not installed, with the command that installs them
    rows: list[Row]

    def lines(self) -> list[str]:
        """The names of all lines that were timed."""
        return list(dict.fromkeys(line for row in self.rows for line in row.seconds))

    def sweep(self) -> list[Row]:
        """The sizes that differ only in the number of rows, for a plot."""
        return [row for row in self.rows if row.classes == SWEEP_CLASSES]

    def save(self, folder: Path = FOLDER) -> Path:
        """Writes QUESTION.json, with the times rounded to four digits, and returns its path."""
        data = asdict(self)
        for row in data["rows"]:
            row["seconds"] = {line: [float(f"{t:.4g}") for t in times] for line, times in row["seconds"].items()}
        return write_json(folder / f"{self.question}.json", data)


def load(question: str, folder: Path = FOLDER) -> Record | None:
    """The saved record of a question; None if there is none."""
    path = folder / f"{question}.json"
    if not path.exists():
        return None
    data = json.loads(path.read_text())
    return Record(**{**data, "rows": [Row(**row) for row in data["rows"]]})


def load_all(folder: Path = FOLDER) -> dict[str, Record]:
    """All saved records, in the order of the questions."""
    return {name: record for name in QUESTIONS if (record := load(name, folder))}


def write_json(path: Path, data: object) -> Path:
    """Writes data as JSON to a temporary file, then renames it: `path` never holds an incomplete file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".unfinished")
    temporary.write_text(json.dumps(data, indent=1) + "\n")
    temporary.replace(path)
    return path


def now() -> str:
    """The date and the time in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def machine() -> dict[str, str | int]:
    """A description of the machine, on which the results depend."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "processor": _processor(),
        "processors": processors,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "percent_busy_before": _percent_busy(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines: Iterable[str] = cpuinfo.read_text().splitlines() if cpuinfo.exists() else ()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _percent_busy(seconds: float = 0.5) -> int:
    """The load of the processors by other processes. If it is high, the measured times are unreliable."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0

    def ticks() -> tuple[int, int]:
        fields = [int(field) for field in stat.read_text().splitlines()[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]  # all ticks, and those spent idle or waiting for a disk

    all_before, idle_before = ticks()
    time.sleep(seconds)
    all_after, idle_after = ticks()
    return round(100 - 100 * (idle_after - idle_before) / max(1, all_after - all_before))


def _ratio(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a / b
