"""The sections of a report about rows and columns: the worst mistakes, which columns matter, how they were read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from softgrad._messages import counted
from softgrad.data import CategoryColumn, DateColumn, Encoding, LeftOut, NumberColumn
from softgrad.data.kinds import describe
from softgrad.report import figures
from softgrad.report.document import Block, Figure, Figures, Paragraph, Picture, Pictures, Section, Table
from softgrad.report.words import counted_rows, name_of, number

MOST_BARS = 15
MOST_COLUMNS = 50  # in a table


def mistakes(metrics: Mapping[str, Any], details: Mapping[str, Any]) -> Section:
    """The test rows that are predicted wrongly with the largest loss."""
    found = details["mistakes"]
    count, shown, columns = found["count"], found["shown"], found["columns"]
    rows = counted_rows(details["rows"], metrics["test_rows"])
    if not count:
        return Section("mistakes", "Worst mistakes", [Paragraph(f"All of {rows} are predicted correctly.")])
    which = "It is" if count == 1 else "They are" if count == len(shown) else f"The worst {len(shown)} are"
    text = (
        f"Of {rows}, {count:,} {'is' if count == 1 else 'are'} predicted wrongly. {which} shown, the lowest "
        "probability of the right class first."
    )
    if found["of_columns"] > len(columns) > 0:
        text += f" Of {found['of_columns']:,} columns, the {len(columns)} that matter most are shown."
    head = (details["place"], "class", "predicted", "p of the class", "p of the prediction", *map(name_of, columns))
    cells = [
        (
            f"{each['line']}",
            name_of(each["class"]),
            name_of(each["predicted"]),
            number(each["probability_of_class"]),
            number(each["probability"]),
            *each.get("cells", ()),
        )
        for each in shown
    ]
    table = Table("The rows that are predicted wrongly", head, cells, texts=3)
    blocks: list[Block] = [Paragraph(text), table]
    if details["image"]:
        blocks.insert(1, _pictures(shown))
    return Section("mistakes", "Worst mistakes", blocks)


def _pictures(shown: Sequence[Mapping[str, Any]]) -> Pictures:
    largest = max(np.max(each["pixels"]) for each in shown)
    pictures = []
    for each in shown:
        name, predicted = name_of(each["class"]), name_of(each["predicted"])
        pictures.append(
            Picture(
                figures.picture(np.array(each["pixels"]), largest),
                f"row {each['line']}, an image of {name} that is predicted as {predicted}",
                f"{name}, predicted as {predicted}",
            )
        )
    return Pictures(pictures)


def importance(metrics: Mapping[str, Any], details: Mapping[str, Any]) -> Section:
    """How much worse the predictions are when the cells of one column are shuffled."""
    found, image = details["importance"], details["image"]
    columns = found["columns"]
    what, cells = "column", "cells of one column"
    if image:
        what = "pixel" if list(found["grid"]) == list(image) else "square of pixels"
        cells = f"values of one {what}"
    rows = counted_rows(found["rows"], metrics["test_rows"])
    text = (
        f"The {cells} are shuffled among {rows}, so that the {what} says nothing. The more the log loss increases, the "
        f"more the model relies on it. Where one {what} says what others say too, it looks unimportant."
    )
    if found["of_columns"] > len(columns) and not image:
        text += f" Of {found['of_columns']:,} columns, the {len(columns)} with the largest weights were shuffled."
    if image:
        svg, caption = figures.pixel_map(_pixels(columns, found["grid"])), f"The darker a {what}, the more it matters"
    else:
        svg = figures.bars(columns[:MOST_BARS])
        caption = "The increase of the log loss, and its standard deviation over the repeats"
    numbers = [
        (name_of(each["name"]), number(each["log_loss"]), number(each["log_loss_std"]), number(each["accuracy"]))
        for each in columns[:MOST_COLUMNS]
    ]
    some = f": the {len(numbers)} most important ones" if len(numbers) < len(columns) else ""
    head = (what, "increase of the log loss", "standard deviation", "decrease of the accuracy")
    table = Table(f"The importance of the {'pixels' if image else 'columns'}{some}", head, numbers, is_folded=True)
    title = "Which pixels matter" if image else "Which columns matter"
    return Section("importance", title, [Paragraph(text), Figures([Figure(svg, caption)]), table])


def _pixels(columns: Sequence[Mapping[str, Any]], grid: Sequence[int]) -> np.ndarray[Any, Any]:
    """The importance of each pixel, or square of pixels, at its place."""
    values = np.zeros(grid)
    for each in columns:
        values.flat[each["place"]] = each["log_loss"]
    return values


def columns(encoding: Encoding, image: Sequence[int] | None) -> Section:
    """How each column was read; of images, whose columns are their pixels, their size."""
    if image:
        text = f"Each row is an image of {image[0]} by {image[1]} pixels, each of which is standardised."
        return Section("columns", "How the images were read", [Paragraph(text)])
    rows = [(name_of(column.name), describe(column), f"{column.width:,}") for column in encoding.columns]
    caption = "The columns"
    if len(rows) > MOST_COLUMNS:
        caption = f"The first {MOST_COLUMNS} of {len(rows):,} columns"
    table = Table(caption, ("column", "how it is read", "inputs"), rows[:MOST_COLUMNS], texts=2)
    words = {NumberColumn: "numbers", CategoryColumn: "categories", DateColumn: "dates", LeftOut: "left out"}
    sizes = Counter(words[type(column)] for column in encoding.columns)
    kinds = ", ".join(f"{word}: {sizes[word]:,}" for word in words.values() if sizes[word])
    text = f"{counted(len(rows), 'column')} ({kinds}) became {counted(encoding.width, 'input')} of the network."
    return Section("columns", "How the columns were read", [Paragraph(text), table])
