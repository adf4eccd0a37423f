"""Every example on the site runs, and prints what the page says it prints.

Examples in a page are doctests. Those in docs/examples/ are files that a page shows: Python, or what one types into
a shell, with what it prints beside it as .txt.
"""

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))
PROGRAMS = sorted(path.name for path in (DOCS / "examples").iterdir() if path.suffix in (".py", ".sh"))
BEFORE = {"predict_flowers.sh": ["train_flowers.sh"]}  # what a program needs to have been run

NUMBER = re.compile(r"\d[\d,.]*(e-?\d+)?")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copytree(DOCS / "examples", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page(page, folder):
    said = []
    test = doctest.DocTestParser().get_doctest((DOCS / page).read_text(), {}, page, page, 0)
    doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert not said, "".join(said)


def test_pages_have_examples():
    assert sum((DOCS / page).read_text().count(">>>") for page in PAGES) > 50


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_prints_what_stands_beside_it(program, folder):
    for earlier in BEFORE.get(program, []):
        run(earlier)
    printed, beside = run(program), Path(program).with_suffix(".txt")
    assert outline(printed) == outline(beside.read_text() if beside.exists() else "")


@pytest.mark.parametrize("kind", ["another word", "nothing printed"])
def test_other_words_are_noticed(kind):
    assert outline("is right\n") != outline({"another word": "is wrong\n", "nothing printed": ""}[kind])


def run(program):
    """What it prints, on a page 80 columns wide; an exit code other than 0 is an error."""
    command = [sys.executable] if program.endswith(".py") else ["bash", "-euo", "pipefail"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "COLUMNS": "80", "NO_COLOR": "1"}
    done = subprocess.run([*command, program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def outline(text):
    """The words, line by line: numbers depend on the machine, and the width of a table on its numbers."""
    lines = (NUMBER.sub("0", line) for line in text.splitlines())
    return [re.sub(r"[ ━┳┡╇┩┏┓─┴└┘]+", " ", line).strip() for line in lines]
