"""The report of a training run: its numbers, its files, and what it says where something is missing."""

import io
import json
import re
import shutil
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from cli.tables import unbalanced_rows, write_csv
from cli.training.runs import messy_rows
from conftest import load
from softgrad import nn
from softgrad.cli import main
from softgrad.data import Encoding, read_classes, read_table, split
from softgrad.softmax import softmax

FILES = ["config.toml", "details.json", "metrics.json", "model.safetensors", "report.html", "report.md"]
RUNS = {  # name: (rows of a table or None for a bundled set, options)
    "iris": (None, ("iris", "--hidden", 8, "--epochs", 3, "--schedule", "cosine", "--cross-validate", 3)),
    "unbalanced": (
        unbalanced_rows,
        ("table.csv", "--target", "answer", "--drop", "calls", "--epochs", 2, "--calibrate"),
    ),
    "arrays": (None, ("digits.npz", "--array", "images", "--target", "labels", "--hidden", 8, "--epochs", 2)),
    "messy": (messy_rows, ("table.csv", "--target", "kind & class", "--hidden", 16, "--epochs", 2)),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A function that gives the folder of a run, in which its table is too. Each run is trained once."""
    made = {}

    def run(name):
        if name not in made:
            folder = made[name] = tmp_path_factory.mktemp(name)
            rows, options = RUNS[name]
            with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stop:
                patch.chdir(folder)
                if name == "arrays":
                    bunch = load("sklearn.datasets").load_digits()
                    np.savez(folder / "digits.npz", images=bunch.images[:300, :, 1:], labels=bunch.target[:300])
                if rows:
                    write_csv(folder / "table.csv", rows())
                patch.setattr(sys, "argv", ["softgrad", "train", *map(str, options), "--out", "run"])
                main()
            assert stop.value.code == 0
        return made[name] / "run"

    return run


@pytest.fixture
def run(runs, softgrad, tmp_path, capsys):
    """A function that gives the path, in the current folder, of a copy of a run and its table."""

    def copied(name):
        shutil.copytree(runs(name).parent, tmp_path, dirs_exist_ok=True)
        capsys.readouterr()  # what the training has printed
        return tmp_path / "run"

    return copied


class Page(HTMLParser):
    """The tables of a page by their captions, as rows of texts, and what else the tests look for."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.tags, self.ids, self.headings = {}, [], [], []
        self._caption = self._cell = self._rows = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]
        if tag == "table":
            self._rows = self.tables[self._caption] = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th", "h1", "h2", "summary") or ("class", "caption") in attributes:
            self._cell = ""

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data

    def handle_endtag(self, tag):
        if self._cell is None or tag == "span":
            return
        if tag in ("td", "th"):
            self._rows[-1].append(self._cell)
        elif tag in ("p", "summary"):
            self._caption = self._cell
        else:
            self.headings.append(self._cell)
        self._cell = None


def read(run):
    return Page((run / "report.html").read_text(encoding="utf-8")), json.loads((run / "metrics.json").read_text())


def shown(value):
    return "-" if value is None else f"{value:.4f}"


