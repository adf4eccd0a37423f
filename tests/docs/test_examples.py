"""Every example on the site runs, and prints the output that the page shows.

The examples in a page are doctests. The files in docs/examples/ stand in a page too: Python programs, shell
commands, and the output of each in a .txt file of the same name. `python docs/fill.py` puts them there.
"""

import doctest
import functools
import html
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import load

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))
PROGRAMS = sorted(path.name for path in (DOCS / "examples").iterdir() if path.suffix in (".py", ".sh"))
NEEDS = {"torch.md": "torch", "comparison.md": "torch"}  # the packages of pages whose examples need one
RUN_FIRST = {  # the programs that must run before another one
    "predict_flowers.sh": ["train_flowers.sh"],
    "export_flowers.sh": ["train_flowers.sh"],
    "use_onnx.py": ["train_flowers.sh", "export_flowers.sh"],
}
PACKAGES = {  # of programs that need one
    "norm_in_torch.py": ["torch"],
    "export_flowers.sh": ["onnx"],
    "use_onnx.py": ["onnx", "onnxruntime"],
    "wrong_backward.py": ["torch"],
    "confident_row_in_jax.py": ["jax", "optax"],
    "no_such_class_in_jax.py": ["jax", "optax"],
    "wrong_backward_in_jax.py": ["jax", "optax"],
}

FILL = runpy.run_path(str(DOCS / "fill.py"))
NUMBER = re.compile(r"\d[\d,.]*(e-?\d+)?")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copytree(DOCS / "examples", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run(page, folder):
    if page in NEEDS:
        load(NEEDS[page])
    failures = []
    test = doctest.DocTestParser().get_doctest((DOCS / page).read_text(), {}, page, page, 0)
    doctest.DocTestRunner(verbose=False).run(test, out=failures.append)
    assert not failures, "".join(failures)


def test_pages_have_examples():
    assert sum((DOCS / page).read_text().count(">>>") for page in PAGES) > 50


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_its_files_as_they_are(page):
    text = (DOCS / page).read_text()
    assert text == FILL["with_examples"](DOCS / page), "run python docs/fill.py"
    assert "--8<--" not in text  # what only a build replaces
    assert ":::" not in text


def test_the_derivation_is_that_of_explain():
    """The test leaves out numbers: the last digits of central differences depend on the machine."""
    written, now = (DOCS / "derivation.md").read_text(), FILL["derivation"]().to_markdown()
    assert outline(written) == outline(now), "run python docs/fill.py"


def test_every_program_stands_in_a_page():
    shown = "".join((DOCS / page).read_text() for page in PAGES)
    assert [name for name in PROGRAMS if f"<!-- examples/{name}" not in shown] == []


def test_the_comparison_notices_another_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- examples/train_flowers.sh -->\n```sh\nsoftgrad train\n```\n")
    assert "softgrad train flowers.csv --target" in FILL["with_examples"](page)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """A function that returns the output of a program. All run in one folder, each of them once."""
    folder = tmp_path_factory.mktemp("programs") / "examples"
    shutil.copytree(DOCS / "examples", folder)
    return functools.cache(lambda program: run(program, folder))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_prints_the_text_beside_it(program, printed):
    for package in PACKAGES.get(program, []):
        load(package)
    for earlier in RUN_FIRST.get(program, []):
        printed(earlier)
    expected = (DOCS / "examples" / program).with_suffix(".txt")
    assert outline(printed(program)) == outline(expected.read_text() if expected.exists() else "")


@pytest.mark.parametrize("name", ["report.svg", "report-dark.svg"])
def test_the_pictures_of_the_report_show_it(name):
    """The test compares the words, whose places and colours depend on the version of rich."""
    pictures = runpy.run_path(str(DOCS / "report_picture.py"))
    drawn = pictures["draw"](*pictures["THEMES"][name])
    assert words_of(drawn) == words_of((DOCS / "images" / name).read_text())
    assert "should be" in words_of(drawn)


@pytest.mark.parametrize("kind", ["another word", "nothing printed"])
def test_the_comparison_notices_other_words(kind):
    assert outline("is right\n") != outline({"another word": "is wrong\n", "nothing printed": ""}[kind])


def run(program, folder):
    """The output of a program in this folder, on a terminal of 80 columns. Asserts that its exit code is 0."""
    command = [sys.executable] if program.endswith(".py") else ["bash", "-euo", "pipefail"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "COLUMNS": "80", "NO_COLOR": "1"}
    process = subprocess.run([*command, program], capture_output=True, text=True, env=environment, cwd=folder)
    assert process.returncode == 0, process.stderr
    return process.stdout


def words_of(svg):
    """The text of a picture, from its <text> elements."""
    return html.unescape(" ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))).replace("\xa0", " ")


def outline(text):
    """The words of each line, without numbers and table borders: numbers depend on the machine, and borders on them."""
    lines = (NUMBER.sub("0", line) for line in text.splitlines())
    return [re.sub(r"[ ━┳┡╇┩┏┓─┴└┘]+", " ", line).strip() for line in lines]
