import csv
import random
import sys
from typing import NamedTuple

import pytest

from softgrad.cli import main


class Run(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def softgrad(monkeypatch, capsys, tmp_path):
    """Runs the command in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["softgrad", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        return Run(stop.value.code, *capsys.readouterr())

    return run


def mixed_rows():
    """Column names, and 60 rows of numbers, a text and a class that follows from both."""
    rng = random.Random(0)
    for i in range(60):
        kind = "no" if i % 3 else "yes, it is"
        colour = rng.choice(["red", "blue"]) if i % 3 else "green"
        width = f"{rng.gauss(3 * (i % 3 == 0), 1):.3f}"
        yield {"width": width, "height": str(rng.randrange(9)), "colour": colour, "kind": kind}


def write_csv(path, rows):
    """A CSV file of rows, each a dict with the same keys."""
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def mixed(tmp_path):
    return write_csv(tmp_path / "mixed.csv", mixed_rows())


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a model that was trained on the mixed table."""
    folder = tmp_path_factory.mktemp("trained")
    path = write_csv(folder / "mixed.csv", mixed_rows())
    options = ["--target", "kind", "--hidden", "8", "--learning-rate", "0.03", "--out", str(folder / "model")]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr(sys, "argv", ["softgrad", "train", str(path), *options])
        main()
    assert stop.value.code == 0
    return folder / "model"
