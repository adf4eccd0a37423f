"""The plots, from what was saved: time against entries, one line a library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.providers import COPY, SOFTGRAD, SOFTGRAD_OUT
from benchmarks.questions import SWEEP_CLASSES
from benchmarks.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOLDER = Path(__file__).parents[1] / "docs" / "images"

# Okabe and Ito's colours, which the colour-blind can tell apart; the markers say it a second time.
STYLES: dict[str, dict[str, Any]] = {
    SOFTGRAD: {"color": "#D55E00", "marker": "o", "linewidth": 2.5, "zorder": 3},
    SOFTGRAD_OUT: {"color": "#D55E00", "marker": "o", "linestyle": "--", "markerfacecolor": "white", "zorder": 3},
    COPY: {"color": "#888888", "marker": None, "linestyle": ":"},
    "torch": {"color": "#0072B2", "marker": "s"},
    "torch.compile": {"color": "#56B4E9", "marker": "D"},
    "jax.jit": {"color": "#009E73", "marker": "^"},
    "NumPy": {"color": "#000000", "marker": "v"},
    "SciPy": {"color": "#CC79A7", "marker": "P"},
}
LABELS = {COPY: "a copy of the same bytes"}


def draw(record: Record, folder: Path = FOLDER) -> Path:
    """One question's plot, as a PNG."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 5), layout="constrained")
    _lines(axes, record)
    axes.set(xscale="log", yscale="log", ylabel="milliseconds a call, median", title=record.title)
    axes.set_xlabel(f"entries: rows of {SWEEP_CLASSES:,} classes")
    axes.grid(visible=True, which="major", color="#dddddd")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.text(0.995, 0.005, _footnote(record), ha="right", va="bottom", fontsize=7, color="#555555")
    figure.get_layout_engine().set(rect=(0, 0.03, 1, 0.97))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"benchmark-{record.question}.png"
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def _lines(axes: Axes, record: Record) -> None:
    rows = [row for row in record.rows if row.classes == SWEEP_CLASSES]
    for line in sorted(record.lines(), key=list(STYLES).index):
        points = [(row.rows * row.classes, seconds) for row in rows if (seconds := row.median(line)) is not None]
        entries, times = zip(*points, strict=True) if points else ((), ())
        axes.plot(
            entries, [1000 * seconds for seconds in times], label=LABELS.get(line, line), markersize=6, **STYLES[line]
        )


def _footnote(record: Record) -> str:
    machine = record.machine
    return f"{machine['processor']}, {machine['processors']} processors; {record.date[:10]}"