@pytest.mark.parametrize("name", RUNS)
def test_the_numbers_are_those_of_metrics_json(name, runs):
    page, metrics = read(runs(name))
    columns = ["accuracy", "balanced_accuracy", "log_loss", "auc", "calibration_error"]
    of_sets = page.tables["The sets of rows, and the test rows without a model"]
    for row, key in zip(of_sets[1:4], ("train", "validation", "test"), strict=True):
        assert row[1:] == [f"{metrics[f'{key}_rows']:,}", *(shown(metrics[f"{key}_{each}"]) for each in columns)]
    assert of_sets[-1][2:5] == [shown(metrics["baseline"][each]) for each in columns[:3]]
    if metrics["calibrate"]:
        assert of_sets[4][2:] == [shown(metrics["uncalibrated"][f"test_{each}"]) for each in columns]
    assert len(of_sets) == 5 + metrics["calibrate"]
    if metrics["cross_validation"]:
        found = metrics["cross_validation"]
        folds = page.tables["Cross-validation: the test rows of 3 folds"]
        assert [row[0] for row in folds[1:]] == ["fold 1", "fold 2", "fold 3", "mean", "deviation", "always setosa"]
        for row, fold in zip(folds[1:], [*found["each"], found["mean"], found["deviation"]], strict=False):
            assert row[2:] == [shown(fold[each]) for each in columns]
        assert folds[6][2:5] == [shown(found["baseline"][each]) for each in columns[:3]]
    each = [(f"{of['rows']:,}", shown(of["precision"]), shown(of["recall"])) for of in metrics["test_classes"]]
    assert [tuple(row[1:]) for row in page.tables["The classes of the test rows"][1:]] == each
    matrix = page.tables["Confusion matrix: the test rows by class (down) and prediction (across)"]
    assert [[int(cell) for cell in row[1:]] for row in matrix[1:]] == metrics["test_confusion"]
    options = dict(page.tables["The options"][1:])
    assert options["seed"] == str(metrics["seed"])
    assert options.get("drop") == ("calls" if name == "unbalanced" else None)
    assert options["hidden"] == ", ".join(map(str, metrics["hidden"]))
    assert dict(page.tables["The versions"][1:]) == metrics["versions"]
    warnings = [attributes for _, attributes in page.tags if attributes.get("class") == "warning"]
    assert len(warnings) == (metrics["warning"] is not None)


@pytest.mark.parametrize("name", ["iris", "unbalanced"])
def test_the_calibration_is_that_of_metrics_json(name, runs):
    """Those of a model that is not calibrated are those before calibration."""
    page, metrics = read(runs(name))
    details = json.loads((runs(name) / "details.json").read_text())["details"]
    before, after = page.tables["The probabilities of the test rows"][1:]
    for each, row, key in (("errors", 3, "calibration_error"), ("log_losses", 2, "log_loss")):
        measured = metrics[f"test_{key}"]
        if metrics["calibrate"]:
            assert details[each] == {"before": metrics["uncalibrated"][f"test_{key}"], "after": measured}
            assert after[1] == shown(metrics["temperature"])
        else:
            assert details[each]["before"] == measured
        assert [before[row], after[row]] == [shown(value) for value in details[each].values()]
    groups = [[float(cell.replace(",", "").replace("-", "0")) for cell in row[1:]]
              for row in page.tables["The groups of the diagrams"][1:]]  # fmt: skip
    assert len(groups) == 10
    for first, error in ((0, details["errors"]["before"]), (3, details["errors"]["after"])):
        rows, confidence, accuracy = np.array(groups).T[first : first + 3]
        assert rows.sum() == metrics["test_rows"]
        np.testing.assert_allclose((rows / rows.sum() * abs(accuracy - confidence)).sum(), error, atol=1e-4)


