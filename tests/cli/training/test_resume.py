"""A training that is stopped at any moment goes on to the same bits; what is wrong is told in one sentence."""

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest

import softgrad as sg
from cli.tables import mixed_rows, write_csv
from cli.training.stopped_runs import IRIS, QUICK, interrupted, result
from softgrad.cli import main

OPTIONS = {  # name: options
    "adam": (),
    "sgd, cosine": ("--optimizer", "sgd", "--schedule", "cosine", "--weight-decay", 0.1),
    "dropout, smoothing": ("--dropout", 0.4, "--smoothing", 0.1),
    "plateau, stops early": ("--learning-rate", 0.3, "--schedule", "plateau", "--patience", 2, "--epochs", 60),
    "class weights": ("--class-weight", "balanced", "--no-stratify", "--calibrate"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_a_stopped_run_goes_on_to_the_same_bits(case, softgrad, tmp_path, monkeypatch):
    """With 3 steps per epoch, Ctrl-C comes within an epoch, then in the last step of one."""
    options = (*QUICK, *OPTIONS[case])
    assert softgrad("train", "iris", "--out", "whole", *options).code == 0
    interrupted(softgrad, monkeypatch, 5, ("train", "iris", "--out", "run", *options))
    assert sorted(path.name for path in (tmp_path / "run.unfinished").iterdir()) == [
        "checkpoint.safetensors",
        "config.toml",
    ]
    again = interrupted(softgrad, monkeypatch, 4, ("train", "--resume", "run"))
    assert "\ngoes on after 1 epoch, 5 steps\n" in again.out
    run = softgrad("train", "--resume", "run.unfinished")
    assert (run.code, run.err) == (0, "")
    assert "\ngoes on after 3 epochs, 9 steps\n" in run.out
    assert run.out.endswith("model and metrics in run\n")
    assert result(tmp_path / "run") == result(tmp_path / "whole")
    assert not (tmp_path / "run.unfinished").exists()


def test_a_run_that_is_stopped_where_its_patience_ends_is_not_trained_further(softgrad, tmp_path, monkeypatch):
    options = (*QUICK, "--learning-rate", 0.3, "--patience", 2, "--epochs", 60)
    assert softgrad("train", "iris", "--out", "whole", *options).code == 0
    epochs = len(json.loads((tmp_path / "whole" / "metrics.json").read_text())["history"])
    assert epochs < 60
    interrupted(softgrad, monkeypatch, 3 * epochs, ("train", "iris", "--out", "run", *options))
    run = softgrad("train", "--resume", "run")
    assert f"\ngoes on after {epochs} epochs, {3 * epochs} steps\n" in run.out
    assert result(tmp_path / "run") == result(tmp_path / "whole")


@pytest.mark.parametrize("given", [(), ("--report",)])
def test_a_run_without_a_report_goes_on_without_one(given, softgrad, tmp_path, monkeypatch):
    reports = []
    monkeypatch.setattr("softgrad.cli.training.steps._report", reports.append)
    interrupted(softgrad, monkeypatch, 5)
    monkeypatch.setattr(sys, "argv", ["softgrad", "train", "--resume", "run", *given])  # `softgrad` adds --no-report
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    assert reports == [Path("run")] * len(given)
    assert (tmp_path / "run" / "details.json").exists() == bool(given)


def test_what_was_found_before_the_training_is_kept_and_not_found_again(softgrad, tmp_path, monkeypatch):
    arguments = ("train", "iris", "--hidden", 4, "--epochs", 3, "--cross-validate", 2, "--out")
    assert softgrad(*arguments, "whole").code == 0
    interrupted(softgrad, monkeypatch, 14, (*arguments, "run"))  # after 2 trainings of 6 steps
    for name in ("check_gradient", "cross_validate"):
        monkeypatch.setattr(f"softgrad.cli.training.steps.{name}", lambda *arguments: pytest.fail("found again"))
    assert softgrad("train", "--resume", "run").code == 0
    assert result(tmp_path / "run") == result(tmp_path / "whole")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["check_seconds"] > 0
    assert metrics["cross_validation"]["folds"] == 2
    assert sum(each["seconds"] for each in metrics["history"]) == pytest.approx(metrics["training_seconds"], abs=0.002)


def test_a_run_that_was_killed_before_the_first_checkpoint_begins_again(softgrad, tmp_path, monkeypatch):
    assert softgrad("train", "iris", "--out", "whole", *QUICK).code == 0
    interrupted(softgrad, monkeypatch, 2)
    (tmp_path / "run.unfinished" / "checkpoint.safetensors").unlink()
    assert "goes on" not in softgrad("train", "--resume", "run").out
    assert result(tmp_path / "run") == result(tmp_path / "whole")


def killed(tmp_path, number, seed):
    """What happened at so many random moments; see killed_runs.py."""
    program = [sys.executable, "-m", "cli.training.killed_runs", tmp_path, str(number), str(seed)]
    run = subprocess.run(program, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    moments = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(moments) == number
    for moment in moments:
        assert moment["killed"], moment
        assert moment["same"], moment
        assert moment["clean"], moment
        assert set(moment["extra"]) <= {"checkpoint.safetensors"}, moment  # killed before it was removed
    return {moment["at"] for moment in moments}


def test_a_run_that_is_killed_goes_on_to_the_same_bits(tmp_path):
    killed(tmp_path, 3, 0)


@pytest.mark.thorough
def test_a_run_that_is_killed_at_any_of_twenty_moments_goes_on_to_the_same_bits(tmp_path):
    assert {"step", "write", "fsync"} <= killed(tmp_path, 20, 1)


@pytest.mark.parametrize("link", ["link", "link.unfinished", "folder/link.unfinished"])
def test_a_link_to_an_unfinished_run_leads_to_its_folder(link, softgrad, tmp_path, monkeypatch):
    assert softgrad("train", "iris", "--out", "whole", *QUICK).code == 0
    interrupted(softgrad, monkeypatch, 5)
    (tmp_path / "folder").mkdir()
    (tmp_path / link).symlink_to(tmp_path / "run.unfinished")
    run = softgrad("train", "--resume", link.removesuffix(".unfinished"))
    assert (run.code, run.err) == (0, "")
    assert run.out.endswith(f"model and metrics in {tmp_path / 'run'}\n")
    assert result(tmp_path / "run") == result(tmp_path / "whole")
    assert not (tmp_path / "run").is_symlink()


def test_resume_from_another_folder_says_where_to_go(softgrad, tmp_path, monkeypatch):
    table = write_csv(tmp_path / "table.csv", mixed_rows())
    arguments = ("table.csv", "--target", "kind", *QUICK)
    assert softgrad("train", *arguments, "--out", "whole").code == 0
    interrupted(softgrad, monkeypatch, 2, ("train", *arguments, "--out", "run"))
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path / "folder")
    message = (
        "softgrad: train: table.csv, the table of the run in ../run.unfinished, is not here; go to the folder that the "
        "run was started in, or write where the table is into ../run.unfinished/config.toml\n"
    )
    assert softgrad("train", "--resume", "../run") == (2, "", message)
    config = tmp_path / "run.unfinished" / "config.toml"
    config.write_text(config.read_text().replace('"table.csv"', f'"{table}"'))
    assert softgrad("train", "--resume", "../run").code == 0
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_resume_needs_a_folder_that_can_be_written(softgrad, tmp_path, monkeypatch):
    interrupted(softgrad, monkeypatch, 5)

    def refuse(path):
        raise sg.WriteError(f"{path} cannot be written: Permission denied; choose another path")

    monkeypatch.setattr("softgrad._files.check_writable", refuse)
    run = softgrad("train", "--resume", "run")
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("softgrad: run.unfinished/checkpoint.safetensors cannot be written: Permission denied")


def test_a_folder_in_which_another_process_trains_is_left_to_it(softgrad, tmp_path, monkeypatch):
    interrupted(softgrad, monkeypatch, 5)
    with (tmp_path / "run.unfinished" / "config.toml").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        run = softgrad(*IRIS)
    assert (run.code, run.err) == (
        2,
        "softgrad: train: another process trains in run.unfinished; wait for it to end, or choose another --out\n",
    )
    assert "remove it, or choose another --out" in softgrad(*IRIS).err


def test_data_that_have_changed_are_refused(softgrad, tmp_path, monkeypatch):
    rows = list(mixed_rows())
    path = write_csv(tmp_path / "mixed.csv", rows)
    interrupted(softgrad, monkeypatch, 3, ("train", path, "--target", "kind", "--out", "run", *QUICK))
    before = (tmp_path / "run.unfinished" / "checkpoint.safetensors").read_bytes()
    write_csv(path, [{**row, "width": "9" if i == 40 else row["width"]} for i, row in enumerate(rows)])
    run = softgrad("train", "--resume", "run")
    assert run.code == 2
    assert run.err == (
        f"softgrad: train: {path} has changed since run.unfinished/checkpoint.safetensors was written; restore the "
        "table, or train again without --resume\n"
    )
    assert (tmp_path / "run.unfinished" / "checkpoint.safetensors").read_bytes() == before
    write_csv(path, rows)
    assert softgrad("train", "--resume", "run").code == 0


def damage(folder):
    path = folder / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-9])


