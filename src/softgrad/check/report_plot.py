"""The error against the step size: how a right gradient is told from a wrong one by eye.

    |g - D(h)| ~ |g - g*| + c h^2 + eps / h

A difference D(h) comes nearer to the true gradient g* as h falls, until rounding takes over. A right gradient g makes a
V; a wrong one a plateau, at the size of its error, whatever the step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softgrad.check.report_text import verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from softgrad.check.report import Report


def draw(report: Report, ax: Axes | None) -> Axes:
    """One line for each gradient, on logarithmic axes."""
    if report.curves is None:
        raise ValueError(f"{report.function}: plot() has nothing to draw; no error was measured at any step size")
    if ax is None:
        ax = _new_axes()
    for name, (steps, errors) in report.curves().items():
        steps, errors = np.asarray(steps), np.asarray(errors)
        shown = np.isfinite(errors) & (errors > 0)  # the others have no place on a logarithmic axis
        ax.loglog(steps[shown], errors[shown], marker="o", markersize=3, label=name)
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, 1e-13), max(high, 10))  # so that a plateau looks like one
    ax.set_title(verdict(report))
    ax.set_xlabel("step h of the central difference")
    ax.set_ylabel("error: |gradient - difference|, relative")
    ax.grid(alpha=0.3)
    ax.legend(title="gradient of")
    return ax


def _new_axes() -> Axes:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("Report.plot needs matplotlib: python -m pip install matplotlib") from error
    axes: Axes = pyplot.subplots(layout="constrained")[1]
    return axes
