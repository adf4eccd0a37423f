"""When checkpoints are written, and what a training leaves that fails: on a full disk, by Ctrl-C, or as it diverges."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from cli.training.stopped_runs import GO_ON, IRIS, QUICK, at_step, interrupt, interrupted, result
from softgrad import nn
from softgrad.cli.training import checkpoints

HOW_OFTEN = {  # name: (options, seconds between checkpoints after epochs, wanted: the number of the next batch at each)
    "after a second": ((), None, []),
    "after each epoch": ((), 0.0, [0] * 8),
    "after each step": (("--checkpoint-seconds", 0), None, [1, 2, 0] * 8),
}


@pytest.mark.parametrize("case", HOW_OFTEN)
def test_how_often_checkpoints_are_written(case, softgrad, monkeypatch):
    options, seconds, wanted = HOW_OFTEN[case]
    batches, write = [], checkpoints.Checkpoints.write
    monkeypatch.setattr(
        checkpoints.Checkpoints, "write", lambda self: (batches.append(self.trainer.batch), write(self))
    )
    if seconds is not None:
        monkeypatch.setattr(checkpoints, "SECONDS", seconds)
    softgrad(*IRIS, *options)
    assert batches == wanted


@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_full_disk_leaves_the_last_checkpoint_whole(number, softgrad, tmp_path, monkeypatch):
    """The disk is full from the given sync of a file on: that of config.toml, the first checkpoint, or a later one."""
    assert softgrad("train", "iris", "--out", "whole", *QUICK).code == 0
    count, sync = [0], os.fsync

    def fail(descriptor):
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            count[0] += 1
            if count[0] >= number:
                raise OSError(28, "No space left on device")
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        run = softgrad(*IRIS, "--checkpoint-seconds", 0)
    assert (run.code, run.err.count("\n")) == (2, 1)
    if number < 5:
        name = ("config.toml", "checkpoint.safetensors")[number - 1]
        way_out = "choose another path"
        assert run.err == f"softgrad: run.unfinished/{name} cannot be written: No space left on device; {way_out}\n"
        assert [path.name for path in tmp_path.iterdir()] == ["whole"]
        return
    assert run.err == (
        "softgrad: run.unfinished/checkpoint.safetensors cannot be written: No space left on device; the last "
        f"checkpoint is whole: {GO_ON}"
    )
    assert "goes on after 1 epoch, 3 steps" in softgrad("train", "--resume", "run").out
    assert result(tmp_path / "run") == result(tmp_path / "whole")


def test_a_full_disk_at_the_end_leaves_the_last_checkpoint(softgrad, tmp_path, monkeypatch):
    interrupted(softgrad, monkeypatch, 24)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        run = softgrad("train", "--resume", "run")
    assert run.err.startswith("softgrad: run.unfinished/model.safetensors cannot be written: No space left on device; ")
    assert run.err.endswith(f": {GO_ON}")
    assert softgrad("train", "--resume", "run").code == 0
    result(tmp_path / "run")


def test_ctrl_c_at_the_end_leaves_the_last_checkpoint(softgrad, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("softgrad.cli.training.steps.collect", lambda *arguments: interrupt())
        run = softgrad(*IRIS, "--checkpoint-seconds", 0)
    assert (run.code, run.err) == (130, f"softgrad: stopped; {GO_ON}")
    assert "goes on after 8 epochs, 24 steps" in softgrad("train", "--resume", "run").out
    result(tmp_path / "run")


def test_ctrl_c_while_the_folder_is_renamed_waits_for_that(softgrad, tmp_path, monkeypatch):
    rename = Path.rename

    def interrupted_rename(self, other):
        if other.name == "run":
            interrupt()
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", interrupted_rename)
    run = softgrad(*IRIS, "--checkpoint-seconds", 0)
    assert (run.code, run.err) == (130, "softgrad: stopped; written before that: run\n")
    result(tmp_path / "run")


def test_a_second_ctrl_c_does_not_wait_for_the_step(softgrad, tmp_path, monkeypatch):
    def twice():
        interrupt()
        interrupt()

    at_step(monkeypatch, 2, twice)
    run = softgrad(*IRIS)
    assert (run.code, run.err) == (130, "softgrad: stopped; nothing was written\n")
    assert list(tmp_path.iterdir()) == []


def diverge(monkeypatch, number):
    """Makes the step of this number too long by far."""
    step, count = nn.Adam.step, [0]

    def counted(self, *arguments, learning_rate=None, **options):
        count[0] += 1
        return step(self, *arguments, learning_rate=1e30 if count[0] == number else learning_rate, **options)

    monkeypatch.setattr(nn.Adam, "step", counted)


def test_a_training_that_diverges_keeps_the_last_good_model(softgrad, tmp_path, monkeypatch):
    assert softgrad("train", "iris", "--hidden", 6, "--epochs", 2, "--no-check", "--out", "good").code == 0
    diverge(monkeypatch, 7)
    run = softgrad(*IRIS, "--checkpoint-seconds", 0)
    assert run.code == 2
    assert run.err == (
        "softgrad: train: the loss is nan in step 8, epoch 3, wanted a finite number; the first output that is not "
        "finite is that of layers.2, Dense(3); the training has diverged, use a lower --learning-rate; the model after "
        "epoch 2 is in run.unfinished\n"
    )
    assert sorted(path.name for path in (tmp_path / "run.unfinished").iterdir()) == ["config.toml", "model.safetensors"]
    network, _ = nn.load(tmp_path / "run.unfinished" / "model.safetensors")
    good, _ = nn.load(tmp_path / "good" / "model.safetensors")
    for name, value in good.parameters.items():
        np.testing.assert_array_equal(network.parameters[name], value)
    assert softgrad("predict", "run.unfinished", "iris").out == softgrad("predict", "good", "iris").out


def test_a_training_that_diverges_in_its_first_epoch_leaves_nothing(softgrad, tmp_path, monkeypatch):
    diverge(monkeypatch, 2)
    run = softgrad(*IRIS, "--checkpoint-seconds", 0)
    assert run.err.endswith("the training has diverged, use a lower --learning-rate; nothing was written\n")
    assert list(tmp_path.iterdir()) == []
