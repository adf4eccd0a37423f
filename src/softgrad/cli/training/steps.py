"""The steps of a run, in order."""

from __future__ import annotations

import shlex
from pathlib import Path

import typer

from softgrad.cli import results
from softgrad.cli.console import output
from softgrad.cli.problem import read_problem
from softgrad.cli.training.clock import Clock
from softgrad.cli.training.config import RunConfig
from softgrad.cli.training.fitting import build, fit, fit_temperature
from softgrad.cli.training.folder import RunFolder, contents
from softgrad.cli.training.folds import cross_validate
from softgrad.cli.training.folds import show as show_folds
from softgrad.cli.training.gradient import GRADIENT_LIMIT, check_gradient
from softgrad.cli.training.metrics import collect, history_of
from softgrad.cli.training.reports import details_of, write_report
from softgrad.errors import MissingPackageError


def train(config: RunConfig, out: Path | None, *, report: bool) -> int:
    """Reads the table, checks the gradient, trains, measures, and writes the folder. Returns the exit code."""
    clock = Clock()
    folder = RunFolder(config.data, out)
    problem = read_problem(config)
    for line in problem.summary():
        output(line)

    network = build(config, problem)
    gradient = None
    clock.lap()
    if config.check:
        gradient = check_gradient(network, problem, config.seed)
        clock.lap("check_seconds")
        if not gradient.error <= GRADIENT_LIMIT:
            typer.echo(f"softgrad: {gradient.failure()}; nothing was trained", err=True)
            return 1
        output(f"{gradient.summary()}, {clock.seconds['check_seconds']:.1f} seconds")

    folds = None
    if config.cross_validate:
        folds = cross_validate(config, problem, config.cross_validate)
        show_folds(folds)

    with folder.made(config):
        history = fit(network, config, problem, clock)
        temperature = fit_temperature(network, problem) if config.calibrate else 1.0
        metrics = collect(config, problem, network, history, gradient, temperature, folds)
        details = details_of(network, problem, temperature, config.seed) if report else None
        clock.lap()
        record = {"history": history_of(history, clock), **clock.rounded()}
        folder.finish(contents(problem, network, metrics, record, details))
    # after the files are written, since printing fails if the reader of the output has exited
    results.show(metrics | record)
    output(f"model and metrics in {folder.path}")
    if report:
        _report(folder.path)
    return 0


def _report(folder: Path) -> None:
    try:
        output(f"report in {write_report(folder)}")
    except MissingPackageError as error:
        output(f"no {error}, then softgrad report {shlex.quote(str(folder))}")
