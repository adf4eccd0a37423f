"""`softgrad check`: says whether a hand-written gradient is right, and if not, what the line should be."""

from __future__ import annotations

import ast
import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from softgrad._files import write_whole
from softgrad._messages import quoted
from softgrad._numerals import to_integer
from softgrad.check.report.html import as_html_page
from softgrad.check.user.options import DRAWS, FEWEST_CALLS, FEWEST_DRAWS, MAX_CALLS, MOST_DRAWS
from softgrad.cli.finding.known import Missing
from softgrad.cli.gradients import Gradients, Request, gradients_in
from softgrad.cli.inputs import asked
from softgrad.cli.interrupt import second_interrupt_ends
from softgrad.cli.numbers import integer_option, number_option
from softgrad.cli.reports import Checked, checked, exit_code, made_up_for, text
from softgrad.cli.user_file import UserFile, user_file
from softgrad.errors import CheckError, OptionError, SoftgradError


def check(
    file: Annotated[Path, typer.Argument(help="A Python file or a notebook.")],
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
            metavar="[NAME=]4x3",
            help="The shape of an input to draw; repeat it for each input. Without it, inputs(rng) of the file draws "
            "them; otherwise their shapes are found by trying.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="[NAME=]classes|one-hot",
            help="The target: a class for each row of the first input, as class indices or one-hot rows. It is the "
            "last input, or the one of this name or index.",
        ),
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
    html: Annotated[Path | None, typer.Option(help="Write the reports as an HTML page to this file, too.")] = None,
) -> int:
    """Check the gradients in FILE, and name the mistakes.

    Without options, every gradient that is found is checked: softmax and softmax_grad, cost and gradient, a loss that
    returns its gradient too. The exit code is 0 if all are right, 1 if one is wrong, and otherwise 2 if one of them
    was not checked.
    """
    known = dict(_key_and_value(text) for text in context or [])
    class_axis = known.get("class_axis", 0 if known.get("layout") == "columns" else -1)
    request = Request(
        {"forward": forward, "vjp": vjp, "loss": loss, "grad": grad},
        asked(shape or [], target, class_axis=class_axis),
        _integers(wrt),
        seed,
    )
    options: dict[str, Any] = {
        "context": known, "seed": seed, "rtol": _unit_interval(rtol), "draws": draws, "max_calls": max_calls
    }  # fmt: skip
    options = {name: value for name, value in options.items() if value is not None}
    with _errors_shown(as_json), second_interrupt_ends(), user_file(file) as code:
        gradients = _gradients(code, request)
        done: list[Checked] = []
        missing = list(gradients.missing)
        interrupted = False
        order = list(vars(code.module))
        for ways in sorted(gradients.ways, key=lambda ways: _place(ways[0].title, order)):
            try:
                with redirect_stdout(io.StringIO()):  # what the functions print
                    done.append(checked(ways, options, seed))
            except CheckError as error:
                if len(gradients.ways) == 1:
                    raise
                missing.append(Missing(ways[0].title, str(error)))
            except KeyboardInterrupt:
                if not done:
                    raise
                interrupted = True
                break
        done = made_up_for(done, vars(code.module))
        page = _page(file, done) if html is not None else ""
    _show(done, missing, as_json=as_json)
    if html is not None:
        write_whole(html, page.encode())
    if interrupted:
        raise KeyboardInterrupt
    return exit_code(done, missing)


def _page(file: Path, done: Sequence[Checked]) -> str:
    """The reports as one page, each below what was taken for what."""
    return as_html_page(file.name, [report.html_fragment(found.title, *found.said) for found, report in done])


@contextmanager
def _errors_shown(as_json: bool) -> Iterator[None]:
    """With `as_json`, an error is printed as JSON too, so that what reads the output finds it there."""
    try:
        yield
    except SoftgradError as error:
        if as_json:
            typer.echo(json.dumps({"error": str(error)}, indent=2))
        raise


def _show(done: Sequence[Checked], missing: Sequence[Missing], *, as_json: bool) -> None:
    """The reports, and then what was not checked."""
    if as_json:
        listed = [{"functions": found.title, "taken": found.said, **report.to_dict()} for found, report in done]
        left_out = [{"functions": one.name, "not_checked": one.why} for one in missing]
        shown = [*listed, *left_out] if len(listed) > 1 or left_out else done[0][1].to_dict()
        typer.echo(json.dumps(shown, indent=2, allow_nan=False))
    else:
        typer.echo("\n\n".join(text(*one, titled=len(done) > 1) for one in done))
    sys.stdout.flush()
    for one in missing:
        typer.echo(f"softgrad: {one.name} was not checked: {one.why}", err=True)
    if missing:
        typer.echo(f"softgrad: not checked: {len(missing)} of {len(missing) + len(done)} gradients", err=True)


def _place(title: str, order: Sequence[str]) -> int:
    """Where the backward pass of a gradient, or its class, stands in the file."""
    name = title.rpartition(" and ")[2].partition(".")[0]
    return order.index(name) if name in order else len(order)


def _gradients(code: UserFile, request: Request) -> Gradients:
    """The gradients of a file that may have failed on the way. If it has no functions, that is why."""
    try:
        gradients = gradients_in(code, request)
    except OptionError:
        if code.stopped:
            raise KeyboardInterrupt from None
        if code.failures and not (code.is_notebook or code.functions() or code.classes()):
            raise OptionError(f"check: {code.failures[0]}") from None
        _tell(code)
        raise
    _tell(code)
    return gradients


def _tell(code: UserFile) -> None:
    stopped = f"stopped at {code.stopped}; what it has by then is checked" if code.stopped else ""
    failed = [f"left where it failed: {failure}" for failure in code.failures]
    for line in (*code.notes, *failed, *([stopped] if stopped else [])):
        typer.echo(f"softgrad: {line}", err=True)


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
