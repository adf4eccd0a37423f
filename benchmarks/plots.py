"""Plots of the time against the size, from the saved results: one line per library, with its name at the end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.providers import COPY, SOFTGRAD, SOFTGRAD_OUT
from benchmarks.questions import SWEEP_CLASSES
from benchmarks.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOLDER = Path(__file__).parents[1] / "docs" / "images"
GAP = 0.06  # the smallest distance of two names, as a fraction of the height of the plot

# The colours of Okabe and Ito, which colour-blind people can tell apart. The lines also differ in their markers.
STYLES: dict[str, dict[str, Any]] = {
    SOFTGRAD: {"color": "#D55E00", "marker": "o", "linewidth": 2.5, "zorder": 3},
    SOFTGRAD_OUT: {"color": "#D55E00", "marker": "o", "linestyle": "--", "markerfacecolor": "white", "zorder": 3},
    COPY: {"color": "#777777", "marker": None, "linestyle": ":"},
    "torch": {"color": "#0072B2", "marker": "s"},
    "torch.compile": {"color": "#56B4E9", "marker": "D"},
    "jax.jit": {"color": "#009E73", "marker": "^"},
    "NumPy": {"color": "#000000", "marker": "v"},
    "SciPy": {"color": "#CC79A7", "marker": "P"},
}
LABELS = {COPY: "copy (np.copyto)"}


def draw(record: Record, folder: Path = FOLDER) -> Path:
    """Draws the plot of one question as a PNG file with a white background, and returns its path."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, NullLocator

    figure, axes = plt.subplots(figsize=(7.5, 4.8), layout="constrained", facecolor="white")
    rows = [row.rows for row in record.sweep()]
    axes.set(xscale="log", yscale="log")
    _lines(axes, record)
    axes.set_title(record.title, loc="left", fontsize=11)
    axes.set_ylabel("milliseconds per call (median)")
    axes.set_xlabel(f"number of rows of {SWEEP_CLASSES:,} classes")
    axes.set_xticks(rows, [f"{count:,}" for count in rows])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.grid(visible=True, which="major", color="#e4e4e4")
    axes.spines[["top", "right"]].set_visible(False)
    figure.text(0.995, 0.005, _footnote(record), ha="right", va="bottom", fontsize=7, color="#555555")
    figure.get_layout_engine().set(rect=(0, 0.03, 1, 0.97))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"benchmark-{record.question}.png"
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def _lines(axes: Axes, record: Record) -> None:
    ends: dict[str, tuple[int, float]] = {}
    for line in sorted(record.lines(), key=list(STYLES).index):
        points = [(row.rows, 1000 * seconds) for row in record.sweep() if (seconds := row.median(line)) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), markersize=6, **STYLES[line])
            ends[line] = points[-1]
    axes.autoscale_view()
    to_axes_fraction = axes.transData - axes.transAxes
    heights = [to_axes_fraction.transform(end)[1] for end in ends.values()]
    for (line, end), height in zip(ends.items(), spread(heights, GAP), strict=True):
        axes.annotate(
            LABELS.get(line, line),
            xy=end,
            xytext=(1.04, height),
            textcoords="axes fraction",
            va="center",
            annotation_clip=False,
            color=STYLES[line]["color"],
            fontweight="bold" if line == SOFTGRAD else "normal",
            arrowprops={
                "arrowstyle": "-",
                "color": STYLES[line]["color"],
                "linewidth": 0.6,
                "shrinkB": 5,
                "relpos": (0, 0.5),
            },
        )


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """The heights, moved apart so that no two are closer than `gap`. Their order does not change."""
    ascending = sorted(range(len(heights)), key=lambda i: heights[i])
    pushed_up, pushed_down = list(heights), list(heights)
    for below, above in pairwise(ascending):
        pushed_up[above] = max(pushed_up[above], pushed_up[below] + gap)
    for above, below in pairwise(reversed(ascending)):
        pushed_down[below] = min(pushed_down[below], pushed_down[above] - gap)
    return [(up + down) / 2 for up, down in zip(pushed_up, pushed_down, strict=True)]


def _footnote(record: Record) -> str:
    machine = record.machine
    return f"{machine['processor']}, {machine['processors']} processors; {record.date[:10]}"
