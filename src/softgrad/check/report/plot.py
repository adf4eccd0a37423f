"""The error against the step size, which tells a right gradient from a wrong one at a glance.

    |g - D(h)| ~ |g - g*| + c h^2 + eps / h

As h falls, a difference D(h) approaches the true gradient g* until rounding takes over. For a right gradient g the
curve is a V; for a wrong one it is a plateau, at the size of its error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from softgrad._extras import needs
from softgrad.check.report.mistake import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(curves: Mapping[str, Curve], title: str, ax: Axes | None) -> Axes:
    """One line per gradient, on logarithmic axes."""
    if ax is None:
        ax = _new_axes()
    for name, (steps, errors) in curves.items():
        steps, errors = np.asarray(steps), np.asarray(errors)
        shown = np.isfinite(errors) & (errors > 0)  # others have no place on a logarithmic axis
        ax.loglog(steps[shown], errors[shown], marker="o", markersize=3, label=name)
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, 1e-13), max(high, 10))  # so that a plateau looks like one
    ax.set_title(title)
    ax.set_xlabel("step h of the central difference")
    ax.set_ylabel("error: |gradient - difference|, relative")
    ax.grid(alpha=0.3)
    ax.legend(title="gradient of")
    return ax


def _new_axes() -> Axes:
    with needs("Report.plot", "matplotlib", extra="plot"):
        from matplotlib import pyplot
    axes: Axes = pyplot.subplots(layout="constrained")[1]
    return axes
