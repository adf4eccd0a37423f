"""Whatever is wrong with what the user gives: exit code 2, one line that says it, and no file more than before."""

import os
import re
import shutil
from pathlib import Path

import pytest

from cli.tables import mixed_rows, write_csv

CSV = ("train", "data.csv", "--target", "kind")
IRIS = ("train", "iris", "--hidden", "4", "--epochs", "3")

COMMAND_LINES = {  # name: (arguments, message)
    "no such command": (("trian",), "No such command 'trian'"),
    "no such option": ((*IRIS, "--leaning-rate", "1"), "(?i)no such option.*--leaning-rate"),
    "one argument too many": ((*IRIS, "wine"), r"unexpected extra argument.*wine"),
    "option without a value": ((*IRIS, "--seed"), "'--seed'"),
    "activation": ((*IRIS, "--activation", "gelu"), "'--activation'.*'gelu'"),
    "loss": ((*IRIS, "--loss", "hinge"), "'--loss'.*'hinge'"),
    "optimizer": ((*IRIS, "--optimizer", "lbfgs"), "'--optimizer'.*'lbfgs'"),
    "epochs no number": ((*IRIS, "--epochs", "many"), "'--epochs'"),
    "epochs 0": ((*IRIS, "--epochs", "0"), "'--epochs'"),
    "epochs 1.5": ((*IRIS, "--epochs", "1.5"), "'--epochs'"),
    "batch size 0": ((*IRIS, "--batch-size", "0"), "'--batch-size'"),
    "seed below 0": ((*IRIS, "--seed", "-1"), "'--seed'"),
    "seed too large": ((*IRIS, "--seed", "4294967296"), "'--seed'"),
    "learning rate no number": ((*IRIS, "--learning-rate", "fast"), "'--learning-rate'"),
    "learning rate below 0": ((*IRIS, "--learning-rate", "-1"), "Adam: learning_rate is -1.0, wanted a positive"),
    "learning rate 0": ((*IRIS, "--learning-rate", "0"), "learning_rate is 0.0, wanted a positive number"),
    "learning rate NaN": ((*IRIS, "--learning-rate", "nan", "--optimizer", "sgd"), "SGD: learning_rate is nan"),
    "learning rate infinite": ((*IRIS, "--learning-rate", "inf"), "learning_rate is inf"),
    "hidden words": (("train", "iris", "--hidden", "many"), "--hidden is 'many', wanted positive whole numbers"),
    "hidden empty": (("train", "iris", "--hidden", ""), "--hidden is ''"),
    "hidden below 0": (("train", "iris", "--hidden", "-3"), "--hidden is '-3'"),
    "hidden 0 among others": (("train", "iris", "--hidden", "8,0"), "--hidden is '8,0'"),
    "hidden with a gap": (("train", "iris", "--hidden", "8,,4"), "--hidden is '8,,4'"),
    "hidden a fraction": (("train", "iris", "--hidden", "8.5"), "--hidden is '8.5'"),
    "hidden beyond all bounds": (("train", "iris", "--hidden", "9" * 20), "--hidden is '9+'"),
    "target of a set": ((*IRIS, "--target", "target"), "iris has its own target; leave out --target target"),
    "model missing": (("predict",), "(?i)missing argument.*model"),
    "data missing": (("predict", "model"), "(?i)missing argument.*data"),
}

