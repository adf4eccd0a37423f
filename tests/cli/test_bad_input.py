"""Invalid input of any kind gives exit code 2 and an error of one line, and changes no file."""

import os
import re
import shutil
import stat

import pytest

from cli.tables import mixed_rows, write_csv

CSV = ("train", "data.csv", "--target", "kind")
IRIS = ("train", "iris", "--hidden", "4", "--epochs", "3")

COMMAND_LINES = {  # name: (arguments, message)
    "unknown command": (("trian",), "no such command 'trian'; did you mean train"),
    "unknown option": (
        (*IRIS, "--leaning-rate", "1"),
        "train: no such option --leaning-rate; did you mean --learning-rate",
    ),
    "the name that torch has for an option": (
        (*IRIS, "--lr", "1"),
        "no such option --lr; did you mean --learning-rate",
    ),
    "value of a switch": ((*IRIS, "--stratify=no"), "softgrad: --stratify takes no value$"),
    "extra argument": ((*IRIS, "wine"), "train: unexpected argument 'wine'; --help shows"),
    "option without a value": ((*IRIS, "--seed"), "--seed has no value; write --seed VALUE$"),
    "unknown activation": ((*IRIS, "--activation", "gelu"), "train: --activation is 'gelu', wanted one of "),
    "unknown loss": ((*IRIS, "--loss", "hinge"), "train: --loss is 'hinge', wanted one of "),
    "unknown optimizer": ((*IRIS, "--optimizer", "lbfgs"), "train: --optimizer is 'lbfgs', wanted one of "),
    "choices": (
        (*IRIS, "--optimizer", "adma"),
        "--optimizer is 'adma', wanted one of sgd, adam; did you mean adam.$",
    ),
    "epochs is a word": ((*IRIS, "--epochs", "many"), "train: --epochs is .*, wanted "),
    "epochs 0": ((*IRIS, "--epochs", "0"), "train: --epochs is .*, wanted "),
    "epochs 1.5": ((*IRIS, "--epochs", "1.5"), "train: --epochs is .*, wanted "),
    "batch size 0": ((*IRIS, "--batch-size", "0"), "train: --batch-size is .*, wanted "),
    "seed below 0": ((*IRIS, "--seed", "-1"), "train: --seed is .*, wanted "),
    "seed too large": ((*IRIS, "--seed", "4294967296"), "train: --seed is .*, wanted "),
    "learning rate is a word": ((*IRIS, "--learning-rate", "fast"), "train: --learning-rate is .*, wanted "),
    "learning rate below 0": ((*IRIS, "--learning-rate", "-1"), "train: --learning-rate is -1.0, wanted a positive"),
    "learning rate 0": ((*IRIS, "--learning-rate", "0"), "--learning-rate is 0.0, wanted a positive number"),
    "weight decay below 0": (
        (*IRIS, "--weight-decay", "-1"),
        "train: --weight-decay is -1.0, wanted 0 or a positive number such as 0.01$",
    ),
    "dropout 1": ((*IRIS, "--dropout", "1"), "train: --dropout is 1.0, wanted at least 0 and less than 1$"),
    "dropout is a word": ((*IRIS, "--dropout", "some"), "--dropout is 'some', wanted a number such as 0.2$"),
    "smoothing 1": ((*IRIS, "--smoothing", "1"), "train: --smoothing is 1.0, wanted at least 0 and less than 1$"),
    "unknown schedule": ((*IRIS, "--schedule", "linear"), "train: --schedule is 'linear', wanted one of "),
    "learning rate NaN": ((*IRIS, "--learning-rate", "nan"), "--learning-rate is 'nan', wanted a number such as"),
    "learning rate infinite": ((*IRIS, "--learning-rate", "inf"), "--learning-rate is 'inf', wanted a number"),
    "learning rate with a gap in the digits": ((*IRIS, "--learning-rate", "1_0"), "--learning-rate is '1_0'"),
    "seed with a gap in the digits": (
        (*IRIS, "--seed", "1_0"),
        "--seed is '1_0', wanted an integer from 0 to 4294967295",
    ),
    "seed in other digits": ((*IRIS, "--seed", "\u0661"), "--seed is '\u0661', wanted an integer"),
    "epochs with a gap in the digits": ((*IRIS, "--epochs", "1_0"), "--epochs is '1_0', wanted an integer of at"),
    "batch size with a gap in the digits": ((*IRIS, "--batch-size", "1_0"), "--batch-size is '1_0'"),
    "rows with a gap in the digits": (("explain", "1", "2", "--target", "0", "--rows", "1_0"), "--rows is '1_0'"),
    "classes in other digits": (("explain", "1", "2", "--target", "0", "--classes", "\uff11"), "--classes is"),
    "draws with a gap in the digits": (("check", "f.py", "--draws", "1_0"), "--draws is '1_0'"),
    "calls with a gap in the digits": (("check", "f.py", "--max-calls", "1_000"), "--max-calls is '1_000'"),
    "rtol with a gap in the digits": (
        ("check", "f.py", "--rtol", "1e-1_0"),
        "--rtol is '1e-1_0', wanted a number",
    ),
    "seed of a check in other digits": (("check", "f.py", "--seed", "\u0661"), "--seed is"),
    "port with a gap in the digits": (
        ("explore", "--port", "80_80"),
        "--port is '80_80', wanted an integer from 1",
    ),
    "hidden is a word": (("train", "iris", "--hidden", "many"), "--hidden is 'many', wanted positive integers"),
    "hidden is empty": (("train", "iris", "--hidden", ""), "--hidden is ''"),
    "hidden below 0": (("train", "iris", "--hidden", "-3"), "--hidden is '-3'"),
    "hidden 0 among others": (("train", "iris", "--hidden", "8,0"), "--hidden is '8,0'"),
    "hidden with a gap": (("train", "iris", "--hidden", "8,,4"), "--hidden is '8,,4'"),
    "hidden is a fraction": (("train", "iris", "--hidden", "8.5"), "--hidden is '8.5'"),
    "hidden with a gap in the digits": (("train", "iris", "--hidden", "1_0"), "--hidden is '1_0'"),
    "hidden too large": (("train", "iris", "--hidden", "9" * 20), "--hidden is '9+'"),
    "split of two parts": ((*IRIS, "--split", "80,20"), "--split is '80,20', wanted three positive percentages whose"),
    "split without a test set": ((*IRIS, "--split", "80,20,0"), "--split is '80,20,0'"),
    "split of more than all": ((*IRIS, "--split", "80,20,20"), "--split is '80,20,20', .* whose sum is 100"),
    "split is a word": ((*IRIS, "--split", "a,b,c"), "--split is 'a,b,c'"),
    "patience 0": ((*IRIS, "--patience", "0"), "train: --patience is .*, wanted "),
    "unknown class weight": ((*IRIS, "--class-weight", "even"), "train: --class-weight is 'even', wanted one of "),
    "target of a bundled set": (
        (*IRIS, "--target", "target"),
        "iris already has a target; leave out --target 'target'",
    ),
    "model missing": (("predict",), "predict: MODEL is missing; wanted the folder that softgrad train wrote"),
    "data missing": (("predict", "model"), "predict: DATA is missing; wanted a table with the columns"),
}

