"""Random command lines: python -m fuzz.command_line NUMBER SEED, from tests/.

Each line is made of the declared commands and options, with right and with nasty values, and runs in a folder of its
own with tables, models and Python files that are right, wrong or strange. What the command may do is in runner.py. In
addition, no file may change but those that the line names as output.
"""

import itertools
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

from fuzz.inputs import TABLES, USER_FILES
from fuzz.runner import contents, faults, preload, run, train_model

OUTPUTS = ("--out", "--html", "--markdown", "--latex")
LONG = "9" * 5000
NASTY = [
    "", " ", "0", "-1", "1.5", "1e400", "nan", "-inf", "NaN", "1_000", "\u0661\u0662", "\uff11", "0x10", LONG,
    "x" * 3000, "true", "None", "[" * 500, "{}", "a,b", "1,2", ",", "1,,2", "--", "-", "--help", "\x1b[31m", "a\nb",
    "\udcff", "\u202e", "🙂" * 300, "%s%n", "*", "~", "$HOME", "2147483648", "18446744073709551616", "-0", "+1", "1 2",
    "'", '"', "\\", "=", "a=b=c", "k=", "=v", "class_axis=5", "reduction=mean", "reduction=[1,", "mask=" + "[" * 300,
    "x=" + LONG, "layout=columns", "class_axis='a'",
]  # fmt: skip
PATHS = [
    "data.csv", "model", "model/model.safetensors", "user.py", ".", "missing", "folder", "loop", "dangling", "link",
    "fifo", "a/b/c", "data.csv/below", "protected", "folder/", "x" * 300, "/proc/softgrad", "new", "new", "new2",
    "\udcff", "a\nb", "null",
]  # fmt: skip
CONFIGS = [  # files for --config
    'target = "kind"\nhidden = [3]\nbatch-size = 8\n', 'epochs = "x"', "epoch = 1", "seed = [1, 2]", "drop = 3",
    "target = {a = 1}", "learning_rate = nan", "a b", "dropout = 1979-05-27", "check = 5", "split = []", 'data = ""',
]  # fmt: skip
RIGHT = {  # option or argument: values that are often right
    "data": ["data.csv"] * 6 + ["iris"],
    "train target": ["kind", "kind", "kind", "a"],
    "explain target": ["0", "0", "0", "1", "0.5,0.5"],
    "check target": ["classes", "one-hot"],
    "hidden": ["0", "3", "4,2"],
    "epochs": ["1", "2"],
    "batch_size": ["8", "64"],
    "learning_rate": ["0.01", "1e-30", "1e30"],
    "dropout": ["0", "0.5"],
    "smoothing": ["0", "0.1"],
    "weight_decay": ["0", "0.1"],
    "schedule": ["cosine", "plateau"],
    "seed": ["0", "7"],
    "activation": ["relu", "tanh", "sigmoid", "softmax"],
    "optimizer": ["adam", "sgd"],
    "loss": ["cross-entropy", "squared-error", "kl-divergence", "focal"],
    "check loss": ["loss", "loss", "forward"],
    "logits": ["1", "-2", "0.5"] * 5 + ["1,2", "3,-1"],
    "layout": ["rows", "columns"],
    "rows": ["1", "3"],
    "classes": ["1", "9"],
    "file": ["user.py"],
    "forward": ["forward", "forward", "softmax"],
    "vjp": ["vjp", "vjp", "backward"],
    "grad": ["grad"],
    "shape": ["4x3", "3", "1x1", "2x2x2"],
    "wrt": ["0", "1", "0,1"],
    "context": ["reduction=mean", "classes=3"],
    "rtol": ["1e-6", "0.1"],
    "draws": ["3"],
    "max_calls": ["200"],
    "model": ["model", "model/model.safetensors"],
    "checkpoint_seconds": ["0", "0.1"],
    "resume": ["model", "new"],
    "config": ["run.toml", "run.toml", "data.csv"],
    "out": ["new", "link", "fifo", "a/b/c", "protected", "null"],
    "export out": ["new.onnx", "new.onnx", "folder/new.onnx", "fifo.onnx/new.onnx", "new"],
    "html": ["page"],
    "markdown": ["text.md"],
    "latex": ["new2", "text.tex"],
}


