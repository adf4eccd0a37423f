"""`softgrad train`: reads a table, checks the gradient of a network, trains it, and measures its accuracy."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import typer

from softgrad import nn
from softgrad._arrays import Array
from softgrad._files import check_writable, write_together
from softgrad._messages import list_names, quoted
from softgrad._numerals import to_integer
from softgrad.check import GradientError, compare_gradients
from softgrad.check.derivatives.network import entries_compared
from softgrad.cli.console import output, progress
from softgrad.cli.losses import loss_name, loss_option
from softgrad.cli.numbers import integer_option, number_option
from softgrad.data import Encoding, NumberColumn, Split, Table, read_classes, read_table, split
from softgrad.data.tables import BUNDLED
from softgrad.errors import DataError, OptionError
from softgrad.formulas.losses import LOSSES
from softgrad.nn import checkpoint
from softgrad.nn.threads import blas_threads
from softgrad.nn.workspace import Workspace

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "softmax": nn.Softmax}
GRADIENT_LIMIT = 1e-6
ROWS_CHECKED = 16


def train(
    data: Annotated[
        str, typer.Argument(help=f"A CSV file with column names in its first line; or {', '.join(BUNDLED)}.")
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
    sample of each array and random projections of it, in which every entry counts. A fifth of the rows is the test set,
    and another fifth is the validation set. Training stops when the validation loss has not fallen for 10 epochs; the
    parameters of the best epoch are kept. Number columns are standardised, and text columns are one-hot encoded.
    """
    started = time.perf_counter()
    units = _hidden_units(hidden)
    stepper = _optimizer(optimizer, learning_rate)
    folder = out or Path("softgrad-runs") / Path(data).stem
    model, report = folder / "model.safetensors", folder / "metrics.json"
    check_writable(model, report)
    problem = _read_problem(data, target, seed)
    for line in problem.summary():
        output(line)

    network = _build(units, activation, loss, len(problem.classes)).initialize(problem.x.shape[1], seed=seed)
    worst, extent = _check_gradient(network, problem, seed)
    if not worst.error <= GRADIENT_LIMIT:
        typer.echo(f"softgrad: the gradient of {worst.name} is wrong: {worst}; nothing was trained", err=True)
        return 1
    output(f"gradient check: {extent}, largest relative error {worst.error:.1e} (limit {GRADIENT_LIMIT:.0e})")

    history = _train(network, problem, stepper, epochs, batch_size, seed)
    metrics = {
        "dataset": data,
        "target": problem.target,
        **{
            f"{subset}_{name}": value for subset, of in _measure(network, problem).items() for name, value in of.items()
        },
        "gradient_error": worst.error,
        "epochs": len(history),
        "seed": seed,
        "hidden": units,
        "activation": activation,
        "loss": loss,
        "optimizer": optimizer,
        "learning_rate": stepper.learning_rate,
        "batch_size": batch_size,
    }
    # The model holds the metrics too. metrics.json names the model that they belong to, by its checksum, and adds the
    # time, which would make two files of the same model differ.
    facts = {"classes": problem.classes, "encoding": problem.encoding.to_json(), "metrics": metrics}
    content = checkpoint.to_bytes(network, facts)
    metrics |= {"seconds": round(time.perf_counter() - started, 3), "model_sha256": checkpoint.checksum(content)}
    write_together({model: content, report: (json.dumps(metrics, indent=2) + "\n").encode()})
    _print_metrics(metrics)  # after the files are written, since printing fails if the reader of the output has exited
    output(f"model and metrics in {folder}")
    return 0


class Problem(NamedTuple):
    """A table that was read and split."""

    table: Table
    target: str
    x: Array  # (N, D) float64
    labels: Array  # (N)
    classes: tuple[str, ...]
    encoding: Encoding
    rows: Split

    def subset(self, rows: Array) -> tuple[Array, Array]:
        """The given rows of x, and their labels."""
        return self.x[rows], self.labels[rows]

    def summary(self) -> list[str]:
        """The source and the sizes of the table, and how its columns were read, in one line each."""
        N, D = self.x.shape
        subsets = ", ".join(f"{len(rows):,} {name}" for name, rows in self.rows._asdict().items())
        numbers = [column.name for column in self.encoding.columns if isinstance(column, NumberColumn)]
        texts = [column.name for column in self.encoding.columns if not isinstance(column, NumberColumn)]
        lines = [f"{self.table.source}: {N:,} rows of {D} features in {len(self.classes)} classes ({subsets})"]
        if self.table.target is None:  # the columns of a bundled set are known
            parts = [f"{kind}: {list_names(names)}" for kind, names in (("numbers", numbers), ("text", texts)) if names]
            lines.append("; ".join([*parts, f"classes: {list_names(self.classes)}"]))
        return lines


def _read_problem(data: str, target: str | None, seed: int) -> Problem:
    table = read_table(data)
    if table.target is not None and target is not None:
        raise OptionError(f"train: {data} already has a target; leave out --target {quoted(target)}")
    column = table.target or target
    if column is None:
        raise OptionError(
            f"train: --target is missing; name the column of {data} that holds the class: {list_names(table.columns)}"
        )
    labels, classes = read_classes(table, column)
    features = [name for name in table.columns if name != column]
    if not features:
        raise DataError(f"{data} has no column besides the target {quoted(column)}; wanted at least one feature column")
    rows = split(table, labels, classes, seed=seed)
    encoding = Encoding.fit(table, features, rows.train)
    return Problem(table, column, encoding.transform(table), labels, classes, encoding, rows)


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
    network: nn.Network, problem: Problem, optimizer: nn.Optimizer, epochs: int, batch_size: int, seed: int
) -> list[nn.Epoch]:
    x, labels = problem.subset(problem.rows.train)
    with blas_threads(network, batch_size), progress("training", epochs) as bar:
        return nn.train(
            network,
            x,
            labels,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            validation=problem.subset(problem.rows.validation),
            seed=seed,
            on_epoch=lambda e: bar.advance(f"epoch {e.number}: loss {e.loss:.4f}, validation {e.validation_loss:.4f}"),
        )


def _measure(network: nn.Network, problem: Problem) -> dict[str, dict[str, float]]:
    """The accuracy, the loss and the number of rows of the training, validation and test sets."""
    measures = {}
    for name, rows in problem.rows._asdict().items():
        x, labels = problem.subset(rows)
        accuracy = float((network.predict(x) == labels).mean())
        measures[name] = {"accuracy": accuracy, "loss": float(network.loss(x, labels)), "rows": len(rows)}
    return measures


def _print_metrics(metrics: dict[str, Any]) -> None:
    from rich.table import Table as Grid

    grid = Grid(
        "", "rows", "accuracy", "loss", caption=f"{metrics['epochs']} epochs in {metrics['seconds']:.1f} seconds"
    )
    for column in grid.columns[1:]:
        column.justify = "right"
    for subset in Split._fields:
        rows, accuracy, loss = (metrics[f"{subset}_{name}"] for name in ("rows", "accuracy", "loss"))
        grid.add_row(subset, f"{rows:,}", f"{accuracy:.4f}", f"{loss:.4f}")
    output(grid)


def _optimizer(name: str, learning_rate: float | None) -> nn.Optimizer:
    kind: Callable[..., nn.Optimizer] = {"sgd": nn.SGD, "adam": nn.Adam}[name]
    if learning_rate is not None and not 0 < learning_rate < math.inf:
        raise OptionError(f"train: --learning-rate is {learning_rate}, wanted a positive number such as 0.001")
    return kind() if learning_rate is None else kind(learning_rate)


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
