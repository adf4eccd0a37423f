"""The steps of a run, in order."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import typer

from softgrad import nn
from softgrad._messages import counted
from softgrad.cli import results
from softgrad.cli.console import output
from softgrad.cli.problem import Problem, read_problem
from softgrad.cli.training.checkpoints import Checkpoint, Checkpoints
from softgrad.cli.training.clock import Clock
from softgrad.cli.training.config import RunConfig
from softgrad.cli.training.fitting import build, build_trainer, fit, fit_temperature
from softgrad.cli.training.folder import CONFIG, contents, new_folder, unfinished_folder
from softgrad.cli.training.folds import cross_validate
from softgrad.cli.training.folds import show as show_folds
from softgrad.cli.training.gradient import GRADIENT_LIMIT, check_gradient
from softgrad.cli.training.metrics import collect, history_of
from softgrad.cli.training.reports import details_of, write_report
from softgrad.data.tables import BUNDLED
from softgrad.errors import MissingPackageError, OptionError, TrainingError
from softgrad.nn.words import Words


def train(
    config: RunConfig, out: Path | None, *, report: bool, resume: Path | None, checkpoint_seconds: float | None
) -> int:
    """Reads the table, checks the gradient, trains, measures, and writes the folder. Returns the exit code."""
    clock = Clock()
    folder = new_folder(config.data, out) if resume is None else unfinished_folder(resume)
    if resume is not None and not (config.data in (*BUNDLED, "-") or Path(config.data).exists()):
        raise OptionError(
            f"train: {config.data}, the table of the run in {folder.unfinished}, is not here; go to the folder that "
            f"the run was started in, or write where the table is into {folder.unfinished / CONFIG}"
        )
    saved = Checkpoint(folder.checkpoint) if resume is not None and folder.checkpoint.exists() else None
    if saved is not None:
        saved.check_options(config)
    problem = read_problem(config)
    for line in problem.summary():
        output(line)

    network = build(config, problem)
    trainer = build_trainer(network, config, problem)
    clock.lap()
    if saved is None:
        earlier = _before_training(config, network, problem, clock)
    else:
        earlier = _go_on(saved, trainer, problem, clock)
    if earlier is None:
        return 1

    with folder.made(config, report=report):
        checkpoints = Checkpoints(folder.checkpoint, trainer, problem, clock, config, earlier, checkpoint_seconds)
        trainer.words = Words("train", "--learning-rate", folder.left_after_divergence)
        try:
            fit(trainer, clock, checkpoints)
        except TrainingError:
            folder.keep_last_good(problem, network, trainer.good_epoch)
            raise
        temperature = fit_temperature(network, problem) if config.calibrate else 1.0
        metrics = collect(config, problem, network, trainer.history, temperature, earlier)
        details = details_of(network, problem, temperature, config.seed) if report else None
        clock.lap()
        record = {"history": history_of(trainer.history, clock), **clock.rounded()}
        folder.finish(contents(problem, network, metrics, record, details))
    # after the files are written, since printing fails if the reader of the output has exited
    results.show(metrics | record)
    output(f"model and metrics in {folder.path}")
    if report:
        _report(folder.path)
    return 0


def _before_training(config: RunConfig, network: nn.Network, problem: Problem, clock: Clock) -> dict[str, Any] | None:
    """What is found before the training: the error of the gradient, and the results of each fold.

    None if the gradient is wrong, so that nothing is to be trained.
    """
    found: dict[str, Any] = {"gradient_error": None, "cross_validation": None}
    if config.check:
        gradient = check_gradient(network, problem, config.seed)
        clock.lap("check_seconds")
        if not gradient.error <= GRADIENT_LIMIT:
            typer.echo(f"softgrad: {gradient.failure()}; nothing was trained", err=True)
            return None
        output(f"{gradient.summary()}, {clock.seconds['check_seconds']:.1f} seconds")
        found["gradient_error"] = gradient.error
    if config.cross_validate:
        found["cross_validation"] = cross_validate(config, problem, config.cross_validate)
        show_folds(found["cross_validation"])
    return found


def _go_on(saved: Checkpoint, trainer: nn.Trainer, problem: Problem, clock: Clock) -> dict[str, Any]:
    """Brings the training to a checkpoint, and returns what was found before the training."""
    saved.check_data(problem)
    trainer.restore(saved.state)
    clock.go_on_from(saved.facts["clock"])
    output(f"goes on after {counted(len(trainer.history), 'epoch')}, {counted(trainer.steps, 'step')}")
    return dict(saved.facts["earlier"])


def _report(folder: Path) -> None:
    try:
        output(f"report in {write_report(folder)}")
    except MissingPackageError as error:
        output(f"no {error}, then softgrad report {shlex.quote(str(folder))}")
