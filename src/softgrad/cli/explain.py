"""`softgrad explain`: the derivation of a loss's gradient, step by step, for given logits and a target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer

from softgrad._arrays import Array
from softgrad._files import write_together
from softgrad._messages import one_line, quoted
from softgrad._numerals import to_integer, to_number
from softgrad.cli.losses import loss_name, loss_option
from softgrad.cli.numbers import integer_option
from softgrad.errors import OptionError
from softgrad.explanation import Explanation
from softgrad.explanation import explain as explain_numbers
from softgrad.explanation.arguments import DERIVED, Layout


def explain(
    logits: Annotated[
        list[str],
        typer.Argument(metavar="LOGITS...", help="One row such as 2 1 0.1, or several rows such as 2,1,0.1 0,3,1."),
    ],
    target: Annotated[
        list[str],
        typer.Option(
            metavar="TARGET",
            help="A class index, or one probability per class such as 0.7,0.2,0.1; give it once per row.",
        ),
    ],
    loss: Annotated[
        str,
        loss_option(DERIVED, help="The loss of the softmax of the logits."),
    ] = "cross-entropy",
    layout: Annotated[
        Literal["rows", "columns"], typer.Option(help="Whether the samples of a batch are rows or columns of a matrix.")
    ] = "rows",
    temperature: Annotated[float, typer.Option(help="The logits are divided by this number.")] = 1.0,
    label_smoothing: Annotated[
        float, typer.Option(help="The fraction of the target that is spread over all classes, from 0 to 1.")
    ] = 0.0,
    weight: Annotated[str | None, typer.Option(metavar="WEIGHTS", help="One weight per class such as 1,2,0.5.")] = None,
    mine: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GRADIENT",
            help="Your own gradient, such as -0.341,0.242,0.099; give it once per row. The derivation says which "
            "mistake it is.",
        ),
    ] = None,
    rows: Annotated[int, integer_option("Number of rows shown in full.", min=1)] = 2,
    classes: Annotated[int, integer_option("Number of classes shown.", min=1)] = 8,
    html: Annotated[Path | None, typer.Option(help="Write an HTML page to this file.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write Markdown to this file.")] = None,
    latex: Annotated[Path | None, typer.Option(help="Write a LaTeX document to this file.")] = None,
) -> None:
    """Derive the gradient of a loss at LOGITS step by step, and show the common mistakes.

    The derivation is printed as text unless an output file is given.
    """
    z, t = _numbers(logits, target, layout)
    explanation = explain_numbers(
        z,
        t,
        loss=loss_name(loss),
        layout=layout,
        temperature=temperature,
        label_smoothing=label_smoothing,
        weight=None if weight is None else _table("--weight", [weight.split(",")])[0],
        mine=_gradient(mine, z, layout) if mine else None,
        rows=rows,
        classes=classes,
    )
    formats: list[tuple[Path | None, Callable[[Explanation], str]]] = [
        (html, Explanation.to_html),
        (markdown, Explanation.to_markdown),
        (latex, Explanation.to_latex),
    ]
    files = [(path, render) for path, render in formats if path is not None]
    if len({path for path, _ in files}) < len(files):
        raise OptionError("explain: two formats have the same file; choose a path for each")
    write_together({path: render(explanation).encode() for path, render in files})
    if not files:
        typer.echo(str(explanation), nl=False)


def _numbers(logits: list[str], target: list[str], layout: Layout) -> tuple[Array, Array]:
    """Logits and target in the form that `sg.explain` accepts."""
    for text in logits:
        if "" in text.split(","):
            raise OptionError(
                f"explain: LOGITS has {quoted(text)}, where a number next to a comma is missing; write 2 1 0.1 or "
                "2,1,0.1"
            )
    rows = any("," in text for text in logits)
    z = np.array(_table("LOGITS", [text.split(",") for text in logits]) if rows else _table("LOGITS", [logits])[0])
    t: Array
    if any("," in text for text in target):
        t = np.array(_table("--target", [text.split(",") for text in target]))
    else:
        t = np.array([_class(text) for text in target])
    if len(target) != (len(z) if rows else 1):
        raise OptionError(
            f"explain: the number of targets is {len(target)}, but the number of rows is {len(z) if rows else 1}; give "
            "--target once for each row"
        )
    if not rows:
        return z, t[0]
    return (z.T, t.T) if layout == "columns" else (z, t)


def _gradient(mine: list[str], z: Array, layout: Layout) -> Array:
    """The reader's own gradient, with one row for each row of logits."""
    rows = _table("--mine", [text.split(",") for text in mine])
    wanted = (1, len(z)) if z.ndim == 1 else z.T.shape if layout == "columns" else z.shape
    if (len(rows), len(rows[0])) != wanted:
        raise OptionError(
            f"explain: --mine has {len(rows)} x {len(rows[0])} numbers, wanted {wanted[0]} x {wanted[1]}, as logits; "
            "join the numbers of a row with commas, such as --mine=-0.341,0.242,0.099"
        )
    if z.ndim == 1:
        return np.array(rows[0])
    return np.array(rows).T if layout == "columns" else np.array(rows)


def _table(name: str, lines: list[list[str]]) -> list[list[float]]:
    if len({len(line) for line in lines}) > 1:
        lengths = one_line(", ".join(str(len(line)) for line in lines), 60)
        raise OptionError(f"explain: the rows of {name} have the lengths {lengths}, wanted rows of equal length")
    return [[_number(name, text) for text in line] for line in lines]


def _number(name: str, text: str) -> float:
    number = to_number(text.strip())
    if number is None:
        such_as = "2 1 0.1" if name == "LOGITS" else "0.7,0.2,0.1"
        raise OptionError(f"explain: {name} has {quoted(text)}, wanted finite numbers such as {such_as}")
    return number


def _class(text: str) -> int:
    number = to_integer(text.strip())
    if number is None:
        raise OptionError(
            f"explain: --target is {quoted(text)}, wanted a class index such as 0, or one probability per class such "
            "as 0.7,0.3"
        )
    return number
