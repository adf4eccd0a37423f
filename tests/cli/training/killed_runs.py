"""Kills trainings at random moments, goes on with them, and compares the weights: killed_runs.py FOLDER NUMBER SEED.

A moment is a step of the training, or a call of the system with which a file is written: before it, or in the middle of
a write. Each run is a fork of this process, which has imported everything. Prints one line of JSON per moment.
"""

import json
import os
import random
import shutil
import signal
import sys
from pathlib import Path

from fuzz.runner import preload
from softgrad import _files, nn
from softgrad.cli import main

CALLS = ("fsync", "replace", "rename", "mkdir", "unlink")
OPTIONS = [
    "--hidden", "6", "--epochs", "7", "--batch-size", "20", "--patience", "3", "--dropout", "0.2", "--schedule",
    "plateau", "--learning-rate", "0.05", "--no-check", "--no-report",
]  # fmt: skip


def kill_at(moment, counts):
    """Counts the moments, and kills the process at the given one."""
    made = [0]

    def passes(name):
        if made[0] == moment:
            counts.write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)
        made[0] += 1
        if moment is None:
            counts.write_text(str(made[0]))

    def counted(name, function):
        def call(*arguments, **options):
            passes(name)
            return function(*arguments, **options)

        return call

    write_all = _files._write_all

    def in_the_middle(descriptor, data):
        write_all(descriptor, data[: len(data) // 2])
        passes("write")
        write_all(descriptor, data[len(data) // 2 :])

    for name in CALLS:
        setattr(os, name, counted(name, getattr(os, name)))
    _files._write_all = in_the_middle
    nn.Trainer._step = counted("step", nn.Trainer._step)


def run(arguments, folder, prepare=lambda: None):
    """The exit code of a training in this folder, negative after a signal."""
    process = os.fork()
    if process == 0:
        code = 70
        try:
            os.chdir(folder)
            os.dup2(os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
            os.dup2(1, 2)
            sys.argv = ["softgrad", "train", *arguments]
            prepare()
            main()
        except SystemExit as stop:
            sys.stdout.flush()
            code = stop.code
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def finished(arguments, folder):
    """The model of a run that goes on with what is in the folder, or begins anew. Then all is removed."""
    unfinished = folder / "run.unfinished"
    there = (folder / "run").exists()
    code = 0
    if not there:
        code = run(["--resume", "run", "--no-report"] if unfinished.exists() else arguments, folder)
    model = (folder / "run" / "model.safetensors").read_bytes() if code == 0 else (folder / "said").read_text()
    files = sorted(path.name for path in (folder / "run").iterdir()) if code == 0 else []
    clean = [path.name for path in folder.iterdir() if path.name.endswith(".unfinished")] == []
    for path in folder.glob("*run*"):
        shutil.rmtree(path)
    return model, files, clean


def check(folder, number, seed):
    """Kills at so many moments."""
    arguments = ["iris", "--out", "run", *OPTIONS]
    preload()
    counts = folder / "counts"
    assert run([*arguments, "--checkpoint-seconds", "0"], folder, lambda: kill_at(None, counts)) == 0
    total = int(counts.read_text())
    wanted, files, _ = finished(arguments, folder)
    rng = random.Random(seed)
    for moment in rng.sample(range(total), number):
        code = run([*arguments, "--checkpoint-seconds", "0"], folder, lambda moment=moment: kill_at(moment, counts))
        model, left, clean = finished(arguments, folder)
        same = {"same": model == wanted, "said": model if isinstance(model, str) else "", "clean": clean}
        facts = {"at": counts.read_text(), "killed": code == -signal.SIGKILL, "extra": sorted(set(left) - set(files))}
        print(json.dumps({"moment": moment, "of": total, **facts, **same}), flush=True)


if __name__ == "__main__":
    check(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
