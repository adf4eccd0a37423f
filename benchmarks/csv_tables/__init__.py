"""Six dirty tables: softgrad as a command, beside pipelines of scikit-learn, with the code that each of them needs.

made.py      the tables, and the files of them
recipes.py   what a user of pandas and scikit-learn writes for each
measure.py   one table and one split
page.py      the tables of docs/train-on-my-csv.md
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

NAMES = ("wine", "breast-cancer", "digits", "customers", "wide", "long")
QUICK = ("wine",)
PREFIX = "tables-"  # before the names on the command line and of the saved results


def main(names: Sequence[str] = (), *, quick: bool = False) -> None:
    """Measures the named tables, or all of them, prints the results, saves them, and writes docs/train-on-my-csv.md.

    With `quick`, one table is measured with one split, and nothing is written.
    """
    from benchmarks import tables
    from benchmarks.csv_tables import measure, page
    from benchmarks.csv_tables.made import TABLES

    console = tables.console()
    results = {}
    for name in names or (QUICK if quick else NAMES):
        with tables.progress() as progress, tempfile.TemporaryDirectory() as folder:
            results[name] = measure.measure(TABLES[name](), Path(folder), quick=quick, report=progress.update)
        if not quick:
            console.print(f"saved in {results[name].save()}")
    if not quick:
        results = measure.load_all()
    console.print(page.files(results))
    console.print(page.figures(results))
    if not quick:
        console.print(f"written to {page.write(results)}")
