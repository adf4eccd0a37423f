"""The code of a Jupyter notebook: its code cells in their order, without magics and shell commands.

A notebook is JSON. A line that only IPython understands (%matplotlib inline, !pip install, files = !ls, help?) becomes
an empty statement, so that the lines keep their numbers. A cell that starts with %% of another language is left out.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any, NamedTuple

PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
MAGIC = re.compile(r"(\s*)(?:[\w, .\[\]'\"]+=\s*)?(?:[%!?].*|[\w.]+\?{1,2}\s*)")


class Cell(NamedTuple):
    """A piece of code, and the name of the file that its lines are reported with."""

    name: str
    code: str


def cells(path: str, content: bytes) -> list[Cell]:
    """The code cells of a notebook, numbered as its code cells are.

    Raises:
        ValueError: it is not a notebook.
    """
    try:
        book = json.loads(content)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    listed = _cells(book)
    if listed is None:
        raise ValueError("it is JSON without cells")
    codes = [_text(cell.get("source", cell.get("input", ""))) for cell in listed if cell.get("cell_type") == "code"]
    return [Cell(f"{path}, code cell {n}", plain(code)) for n, code in enumerate(codes, start=1)]


def _cells(book: Any) -> list[dict[str, Any]] | None:
    """The cells; those of format 3 are in worksheets."""
    if not isinstance(book, dict):
        return None
    found = book.get("cells")
    if found is None and isinstance(book.get("worksheets"), list):
        found = [cell for sheet in book["worksheets"] if isinstance(sheet, dict) for cell in sheet.get("cells", [])]
    return [cell for cell in found if isinstance(cell, dict)] if isinstance(found, list) else None


def _text(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def plain(code: str) -> str:
    """The code of a cell as Python reads it."""
    first = next((line.strip() for line in code.splitlines() if line.strip()), "")
    if first.startswith("%%") and first.split()[0] not in PYTHON_MAGICS:
        return ""
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "\n".join(_without_magic(line) for line in code.splitlines())
    return code


def _without_magic(line: str) -> str:
    found = MAGIC.fullmatch(line)
    return line if found is None else f"{found[1]}pass"
