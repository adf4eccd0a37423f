"""`softgrad check`: says whether a hand-written gradient is right, and if not, what the line should be."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer

from softgrad import check as checker
from softgrad._messages import quoted
from softgrad._numerals import to_integer
from softgrad.check.user.options import DRAWS, FEWEST_CALLS, FEWEST_DRAWS, MAX_CALLS, MOST_DRAWS
from softgrad.cli.inputs import Maker, drawn, returned_by
from softgrad.cli.numbers import integer_option, number_option
from softgrad.cli.signatures import check_takes, check_takes_vjp
from softgrad.cli.user_file import UserFile, user_file
from softgrad.errors import OptionError

PAIRS = (("forward", "vjp"), ("loss", "grad"))  # options, and the functions that are looked for without them
EXIT_CODES = {True: 0, False: 1, None: 2}  # Report.ok


def check(
    file: Annotated[Path, typer.Argument(help="A Python file with forward and vjp, or loss and grad.")],
    forward: Annotated[str | None, typer.Option(help="The function forward(*inputs).  [default: forward]")] = None,
    vjp: Annotated[
        str | None, typer.Option(help="Its backward pass, vjp(*inputs, output, grad_output).  [default: vjp]")
    ] = None,
    loss: Annotated[
        str | None, typer.Option(help="The function loss(*inputs), which returns a number.  [default: loss]")
    ] = None,
    grad: Annotated[str | None, typer.Option(help="Its gradient, grad(*inputs).  [default: grad]")] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(
            metavar="4x3",
            help="The shape of an input to draw; repeat it for each input. Without it the file defines inputs(rng).",
        ),
    ] = None,
    target: Annotated[
        Literal["classes", "one-hot"] | None,
        typer.Option(help="Adds a last input: a class for each row of the first, as class indices or one-hot rows."),
    ] = None,
    wrt: Annotated[
        str | None,
        typer.Option(help="The inputs that grad is the gradient for: 0, or several, such as 0,2.  [default: 0]"),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What you know of the function, such as reduction=mean; repeatable."),
    ] = None,
    seed: Annotated[int, integer_option("The seed of the inputs that are drawn.", min=0, max=2**32 - 1)] = 0,
    rtol: Annotated[
        float | None, number_option("The relative error up to which a gradient is right.", such_as="1e-6")
    ] = None,
    draws: Annotated[
        int | None,
        integer_option(
            f"How many times other inputs are drawn; a named mistake must fit all of them.  [default: {DRAWS}]",
            min=FEWEST_DRAWS,
            max=MOST_DRAWS,
        ),
    ] = None,
    max_calls: Annotated[
        int | None,
        integer_option(
            f"How often the two functions are called at most, both together.  [default: {MAX_CALLS}]",
            min=FEWEST_CALLS,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> int:
    """Check the gradient in FILE, and name the mistake.

    The exit code is 0 for a right gradient, 1 for a wrong one, and 2 where it cannot be checked.
    """
    known = dict(_key_and_value(text) for text in context or [])
    options: dict[str, Any] = {
        "context": known,
        "seed": seed,
        "rtol": _unit_interval(rtol),
        "draws": draws,
        "max_calls": max_calls,
        "wrt": _integers(wrt),
    }
    options = {name: value for name, value in options.items() if value is not None}
    with user_file(file) as code:
        names = _pair(code, {"forward": forward, "vjp": vjp, "loss": loss, "grad": grad})
        function, derivative = (code.function(name, f"--{option}") for option, name in names.items())
        draw = _draw(code, shape or [], target, known)
        inputs = draw(np.random.default_rng(seed))
        if "vjp" in names:
            if wrt is not None:
                raise OptionError(
                    "check: --wrt is an option of --loss and --grad; a vjp returns the gradients for all inputs"
                )
            check_takes(names["forward"], function, inputs)
            check_takes_vjp(names["vjp"], derivative, function, inputs)
            report = checker.check_vjp(function, derivative, *inputs, inputs=draw, **options)
        else:
            check_takes(names["loss"], function, inputs)
            check_takes(names["grad"], derivative, inputs)
            report = checker.check_grad(function, derivative, *inputs, inputs=draw, **options)
    typer.echo(json.dumps(report.to_dict(), indent=2, allow_nan=False) if as_json else str(report))
    return EXIT_CODES[report.ok]


def _pair(code: UserFile, given: dict[str, str | None]) -> dict[str, str]:
    """The two functions to compare: option to name."""
    asked = [pair for pair in PAIRS if any(given[option] for option in pair)]
    if not asked:
        found = [sum(option in code for option in pair) for pair in PAIRS]
        if not any(found):
            raise OptionError(
                f"check: {code.path} has neither forward and vjp nor loss and grad; {code.guess(*given)}"
                f"{code.describe()}; name two, as --forward NAME --vjp NAME or --loss NAME --grad NAME"
            )
        asked = [pair for pair, count in zip(PAIRS, found, strict=True) if count == max(found)]
        if max(found) == 1:  # the one that is missing will be asked for
            asked = asked[:1]
    if len(asked) > 1:
        raise OptionError("check: two pairs of functions; give --forward and --vjp, or --loss and --grad")
    return {option: given[option] or option for option in asked[0]}


def _draw(code: UserFile, shapes: list[str], target: str | None, known: dict[str, Any]) -> Maker:
    if shapes:
        return drawn(shapes, target, class_axis=known.get("class_axis", 0 if known.get("layout") == "columns" else -1))
    if target is not None:
        raise OptionError(
            "check: --target is an option of --shape; where the file defines inputs(rng), that returns the target"
        )
    if "inputs" in code:
        return returned_by(code.function("inputs", "--shape"))
    raise OptionError(
        f"check: there are no inputs; give --shape once for each, such as --shape 4x3, or define inputs(rng) in "
        f"{code.path}, which returns a tuple of them"
    )


def _key_and_value(text: str) -> tuple[str, Any]:
    """A key and its value: a Python literal, such as a number or a list, or else text."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise OptionError(f"check: --context is {quoted(text)}, wanted KEY=VALUE, such as reduction=mean")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return key, value


def _integers(text: str | None) -> int | tuple[int, ...] | None:
    """None, 0, or (0, 2)."""
    if text is None:
        return None
    read = [to_integer(number.strip()) for number in text.split(",")]
    numbers = tuple(number for number in read if number is not None)
    if len(numbers) < len(read):
        raise OptionError(
            f"check: --wrt is {quoted(text)}, wanted the index of an input, such as 0, or several, such as 0,2"
        )
    return numbers if len(numbers) > 1 else numbers[0]


def _unit_interval(rtol: float | None) -> float | None:
    if rtol is not None and not 0 < rtol < 1:
        raise OptionError(f"check: --rtol is {rtol}, wanted a number between 0 and 1")
    return rtol
