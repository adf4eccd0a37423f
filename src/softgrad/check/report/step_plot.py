"""The error of one entry against the step of the difference, on logarithmic axes, in SVG.

The curve of a right entry is a V, that of a wrong one a plateau: see plot.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from html import escape

import numpy as np

from softgrad.check.report.pictures import StepCurve
from softgrad.formulas.numbers import Array

WIDTH, HEIGHT = 460, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 18, 8, 36  # the room around the axes
LEAST, MOST = -16, 1  # powers of 10: the range of the errors
Axis = Callable[[float], float]
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def step_plot(curve: StepCurve, rtol: float) -> str:
    """A <figure>: the curve, and in words what it shows."""
    powers = np.log10(curve.steps)
    ends = math.floor(float(powers.min()) + 1e-9), math.ceil(float(powers.max()) - 1e-9)

    def x(step: float) -> float:
        return float(LEFT + (math.log10(step) - ends[0]) / (ends[1] - ends[0]) * (WIDTH - LEFT - RIGHT))

    def y(error: float) -> float:
        power = min(MOST, max(LEAST, math.log10(error))) if error > 0 else LEAST
        return TOP + (MOST - power) / (MOST - LEAST) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="currentColor" '
        f'stroke-opacity="0.5"/>'
    ]
    shown = range(ends[1], ends[0] - 1, -3)
    parts += [_text(x(10.0**power), HEIGHT - BOTTOM + 16, _power(power), "middle") for power in shown]
    for power in range(LEAST, MOST + 1, 4):
        parts.append(_text(LEFT - 6, y(10.0**power) + 4, _power(power), "end"))
        parts.append(_line(LEFT, y(10.0**power), WIDTH - RIGHT, y(10.0**power), "0.12"))
    parts.append(_text(WIDTH - RIGHT, HEIGHT - 4, "step of the central difference", "end"))
    parts.append(_line(LEFT, y(rtol), WIDTH - RIGHT, y(rtol), "0.6", dashes="2 4"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, y(rtol) - 5, f"right below {rtol:g}", "middle"))
    if curve.used and 10.0 ** ends[0] <= curve.used <= 10.0 ** ends[1]:
        parts.append(_line(x(curve.used), TOP, x(curve.used), HEIGHT - BOTTOM, "0.6", dashes="6 4"))
        side = "end" if x(curve.used) > WIDTH / 2 else "start"
        parts.append(
            _text(x(curve.used) + (-5 if side == "end" else 5), HEIGHT - BOTTOM - 6, "step of the check", side)
        )
    if curve.of_right is not None:
        parts += _curve(curve.steps, curve.of_right, x, y, "fine")
    parts += _curve(curve.steps, curve.errors, x, y, "fine" if curve.of_right is None else "off")
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" style="max-width: {WIDTH}px" role="img" '
        f'aria-label="The error against the step">{"".join(parts)}</svg>'
        f"<figcaption>{_caption(curve)}</figcaption></figure>"
    )


def _curve(steps: Array, errors: Array, x: Axis, y: Axis, colour: str) -> Iterator[str]:
    """A line with a dot at each step; it breaks where there is no error."""
    path, pen = "", "M"
    for step, error in zip(steps.tolist(), errors.tolist(), strict=True):
        if not math.isfinite(error):
            pen = "M"
            continue
        path += f"{pen}{x(step):.1f} {y(error):.1f}"
        pen = "L"
        yield f'<circle cx="{x(step):.1f}" cy="{y(error):.1f}" r="3" style="fill: var(--sg-{colour})"/>'
    yield f'<path d="{path}" fill="none" style="stroke: var(--sg-{colour})" stroke-width="2"/>'


def _line(x1: float, y1: float, x2: float, y2: float, opacity: str, *, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="currentColor" stroke-opacity="{opacity}"{dashed}/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="sg-quiet">{text}</text>'


def _power(power: int) -> str:
    return "1" if power == 0 else f"10{str(power).translate(SUPERSCRIPTS)}"


def _caption(curve: StepCurve) -> str:
    step = "" if curve.used else " The check itself took the complex step, which has no such error."
    if curve.of_right is None:
        return escape(
            f"The relative error of {curve.place} against the step: it falls until rounding takes over.{step}"
        )
    own, right = _key("off", curve.place), _key("fine", "the right gradient")
    falls = f"that of {right} falls until rounding takes over.{step}"
    return f"The relative error against the step: that of {own} stays as large as it is, {falls}"


def _key(colour: str, text: str) -> str:
    mixed = f"color-mix(in srgb, var(--sg-{colour}) 65%, currentColor)"  # with the text's, for contrast
    return f'<span style="color: {mixed}; font-weight: 600">{escape(text)}</span>'
