import sys
from typing import NamedTuple

import pytest

from cli.tables import mixed_rows, write_csv
from softgrad.cli import main


class Run(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def softgrad(monkeypatch, capsys, tmp_path):
    """A function that runs the command in this process, in a temporary folder.

    A training writes no report unless it is told --report: a report takes longer than most trainings of the tests.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("softgrad.cli.interrupt.SLOW", 600.0)  # seconds, so that a busy machine adds no line

    def run(*arguments):
        if arguments[:1] == ("train",) and "--report" not in arguments:
            arguments = (*arguments, "--no-report")
        monkeypatch.setattr(sys, "argv", ["softgrad", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        return Run(stop.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def mixed(tmp_path):
    """The path of the mixed table as a CSV file."""
    return write_csv(tmp_path / "mixed.csv", mixed_rows())


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a model that was trained on the mixed table."""
    folder = tmp_path_factory.mktemp("trained")
    path = write_csv(folder / "mixed.csv", mixed_rows())
    options = [
        "--no-report",
        "--target",
        "kind",
        "--hidden",
        "8",
        "--learning-rate",
        "0.03",
        "--out",
        str(folder / "model"),
    ]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr(sys, "argv", ["softgrad", "train", str(path), *options])
        main()
    assert stop.value.code == 0
    return folder / "model"
