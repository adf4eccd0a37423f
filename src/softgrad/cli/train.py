"""`softgrad train`: reads a table, checks the gradient of a network, trains it, and measures its accuracy."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer

from softgrad import nn
from softgrad._files import check_writable, write_together
from softgrad._messages import quoted
from softgrad._numerals import to_integer, to_number
from softgrad.check import GradientError, compare_gradients
from softgrad.check.derivatives.network import entries_compared
from softgrad.cli import results
from softgrad.cli.console import output, progress
from softgrad.cli.losses import loss_name, loss_option
from softgrad.cli.numbers import integer_option, number_option
from softgrad.cli.problem import Problem, balanced_weights, read_problem
from softgrad.data.fitting import Kind
from softgrad.data.tables import BUNDLED
from softgrad.errors import OptionError
from softgrad.formulas.losses import LOSSES
from softgrad.nn import checkpoint
from softgrad.nn.threads import blas_threads
from softgrad.nn.workspace import Workspace

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "softmax": nn.Softmax}
GRADIENT_LIMIT = 1e-6
ROWS_CHECKED = 16


def train(
    data: Annotated[
        str,
        typer.Argument(
            help=f"A CSV file with column names in its first line; - for standard input; or {', '.join(BUNDLED)}."
        ),
    ] = "digits",
    target: Annotated[str | None, typer.Option(help="The column of the CSV file that holds the class.")] = None,
    hidden: Annotated[
        str, typer.Option(help="Number of units in each hidden layer, such as 64,32; 0 for no hidden layer.")
    ] = "128",
    activation: Annotated[
        Literal["relu", "tanh", "sigmoid", "softmax"], typer.Option(help="The activation after each hidden layer.")
    ] = "relu",
    loss: Annotated[str, loss_option(LOSSES, help="The loss of the softmax of the last layer.")] = "cross-entropy",
    epochs: Annotated[int, integer_option("Largest number of passes over the training rows.", min=1)] = 200,
    batch_size: Annotated[int, integer_option("Number of rows per step.", min=1)] = 32,
    learning_rate: Annotated[
        float | None, number_option("The step size.  [default: 0.001 for adam, 0.01 for sgd]", such_as="0.001")
    ] = None,
    optimizer: Annotated[Literal["sgd", "adam"], typer.Option(help="The optimizer; sgd has momentum 0.9.")] = "adam",
    class_weight: Annotated[
        Literal["none", "balanced"],
        typer.Option(help="balanced: each class counts alike in the loss, however many rows it has."),
    ] = "none",
    patience: Annotated[
        int, integer_option("Number of epochs without a lower validation loss after which training stops.", min=1)
    ] = 10,
    split: Annotated[
        str, typer.Option(help="Percentages of the rows for training, validation and test; their sum is 100.")
    ] = "60,20,20",
    stratify: Annotated[
        bool, typer.Option(help="Whether every class has the same part of its rows in each set.")
    ] = True,
    drop: Annotated[
        list[str] | None, typer.Option(help="A column to leave out; or several, separated by commas.", metavar="NAME")
    ] = None,
    numbers: Annotated[list[str] | None, typer.Option(help="Columns to read as numbers.", metavar="NAME")] = None,
    categories: Annotated[list[str] | None, typer.Option(help="Columns to read as categories.", metavar="NAME")] = None,
    dates: Annotated[list[str] | None, typer.Option(help="Columns to read as dates.", metavar="NAME")] = None,
    check: Annotated[bool, typer.Option(help="Whether to check the gradient before training.")] = True,
    seed: Annotated[
        int, integer_option("The seed of the split, the initial weights and the shuffling.", min=0, max=2**32 - 1)
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder for model.safetensors and metrics.json.  [default: softgrad-runs/NAME]"),
    ] = None,
) -> int:
    """Check the gradient of a network, then train it on DATA.

    The gradient is compared with central differences in float64: every entry of up to 10,000 parameters; of more, a
    sample of each array and random projections of it, in which every entry counts. Training stops when the validation
    loss has not fallen for --patience epochs; the parameters of the best epoch are kept. Numbers are
    standardised, categories are one-hot encoded, and identifiers are left out; the output says which columns are
    what. At the end, the test set is measured, beside what always
    answering the commonest class reaches.
    """
    started = time.perf_counter()
    units = _hidden_units(hidden)
    stepper = _optimizer(optimizer, learning_rate)
    folder = out or Path("softgrad-runs") / _run_name(data)
    model, report = folder / "model.safetensors", folder / "metrics.json"
    check_writable(model, report)
    kinds: dict[Kind, list[str]] = {
        "left out": drop or [],
        "number": numbers or [],
        "category": categories or [],
        "date": dates or [],
    }
    problem = read_problem(data, target, seed, _fractions(split), stratify, kinds)
    for line in problem.summary():
        output(line)

    network = _build(units, activation, loss, len(problem.classes)).initialize(problem.x.shape[1], seed=seed)
    gradient_error, checked = None, time.perf_counter()
    if check:
        worst, extent = _check_gradient(network, problem, seed)
        if not worst.error <= GRADIENT_LIMIT:
            typer.echo(f"softgrad: the gradient of {worst.name} is wrong: {worst}; nothing was trained", err=True)
            return 1
        gradient_error, limit = worst.error, f"limit {GRADIENT_LIMIT:.0e}"
        seconds = time.perf_counter() - checked
        output(f"gradient check: {extent}, largest relative error {worst.error:.1e} ({limit}), {seconds:.1f} seconds")

    training = time.perf_counter()
    history = _train(network, problem, stepper, epochs, batch_size, patience, class_weight == "balanced", seed)
    trained = time.perf_counter()
    metrics = {
        "dataset": data,
        "target": problem.target,
        **results.measure(network, problem),
        "gradient_error": gradient_error,
        "epochs": len(history),
        "seed": seed,
        "hidden": units,
        "activation": activation,
        "loss": loss,
        "optimizer": optimizer,
        "learning_rate": stepper.learning_rate,
        "batch_size": batch_size,
        "class_weight": class_weight,
        "patience": patience,
        "split": split,
        "stratify": stratify,
    }
    metrics["warning"] = results.warning(
        metrics, balanced=class_weight == "balanced", more_epochs=len(history) == epochs
    )
    # The model holds the metrics too. metrics.json names the model that they belong to, by its checksum, and adds the
    # time, which would make two files of the same model differ.
    facts = {"classes": problem.classes, "encoding": problem.encoding.to_json(), "metrics": metrics}
    content = checkpoint.to_bytes(network, facts)
    metrics |= {
        "check_seconds": round(training - checked, 3),
        "training_seconds": round(trained - training, 3),
        "seconds": round(time.perf_counter() - started, 3),
        "model_sha256": checkpoint.checksum(content),
    }
    write_together({model: content, report: (json.dumps(metrics, indent=2) + "\n").encode()})
    results.show(metrics)  # after the files are written, since printing fails if the reader of the output has exited
    output(f"model and metrics in {folder}")
    return 0


def _build(units: list[int], activation: str, loss: str, classes: int) -> nn.Network:
    layers: list[nn.Layer] = []
    for width in units:
        layers += [nn.Dense(width), ACTIVATIONS[activation]()]
    return nn.Network([*layers, nn.Dense(classes)], loss=loss_name(loss))


def _check_gradient(network: nn.Network, problem: Problem, seed: int) -> tuple[GradientError, str]:
    """The entry of the gradient with the largest error, in float64, and what was compared.

    The gradient is that of the pass that training runs; the losses are those of the network's own, plain pass.
    The matrices are so small that BLAS is faster with one thread, on a busy machine by a factor of 100. The parameters
    are moved a little first: with the initial biases of 0, a row of zeros is at the kink of ReLU.
    """
    from threadpoolctl import threadpool_limits

    network = network.astype(np.float64)
    rng = np.random.default_rng(seed)
    for parameter in network.parameters.values():
        parameter += 0.05 * rng.standard_normal(parameter.shape)
    x, labels = problem.subset(problem.rows.train[:ROWS_CHECKED])
    workspace = Workspace(network)
    workspace.loss_with_grads(x, labels, None, None)
    entries = entries_compared(network.parameters)
    with threadpool_limits(1, user_api="blas"), progress("checking the gradient", entries) as bar:
        worst = compare_gradients(
            lambda: float(network.loss(x, labels)),
            network.parameters,
            workspace.grad_of,
            limit=GRADIENT_LIMIT,
            on_entry=bar.advance,
        )
    everything = sum(parameter.size for parameter in network.parameters.values())
    if worst.entries == everything:
        return worst, f"{everything:,} parameters"
    return (
        worst,
        f"{worst.entries:,} of {everything:,} parameters one by one, all in {worst.projections} random projections",
    )


def _train(
    network: nn.Network,
    problem: Problem,
    optimizer: nn.Optimizer,
    epochs: int,
    batch_size: int,
    patience: int,
    balanced: bool,
    seed: int,
) -> list[nn.Epoch]:
    x, labels = problem.subset(problem.rows.train)
    validation = problem.subset(problem.rows.validation)
    weight = balanced_weights(labels) if balanced else None
    with blas_threads(network, batch_size), progress("training", epochs) as bar:
        return nn.train(
            network,
            x,
            labels,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            patience=patience,
            sample_weight=None if weight is None else weight[labels],
            validation=validation if weight is None else (*validation, weight[validation[1]]),
            seed=seed,
            on_epoch=lambda e: bar.advance(f"epoch {e.number}: loss {e.loss:.4f}, validation {e.validation_loss:.4f}"),
        )


def _optimizer(name: str, learning_rate: float | None) -> nn.Optimizer:
    kind: Callable[..., nn.Optimizer] = {"sgd": nn.SGD, "adam": nn.Adam}[name]
    if learning_rate is not None and not 0 < learning_rate < math.inf:
        raise OptionError(f"train: --learning-rate is {learning_rate}, wanted a positive number such as 0.001")
    return kind() if learning_rate is None else kind(learning_rate)


def _run_name(data: str) -> str:
    """The name of a run on this table: table, of folder/table.csv.gz."""
    return "standard-input" if data == "-" else Path(data.removesuffix(".gz")).stem


def _fractions(split: str) -> tuple[float, float, float]:
    percentages = [to_number(part.strip()) for part in split.split(",")]
    given = [each for each in percentages if each is not None and each > 0]
    if len(given) != len(percentages) or len(given) != 3 or abs(sum(given) - 100) > 1e-6:
        raise OptionError(
            f"train: --split is {quoted(split)}, wanted three positive percentages whose sum is 100, such as 60,20,20"
        )
    return given[0] / 100, given[1] / 100, given[2] / 100


def _hidden_units(hidden: str) -> list[int]:
    units = [to_integer(width.strip()) for width in hidden.split(",")]
    if units == [0]:
        return []
    sizes = [width for width in units if width is not None and 1 <= width < 2**31]
    if len(sizes) < len(units):
        raise OptionError(
            f"train: --hidden is {quoted(hidden)}, wanted positive integers such as 64,32, or 0 for no hidden layer"
        )
    return sizes