TABLES = {  # name: (arguments, content of data.csv, message)
    "misspelt set": (("train", "irs"), "", "'irs' is neither a file nor one of .*; did you mean iris?"),
    "missing file": (("train", "none.csv", "--target", "a"), "", "'none.csv' is neither a file nor one of"),
    "folder": (("train", ".", "--target", "a"), "", ". cannot be read: Is a directory"),
    "name too long": (("train", "x" * 300), "", "x+ cannot be .*: File name too long"),
    "no target": (
        ("train", "data.csv"),
        "a,kind\n1,2\n",
        "--target is missing; name the column of data.csv that holds the class: 'a', 'kind'",
    ),
    "misspelt target": (("train", "data.csv", "--target", "knd"), "a,kind\n1,2\n", "no column 'knd'.*mean 'kind'?"),
    "no feature column": (CSV, "kind\n" + "x\ny\n" * 9, "data.csv has no column besides the target 'kind'"),
    "empty": (CSV, "", "data.csv is empty"),
    "header only": (CSV, "a,kind\n", "data.csv has column names but no rows"),
    "infinity": (CSV, "a,kind\n" + "1,x\n2,y\n" * 9 + "inf,x\n", "line 20: column 'a' is 'inf', wanted a number"),
    "not a number": (CSV, "a,kind\n" + "1,x\n2,y\n" * 9 + "1;5,x\n", "line 20: column 'a' is '1;5', wanted a number"),
    "no column left": (CSV, "a,kind\n" + "1,x\n1,y\n" * 9, r"data.csv: no column is left .*: 'a' \(always '1'\)"),
    "no dates": (
        (*CSV, "--dates", "a"),
        "a,kind\n" + "1,x\n2,y\n" * 9,
        "data.csv: column 'a' has no dates of one format, such as '1'; wanted one of year-month-day",
    ),
    "dropped column that is none": ((*CSV, "--drop", "b"), "a,kind\n" + "1,x\n2,y\n" * 9, "no column 'b'; its columns"),
    "column of two kinds": (
        (*CSV, "--numbers", "a", "--categories", "a"),
        "a,kind\n" + "1,x\n2,y\n" * 9,
        "train: column 'a' is named as number and as category; name it once",
    ),
    "dropped target": ((*CSV, "--drop", "kind"), "a,kind\n" + "1,x\n2,y\n" * 9, "train: column 'kind' is the target"),
    "no classes": (
        CSV,
        "a,kind\n" + "1,\n2,NA\n" * 9,
        "data.csv: column 'kind' holds no class in any of its 18 rows, wanted rows with a class; name another column",
    ),
    "one class": (CSV, "a,kind\n" + "1,x\n2,x\n" * 9, "column 'kind' is 'x' in all 18 rows"),
    "rare class": (CSV, "a,kind\n" + "1,x\n2,x\n" * 9 + "3,z\n", "class 'z' has 1 row, wanted at least 3"),
    "few rows": (CSV, "a,kind\n" + "1,x\n2,y\n" * 3, "there are 6 rows for 2 classes, wanted at least 10 rows"),
    "row too short": (CSV, "a,kind\n1,x\n2\n", "data.csv, line 3 has 1 cell, but the first line names 2 columns"),
    "quote not closed": (CSV, 'a,kind\n1,"x\n', "data.csv, line 2: unexpected end of data"),
    "not text": (CSV, b"a,kind\n1,\0\n", "data.csv is not text: byte 9 is 0; give the path of a CSV file"),
}

