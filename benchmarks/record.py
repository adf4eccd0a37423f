"""What a run found, as data: kept as JSON, one file a question."""

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
    """One size."""

    rows: int
    classes: int
    bytes_moved: int
    seconds: dict[str, list[float]]  # of a call, one number a round
    refused: dict[str, str]  # why a line has no times
    features: int = 0  # of a row, where the logits are products
    megabytes: dict[str, float] = field(default_factory=dict)  # of memory beyond inputs and results, at the peak
    found: dict[str, float] = field(default_factory=dict)  # what else was measured

    def median(self, line: str) -> float | None:
        """Seconds of a call, over the rounds; None where the line has no times."""
        return statistics.median(self.seconds[line]) if self.seconds.get(line) else None

    def times_as_long(self, peer: str) -> float | None:
        """How many times as long as softgrad's plain call a peer takes."""
        return _ratio(self.median(peer), self.median(SOFTGRAD))

    def share_of_copy(self) -> float | None:
        """The speed of softgrad, with out= where it has that, as a share of a copy's."""
        return _ratio(self.median(COPY), self.median(SOFTGRAD_OUT) or self.median(SOFTGRAD))

    def gigabytes_a_second(self) -> float | None:
        """Of softgrad, with out= where it has that."""
        return _ratio(self.bytes_moved / 1e9, self.median(SOFTGRAD_OUT) or self.median(SOFTGRAD))


@dataclass
class Record:
    """One question."""

    question: str
    title: str
    date: str
    machine: dict[str, str | int]
    versions: dict[str, str]
    absent: dict[str, str]  # provider: how it is installed
    rows: list[Row]

    def lines(self) -> list[str]:
        """What was timed, in the order of the providers."""
        return list(dict.fromkeys(line for row in self.rows for line in row.seconds))

    def sweep(self) -> list[Row]:
        """The sizes that differ in their rows alone, for a plot."""
        return [row for row in self.rows if row.classes == SWEEP_CLASSES]

    def save(self, folder: Path = FOLDER) -> Path:
        """Writes QUESTION.json; times to four digits."""
        data = asdict(self)
        for row in data["rows"]:
            row["seconds"] = {line: [float(f"{t:.4g}") for t in times] for line, times in row["seconds"].items()}
        return write_json(folder / f"{self.question}.json", data)


def load(question: str, folder: Path = FOLDER) -> Record | None:
    """What was saved of a question; None if nothing was."""
    path = folder / f"{question}.json"
    if not path.exists():
        return None
    data = json.loads(path.read_text())
    return Record(**{**data, "rows": [Row(**row) for row in data["rows"]]})


def load_all(folder: Path = FOLDER) -> dict[str, Record]:
    """What was saved, in the order of the questions."""
    return {name: record for name in QUESTIONS if (record := load(name, folder))}


def write_json(path: Path, data: object) -> Path:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(data, indent=1) + "\n")
    unfinished.replace(path)
    return path


def now() -> str:
    """The date and time, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def machine() -> dict[str, str | int]:
    """What the numbers depend on, beside the versions."""
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
    """What others were doing on the processors just before; times are worth little where it is much."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0

    def ticks() -> tuple[int, int]:
        fields = [int(field) for field in stat.read_text().splitlines()[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]  # all, and those idle or waiting for a disk

    all_before, idle_before = ticks()
    time.sleep(seconds)
    all_after, idle_after = ticks()
    return round(100 - 100 * (idle_after - idle_before) / max(1, all_after - all_before))


def _ratio(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a / b
