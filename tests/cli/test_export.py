"""`softgrad export`: ONNX Runtime gives the probabilities of `softgrad predict`, whatever the cells are."""

import json
import random
import sys
from datetime import datetime, timedelta

import numpy as np
import pytest

from cli.tables import dirty_table, mixed_rows, write_csv
from softgrad import __version__, nn
from softgrad.cli.exporting import columns, dates, onnx_model
from softgrad.cli.exporting.graph import Graph
from softgrad.cli.model import load
from softgrad.data import Encoding, Table, read_table, written
from softgrad.data.columns import number_column
from softgrad.data.kinds import CategoryColumn, DateColumn, NumberColumn
from softgrad.nn.layers import LAYERS

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def session(content):
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def feed(trained, table):
    """The inputs of the exported model for a table: the numbers, or the cells as they are."""
    inputs = {}
    for column in trained.encoding.columns:
        if isinstance(column, NumberColumn):
            inputs[column.name] = number_column(table, column.name, column.format)[:, None]
        elif column.width:
            inputs[column.name] = table.columns[column.name].astype(object)[:, None]
    return inputs


def assert_same_answers(model, path, data):
    """The exported model and `predict` agree on this table; the probabilities, to 1e-6."""
    trained, table = load("predict", model), read_table(str(data))
    exported = session(str(path))
    inputs = feed(trained, table)
    if [each.name for each in exported.get_inputs()] == ["X"]:
        inputs = {"X": np.hstack(list(inputs.values()))}
    labels, probabilities = exported.run(None, inputs)
    wanted = np.concatenate(list(trained.probabilities(table)))
    assert np.ptp(wanted, axis=0).max() > 0.1, "the table says nothing about the export"
    np.testing.assert_allclose(probabilities, wanted, rtol=0, atol=1e-6)
    assert labels.tolist() == [trained.classes[best] for best in wanted.argmax(axis=1)]


BUNDLED = {"digits": "relu", "iris": "tanh", "wine": "sigmoid", "breast-cancer": "softmax"}


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_sets(name, softgrad, tmp_path):
    options = ("--activation", BUNDLED[name], "--hidden", "8,5", "--epochs", 4, "--learning-rate", 0.03, "--no-check")
    assert softgrad("train", name, *options, "--out", "run").code == 0
    run = softgrad("export", "run", "model.onnx")
    assert (run.code, run.err) == (0, "")
    assert_same_answers(tmp_path / "run", tmp_path / "model.onnx", name)


LATER = """amount,opened,age,colour
1.500,02.03.2019,33,pink
"1.000,5",2.3.2023 10:30:15,,red
,NA,?,teal
900,29.02.2024 4:05,60,Null
"1.234,5",31.12.2018,44,"N/A"
700,#n/a,,nA
"2.000",01.01.2022 23:59,18,RED
"""


def test_dirty_tables(softgrad, tmp_path):
    (tmp_path / "dirty.csv").write_text(dirty_table())
    (tmp_path / "later.csv").write_text(LATER)
    options = ("--target", "churn", "--hidden", 8, "--epochs", 4, "--no-check", "--out", "run")
    assert softgrad("train", "dirty.csv", *options).code == 0
    run = softgrad("export", "run", "model.onnx")
    assert run.out.splitlines()[:3] == [
        "inputs of numbers: 'amount', 'age'",
        "inputs of text: 'opened', 'colour'",
        "outputs: 'label', 'probabilities'",
    ]
    for name in ("dirty.csv", "later.csv"):
        assert_same_answers(tmp_path / "run", tmp_path / "model.onnx", tmp_path / name)


