"""The options of a run, each declared once: type, default, words, and what it may be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Annotated, Any, Literal

import typer

from softgrad._messages import quoted
from softgrad._numerals import to_integer, to_number
from softgrad.cli.losses import loss_option
from softgrad.cli.numbers import integer_option, number_option
from softgrad.data.summaries import Kind
from softgrad.data.tables import SOURCES
from softgrad.errors import OptionError
from softgrad.formulas.losses import LOSSES


def _option(panel: str, help: str, metavar: str | None = None) -> Any:
    return typer.Option(help=help, metavar=metavar, rich_help_panel=panel)


TABLE, NETWORK, TRAINING, RUN = "Table", "Network", "Training", "Run"  # the parts of --help
table, network, training = (partial(_option, panel) for panel in (TABLE, NETWORK, TRAINING))

RANGES: dict[str, tuple[Callable[[float], bool], str]] = {  # option: (what is in its range, in words)
    "learning_rate": (lambda value: 0 < value < math.inf, "a positive number such as 0.001"),
    "weight_decay": (lambda value: 0 <= value < math.inf, "0 or a positive number such as 0.01"),
    "dropout": (lambda value: 0 <= value < 1, "at least 0 and less than 1"),
    "smoothing": (lambda value: 0 <= value < 1, "at least 0 and less than 1"),
}


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """All options that the result of a run depends on. `softgrad train` has an option for each field.

    Raises:
        OptionError: an option is outside its range.
    """

    data: Annotated[
        str,
        typer.Argument(help=SOURCES),
    ] = "digits"

    target: Annotated[
        str | None, table("The column that holds the class; or the array, in an .npz file, where the default is y.")
    ] = None
    array: Annotated[
        str | None, table("The array of an .npz file that holds the inputs.  [default: x]", metavar="NAME")
    ] = None
    drop: Annotated[
        list[str] | None, table("A column to leave out; or several, separated by commas.", metavar="NAME")
    ] = None
    numbers: Annotated[list[str] | None, table("Columns to read as numbers.", metavar="NAME")] = None
    categories: Annotated[list[str] | None, table("Columns to read as categories.", metavar="NAME")] = None
    dates: Annotated[list[str] | None, table("Columns to read as dates.", metavar="NAME")] = None
    missing: Annotated[
        list[str] | None,
        table(
            "A text that stands for a missing number, such as unknown; or several, separated by commas.", metavar="TEXT"
        ),
    ] = None
    split: Annotated[str, table("Percentages of the rows for training, validation and test; their sum is 100.")] = (
        "60,20,20"
    )
    stratify: Annotated[bool, table("Whether every class has the same part of its rows in each set.")] = True

    stream: Annotated[
        bool,
        typer.Option(
            "--stream",
            help="Read a Parquet file in blocks, for tables larger than memory. The rows of a set are drawn "
            "whatever their class.",
            rich_help_panel=TABLE,
        ),
    ] = False

    hidden: Annotated[str, network("Number of units in each hidden layer, such as 64,32; 0 for no hidden layer.")] = (
        "128"
    )
    activation: Annotated[
        Literal["relu", "tanh", "sigmoid", "softmax"], network("The activation after each hidden layer.")
    ] = "relu"
    dropout: Annotated[
        float,
        number_option(
            "The fraction of the outputs of each hidden layer that is set to 0 in a step.", such_as="0.2", panel=NETWORK
        ),
    ] = 0.0

    loss: Annotated[str, loss_option(LOSSES, help="The loss of the softmax of the last layer.", panel=TRAINING)] = (
        "cross-entropy"
    )
    smoothing: Annotated[
        float,
        number_option(
            "Label smoothing: the part of each target that is spread over all classes.", such_as="0.1", panel=TRAINING
        ),
    ] = 0.0
    class_weight: Annotated[
        Literal["none", "balanced"],
        training("balanced: each class counts alike in the loss, however many rows it has."),
    ] = "none"
    epochs: Annotated[
        int, integer_option("Largest number of passes over the training rows.", min=1, panel=TRAINING)
    ] = 200
    patience: Annotated[
        int,
        integer_option(
            "Number of epochs without a lower validation loss after which training stops.", min=1, panel=TRAINING
        ),
    ] = 10
    batch_size: Annotated[int, integer_option("Number of rows per step.", min=1, panel=TRAINING)] = 32
    optimizer: Annotated[Literal["sgd", "adam"], training("The optimizer; sgd has momentum 0.9.")] = "adam"
    learning_rate: Annotated[
        float | None,
        number_option("The step size.  [default: 0.001 for adam, 0.01 for sgd]", such_as="0.001", panel=TRAINING),
    ] = None
    schedule: Annotated[
        Literal["constant", "cosine", "plateau"],
        training(
            "The learning rate over time. cosine: it falls to 0 at the last of --epochs. plateau: it is divided by 5 "
            "when the validation loss has not fallen for half of --patience."
        ),
    ] = "constant"
    weight_decay: Annotated[
        float,
        number_option("In each step, weights shrink by this times the learning rate.", such_as="0.01", panel=TRAINING),
    ] = 0.0
    seed: Annotated[
        int,
        integer_option(
            "The seed of the split, the initial weights, the shuffling and dropout.",
            min=0,
            max=2**32 - 1,
            panel=TRAINING,
        ),
    ] = 0

    cross_validate: Annotated[
        int | None,
        integer_option(
            "First try the options on this many folds of the table, and show the mean and deviation of each result.",
            min=2,
            panel=TRAINING,
        ),
    ] = None
    calibrate: Annotated[
        bool,
        training("Whether to divide the logits by a temperature with which the probabilities fit the validation rows."),
    ] = False
    check: Annotated[bool, typer.Option(help="Whether to check the gradient before training.", rich_help_panel=RUN)] = (
        True
    )

    def __post_init__(self) -> None:
        _ = self.units, self.fractions  # which raise
        if self.stream and self.cross_validate:
            raise OptionError(
                "train: --cross-validate needs the table in memory; leave out --cross-validate or --stream"
            )
        for name, (in_range, wanted) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not in_range(value):
                raise OptionError(f"train: --{name.replace('_', '-')} is {value}, wanted {wanted}")

    @cached_property
    def units(self) -> list[int]:
        """The number of units of each hidden layer."""
        units = [to_integer(width.strip()) for width in self.hidden.split(",")]
        if units == [0]:
            return []
        sizes = [width for width in units if width is not None and 1 <= width < 2**31]
        if len(sizes) < len(units):
            raise OptionError(
                f"train: --hidden is {quoted(self.hidden)}, wanted positive integers such as 64,32, or 0 for no hidden "
                "layer"
            )
        return sizes

    @cached_property
    def fractions(self) -> tuple[float, float, float]:
        """The fractions of the rows for training, validation and test."""
        percentages = [to_number(part.strip()) for part in self.split.split(",")]
        given = [each for each in percentages if each is not None and each > 0]
        if len(given) != len(percentages) or len(given) != 3 or abs(sum(given) - 100) > 1e-6:
            raise OptionError(
                f"train: --split is {quoted(self.split)}, wanted three positive percentages whose sum is 100, such as "
                "60,20,20"
            )
        return given[0] / 100, given[1] / 100, given[2] / 100

    @property
    def missing_texts(self) -> list[str]:
        """The texts that stand for a missing number."""
        return [text.strip() for given in self.missing or [] for text in given.split(",")]

    @property
    def kinds(self) -> dict[Kind, list[str]]:
        """The names of columns that are to be read as one of a kind."""
        return {
            "left out": self.drop or [],
            "number": self.numbers or [],
            "category": self.categories or [],
            "date": self.dates or [],
        }
