"""The command as a process: how it starts, how it is interrupted, and what it does if its output cannot be written."""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from cli.tables import mixed_rows, write_csv
from cost import cost

SOFTGRAD = Path(sysconfig.get_path("scripts")) / "softgrad"

# The environment of a user's shell: output to a pipe is buffered, and compiled modules are cached.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")}

# A process that a shell starts in the background ignores Ctrl-C. This code enables it again.
INTERRUPTIBLE = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from softgrad.cli import main; sys.argv[0] = 'softgrad'; main()"
)


def run(*arguments, **options):
    return subprocess.run(
        [SOFTGRAD, *map(str, arguments)], capture_output=True, text=True, env=ENVIRONMENT, timeout=300, **options
    )


def start(command, folder):
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=ENVIRONMENT
    )


def test_help_lists_the_commands_and_costs_little_more_than_importing_numpy():
    """About 3 times as much: it loads NumPy and rich, but not scikit-learn."""
    result = run("--help")
    assert (result.returncode, result.stderr) == (0, "")
    commands = result.stdout.split("Commands:")[1].split()
    assert {"train", "predict", "check"} <= set(commands)
    import_numpy = [sys.executable, "-c", "import numpy"]
    measured = cost(lambda: run("--help"), lambda: subprocess.run(import_numpy, env=ENVIRONMENT, check=True), units=1)
    assert measured < 6


def test_the_command_without_arguments_shows_its_help():
    assert run().stdout == run("--help").stdout == (shown := run("-h").stdout)
    assert "..." not in shown.partition("Commands:")[2]  # every command has a sentence that fits


@pytest.mark.parametrize("command", ["train", "predict", "check"])
def test_every_command_has_help(command):
    result = run(command, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"Usage: softgrad {command}" in result.stdout


def test_version_prints_the_version():
    import softgrad

    assert run("--version").stdout == f"softgrad {softgrad.__version__}\n"


def test_predict_reads_the_model_that_train_wrote(tmp_path):
    write_csv(tmp_path / "mixed.csv", mixed_rows())
    trained = run("train", "mixed.csv", "--target", "kind", "--hidden", "4", "--epochs", "5", cwd=tmp_path)
    assert (trained.returncode, trained.stderr) == (0, "")
    assert json.loads((tmp_path / "softgrad-runs" / "mixed" / "metrics.json").read_text())["epochs"] == 5
    predicted = run("predict", "softgrad-runs/mixed", "mixed.csv", cwd=tmp_path)
    assert (predicted.returncode, predicted.stderr) == (0, "")
    assert len(predicted.stdout.splitlines()) == 61


def test_an_error_is_one_line_without_a_traceback(tmp_path):
    result = run("train", "irs", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "softgrad: 'irs' is neither a file nor one of digits, iris, wine, breast-cancer; did you mean iris?"
    ]


PHASES = {"the gradient check": 1, "training": 2}  # name: the number of lines that are printed before the phase


@pytest.mark.parametrize("phase", PHASES)
def test_ctrl_c_stops_the_command_with_one_line(phase, tmp_path):
    """The learning rate is so low that the validation loss keeps falling, so that training does not stop early."""
    arguments = ("train", "digits", "--hidden", "64", "--learning-rate", "1e-7", "--epochs", "100000")
    process = start([sys.executable, "-c", INTERRUPTIBLE, *arguments, "--checkpoint-seconds", "0.1"], tmp_path)
    lines = [process.stdout.readline() for _ in range(PHASES[phase])]
    while phase == "training" and process.poll() is None and not list(tmp_path.rglob("checkpoint.safetensors")):
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert lines[0].startswith("digits: 1,797 rows")
    said = {
        "the gradient check": "nothing was written",
        "training": "go on with softgrad train --resume softgrad-runs/digits.unfinished",
    }
    assert (process.returncode, out, err) == (130, "", f"softgrad: stopped; {said[phase]}\n")
    files = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert files == ([] if phase == "the gradient check" else ["checkpoint.safetensors", "config.toml"])


def test_a_closed_pipe_gives_no_traceback(trained, tmp_path):
    """As with `| head -1`: the reader closes the pipe after one line, while more is written than a pipe can hold."""
    path = write_csv(tmp_path / "long.csv", [row for _ in range(500) for row in mixed_rows()])
    process = start([SOFTGRAD, "predict", trained, path, "--proba"], tmp_path)
    assert process.stdout.readline() == 'prediction,probability no,"probability yes, it is"\n'
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=120) == 1


def test_standard_output_on_a_full_disk_gives_an_error_of_one_line(trained, tmp_path):
    path = write_csv(tmp_path / "mixed.csv", mixed_rows())
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [SOFTGRAD, "predict", trained, path], stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
    assert (result.returncode, result.stderr) == (2, "softgrad: standard output: No space left on device\n")