def other_options(folder):
    path = folder / "config.toml"
    path.write_text(path.read_text().replace('hidden = "6"', 'hidden = "7"'))


def other_patience(folder):
    path = folder / "config.toml"
    path.write_text(path.read_text().replace("patience = 10", "patience = 3"))


def no_options(folder):
    (folder / "config.toml").unlink()


REFUSED = {  # name: (what happens to the folder, arguments, message)
    "an option of the run": (None, ("--resume", "run", "--epochs", 9), "train: --epochs is given with --resume, w"),
    "a table": (None, ("iris", "--resume", "run"), "train: DATA is given with --resume, which goes on with the opti"),
    "a file of options": (None, ("--resume", "run", "--config", "run.unfinished/config.toml"), "train: --config is "),
    "the folder of no run": (None, ("--resume", "."), "train: --resume is ., where no unfinished run is; wanted "),
    "the root": (None, ("--resume", "/"), "train: --resume is /, where no unfinished run is; wanted "),
    "no such run": (None, ("--resume", "other"), "train: --resume is other, where no unfinished run is; wanted "),
    "a damaged checkpoint": (damage, ("--resume", "run"), "load_state: run.unfinished/checkpoint.safetensors is damag"),
    "other options": (other_options, ("--resume", "run"), "train: hidden is '7' in config.toml, but '6' when run.unf"),
    "another patience": (other_patience, ("--resume", "run"), "train: patience is '3' in config.toml, but '10' when "),
    "no options": (no_options, ("--resume", "run"), "train: --resume is run, where no unfinished run is; wanted "),
    "seconds": (None, ("iris", "--checkpoint-seconds", "-1"), "train: --checkpoint-seconds is -1.0, wanted 0 or a"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_go_on_is_refused_in_one_sentence(case, softgrad, tmp_path, monkeypatch):
    change, arguments, message = REFUSED[case]
    interrupted(softgrad, monkeypatch, 2)
    if change is not None:
        change(tmp_path / "run.unfinished")
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    run = softgrad("train", *arguments)
    assert (run.code, run.err.count("\n")) == (2, 1)
    start, _, rest = message.partition("(.*)")
    assert run.err.startswith(f"softgrad: {start}"), run.err
    assert rest.split("(.*)")[-1] in run.err
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_a_run_goes_on_from_its_own_folder(softgrad, tmp_path, monkeypatch):
    interrupted(softgrad, monkeypatch, 2)
    monkeypatch.chdir(tmp_path / "run.unfinished")
    assert softgrad("train", "--resume", ".").code == 0
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_a_finished_run_is_not_gone_on_with(softgrad):
    softgrad(*IRIS)
    run = softgrad("train", "--resume", "run")
    assert (run.code, run.err) == (
        2,
        "softgrad: train: the run in run is finished; its model is run/model.safetensors\n",
    )


def test_only_one_process_goes_on_with_a_run(softgrad, tmp_path, monkeypatch):
    interrupted(softgrad, monkeypatch, 2)
    with (tmp_path / "run.unfinished" / "config.toml").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        run = softgrad("train", "--resume", "run")
    assert (run.code, run.err) == (2, "softgrad: train: another process trains in run.unfinished; wait for it to end\n")
    assert softgrad("train", "--resume", "run").code == 0
