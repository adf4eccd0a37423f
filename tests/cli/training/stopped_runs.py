"""A run that is stopped in the middle of a step, and what a run leaves."""

import json
import os
import signal

from softgrad import nn

QUICK = ("--hidden", 6, "--epochs", 8, "--no-check")
IRIS = ("train", "iris", "--out", "run", *QUICK)
GO_ON = "go on with softgrad train --resume run.unfinished\n"


def at_step(monkeypatch, number, action):
    """Calls `action` in the middle of this step of each training."""
    step, count = nn.Trainer._step, [0]

    def counted(self, *arguments):
        count[0] += 1
        if count[0] == number:
            action()
        return step(self, *arguments)

    monkeypatch.setattr(nn.Trainer, "_step", counted)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def interrupted(softgrad, monkeypatch, number, arguments=IRIS):
    """Presses Ctrl-C in the middle of this step of a run."""
    with monkeypatch.context() as patch:
        at_step(patch, number, interrupt)
        run = softgrad(*arguments)
    assert (run.code, run.err) == (130, f"softgrad: stopped; {GO_ON}")
    return run


def result(folder):
    """The bytes of the model, and the metrics without times."""
    metrics = json.loads((folder / "metrics.json").read_text())
    for each in (metrics, *metrics["history"]):
        for key in [key for key in each if key.endswith("seconds")]:
            assert each.pop(key) >= 0
    assert sorted(path.name for path in folder.iterdir()) == ["config.toml", "metrics.json", "model.safetensors"]
    return (folder / "model.safetensors").read_bytes(), metrics