@pytest.mark.parametrize("name", RUNS)
def test_markdown_has_the_tables_of_the_page(name, runs):
    page, _ = read(runs(name))
    text = (runs(name) / "report.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    unescape = lambda cell: re.sub(r"\\(.)", r"\1", cell).replace("&amp;", "&").strip()  # noqa: E731
    tables = [[[unescape(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in block.splitlines()]
              for block in blocks]  # fmt: skip
    assert [[table[0], *table[2:]] for table in tables] == [
        [[" ".join(cell.split()) for cell in row] for row in table] for table in page.tables.values()
    ]
    assert re.findall(r"^##? (.*)", text, re.MULTILINE) == [heading.replace("&", "&amp;") for heading in page.headings]


@pytest.mark.parametrize("name", RUNS)
def test_the_page_needs_nothing_else(name, runs):
    page, _ = read(runs(name))
    tags = [tag for tag, _ in page.tags]
    assert not {"script", "link", "iframe", "b", "stars"} & set(tags)
    for tag, attributes in page.tags:
        address = attributes.get("src") or attributes.get("href") or attributes.get("xlink:href") or ""
        assert address.startswith(("#", "data:image/png;base64,")) or not address
        assert not any(name.startswith("on") for name in attributes)
        if tag == "img":
            assert attributes["alt"]
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]
    assert len(set(page.ids)) == len(page.ids)
    assert "http" not in re.sub(r'xmlns(:xlink)?="[^"]*"', "", (runs(name) / "report.html").read_text())


@pytest.mark.parametrize("name", ["arrays"])
def test_the_same_run_gives_the_same_bytes(name, run, softgrad):
    """From details.json, and without it from the table."""
    folder = run(name)
    assert sorted(path.name for path in folder.iterdir()) == FILES
    first = [(folder / file).read_bytes() for file in FILES]
    for delete in ([], ["report.html", "report.md"], ["details.json"]):
        for file in delete:
            (folder / file).unlink()
        assert softgrad("report", "run") == (0, "report in run/report.html\n", "")
        assert [(folder / file).read_bytes() for file in FILES] == first


def the_test_rows(name, run):
    """The network, its classes, and x and the labels of the test rows."""
    metrics = json.loads((run / "metrics.json").read_text())
    network, facts = nn.load(run / "model.safetensors")
    table = read_table(metrics["dataset"], target=metrics["target"], array=metrics["array"])
    labels, classes = read_classes(table, metrics["target"])
    test = split(table, labels, classes, seed=0).test
    return network, classes, Encoding.from_json(facts["encoding"]).transform(table)[test], labels[test], table, test


@pytest.mark.parametrize("name", ["arrays", "unbalanced"])
def test_the_worst_mistakes_are_those_with_the_largest_loss(name, run):
    folder = run(name)
    network, classes, x, labels, table, test = the_test_rows(name, folder)
    details = json.loads((folder / "details.json").read_text())["details"]
    probs = softmax(network.logits(x), temperature=details["temperature"] if name == "unbalanced" else 1.0)
    wrong = [i for i in range(len(x)) if probs[i].argmax() != labels[i]]
    wrong.sort(key=lambda i: probs[i, labels[i]])
    page, _ = read(folder)
    rows = page.tables["The rows that are predicted wrongly"]
    for row, i in zip(rows[1:], wrong[:12], strict=True):
        assert row[:3] == [str(table.lines[test[i]]), classes[labels[i]], classes[probs[i].argmax()]]
        assert row[3:5] == [f"{probs[i, labels[i]]:.4f}", f"{probs[i].max():.4f}"]
        for column, cell in zip(rows[0][5:], row[5:], strict=True):
            assert cell == table.columns[column][test[i]]
    assert details["mistakes"]["count"] == len(wrong)
    if name == "arrays":
        pixels = np.array([each["pixels"] for each in details["mistakes"]["shown"]])
        np.testing.assert_array_equal(pixels, np.array([the_image(table, test[i]) for i in wrong[:12]]))
        assert sum(tag == "img" for tag, _ in page.tags) == len(wrong[:12])


def the_image(table, row):
    return np.reshape([column[row] for name, column in table.columns.items() if name != "labels"], (8, 7))


def test_the_run_outlives_its_table(run, softgrad):
    folder = run("unbalanced")
    first = (folder / "report.html").read_bytes()
    (folder.parent / "table.csv").unlink()
    assert softgrad("report", "run").code == 0
    assert (folder / "report.html").read_bytes() == first


GONE = {  # what happened to the table of a run that kept nothing of it: the sentence
    "deleted": "the run kept nothing of its table, and 'table.csv' is neither a file",
    "changed": "the run kept nothing of its table, and table.csv has changed since.",
    "shorter": "the run kept nothing of its table, and table.csv has changed since.",
    "without a column": "the run kept nothing of its table, and table.csv has no column 'age'",
}


@pytest.mark.parametrize("change", GONE)
def test_without_the_table_the_report_says_what_is_not_shown(change, run, softgrad):
    folder = run("unbalanced")
    (folder / "details.json").unlink()
    table = folder.parent / "table.csv"
    header, *lines = table.read_text().splitlines(keepends=True)
    if change == "deleted":
        table.unlink()
    else:
        changed = {"changed": [*lines[40:], *lines[:40]], "shorter": lines[:-10], "without a column": lines}[change]
        header = header.replace("age", "years") if change == "without a column" else header
        table.write_text(header + "".join(changed))
    assert softgrad("report", "run").code == 0
    page, _ = read(folder)
    text = (folder / "report.html").read_text()
    assert "The calibration, the worst mistakes and the columns that matter are not shown" in text
    assert GONE[change] in text.replace("&#39;", "'")
    assert "The classes of the test rows" in page.tables
    assert not (folder / "details.json").exists()


def test_of_a_table_from_standard_input_the_report_says_that_nothing_is_left(softgrad, tmp_path, monkeypatch):
    content = write_csv(tmp_path / "table.csv", unbalanced_rows()).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    options = ("--target", "answer", "--hidden", 4, "--epochs", 2, "--no-report", "--out", "run")
    assert softgrad("train", "-", *options).code == 0
    assert softgrad("report", "run").code == 0
    assert (
        "not shown: the table came from standard input, and the run kept nothing of it."
        in (tmp_path / "run" / "report.html").read_text()
    )


def test_details_of_another_model_are_not_used(run, softgrad):
    folder = run("iris")
    first = (folder / "details.json").read_bytes()
    for damage in (
        first.replace(b'"count": ', b'"count": 1'),
        first.replace(b'sha256": "', b'sha256": "0'),
    ):
        (folder / "details.json").write_bytes(damage)
        assert softgrad("report", "run").code == 0
        assert (folder / "details.json").read_bytes() == first


WRONG = {  # what is done to the folder: the message
    "no metrics": "report: run/metrics.json cannot be read: No such file or directory; give the folder",
    "no model": "run/model.safetensors cannot be read: No such file",
    "damaged metrics": "report: run/metrics.json is damaged: .*; train the model again",
    "other model": "report: run/metrics.json belongs to another model than the one beside it; train the model again",
    "epochs without a loss": "report: run/metrics.json is not what softgrad train writes: KeyError: 'validation",
    "changed metrics": "report: run/metrics.json was changed after the training; restore it, or train the model again",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_folder_that_is_no_run_is_refused(wrong, run, softgrad):
    folder = run("iris")
    metrics = folder / "metrics.json"
    content = json.loads(metrics.read_text())
    if wrong == "no model":
        (folder / "model.safetensors").unlink()
    elif wrong == "no metrics":
        metrics.unlink()
    elif wrong == "damaged metrics":
        metrics.write_text("{")
    elif wrong == "other model":
        metrics.write_text(json.dumps({**content, "model_sha256": "0" * 64}))
    elif wrong == "epochs without a loss":
        metrics.write_text(json.dumps({**content, "history": [{"epoch": 1}]}))
    else:
        metrics.write_text(json.dumps({**content, "test_accuracy": 1.0}))
    before = (folder / "report.html").read_bytes()
    code, out, err = softgrad("report", "run")
    assert (code, out) == (2, "")
    assert re.match(f"softgrad: .*{WRONG[wrong]}", err)
    assert err.count("\n") == 1
    assert (folder / "report.html").read_bytes() == before


@pytest.mark.parametrize("missing", ["jinja2", "matplotlib"])
def test_without_the_extra_the_last_line_says_how_to_install_it(missing, softgrad, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == missing]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, missing, None)
    code, out, err = softgrad("train", "iris", "--report", "--hidden", 4, "--epochs", 2, "--out", "my run")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == (
        f"no report: {missing} is not installed; python -m pip install 'softgrad[report]', "
        "then softgrad report 'my run'"
    )
    assert sorted(path.name for path in (tmp_path / "my run").iterdir()) == FILES[:4]
    code, out, err = softgrad("report", "my run")
    assert (code, out) == (2, "")
    assert err == f"softgrad: report: {missing} is not installed; python -m pip install 'softgrad[report]'\n"


def test_no_report_writes_none(softgrad, tmp_path):
    assert softgrad("train", "iris", "--no-report", "--hidden", 4, "--epochs", 2, "--out", "run").code == 0
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [FILES[0], *FILES[2:4]]