def line(rng, commands):
    """A random command line."""
    if rng.random() < 0.03:
        return [rng.choice(NASTY) for _ in range(rng.randrange(3))]
    name = rng.choice(list(commands))
    nasty = rng.choice([0, 0.02, 0.2])  # the chance of each value
    arguments, options = [], []
    for parameter in commands[name]:
        option = next((text for text in parameter.opts if text.startswith("--")), None)
        if option is None:
            count = rng.choice([1, 1, 1, 2, 3]) if parameter.nargs == -1 else int(rng.random() < 0.95)
            arguments += [_value(rng, name, parameter.name, nasty) for _ in range(count)]
        elif option in ("--help", "--version"):
            continue
        elif getattr(parameter, "is_flag", False):
            options += [option] if rng.random() < 0.3 else []
        elif rng.random() < _chance(name, parameter):
            options += [option, _value(rng, name, parameter.name, nasty)]
    if name == "train":  # so that a run is short; later options override these
        options = ["--epochs", "1", "--hidden", "3", *options]
    if rng.random() < 0.05:
        options.append("--" + "".join(rng.sample("targehidn", 5)))
    if rng.random() < 0.5:
        return [name, *arguments, *options]
    return [name, *options, *arguments]


def _chance(command, parameter):
    """How often a line has an option."""
    if command == "check":  # most of its options exclude each other
        return 0.9 if parameter.name == "shape" else 0.08
    return 0.9 if parameter.required or parameter.name == "target" else 0.15


def _value(rng, command, name, nasty):
    if rng.random() < nasty:
        return rng.choice(PATHS if f"--{name}" in OUTPUTS or name in ("data", "model", "file") else NASTY)
    return rng.choice(RIGHT.get(f"{command} {name}") or RIGHT.get(name) or NASTY)


def prepare(folder, rng, model):
    """Fills a folder with what the command lines name."""
    shutil.copytree(model, folder / "model")
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nothing")
    (folder / "link").symlink_to("new")
    os.mkfifo(folder / "fifo")
    (folder / "protected").write_bytes(b"old")
    (folder / "protected").chmod(0o444)
    (folder / "data.csv").write_bytes(_mostly_right(rng, TABLES))
    (folder / "run.toml").write_text(rng.choice(CONFIGS))
    (folder / "user.py").write_bytes(_mostly_right(rng, USER_FILES))


def _mostly_right(rng, contents):
    return contents[0] if rng.random() < 0.6 else rng.choice(contents)


def named_as_output(arguments):
    """The paths that a line may change."""
    named = {"softgrad-runs"}
    for option, value in itertools.pairwise(arguments):
        if option in OUTPUTS:
            named.add(value)
    return named | {value for value in arguments[1:] if "export" in arguments and value.endswith(".onnx")}


def changed(before, after, arguments):
    """The files that changed though the line does not name them as output."""
    named = named_as_output(arguments)
    links = {"link": "new", "dangling": "nothing"}
    allowed = {Path(name).parts[0] for each in named for name in (each, links.get(each, each)) if Path(name).parts}
    if named & {".", "folder/", ""}:
        allowed |= {"model.safetensors", "metrics.json"}
    paths = before.keys() | after.keys()
    return [path for path in paths if before.get(path) != after.get(path) and Path(path).parts[0] not in allowed]


def fuzz(number, seed):
    """Runs command lines, prints the faults, and returns how many lines have one."""
    from typer.main import get_command

    from softgrad.cli.app import app

    preload()
    commands = {name: command.params for name, command in get_command(app).commands.items() if name != "explore"}
    bad, codes = 0, {}
    with tempfile.TemporaryDirectory() as base:
        trained = Path(base, "trained")
        trained.mkdir()
        train_model(trained, TABLES[0])
        for i in range(number):
            rng = random.Random(f"{seed} {i}")
            folder = Path(base, f"run{i}")
            folder.mkdir()
            prepare(folder, rng, trained / "model")
            before = contents(folder)
            arguments = line(rng, commands)
            outcome = run(arguments, folder)
            codes[outcome.code] = codes.get(outcome.code, 0) + 1
            found = faults(outcome, folder)
            extra = changed(before, contents(folder), arguments)
            found += [f"changed: {', '.join(extra)}"] if extra and "check" not in arguments else []
            if found:
                bad += 1
                shown = [text if len(text) < 60 else text[:60] + "..." for text in arguments]
                print(f"{seed} {i}: {'; '.join(found)}\n  {shown}\n  {outcome.err[-600:]!r}")
            shutil.rmtree(folder)
    print(f"{number} command lines of seed {seed}: {bad} with a fault; exit codes {dict(sorted(codes.items()))}")
    return bad


if __name__ == "__main__":
    sys.exit(min(fuzz(int(sys.argv[1]), int(sys.argv[2])), 1))
