"""Runs the command in a fork of this process, and judges what it does: its exit code, its messages and its files."""

import importlib
import os
import resource
import signal
import stat
import sys
import time
from typing import NamedTuple

CODES = (0, 1, 2, 130)
LONGEST = 500  # characters of a message
SECONDS = 60  # of processor time; the limit catches what never ends, and no result depends on it
TEMPORARY = ".softgrad-*"


class Outcome(NamedTuple):
    arguments: list
    code: int  # negative: the signal that ended the process
    out: str
    err: str


def preload():
    """Imports in this process what the forks would import again and again."""
    names = "softgrad.cli.app softgrad.check.api softgrad.explanation safetensors.numpy scipy.linalg.cython_blas "
    names += "sklearn.datasets sklearn.model_selection threadpoolctl rich.console rich.progress rich.table tomlkit"
    for name in names.split():
        importlib.import_module(name)


def train_model(folder, table):
    """Trains a small network on a table with the class `kind`: the folder gets data.csv and model/."""
    (folder / "data.csv").write_bytes(table)
    options = ["--target", "kind", "--hidden", "3", "--epochs", "2", "--out", "model"]
    assert run(["train", "data.csv", *options], folder).code == 0


def run(arguments, folder):
    """The command with these arguments, in the folder."""
    out, err = (folder.parent / f"{folder.name}.{name}" for name in ("out", "err"))
    process = os.fork()
    if process == 0:
        _child(arguments, folder, out, err)
    status = _wait(process)
    texts = [path.read_bytes().decode(errors="backslashreplace") for path in (out, err)]
    return Outcome(list(arguments), os.waitstatus_to_exitcode(status), *texts)


def _child(arguments, folder, out, err):
    code = 70
    try:
        os.chdir(folder)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        sys.argv = ["softgrad", *arguments]
        from softgrad.cli import main

        try:
            main()
        except SystemExit as stop:
            code = stop.code
        except BaseException:
            import traceback

            traceback.print_exc()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(code if isinstance(code, int) else 70)


def _wait(process):
    """The status of the process. One that sleeps uses no processor time, so that it is ended here."""
    for _ in range(100 * SECONDS):
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return status
        time.sleep(0.001 if _ < 1000 else 0.02)
    os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]


def contents(folder):
    """The files of a folder: {path: content}. What is no regular file has its kind as content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        found[str(path.relative_to(folder))] = (mode, path.read_bytes() if stat.S_ISREG(mode) else b"")
    return found


def faults(outcome, folder):
    """What is wrong with an outcome, apart from the files that the command was to write."""
    found = []
    if outcome.code not in CODES:
        found.append(f"the exit code is {outcome.code}")
    if "Traceback" in outcome.err or "Traceback" in outcome.out:
        found.append("a traceback")
    lines = [line for line in outcome.err.splitlines() if line.startswith("softgrad: ")]
    if outcome.code == 2 and not lines and "check" not in outcome.arguments:
        found.append("no message")
    if any(len(line) > LONGEST for line in lines):
        found.append("a long message")
    if outcome.code == 2 and lines and not _names_something(lines[-1], outcome.arguments):
        found.append("the message names nothing of the command line")
    if "check" not in outcome.arguments and len(lines) < len(outcome.err.splitlines()):
        found.append("lines on standard error that are no message")  # a user's file may print there
    if any(folder.rglob(TEMPORARY)):
        found.append("a temporary file is left")
    return found


def _names_something(line, arguments):
    """Whether a message says what is wrong: an option, a value or a file of the command line, or the command."""
    words = [word for text in arguments for word in (text.split("=")[0], text[:12], text.rstrip("/")) if word]
    words += [ascii(word)[1:-1] for word in words] + [" ".join(word.split()) for word in words]
    general = ("command", "memory", "standard output", "Missing", "axis", "logits", "target", "forward", "vjp", "loss")
    return any(word in line for word in (*words, *general))
