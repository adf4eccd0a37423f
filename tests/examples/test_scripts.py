"""The scripts of examples/ give the same losses with softgrad as with torch, and say what is wrong in one sentence.

They run in float64, in which the losses of a few steps differ by rounding alone.
"""

import gzip
import importlib.util
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import load
from sampled import sampled

torch = load("torch")

import softgrad.torch as st  # noqa: E402

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.stem for path in EXAMPLES.glob("*.py"))
TEXT = "the quick brown fox jumps over the lazy dog. " * 20
SMALL = {  # arguments of a run of a few steps; {} is a folder with data
    "character_lm": ["--text", "{}/text.txt", "--epochs", "2", "--steps", "3", "--size", "8", "--length", "16"],
    "fashion_mnist_mlp": ["--data", "{}", "--epochs", "2", "--hidden", "8", "--batch-size", "16"],
    "reinforce": ["--epochs", "2", "--steps", "3", "--vocabulary", "5", "--size", "8"],
}
SLIPS = {  # wrong losses, one for each script
    "character_lm": lambda hidden, head, target: st.cross_entropy(head(hidden), target, label_smoothing=0.01),
    "fashion_mnist_mlp": lambda: st.CrossEntropyLoss(label_smoothing=0.01),
    "reinforce": lambda logits, tokens: st.token_log_probs(logits, tokens, temperature=1.01),
}
NO_DATA = {
    "character_lm": (["--text", "{}/nothing.txt"], r"cannot read .*nothing\.txt: .*No such file"),
    "fashion_mnist_mlp": (
        ["--data", "{}/nothing"],
        r"cannot read .*: .*No such file.*; apt-get install dataset-fashion-mnist",
    ),
}

# A process that a shell starts in the background ignores Ctrl-C. This code enables it again, and runs the script.
INTERRUPTIBLE = (
    "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


@pytest.fixture
def data(tmp_path):
    """A folder with a text and with 40 + 20 images of Fashion-MNIST's format."""
    (tmp_path / "text.txt").write_text(TEXT)
    draw = np.random.default_rng(0)
    for part, count in (("train", 40), ("t10k", 20)):
        images, labels = draw.integers(256, size=(count, 784)), draw.integers(10, size=count)
        for kind, header, values in (("images-idx3", 16, images), ("labels-idx1", 8, labels)):
            content = bytes(header) + values.astype(np.uint8).tobytes()
            (tmp_path / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))
    return tmp_path


@pytest.fixture
def float64(torch):
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def imported(script):
    spec = importlib.util.spec_from_file_location(script, EXAMPLES / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def filled(arguments, folder):
    return [argument.format(folder) for argument in arguments]


def test_every_script_is_tested():
    assert set(SCRIPTS) == set(SMALL) == set(SLIPS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_losses_are_those_of_torch(script, data, float64):
    module = imported(script)
    want, *others = (module.main([*filled(SMALL[script], data), "--loss", loss]) for loss in module.LOSSES)
    for got in others:
        assert got == pytest.approx(want, rel=1e-12, abs=0)
    assert want[1] != want[0]  # it trains


@pytest.mark.parametrize("script", SCRIPTS)
def test_another_loss_is_noticed(script, data, float64):
    module = imported(script)
    arguments = filled(SMALL[script], data)
    want = module.main([*arguments, "--loss", "torch"])
    module.LOSSES["softgrad"] = SLIPS[script]
    assert module.main(arguments) != pytest.approx(want, rel=1e-6)


def test_reinforce_reaches_the_reward_of_torch(float64, capsys):
    module, reached = imported("reinforce"), {}
    for loss in module.LOSSES:
        module.main(["--epochs", "3", "--steps", "40", "--vocabulary", "8", "--size", "32", "--loss", loss])
        reached[loss] = re.findall(r"reward (\S+) of 1", capsys.readouterr().out)
    assert reached["softgrad"] == reached["torch"]
    assert float(reached["torch"][-1]) > 0.9 > float(reached["torch"][0])


@pytest.mark.parametrize("script", NO_DATA)
def test_says_which_file_is_missing(script, tmp_path):
    arguments, sentence = NO_DATA[script]
    with pytest.raises(SystemExit) as error:
        imported(script).main(filled(arguments, tmp_path))
    assert "\n" not in error.value.code
    error.match(sentence)


def test_python_comes_with_a_text():
    assert len(imported("character_lm").read(None)) > 100_000


def test_says_that_a_text_is_too_short(tmp_path):
    (tmp_path / "short.txt").write_text("short")
    with pytest.raises(SystemExit, match="the text has 5 characters; more than --length 64 are needed"):
        imported("character_lm").main(["--text", str(tmp_path / "short.txt")])


@pytest.mark.parametrize("script", sampled(SCRIPTS, lambda script: script == "character_lm"))
def test_an_interrupt_is_one_line(script, data):
    """The script is interrupted after its first line, in training that would take hours."""
    arguments = [*filled(SMALL[script], data), "--epochs", "1000000"]
    command = [sys.executable, "-u", "-c", INTERRUPTIBLE, str(EXAMPLES / f"{script}.py"), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert (process.returncode, said) == (1, "stopped\n")