TABLES = {  # name: (arguments, content of data.csv, message)
    "no such set": (("train", "irs"), "", "'irs' is neither a file nor one of .*; did you mean iris?"),
    "no such file": (("train", "none.csv", "--target", "a"), "", "'none.csv' is neither a file nor one of"),
    "a folder": (("train", ".", "--target", "a"), "", ". cannot be read: Is a directory"),
    "a name too long": (("train", "x" * 300), "", "x+ cannot be .*: File name too long"),
    "no target": (("train", "data.csv"), "a,kind\n1,2\n", "holds the class. give --target, one of a, kind"),
    "target misspelt": (("train", "data.csv", "--target", "knd"), "a,kind\n1,2\n", "no column 'knd'.*mean 'kind'?"),
    "target alone": (CSV, "kind\n" + "x\ny\n" * 9, "data.csv has no column but the target 'kind'"),
    "empty": (CSV, "", "data.csv is empty"),
    "header only": (CSV, "a,kind\n", "data.csv has column names but no rows"),
    "NaN": (CSV, "a,kind\n" + "1,x\n2,y\n" * 9 + "nan,x\n", "data.csv, line 20: column 'a' is 'nan', wanted a number"),
    "infinity": (CSV, "a,kind\n" + "1,x\n2,y\n" * 9 + "inf,x\n", "line 20: column 'a' is 'inf', wanted a number"),
    "no number": (CSV, "a,kind\n" + "1,x\n2,y\n" * 9 + "1;5,x\n", "line 20: column 'a' is '1;5', wanted a number"),
    "empty cell": (CSV, "a,kind\n" + "1,x\n2,y\n" * 9 + ",x\n", "line 20: column 'a' is '', wanted a number"),
    "no class": (CSV, "a,kind\n" + "1,x\n2,y\n" * 9 + "3,\n", "line 20: column 'kind' is '', wanted a value"),
    "one class": (CSV, "a,kind\n" + "1,x\n2,x\n" * 9, "column 'kind' is 'x' in all 18 rows"),
    "a rare class": (CSV, "a,kind\n" + "1,x\n2,y\n" * 9 + "3,z\n", "class 'z' has 1 row, wanted at least 3"),
    "few rows": (CSV, "a,kind\n" + "1,x\n2,y\n" * 3, "there are 6 rows for 2 classes, wanted at least 10 rows"),
    "ragged": (CSV, "a,kind\n1,x\n2\n", "data.csv, line 3 has 1 cell, but the first line names 2 columns"),
    "quote not closed": (CSV, 'a,kind\n1,"x\n', "data.csv, line 2: unexpected end of data"),
    "not UTF-8": (CSV, b"a,kind\n1,\xff\n", "data.csv is not UTF-8 text at byte 9"),
}

PREDICT = ("predict", "model", "data.csv")
ROW = "width,height,colour\n1,2,red\n"
PREDICTIONS = {  # name: (arguments, content of data.csv, message)
    "no such model": (("predict", "none", "data.csv"), ROW, "none cannot be read: No such file or directory"),
    "a folder without a model": (("predict", ".", "data.csv"), ROW, "model.safetensors cannot be read: No such file"),
    "a table for a model": (("predict", "data.csv", "data.csv"), ROW, "load: data.csv is damaged"),
    "damaged model": (("predict", "damaged.safetensors", "data.csv"), ROW, "load: damaged.safetensors is damaged"),
    "a model name too long": (("predict", "x" * 300, "data.csv"), ROW, "x+.*: File name too long"),
    "no such data": (("predict", "model", "none.csv"), ROW, "'none.csv' is neither a file nor one of"),
    "data of another kind": (("predict", "model", "iris"), ROW, "iris has no column 'width'; wanted one of"),
    "column missing": (PREDICT, "width,colour\n1,red\n", "data.csv has no column 'height'; wanted one of 'width'"),
    "column near": (PREDICT, "width,heigth,colour\n1,2,red\n", "no column 'height'; .*did you mean 'heigth'?"),
    "new category": (
        PREDICT,
        "width,height,colour\n1,2,pink\n",
        "line 2: column 'colour' is 'pink', a category that the",
    ),
    "NaN": (PREDICT, ROW + "nan,1,red\n", "line 3: column 'width' is 'nan', wanted a number"),
    "no number": (PREDICT, ROW + "1,2m,red\n", "line 3: column 'height' is '2m', wanted a number"),
    "far off": (PREDICT, ROW + "1,1e300,red\n", r"line 3: column 'height' is 1e\+300, too far from the mean"),
    "header only": (PREDICT, "width,height,colour\n", "data.csv has column names but no rows"),
    "out a folder": ((*PREDICT, "--out", "model"), ROW, "model cannot be written: Is a directory; choose another path"),
    "out below a file": ((*PREDICT, "--out", "data.csv/out.csv"), ROW, "data.csv/out.csv cannot be written"),
    "out nowhere": ((*PREDICT, "--out", "/proc/out.csv"), ROW, "/proc/out.csv cannot be written"),
}

