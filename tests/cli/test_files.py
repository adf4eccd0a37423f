"""The files of the commands: the model and its metrics, several outputs at once, pipes, links and Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from softgrad import nn

IRIS = ("train", "iris", "--hidden", "4", "--epochs", "2")
EXPLAIN = ("explain", "2", "1", "0.1", "--target", "0")


def test_the_model_and_the_metrics_name_each_other(softgrad, tmp_path):
    assert softgrad(*IRIS, "--out", "run").code == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    _, facts = nn.load(tmp_path / "run" / "model.safetensors")
    assert metrics["model_sha256"].encode() in (tmp_path / "run" / "model.safetensors").read_bytes()
    # these would differ between equal models
    others = ("history", "seconds", "check_seconds", "training_seconds", "model_sha256")
    assert {**facts["metrics"], **{key: metrics[key] for key in others}} == metrics


@pytest.mark.parametrize("wrong", ["missing/\0", "folder", "below.html/b"])
def test_explain_writes_all_of_its_files_or_none(wrong, softgrad, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "below.html").write_text("old")
    wrong = wrong.replace("\0", "x" * 300)
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    run = softgrad(*EXPLAIN, "--html", "below.html", "--latex", wrong)
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "cannot be written" in run.err
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_the_name_of_a_folder_need_not_be_utf8(softgrad, tmp_path):
    run = softgrad(*IRIS, "--out", "\udcff")
    assert (run.code, run.err) == (0, "")
    assert run.out.endswith("model and metrics in \\udcff\n")


def test_explain_refuses_one_file_for_two_formats(softgrad, tmp_path):
    run = softgrad(*EXPLAIN, "--html", "a", "--latex", "a")
    assert (run.code, run.err) == (2, "softgrad: explain: two formats have the same file; choose a path for each\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["train", "predict model", "predict table", "check"])
def test_a_fifo_without_a_writer_is_refused(command, softgrad, trained, mixed, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    arguments = {
        "train": ("train", "fifo", "--target", "kind"),
        "predict model": ("predict", "fifo", mixed),
        "predict table": ("predict", trained, "fifo"),
        "check": ("check", "fifo"),
    }[command]
    run = softgrad(*arguments)
    assert (run.code, run.out) == (2, "")
    assert "fifo cannot be read: it is a FIFO that no program writes to; start its writer first" in run.err


def test_a_pipe_is_read_once(softgrad, trained, mixed):
    """As with predict MODEL <(zcat TABLE.gz)."""
    wanted = softgrad("predict", trained, mixed).out
    reader, writer = os.pipe()
    thread = threading.Thread(target=lambda: (os.write(writer, mixed.read_bytes()), os.close(writer)))
    thread.start()
    assert softgrad("predict", trained, f"/dev/fd/{reader}").out == wanted
    thread.join(20)
    os.close(reader)


def test_predict_follows_a_link_and_keeps_the_mode(softgrad, trained, mixed, tmp_path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "real.csv").chmod(0o640)
    (tmp_path / "link.csv").symlink_to("real.csv")
    assert softgrad("predict", trained, mixed, "--out", "link.csv").code == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("prediction\n")
    assert (tmp_path / "real.csv").stat().st_mode & 0o777 == 0o640


def test_predict_refuses_an_output_before_it_reads_the_model(softgrad, trained, mixed, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    run = softgrad("predict", trained, mixed, "--out", "loop")
    message = "softgrad: loop cannot be written: Too many levels of symbolic links; choose another path\n"
    assert (run.code, run.err) == (2, message)


def test_ctrl_c_after_the_files_are_written_says_so(softgrad, tmp_path, monkeypatch):
    def interrupted(metrics):
        raise KeyboardInterrupt

    monkeypatch.setattr("softgrad.cli.results.show", interrupted)
    run = softgrad(*IRIS, "--out", "run")
    assert run.code == 130
    assert run.err == "softgrad: stopped; written before that: run\n"
    assert len(list((tmp_path / "run").iterdir())) == 3


USER_ERRORS = {  # name: (the last lines of the user's file, the description of the error)
    "exit": ("raise SystemExit", "SystemExit"),
    "exit with a text": ("raise SystemExit('no')", "SystemExit: no"),
    "own BaseException": ("class Odd(BaseException): pass\nraise Odd('odd')", "Odd: odd"),
    "text that raises": ("class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd", "Odd"),
    "text that raises an own BaseException": (
        "class Odd(BaseException):\n    def __str__(self): raise Odd\nraise Odd",
        "Odd",
    ),
    "long text": ("raise ValueError('x' * 100000)", "ValueError: x+ ... x+"),
    "text of several lines": ("raise ValueError('a\\nb\\x1b[31m')", r"ValueError: a b\\x1b\[31m"),
}


@pytest.mark.parametrize("case", USER_ERRORS)
def test_whatever_the_users_file_raises_is_one_line(case, softgrad, tmp_path):
    code, message = USER_ERRORS[case]
    (tmp_path / "file.py").write_text(code)
    run = softgrad("check", "file.py", "--shape", "3")
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert len(run.err) < 500
    import re

    assert re.fullmatch(rf"softgrad: check: file.py, line \d+: {message}\n", run.err), run.err


LONG = "9" * 5000
LONG_VALUES = {
    "shape": ("check", "file.py", "--shape", LONG),
    "context": ("check", "file.py", "--shape", "3", "--context", LONG),
    "wrt": ("check", "file.py", "--shape", "3", "--loss", "f", "--grad", "f", "--wrt", LONG),
    "function": ("check", "file.py", "--shape", "3", "--forward", LONG, "--vjp", "f"),
    "seed": (*IRIS, "--seed", LONG),
    "hidden": (*IRIS, "--hidden", LONG),
    "learning rate": (*IRIS, "--learning-rate", LONG),
    "loss": (*IRIS, "--loss", LONG),
    "table": ("train", LONG),
    "model": ("predict", LONG, LONG),
    "logit": ("explain", LONG, "1", "--target", "0"),
    "target": ("explain", "1", "1", "--target", LONG),
    "command": (LONG,),
    "option": (*IRIS, "--" + LONG),
    "output": (*EXPLAIN, "--html", LONG),
}


@pytest.mark.parametrize("case", LONG_VALUES)
def test_a_message_is_short_however_long_the_value(case, softgrad, tmp_path):
    (tmp_path / "file.py").write_text("def f(z): return z")
    run = softgrad(*LONG_VALUES[case])
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert len(run.err) <= 500


ENTRY = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv[0] = "softgrad"
from softgrad_command import main
print("started", flush=True)
main()
"""


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_ctrl_c_while_packages_are_imported_gives_one_line(delay, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", ENTRY, "train", "digits", "--epochs", "100000", "--learning-rate", "1e-7"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    process.stdout.readline()
    time.sleep(0.02 + delay)  # main has been called
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "softgrad: stopped; nothing was written\n")
    assert list(tmp_path.iterdir()) == []
