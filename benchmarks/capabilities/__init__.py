"""What the softmax cross-entropy of each library can do: the tables in docs/torch.md. Every cell comes from a call.

    numbers.py    the inputs
    questions.py  what is asked: one row of the tables each
    reports.py    open reports of wrong derivatives, asked in the same way
    libraries/    how each library is asked: one column each
    worker.py     the process of one library
    measure.py    runs the processes
    exact.py      the right answers
    judging.py    a cell, from an answer and the right answer
    page.py       the tables

A library that cannot be imported has no column. `--python NAME=PATH` runs a library in another environment, where NumPy
is enough beside it: TensorFlow and JAX may want different versions of a package.
"""

from __future__ import annotations

from collections.abc import Mapping


def main(pythons: Mapping[str, str], *, quick: bool = False) -> None:
    """Asks all libraries, prints the tables, saves the results and writes docs/torch.md.

    With `quick`, the peak memory is not measured, and nothing is written.
    """
    from benchmarks import tables
    from benchmarks.capabilities import measure, page

    console = tables.console()
    with tables.progress() as progress:
        record = measure.measure(pythons, quick=quick, report=progress.update)
    for title in page.TABLES:
        console.print(page.table(record, title))
    for name, reason in record.left_out.items():
        console.print(f"{name} is left out: {reason}")
    if not quick:
        console.print(f"saved in {record.save()}")
        console.print(f"written to {page.write(record)}")