OUTS = {  # name: (--out, message)
    "a file": ("data.csv", "data.csv cannot be written to: data.csv: Not a directory; choose another folder"),
    "below a file": ("data.csv/a/b", "data.csv/a/b cannot be written to: .*data.csv: Not a directory"),
    "nowhere": ("/proc/run", "/proc/run cannot be written to: /proc"),
}


@pytest.fixture
def refused(softgrad, tmp_path):
    """Runs the command, which must end with exit code 2, one line that matches, and the files as they were."""

    def run(arguments, message, out=""):
        before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
        result = softgrad(*arguments)
        assert result.code == 2
        assert result.err.count("\n") == 1
        assert result.err.startswith("softgrad: ")
        assert re.search(message, result.err), result.err
        assert re.fullmatch(out, result.out), result.out
        assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before

    return run


@pytest.mark.parametrize("case", COMMAND_LINES)
def test_command_lines(case, refused):
    refused(*COMMAND_LINES[case])


@pytest.mark.parametrize("case", TABLES)
def test_tables(case, refused, tmp_path):
    arguments, content, message = TABLES[case]
    (tmp_path / "data.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(arguments, message)


@pytest.mark.parametrize("case", PREDICTIONS)
def test_predictions(case, refused, trained, tmp_path):
    arguments, content, message = PREDICTIONS[case]
    (tmp_path / "data.csv").write_text(content)
    shutil.copytree(trained, tmp_path / "model")
    (tmp_path / "damaged.safetensors").write_bytes((trained / "model.safetensors").read_bytes()[:-9])
    refused(arguments, message)


@pytest.mark.parametrize("case", OUTS)
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_done(case, refused, tmp_path):
    folder, message = OUTS[case]
    write_csv(tmp_path / "data.csv", mixed_rows())
    refused((*CSV, "--out", folder), message)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_learning_rate_that_diverges(optimizer, refused):
    said = r"iris: 150 rows of .*\ngradient check: \d+ parameters, .*\n"
    message = (
        r"the (validation )?loss is (nan|inf) after epoch \d+, wanted a finite number; the training has diverged, "
        "use a lower learning rate"
    )
    refused((*IRIS, "--learning-rate", "1e30", "--optimizer", optimizer), message, out=said)


def test_more_units_than_memory(refused, monkeypatch):
    def no_memory(*arguments):
        raise MemoryError("Unable to allocate 149. GiB")

    monkeypatch.setattr("softgrad.nn.Dense.initialize", no_memory)
    refused(IRIS, r"not enough memory: Unable to allocate 149\. GiB; give fewer units or rows", out=r"iris: .*\n")


@pytest.mark.parametrize("name", ["model.safetensors", "metrics.json"])
def test_a_disk_that_fills_while_training_leaves_the_last_run(name, softgrad, tmp_path, monkeypatch):
    assert softgrad(*IRIS, "--out", "run").code == 0
    before = (tmp_path / "run" / name).read_bytes()
    right = os.fsync

    def out_of_space(descriptor):
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == name:
            raise OSError(28, "No space left on device")
        right(descriptor)

    monkeypatch.setattr(os, "fsync", out_of_space)
    run = softgrad(*IRIS, "--seed", 1, "--out", "run")
    assert run.code == 2
    assert run.err == f"softgrad: run/{name} cannot be written: No space left on device; choose another path\n"
    assert (tmp_path / "run" / name).read_bytes() == before
    assert len(list((tmp_path / "run").iterdir())) == 2