PREDICT = ("predict", "model", "data.csv")
ROW = "width,height,colour\n1,2,red\n"
PREDICTIONS = {  # name: (arguments, content of data.csv, message)
    "missing model": (
        ("predict", "none", "data.csv"),
        ROW,
        "none cannot be read: No such file or directory; give the folder that softgrad train",
    ),
    "folder without a model": (("predict", ".", "data.csv"), ROW, "model.safetensors cannot be read: No such file"),
    "table instead of a model": (
        ("predict", "data.csv", "data.csv"),
        ROW,
        "predict: data.csv is damaged or not a model: .*; give a model",
    ),
    "damaged model": (("predict", "damaged.safetensors", "data.csv"), ROW, "predict: damaged.safetensors is damaged"),
    "model name too long": (("predict", "x" * 300, "data.csv"), ROW, "x+.*: File name too long"),
    "missing table": (("predict", "model", "none.csv"), ROW, "'none.csv' is neither a file nor one of"),
    "table with other columns": (("predict", "model", "iris"), ROW, "iris has no column 'width'; its columns are"),
    "missing column": (PREDICT, "width,colour\n1,red\n", "data.csv has no column 'height'; its columns are 'width'"),
    "small letters": (PREDICT, "Width,HEIGHT,colour\n1,2,red\n", "no column 'width'; .*did you mean 'Width'?"),
    "misspelt column": (PREDICT, "width,heigth,colour\n1,2,red\n", "no column 'height'; .*did you mean 'heigth'?"),
    "not a number": (PREDICT, ROW + "1,2m,red\n", "'height' is '2m', .*numbers; correct the cell, or remove the row$"),
    "far from the mean": (PREDICT, ROW + "1,1e300,red\n", r"line 3: column 'height' is 1e\+300, too far from the mean"),
    "header only": (PREDICT, "width,height,colour\n", "data.csv has column names but no rows"),
    "output is a folder": (
        (*PREDICT, "--out", "model"),
        ROW,
        "model cannot be written: Is a directory; choose another path",
    ),
    "output below a file": ((*PREDICT, "--out", "data.csv/out.csv"), ROW, "data.csv/out.csv cannot be written"),
    "output in no folder": (
        (*PREDICT, "--out", "new/folder/out.csv"),
        ROW,
        "predict: --out is new/folder/out.csv, but new/folder does not exist; make this folder first",
    ),
    "model in no folder": (
        ("export", "model", "new/model.onnx"),
        ROW,
        "export: new/model.onnx cannot be written, since new does not exist; make this folder first",
    ),
    "output not writable": ((*PREDICT, "--out", "/proc/out.csv"), ROW, "/proc/out.csv cannot be written"),
}

