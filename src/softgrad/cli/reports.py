"""The reports on the gradients of a file: each in the way in which it is meant, and the exit code of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from softgrad import check as checker
from softgrad.check.report.report import Report
from softgrad.check.user.options import FEWEST_CALLS, FEWEST_DRAWS
from softgrad.cli.finding.fit import names_used
from softgrad.cli.finding.found import READ, Found
from softgrad.cli.finding.known import Missing
from softgrad.errors import CheckError

VERDICT = {"draws": FEWEST_DRAWS, "max_calls": FEWEST_CALLS}  # for little more than the verdict
MOST_NUMBERS = 8  # at which a function of single numbers is checked
MOST_WAYS = 4  # in which the functions of one gradient may be meant
EXIT_CODES = {True: 0, False: 1, None: 2}  # Report.ok

Checked = tuple[Found, Report]


def checked(ways: Sequence[Found], options: Mapping[str, Any], seed: int) -> Checked:
    """The report on a gradient.

    Where the functions may be meant in several ways, it is on one in which the gradient is right; if there is none, on
    one of those with the most right gradients: with a named mistake, or else the likeliest one. One number says little:
    it counts only where no array fits, and then several are tried.
    """
    ways = [way for way in ways if not way.takes_numbers] or [way for way in ways if way.said[0] == ways[0].said[0]]
    found: list[Checked] = []
    errors = []
    for way in ways[:MOST_WAYS]:
        try:
            if found and found[0][1].mistake is not None:
                verdict = _report(way, {**options, **VERDICT}, seed)
                if verdict.ok is False and len(verdict.right) <= len(found[0][1].right):
                    continue
            report = _of_numbers(way, options, seed) if way.takes_numbers else _report(way, options, seed)
        except CheckError as error:
            errors.append(error)
            continue
        if report.ok and found:
            differs = [line for line in found[0][0].said if line not in way.said and READ not in line]
            if differs:
                way = way._replace(said=(*way.said, f"wrong {'; and wrong '.join(map(_if_meant_so, differs))}"))
        found.append((way, report))
        if report.ok and way.beside:
            beside = checked(way.beside, options, seed)
            return found[-1] if beside[1].ok is not False else beside
        if report.ok:
            return found[-1]
    for way in ways[0].at_widths:
        report = _report(way, options, seed)
        if report.ok:
            differs = [line for line in ways[0].said if line not in way.said]
            return way._replace(said=(*way.said, f"wrong {'; and wrong '.join(map(_if_meant_so, differs))}")), report
    if not found:
        raise errors[0]
    found = [one for one in found if one[0].wrt == found[0][0].wrt]  # others are for other inputs
    most = max(len(report.right) for _, report in found)
    found = [one for one in found if len(one[1].right) == most]
    return next((one for one in found if one[1].mistake is not None), found[0])


def _of_numbers(way: Found, options: Mapping[str, Any], seed: int) -> Report:
    """The report at several numbers: the first that is not right, if there is one."""
    report = _report(way, options, seed)
    for other in range(seed + 1, seed + MOST_NUMBERS):
        if not report.ok:
            break
        report = _report(way, options, other)
    return report


def _if_meant_so(line: str) -> str:
    """The line of what was assumed as a condition: "if it is called as relu_backward(upstream gradient, x)"."""
    inputs = line.removeprefix("inputs: ")
    return f"with other inputs, {inputs}" if inputs != line else f"if it is {line}"


def _report(way: Found, options: Mapping[str, Any], seed: int) -> Report:
    """The report on a gradient that is meant in one way."""
    inputs = way.draw(np.random.default_rng(seed))
    given = {**options, **({"inputs": way.draw} if way.redrawn else {})}
    if way.names is not None:
        given["names"] = way.names
    if way.methods is not None:
        given.update(way.methods)
        return checker.check_layer(way.forward, *inputs, **given)
    if way.takes_upstream:
        return checker.check_vjp(way.forward, way.backward, *inputs, **given)
    if way.wrt is not None:
        given["wrt"] = way.wrt
    return checker.check_grad(way.forward, way.backward, *inputs, **given)


def exit_code(all_checked: Sequence[Checked], missing: Sequence[Missing] = ()) -> int:
    """1 if a gradient is wrong; otherwise 2 if one cannot be checked, and 0 if all are right."""
    codes = {0 if found.made_up_for else EXIT_CODES[report.ok] for found, report in all_checked}
    codes |= {2 for _ in missing}
    return next(code for code in (1, 2, 0) if code in codes)


def text(found: Found, report: Report, *, titled: bool) -> str:
    """The report, below what was taken for what."""
    lines = [f"{found.title}:"] if titled or found.said else []
    return "\n".join([*lines, *(f"  {line}" for line in found.said), str(report)])


def made_up_for(all_checked: Sequence[Checked], functions: Mapping[str, Any]) -> list[Checked]:
    """The reports; a wrong part of a right whole is told to be one.

    People put a factor such as 1/m into one of the functions that a backward pass calls. Alone, it is wrong.
    """
    right = [_derivative(found) for found, report in all_checked if report.ok]
    told = []
    for found, report in all_checked:
        own = _derivative(found)
        wholes = [
            name for name in right if report.ok is False and name != own and own in names_used(functions.get(name))
        ]
        if wholes:
            line = f"alone it is wrong; {wholes[0]}, which calls it, is right"
            found = found._replace(said=(*found.said, line), made_up_for=True)
        told.append((found, report))
    return told


def _derivative(found: Found) -> str:
    return found.title.rpartition(" and ")[2]