def test_numbers_and_text(softgrad, trained, mixed, tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert softgrad("export", trained / "model.safetensors", "a/b/model.onnx").code == 0
    assert_same_answers(trained, tmp_path / "a" / "b" / "model.onnx", mixed)
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == ["model.onnx"]


def test_the_temperature_is_in_the_export(softgrad, trained, mixed, tmp_path):
    network, facts = nn.load(trained / "model.safetensors")
    nn.save(network, tmp_path / "hot.safetensors", facts={**facts, "temperature": 3.5})
    assert softgrad("export", "hot.safetensors", "hot.onnx").code == 0
    assert_same_answers(tmp_path / "hot.safetensors", tmp_path / "hot.onnx", mixed)
    answers = [
        session(onnx_model.export(load("export", path)).content).run(
            None, feed(load("export", path), read_table(str(mixed)))
        )
        for path in (trained, tmp_path / "hot.safetensors")
    ]
    assert np.abs(answers[0][1] - answers[1][1]).max() > 0.1


STRANGE = ["X", "label", "probabilities", "a b (cm)", "ä/'\"", *(f"constant {i}" for i in range(30, 45))]


def test_any_name_of_a_column_and_a_class_can_be_exported(softgrad, tmp_path):
    rng = random.Random(0)
    rows = [
        {name: str(rng.gauss(2 * (i % 2), 1)) if j % 2 else rng.choice(["u", "v"]) for j, name in enumerate(STRANGE)}
        | {"kind": ["<é>", "no\nline"][i % 2]}
        for i in range(60)
    ]
    write_csv(tmp_path / "a.csv", rows)
    assert softgrad("train", "a.csv", "--target", "kind", "--hidden", 3, "--no-check", "--out", "run").code == 0
    assert softgrad("export", "run", "model.onnx").out.splitlines()[2] == "outputs: 'label_', 'probabilities_'"
    assert_same_answers(tmp_path / "run", tmp_path / "model.onnx", tmp_path / "a.csv")


def test_the_file_says_what_it_is(softgrad, trained, tmp_path):
    for name in ("first.onnx", "second.onnx"):
        assert softgrad("export", trained, name).code == 0
    assert (tmp_path / "first.onnx").read_bytes() == (tmp_path / "second.onnx").read_bytes()
    model = onnx.load(tmp_path / "first.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert (model.producer_name, model.producer_version) == ("softgrad", __version__)
    assert {each.domain: each.version for each in model.opset_import} == {"": 20, "ai.onnx.ml": 3}
    properties = {each.key: each.value for each in model.metadata_props}
    assert json.loads(properties["classes"]) == ["no", "yes, it is"]
    assert json.loads(properties["columns"]) == ["width", "height", "colour"]
    assert properties["softgrad_version"] == __version__
    described = [(each.name, each.type, each.shape) for each in session(str(tmp_path / "first.onnx")).get_inputs()]
    assert described == [
        ("width", "tensor(double)", ["rows", 1]),
        ("height", "tensor(double)", ["rows", 1]),
        ("colour", "tensor(string)", ["rows", 1]),
    ]


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("rare", [(), ("d", "e")])
@pytest.mark.parametrize("shares", [(), (0.5, 0.2, 0.2, 0.1)])
def test_categories_are_those_of_the_column(rare, missing, shares):
    column = CategoryColumn("kind", ("a", "b", "c"), missing, rare, shares[: 3 + bool(rare)])
    cells = np.array(["c", "a", "d", "new", "A", "", "NA", "Null", "b", "other"])
    graph = Graph(["kind", "x"])
    graph.op("Identity", columns.category(graph, "kind", column), output="x")
    model = graph.model({"kind": (str, 1)}, {"x": (np.float64, column.width)})
    (got,) = session(model.SerializeToString()).run(None, {"kind": cells.astype(object)[:, None]})
    np.testing.assert_array_equal(got, column.encode(Table("a.csv", {"kind": cells}, np.arange(len(cells)), None)))


def encoded(column, texts):
    """The columns of x that the graph gives for the dates, and those of the column itself."""
    graph = Graph(["date", "x"])
    graph.op("Identity", dates.dates(graph, "date", column), output="x")
    model = graph.model({"date": (str, 1)}, {"x": (np.float64, column.width)})
    cells = np.array(texts)
    (got,) = session(model.SerializeToString()).run(None, {"date": cells.astype(object)[:, None]})
    return got, column.encode(Table("a.csv", {"date": cells}, np.arange(len(cells)), None))


@pytest.mark.parametrize("parts", [4, 5])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("name", written.DATES)
def test_dates_are_those_of_the_calendar(name, missing, parts):
    """Days of 60 years, all of a leap year, and days of 1,600, with and without a time and leading zeros."""
    rng = random.Random(1)
    moments = [datetime(1970, 1, 1) + timedelta(days=i) for i in (*range(0, 60 * 366, 19), *range(19700, 20100))]
    moments += [datetime(rng.randrange(1000, 2600), rng.randrange(1, 13), rng.randrange(1, 29)) for _ in range(300)]
    moments = [each + timedelta(seconds=rng.randrange(86400)) for each in moments]
    patterns = written.DATES[name]
    texts = [each.strftime(patterns[i % len(patterns)]) for i, each in enumerate(moments)]
    texts[::7] = [text.replace("-0", "-").replace("/0", "/").replace(".0", ".") for text in texts[::7]]
    texts += ["", "NA", "n/A", "?", "null"]
    means, scales = (2000.0, 6.5, 3.0, 100.0, 0.4), (7.0, 3.0, 2.0, 1000.0, 0.3)
    column = DateColumn("date", name, "1999-12-31", means[:parts], scales[:parts], missing)
    got, wanted = encoded(column, texts)
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


def test_dates_without_a_time_and_of_one_row():
    column = DateColumn("date", "year-month-day", "2000-03-01", (0.0,) * 4, (1.0,) * 4)
    for texts in (
        ["2000-02-29"],
        ["2024-12-31T00:00Z"],
        ["2024-12-31 18:30+01:00"],
        ["2024-12-31T18:30:01-0530"],
        ["2024-12-31"] * 3,
    ):
        np.testing.assert_array_equal(*encoded(column, texts))


def test_a_text_that_is_no_date_is_an_error():
    column = DateColumn("date", "year-month-day", "2000-03-01", (0.0,) * 4, (1.0,) * 4)
    graph = Graph(["date", "x"])
    graph.op("Identity", dates.dates(graph, "date", column), output="x")
    model = session(graph.model({"date": (str, 1)}, {"x": (np.float64, 4)}).SerializeToString())
    with pytest.raises(Exception, match="Cast node"):
        model.run(None, {"date": np.array([["soon"]], dtype=object)})


def test_numbers_on_a_logarithmic_scale():
    columns_ = [
        NumberColumn("a", 2.0, 3.0, unit=0.5),
        NumberColumn("b", 1.0, 2.0),
        NumberColumn("c", 1.0, 2.0, unit=9.0),
    ]
    values = np.array([[1e-9, 1.0, 0.0], [-3e12, -4.0, -7.0], [0.5, 0.0, 1e300]])
    graph = Graph(["values", "x"])
    graph.op("Identity", columns.numbers(graph, "values", columns_), output="x")
    model = graph.model({"values": (np.float64, 3)}, {"x": (np.float64, 3)})
    (got,) = session(model.SerializeToString()).run(None, {"values": values})
    table = Table("a.csv", dict(zip("abc", values.T, strict=True)), np.arange(3), None)
    wanted = np.hstack([column.encode(table) for column in columns_])
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


def test_numbers_that_need_float64(tmp_path):
    """Of large numbers whose differences matter, float32 would keep nothing."""
    columns = (NumberColumn("time", 1.7e12, 1000.0, missing=True), CategoryColumn("kind", ("a", "b")))
    network = nn.Network([nn.Dense(4), nn.Dropout(0.5), nn.Dense(2)]).initialize(4, seed=0)
    facts = {"classes": ["0", "1"], "encoding": Encoding(columns).to_json()}
    nn.save(network, tmp_path / "model.safetensors", facts=facts)
    trained = load("export", tmp_path / "model.safetensors")
    cells = {"time": np.array([1.7e12 + 900, 1.7e12 - 1500, np.nan]), "kind": np.array(["a", "b", "c"])}
    table = Table("a.csv", cells, np.arange(3), None)
    _, got = session(onnx_model.export(trained).content).run(None, feed(trained, table))
    np.testing.assert_allclose(got, next(trained.probabilities(table)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_can_be_exported(name, tmp_path):
    arguments = {"Dense": [3], "Dropout": [0.5]}.get(name, [])
    network = nn.Network([nn.Dense(4), LAYERS[name](*arguments), nn.Dense(2)]).initialize(1, seed=0)
    facts = {"classes": ["0", "1"], "encoding": Encoding((NumberColumn("a", 1.0, 2.0),)).to_json()}
    nn.save(network, tmp_path / "model.safetensors", facts=facts)
    trained = load("export", tmp_path / "model.safetensors")
    table = Table("a.csv", {"a": np.linspace(-9, 9, 50)}, np.arange(50), None)
    _, got = session(onnx_model.export(trained).content).run(None, {"X": table.columns["a"][:, None]})
    np.testing.assert_allclose(got, next(trained.probabilities(table)), rtol=0, atol=1e-6)


WRONG = {  # name: (arguments, message)
    "no onnx file": (("trained", "model.txt"), "export: 'model.txt' does not end in .onnx; wanted a path such as"),
    "no model": (("missing", "model.onnx"), "export: missing cannot be read: No such file"),
    "a model that is no table's": (("plain.safetensors", "model.onnx"), "export: plain.safetensors does not hold the"),
    "the model itself": (("model2.onnx", "model2.onnx"), "export: model2.onnx is the model itself; choose another"),
    "no place to write": (("trained", "folder.onnx"), "folder.onnx cannot be written: Is a directory"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_work_is_told_in_one_sentence(case, softgrad, trained, tmp_path):
    arguments, message = WRONG[case]
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "model2.onnx").write_bytes((trained / "model.safetensors").read_bytes())
    nn.save(nn.Network([nn.Dense(2)]).initialize(1), tmp_path / "plain.safetensors")
    before = sorted(tmp_path.rglob("*"))
    run = softgrad("export", *(trained if each == "trained" else each for each in arguments))
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert message in run.err
    assert sorted(tmp_path.rglob("*")) == before


def test_without_onnx_the_command_says_how_to_install_it(softgrad, trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    run = softgrad("export", trained, "model.onnx")
    message = "softgrad: export: onnx is not installed; python -m pip install 'softgrad[onnx]'\n"
    assert (run.code, run.out, run.err) == (2, "", message)
    assert not (tmp_path / "model.onnx").exists()


def test_a_full_disk_leaves_the_old_file(softgrad, trained, tmp_path, monkeypatch):
    softgrad("export", trained, "model.onnx")
    before = (tmp_path / "model.onnx").read_bytes()

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    run = softgrad("export", trained, "model.onnx")
    assert (run.code, run.out) == (2, "")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"model.onnx": before}


def test_mixed_rows_have_a_number_that_is_missing_later(softgrad, trained, tmp_path):
    assert softgrad("export", trained, "model.onnx").code == 0
    rows = ({**row, "width": "" if i % 3 == 0 else row["width"]} for i, row in enumerate(mixed_rows()))
    assert_same_answers(trained, tmp_path / "model.onnx", write_csv(tmp_path / "later.csv", rows))
