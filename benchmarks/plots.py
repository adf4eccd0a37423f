"""Plots of the time against the size, from the saved results: one line per library, with its name at the end.

Each plot is drawn twice, for light and for dark pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.providers import COPY, SOFTGRAD, SOFTGRAD_OUT, SOFTGRAD_ROWS, SOFTGRAD_TORCH
from benchmarks.questions import SWEEP_CLASSES
from benchmarks.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOLDER = Path(__file__).parents[1] / "docs" / "images"
GAP = 0.06  # the smallest distance of two names, as a fraction of the height of the plot

# The colours of Okabe and Ito, which colour-blind people can tell apart. The lines also differ in their markers.
STYLES: dict[str, dict[str, Any]] = {
    SOFTGRAD: {"color": "#D55E00", "marker": "o", "linewidth": 2.5, "zorder": 3},
    SOFTGRAD_OUT: {"color": "#D55E00", "marker": "o", "linestyle": "--", "markerfacecolor": "none", "zorder": 3},
    SOFTGRAD_TORCH: {"color": "#E69F00", "marker": "X", "zorder": 3},
    SOFTGRAD_ROWS: {"color": "#D55E00", "marker": ".", "linestyle": "-.", "zorder": 3},
    COPY: {"color": "#777777", "marker": None, "linestyle": ":"},
    "torch": {"color": "#0072B2", "marker": "s"},
    "torch.compile": {"color": "#56B4E9", "marker": "D"},
    "jax.jit": {"color": "#009E73", "marker": "^"},
    "NumPy": {"color": "#000000", "marker": "v"},
    "SciPy": {"color": "#CC79A7", "marker": "P"},
}
LABELS = {COPY: "copy (np.copyto)"}


class Theme(NamedTuple):
    """The colours of a plot beside those of its lines."""

    suffix: str  # of the name of its file
    ground: str
    text: str
    quiet: str
    grid: str
    lighter: dict[str, str]  # the colours of lines that are too dark on this ground


LIGHT = Theme("", "#ffffff", "#000000", "#555555", "#e4e4e4", {})
DARK = Theme(
    "-dark", "#1e2129", "#e6e6e6", "#a8adb8", "#3a3f4b", {"NumPy": "#F0F0F0", "torch": "#2F7FCC", COPY: "#A0A0A0"}
)


def draw(record: Record, folder: Path = FOLDER) -> list[Path]:
    """Draws the plots of one question as PNG files, and returns their paths: for light pages and for dark ones."""
    import matplotlib as mpl

    mpl.use("agg")
    folder.mkdir(parents=True, exist_ok=True)
    return [_draw(record, theme, folder / f"benchmark-{record.question}{theme.suffix}.png") for theme in (LIGHT, DARK)]


def picture(light: str, dark: str, description: str) -> str:
    """The HTML of a plot, which shows the one or the other; readers of a repository and of the site see it."""
    return (
        f'<picture>\n<source media="(prefers-color-scheme: dark)" srcset="{dark}">\n'
        f'<img src="{light}" alt="{description}">\n</picture>\n'
    )


def _draw(record: Record, theme: Theme, path: Path) -> Path:
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, NullLocator

    colours = dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), theme.text
    )
    with plt.rc_context({**colours, "axes.facecolor": theme.ground, "figure.facecolor": theme.ground}):
        figure, axes = plt.subplots(figsize=(7.5, 4.8), layout="constrained")
        rows = [row.rows for row in record.sweep()]
        axes.set(xscale="log", yscale="log")
        _lines(axes, record, theme)
        axes.set_title(record.title, loc="left", fontsize=11)
        axes.set_ylabel("milliseconds per call (median)")
        axes.set_xlabel(f"number of rows of {SWEEP_CLASSES:,} classes")
        axes.set_xticks(rows, [f"{count:,}" for count in rows])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.grid(visible=True, which="major", color=theme.grid)
        axes.spines[["top", "right"]].set_visible(False)
        figure.text(0.995, 0.005, _footnote(record), ha="right", va="bottom", fontsize=7, color=theme.quiet)
        figure.get_layout_engine().set(rect=(0, 0.03, 1, 0.97))
        figure.savefig(path, dpi=150)
        plt.close(figure)
    return path


def _lines(axes: Axes, record: Record, theme: Theme) -> None:
    ends: dict[str, tuple[int, float]] = {}
    styles = {line: {**style, "color": theme.lighter.get(line, style["color"])} for line, style in STYLES.items()}
    for line in sorted(record.lines(), key=list(STYLES).index):
        points = [(row.rows, 1000 * seconds) for row in record.sweep() if (seconds := row.median(line)) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), markersize=6, **styles[line])
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
            color=styles[line]["color"],
            fontweight="bold" if line == SOFTGRAD else "normal",
            arrowprops={
                "arrowstyle": "-",
                "color": styles[line]["color"],
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
