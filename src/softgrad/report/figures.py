"""The plots of a report, by matplotlib, as SVG that takes its colours from the page.

matplotlib draws in COLOURS. In the SVG they become variables of CSS, so that dark mode has colours of its own. Texts
stay texts, in the font of the page.
"""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from softgrad._arrays import Array
from softgrad._extras import needs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {  # by the name of the variable; what is drawn in a colour has it nowhere else
    "text": "#010101",
    "quiet": "#020202",
    "line": "#030303",
    "first": "#040404",
    "second": "#050505",
    "ground": "#060606",
}
WIDTH = 4.8  # inches of 96 pixels: on a phone, texts shrink by a fifth
LONGEST_NAME = 26
STYLE: dict[Any, Any] = {
    "axes.edgecolor": COLOURS["line"],
    "axes.facecolor": "none",
    "axes.labelcolor": COLOURS["quiet"],
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 10,
    "grid.color": COLOURS["line"],
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": COLOURS["text"],
    "lines.linewidth": 1.8,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "softgrad",
    "text.color": COLOURS["text"],
    "text.parse_math": False,
    "xtick.color": COLOURS["line"],
    "xtick.labelcolor": COLOURS["quiet"],
    "ytick.color": COLOURS["line"],
    "ytick.labelcolor": COLOURS["quiet"],
}


def losses(history: Sequence[dict[str, Any]], best: int | None) -> str:
    """The training and the validation loss of each epoch; the epoch `best`, whose parameters were kept, is marked."""
    epochs = [each["epoch"] for each in history]

    def draw(figure: Figure) -> None:
        ax = figure.add_subplot()
        marker = "o" if len(epochs) == 1 else None
        for name, colour, label in (("loss", "first", "training"), ("validation_loss", "second", "validation")):
            values = [each[name] for each in history]
            if None not in values:
                ax.plot(epochs, values, color=COLOURS[colour], label=label, marker=marker)
        if best is not None:
            value = history[epochs.index(best)]["validation_loss"]
            ax.plot([best], [value], "o", color=COLOURS["second"], markersize=6, label=f"kept: epoch {best}")
        ax.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
        _whole_epochs(ax)
        ax.legend()

    return _svg(
        "losses", 3.2, f"The loss on the training and the validation rows after each of {len(epochs)} epochs", draw
    )


def learning_rates(history: Sequence[dict[str, Any]]) -> str:
    """The learning rate of each epoch."""
    epochs = [each["epoch"] for each in history]

    def draw(figure: Figure) -> None:
        ax = figure.add_subplot()
        ax.plot(
            epochs,
            [each["learning_rate"] for each in history],
            color=COLOURS["first"],
            marker="o" if len(epochs) == 1 else None,
        )
        ax.set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
        _whole_epochs(ax)

    return _svg("rates", 3.2, f"The learning rate of each of {len(epochs)} epochs", draw)


def reliability(name: str, groups: Sequence[Sequence[Any]], title: str) -> str:
    """The accuracy of each group of rows against its confidence, and below it how many rows are in the group."""
    rows = [group[0] for group in groups]
    edges = np.linspace(0, 1, len(groups) + 1)
    present = [group for group in groups if group[0]]
    look: dict[str, Any] = {"width": 1 / len(groups), "align": "edge", "edgecolor": COLOURS["ground"]}

    def draw(figure: Figure) -> None:
        upper, lower = figure.subplots(2, sharex=True, height_ratios=[4, 1])
        upper.bar(edges[:-1], [group[2] or 0 for group in groups], color=COLOURS["first"], alpha=0.45, **look)
        upper.plot(
            [group[1] for group in present],
            [group[2] for group in present],
            "o",
            color=COLOURS["first"],
            markersize=4,
        )
        upper.plot([0, 1], [0, 1], color=COLOURS["text"], linewidth=1, linestyle=(0, (4, 3)))
        upper.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy", title=title)
        lower.bar(edges[:-1], rows, color=COLOURS["quiet"], alpha=0.6, **look)
        lower.yaxis.set_major_locator(_integers(2))
        lower.set(xlabel="confidence", ylabel="rows")

    return _svg(name, 4.2, f"{title}: the accuracy of the test rows against the confidence of their predictions", draw)


def bars(columns: Sequence[dict[str, Any]]) -> str:
    """The importance of each column, the first one on top, with its standard deviation."""
    names = [_short(column["name"]) for column in columns]
    places = np.arange(len(columns))

    def draw(figure: Figure) -> None:
        ax = figure.add_subplot()
        ax.barh(
            places,
            [column["log_loss"] for column in columns],
            xerr=[column["log_loss_std"] for column in columns],
            color=COLOURS["first"],
            ecolor=COLOURS["text"],
            error_kw={"elinewidth": 1},
            height=0.65,
        )
        ax.set_yticks(places, names)
        ax.tick_params(axis="y", labelcolor=COLOURS["text"], length=0)
        ax.set(ylim=(len(columns) - 0.4, -0.6), xlabel="increase of the log loss")
        ax.grid(axis="x")
        ax.set_axisbelow(True)

    return _svg("columns", 0.9 + 0.24 * len(columns), "The importance of the columns, as bars", draw)


def pixel_map(values: Array) -> str:
    """The importance of each pixel, as an image: the darker a pixel, the more it matters."""

    def draw(figure: Figure) -> None:
        ax = figure.add_subplot()
        ax.axis("off")
        height, width = values.shape
        ax.imshow(np.maximum(values, 0), cmap="Greys", extent=(0, width, height, 0), interpolation="nearest")

    return _svg("pixels", 3.2, "The importance of each pixel, as an image", draw)


def picture(pixels: Array, largest: float) -> str:
    """An image of the data as PNG in base64: 0 is white, and the largest value is black."""
    with needs("report", "matplotlib", extra="report"):
        from matplotlib.image import imsave

    file = io.BytesIO()
    without_version: dict[Any, Any] = {"Software": None}
    imsave(file, pixels, format="png", cmap="gray_r", vmin=0, vmax=largest or 1, metadata=without_version)
    return base64.b64encode(file.getvalue()).decode()


def _whole_epochs(ax: Axes) -> None:
    ax.grid(axis="y")
    ax.xaxis.set_major_locator(_integers(6))


def _integers(most: int) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(most, integer=True)


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _svg(name: str, height: float, alt: str, draw: Callable[[Figure], None]) -> str:
    """One plot. Its identifiers begin with `name`, so that several plots can stand on one page."""
    with needs("report", "matplotlib", extra="report"):
        from matplotlib.figure import Figure

    with _style():
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure)
        file = io.StringIO()
        nothing: dict[Any, Any] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=nothing)
    text = file.getvalue()
    text = text[text.index("<svg ") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", text, flags=re.DOTALL)  # it would be that of the page
    text = re.sub(r" font-family: [^;\"]*;", "", text)
    text = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    for variable, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{variable})")
    return text.replace("<svg ", f'<svg role="img" aria-label="{_attribute(alt)}" ', 1)


def _attribute(text: str) -> str:
    from html import escape

    return escape(text)


@contextmanager
def _style() -> Iterator[None]:
    """The defaults of matplotlib and those of STYLE, whatever the user has set. Fonts need not have every letter."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield
