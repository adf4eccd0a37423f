"""Notebooks: what is left out of their cells, and errors with the cell and its line."""

import json
import re

import pytest

from softgrad.cli.notebook import cells, plain

LINES = {  # a line of a cell: what becomes of it
    "%matplotlib inline": "pass",
    "!pip install numpy": "pass",
    "    %time f(x)": "    pass",
    "files = !ls": "pass",
    "a, b = %sx ls": "pass",
    "?np.dot": "pass",
    "np.dot?": "pass",
    "np.dot??": "pass",
    "x = a % b": "x = a % b",
    "ok = a != b": "ok = a != b",
    "text = 'why?'": "text = 'why?'",
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_only_ipython_understands_is_left_out(line):
    magic = LINES[line].strip() == "pass"
    code = f"if True:\n{line}" if line[0] == " " else f"x = 1\n{line}"
    assert plain(code).splitlines()[1] == LINES[line] or not magic
    assert (plain(code) == code) is not magic
    assert len(plain(code).splitlines()) == 2


def test_a_cell_of_another_language_is_left_out():
    assert plain("%%bash\necho 1") == plain("\n%%html\n<b>") == ""
    assert plain("%%time\nx = 1").splitlines() == ["pass", "x = 1"]


def test_the_cells_are_read_in_every_format():
    code = {"cell_type": "code", "source": ["x = 1\n", "y = 2"]}
    book = {"cells": [code, {"cell_type": "markdown", "source": "# x"}, {"cell_type": "code", "source": "z = 3"}]}
    assert cells("a.ipynb", json.dumps(book).encode()) == [
        ("a.ipynb, code cell 1", "x = 1\ny = 2"),
        ("a.ipynb, code cell 2", "z = 3"),
    ]
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1"]}]}]}
    assert cells("a.ipynb", json.dumps(old).encode()) == [("a.ipynb, code cell 1", "x = 1")]


SOFTMAX = """import numpy as np
%matplotlib inline
def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
"""
WRONG = """
def softmax_grad(z, p, dp):
    return p * (1 - p) * dp
"""


@pytest.fixture
def check(softgrad, tmp_path):
    """A function that writes a notebook of these cells and checks it."""

    def run(*codes, arguments=()):
        listed = [{"cell_type": "code", "source": code.splitlines(keepends=True)} for code in codes]
        (tmp_path / "book.ipynb").write_text(json.dumps({"cells": listed}))
        return softgrad("check", "book.ipynb", *arguments)

    return run


def test_the_gradients_of_a_notebook_are_checked(check):
    result = check(SOFTMAX, "!ls\nprint('training')", WRONG)
    assert (result.code, result.err) == (1, "training\n")
    assert result.out.startswith("softmax and softmax_grad:\n  inputs: z drawn as 5x3\n")
    assert "Only the diagonal of the Jacobian is used" in result.out


def test_a_cell_that_fails_is_left_where_it_did(check):
    result = check(SOFTMAX, "y = 1\nx = open('data.csv').read()", WRONG + "display(1)")
    assert result.code == 1
    assert re.search(r"left where it failed: book\.ipynb, code cell 2, line 2: FileNotFoundError: ", result.err)


def test_a_cell_that_is_not_python_is_left_out(check):
    result = check(SOFTMAX, "To do: the derivative", WRONG)
    assert result.code == 1
    assert "left where it failed: book.ipynb, code cell 2, line 1: this is not valid Python: " in result.err


INVALID = {  # name: (the file, message)
    "not JSON": (b"import numpy", r"book\.ipynb is not a notebook: it is not JSON; give the path of a Python file$"),
    "no text": (b"\xff\xfe\x00", r"is not a notebook: it is not JSON"),
    "no cells": (b"[1]", "is not a notebook: it is JSON without cells"),
    "not Python": (
        b'{"cells": [{"cell_type": "code", "source": "x = 1"}, {"cell_type": "code", "source": "x = 1\\nx = ="}]}',
        r"left where it failed: book\.ipynb, code cell 2, line 2: this is not valid Python: invalid syntax\n",
    ),
    "no functions": (b'{"cells": []}', "book.ipynb has no functions"),
}


@pytest.mark.parametrize("case", INVALID)
def test_an_invalid_notebook_is_rejected(case, softgrad, tmp_path):
    content, message = INVALID[case]
    (tmp_path / "book.ipynb").write_bytes(content)
    result = softgrad("check", "book.ipynb")
    assert (result.code, result.out) == (2, "")
    assert re.search(message, result.err), result.err