OUTPUT_FOLDERS = {  # name: (--out, message)
    "file": ("data.csv", "train: --out is data.csv, which is no folder; choose a new one$"),
    "below a file": ("data.csv/a/b", "data.csv/a/b cannot be written: Not a directory; choose another path$"),
    "not writable": ("/proc/run", "/proc/run cannot be written: .*; choose another path$"),
    "symbolic link": ("loop", "train: --out is loop, which is no folder; choose a new one$"),
    "not empty": ("taken", "train: --out is taken, which is not empty; choose a new folder$"),
    "below a folder": ("taken/..", r"train: --out is taken/\.\., which is not empty; choose a new folder$"),
    "unfinished": (
        "half",
        "train: half.unfinished is there, .*; remove it, or choose another --out$",
    ),
    "name too long": ("x" * 300, "x+ cannot be written: File name too long; choose another path$"),
}


@pytest.fixture
def assert_rejected(softgrad, tmp_path):
    """A function that runs the command, and asserts exit code 2, one line that matches, and unchanged files."""

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
def test_invalid_command_lines_are_rejected(case, assert_rejected):
    assert_rejected(*COMMAND_LINES[case])


@pytest.mark.parametrize("case", TABLES)
def test_invalid_tables_are_rejected(case, assert_rejected, tmp_path):
    arguments, content, message = TABLES[case]
    (tmp_path / "data.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert_rejected(arguments, message)


@pytest.mark.parametrize("case", PREDICTIONS)
def test_invalid_predictions_are_rejected(case, assert_rejected, trained, tmp_path):
    arguments, content, message = PREDICTIONS[case]
    (tmp_path / "data.csv").write_text(content)
    shutil.copytree(trained, tmp_path / "model")
    (tmp_path / "damaged.safetensors").write_bytes((trained / "model.safetensors").read_bytes()[:-9])
    assert_rejected(arguments, message)


@pytest.mark.parametrize("case", OUTPUT_FOLDERS)
def test_a_folder_that_cannot_be_written_is_rejected_before_training(case, assert_rejected, tmp_path):
    folder, message = OUTPUT_FOLDERS[case]
    write_csv(tmp_path / "data.csv", mixed_rows())
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "taken" / "folder").mkdir(parents=True)
    (tmp_path / "half.unfinished").mkdir()
    assert_rejected((*CSV, "--out", folder), message)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_diverged_training_is_reported(optimizer, assert_rejected):
    output = r"iris: 150 rows of .*\ngradient check: \d+ parameters, .*\n"
    message = (
        r"^softgrad: train: the (validation )?loss is (nan|inf) (after epoch 1|in step \d, epoch 1), wanted a finite "
        r"number; the first output that is not finite is that of layers\.2, Dense\(3\); the training has diverged, use "
        r"a lower --learning-rate; nothing was written\n$"
    )
    assert_rejected((*IRIS, "--learning-rate", "1e30", "--optimizer", optimizer), message, out=output)


def test_a_lack_of_memory_is_reported(assert_rejected, monkeypatch):
    def no_memory(*arguments):
        raise MemoryError("Unable to allocate 149. GiB")

    monkeypatch.setattr("softgrad.nn.Dense.initialize", no_memory)
    message = r"not enough memory: Unable to allocate 149\. GiB; use fewer hidden units, rows or classes"
    assert_rejected(IRIS, message, out=r"iris: .*\n")


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_full_disk_leaves_no_folder(call, softgrad, tmp_path, monkeypatch):
    """The disk is full when the options are synced, when the model is, or when the metrics are."""
    calls = []

    def fail(descriptor):
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            calls.append(descriptor)
            if len(calls) == call:
                raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    run = softgrad(*IRIS, "--seed", 1, "--out", "a/run")
    assert run.code == 2
    name = ["config.toml", "model.safetensors", "metrics.json"][call - 1]
    assert run.err.startswith(f"softgrad: a/run.unfinished/{name} cannot be written: No space left on device; ")
    assert list(tmp_path.iterdir()) == []
