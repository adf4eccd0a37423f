"""The largest errors of softgrad and other libraries over a table of difficult cases, in ulp."""

from __future__ import annotations

import importlib.metadata


def main(*, quick: bool = False) -> None:
    """Prints the tables and writes docs/accuracy.md. With `quick`, only short rows are used and nothing is written."""
    from benchmarks import tables
    from benchmarks.accuracy import measure, page
    from benchmarks.accuracy.libraries import LIBRARIES
    from benchmarks.record import machine, now

    present = [library for library in LIBRARIES if library.is_present()]
    names = [library.name for library in present]
    found = {}
    with tables.progress() as progress:
        if not quick:
            measure.require_agreeing_judges()
        for dtype in ("float32", "float64"):
            found[dtype] = measure.largest_errors(present, dtype, 10 if quick else 10**6, progress.update)
    console = tables.console()
    for dtype, errors in found.items():
        console.print(page.table(errors.all, names, f"largest error in ulp, {dtype}"))
    for library in LIBRARIES:
        if library not in present:
            console.print(f"{library.name} is not installed: python -m pip install {' '.join(library.packages)}")
    if not quick:
        packages = sorted({"numpy", "mpmath", *(package for library in present for package in library.packages)})
        versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)
        measured_on = f"Measured on {now()[:10]} with {versions}; {machine()['processor']}."
        console.print(f"written to {page.write(found, names, measured_on)}")
