"""The memory of `softgrad train` on Parquet files of three sizes, in blocks and at once.

Every training is a new process. Its memory is VmHWM in /proc/self/status: the largest size that the process had.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import record, tables

if TYPE_CHECKING:
    from rich.table import Table

ROWS, QUICK_ROWS = 1_500_000, 20_000  # of the smallest file
SIZES = (1, 2, 4)  # times as large
NUMBERS, ROWS_AT_ONCE = 20, 250_000
OPTIONS = ["--target", "y", "--epochs", "1", "--batch-size", "256", "--hidden", "32", "--no-check", "--no-report"]
PAGE = Path(__file__).parents[1] / "docs" / "large-tables.md"
START, END = "<!-- Memory -->", "<!-- end -->"
TRAIN = """
import re, sys
from pathlib import Path
from softgrad_command import main

sys.argv = ["softgrad", "train", *sys.argv[1:]]
try:
    main()
except SystemExit as stop:
    assert stop.code == 0, stop.code
kibibytes = re.search(r"VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1]
print(f"VmHWM {int(kibibytes) / 1024}")
"""


@dataclass
class Result:
    """The trainings on one file."""

    rows: int
    megabytes: float  # of the file
    memory: dict[str, float]  # in MiB, "--stream" or "at once"
    seconds: dict[str, float]  # of the whole command, on a machine that may be busy
    accuracy: dict[str, float]


def main(*, quick: bool = False) -> None:
    """Trains on all files, prints the table, saves the results, and writes docs/large-tables.md.

    Args:
        quick: whether to use small files, and to save nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        results = [measure(Path(folder), size * (QUICK_ROWS if quick else ROWS)) for size in SIZES]
    tables.console().print(table(results))
    if not quick:
        saved = {
            "date": record.now(),
            "machine": record.machine(),
            "results": [asdict(each) for each in results],
        }
        record.write_json(record.FOLDER / "stream.json", saved)
        write(results)


def measure(folder: Path, rows: int) -> Result:
    """Writes a file of so many rows, trains on it, and deletes it."""
    path = folder / "table.parquet"
    write_table(path, rows)
    result = Result(rows, path.stat().st_size / 1e6, {}, {}, {})
    for name, options in (("--stream", ["--stream"]), ("at once", [])):
        out = folder / f"{rows} {name}"
        command = [sys.executable, "-c", TRAIN, str(path), *OPTIONS, *options, "--out", str(out)]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"{' '.join(command[3:])}: {run.stderr}")
        metrics = json.loads((out / "metrics.json").read_text())
        result.memory[name] = float(run.stdout.split()[-1])
        result.seconds[name] = metrics["seconds"]
        result.accuracy[name] = metrics["test_accuracy"]
    path.unlink()
    return result


def write_table(path: Path, rows: int) -> None:
    """Writes 20 columns of numbers, one of categories and the class, which depends on some of them."""
    import polars as pl

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(dir=path.parent) as parts:
        for start in range(0, rows, ROWS_AT_ONCE):
            n = min(ROWS_AT_ONCE, rows - start)
            columns: dict[str, np.ndarray] = {f"number {i}": rng.normal(size=n) for i in range(NUMBERS)}
            columns["letter"] = rng.choice(list("abc"), n)
            score = columns["number 0"] + columns["number 1"] * (columns["letter"] == "a") + rng.normal(size=n) / 2
            columns["y"] = np.where(score > 0, "yes", "no")
            pl.DataFrame(columns).write_parquet(Path(parts) / f"{start:012}.parquet")
        pl.scan_parquet(f"{parts}/*.parquet").sink_parquet(path, row_group_size=ROWS_AT_ONCE)


def table(results: list[Result], *, markdown: bool = False) -> Table:
    """A row for each file."""
    header = ["rows", "file", *(f"{what}, {name}" for what in ("memory", "accuracy") for name in results[0].memory)]
    grid = tables.empty(header, title="The memory of a training on tables of three sizes", markdown=markdown)
    for each in results:
        grid.add_row(
            f"{each.rows:,}",
            f"{each.megabytes:,.0f} MB",
            *(f"{value:,.0f} MiB" for value in each.memory.values()),
            *(f"{value:.4f}" for value in each.accuracy.values()),
        )
    return grid


def write(results: list[Result], path: Path = PAGE) -> None:
    """Replaces the table of the page. People write the rest of it."""
    before, rest = path.read_text().split(START)
    path.write_text(f"{before}{START}\n\n{tables.text(table(results, markdown=True))}\n{END}{rest.split(END)[1]}")
