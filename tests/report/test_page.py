"""The page of a report in Chromium, and its plots."""

import numpy as np
import pytest

from browser import CONTRAST, TOO_WIDE, as_printed, as_seen, chromium_window
from softgrad.data import CategoryColumn, Encoding, LeftOut, NumberColumn
from softgrad.report import figures
from softgrad.report.build import build
from softgrad.report.write import as_html

LONG = "a name of many words <script>alert(1)</script> & nothing that could be broken_" + "x" * 60
GROUPS = [[0, None, None]] * 5 + [[3, 0.55, 0.6], [0, None, None], [5, 0.75, 0.6], [20, 0.86, 0.9], [72, 0.97, 0.99]]


def document(image=None, classes=25, columns=40):
    """A report of everything that a report can hold, with long names."""
    names = [f"{i} {LONG}" for i in range(columns)]
    each = {
        "accuracy": 0.5,
        "balanced_accuracy": 0.5,
        "log_loss": 1.0,
        "auc": 0.5,
        "rows": 100,
        "calibration_error": 0.1,
    }
    labels = [f"{k} {LONG}" for k in range(classes)]
    baseline = {"class": labels[0], "accuracy": 0.5, "balanced_accuracy": 0.5, "log_loss": 1.0}
    history = [
        {"epoch": i, "loss": 2 / i, "validation_loss": 2 / i + 0.1 * i, "learning_rate": 0.1 / i} for i in range(1, 31)
    ]
    metrics = {
        **{f"{part}_{name}": value for part in ("train", "validation", "test") for name, value in each.items()},
        "dataset": LONG,
        "baseline": baseline,
        "test_classes": [{"class": name, "rows": 4, "precision": None, "recall": 0.5} for name in labels],
        "test_confusion": np.full((classes, classes), 1234).tolist(),
        "doubts": [f"1 {LONG}", f"2 {LONG}"],
        "warning": LONG,
        "cross_validation": {"folds": 3, "each": [each] * 3, "mean": each, "deviation": each, "baseline": baseline},
        "uncalibrated": {f"test_{name}": value for name, value in each.items()},
        "epochs": 30,
        "training_seconds": 1.0,
        "history": history,
        "gradient_error": 1e-9,
        "versions": {"softgrad": "0"},
        "model_sha256": "0" * 64,
    }
    mistake = {"line": 3, "class": labels[0], "predicted": labels[1], "probability": 0.9, "probability_of_class": 0.01}
    of_row = {"cells": [LONG] * columns} if image is None else {"pixels": np.eye(*image).tolist()}
    importance = [
        {"name": name, "place": i, "log_loss": 1 / (1 + i), "log_loss_std": 0.1, "accuracy": 0.1}
        for i, name in enumerate(names)
    ]
    details = {
        "rows": 100,
        "temperature": 1.5,
        "reliability": {"before": GROUPS, "after": GROUPS},
        "errors": {"before": 0.1, "after": 0.05},
        "log_losses": {"before": 1.1, "after": 1.0},
        "mistakes": {
            "count": 40,
            "shown": [{**mistake, **of_row}] * 12,
            "columns": names if image is None else [],
            "of_columns": columns,
        },
        "importance": {"columns": importance, "of_columns": columns, "rows": 100, "grid": image},
        "image": image,
        "place": "line",
    }
    kinds = (NumberColumn(LONG, 0.0, 1.0), CategoryColumn(f"2 {LONG}", tuple(labels)), LeftOut(f"3 {LONG}", LONG))
    return build(metrics, details, Encoding(kinds), ["dataset", "epochs"])


def test_every_warning_stands_at_the_top():
    warnings = [block.text for block in document().intro if getattr(block, "is_warning", False)]
    assert warnings == [f"Warning: 1 {LONG}.", f"Warning: 2 {LONG}.", f"Warning: {LONG}."]


PAGES = {"a table": {}, "images": {"image": [8, 5], "classes": 10}}


@pytest.fixture(scope="module")
def chromium():
    with chromium_window() as chromium:
        yield chromium


@pytest.fixture(scope="module", params=PAGES)
def page(request, chromium, tmp_path_factory):
    """Chromium, showing a report whose folded tables are open."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(as_html(document(**PAGES[request.param])), encoding="utf-8")
    chromium.get(file.as_uri())
    chromium.execute_script("document.querySelectorAll('details').forEach((e) => e.open = true)")
    return chromium


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(page, width):
    """A table that is wider than the window scrolls by itself."""
    as_seen(page, width)
    assert page.execute_script(TOO_WIDE) == 0


@pytest.mark.browser
def test_a_table_that_does_not_scroll_is_noticed(page):
    as_seen(page, 390)
    change = "document.querySelectorAll('.wide').forEach((e) => e.style.overflow = arguments[0])"
    page.execute_script(change, "visible")
    assert page.execute_script(TOO_WIDE) > 0
    page.execute_script(change, "")


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(page, scheme):
    as_seen(page, 1280, scheme)
    assert page.execute_script(CONTRAST) >= 4.5


@pytest.mark.browser
def test_it_is_printed_dark_on_white_with_its_shades(page):
    as_printed(page)
    assert page.execute_script(CONTRAST) >= 4.5
    assert page.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    shades = "return [...document.querySelectorAll('.shaded')].map((e) => getComputedStyle(e).printColorAdjust)"
    assert set(page.execute_script(shades)) <= {"exact"}
    assert page.execute_script("return getComputedStyle(document.querySelector('tbody th')).position") == "static"


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_different(page, scheme):
    as_seen(page, 1280, scheme)
    ground = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 20, 25)"}[scheme]


def test_of_many_classes_those_with_the_lowest_recall_are_shown():
    (results,) = (section for section in document(classes=60, columns=3).sections if section.name == "classes")
    table, matrix_or_mistakes = (block for block in results.blocks if block.kind == "table")
    assert len(table.rows) == 50
    assert table.caption == "The 50 classes of the test rows with the lowest recall, of 60"
    assert matrix_or_mistakes.caption == "The most frequent mistakes"
    assert len(matrix_or_mistakes.rows) == 20


def test_the_style_of_the_user_does_not_change_a_plot():
    import matplotlib

    first = figures.reliability("name", GROUPS, "title")
    with matplotlib.rc_context({"font.size": 30, "svg.hashsalt": None, "axes.titlesize": 40, "axes.facecolor": "red"}):
        assert figures.reliability("name", GROUPS, "title") == first
    assert "#ff0000" not in first


@pytest.mark.parametrize("name", ["$x_1$", "顧客の年齢", "<b> & \"quotes\" 'too'", "_hidden"])
def test_names_are_texts(name):
    """No formula, no markup, and no warning about letters that the font does not have."""
    svg = figures.bars([{"name": name, "log_loss": 1.0, "log_loss_std": 0.1}])
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert f">{escaped}</text>" in svg


def test_one_epoch_is_drawn():
    history = [{"epoch": 1, "loss": 1.0, "validation_loss": 1.0, "learning_rate": 0.1}]
    assert "var(--second)" in figures.losses(history, 1)
