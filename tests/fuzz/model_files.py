"""Damaged and forged model files: python -m fuzz.model_files NUMBER SEED, from tests/.

Damaged bytes never give other predictions. A forged file, whose description is changed and whose checksum is right, may
be a model; if it is none, the message is one line.
"""

import copy
import hashlib
import json
import random
import shutil
import struct
import sys
import tempfile
from pathlib import Path

from fuzz.inputs import TABLES
from fuzz.runner import faults, preload, run, train_model

MARK = rb"\"sha256\": \""
PREDICT = ["predict", "file", "data.csv", "--proba"]
COMMANDS = [PREDICT, PREDICT, ["evaluate", "file", "data.csv"], ["info", "file"], ["export", "file", "file.onnx"]]
ODD = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "\u0661",
    [],
    {},
    [[]],
    10**30,
    1e308,
    "Dense",
    "x" * 1000,
    ["a", "a"],
    {"layer": "Dense"},
]


def damaged(rng, data):
    """The bytes with a random fault."""
    kind = rng.randrange(6)
    at = rng.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data + rng.randbytes(rng.randrange(1, 100))
    if kind == 2:
        length = rng.choice([1, 4, 64, 500])
        return data[:at] + bytes(length) + data[at + length :]
    if kind == 3:
        return data[:at] + data[at + rng.randrange(1, 9) :]
    if kind == 4:
        return data[:at] + rng.randbytes(8) + data[at + 8 :]
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 5])):
        bit = rng.randrange(8 * len(data))
        changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def forged(rng, data):
    """The bytes with a changed description and the checksum that belongs to it."""
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    description = json.loads(header["__metadata__"]["softgrad"])
    for _ in range(rng.choice([1, 1, 2])):
        _mutate(rng, description)
    text = json.dumps(description)
    if rng.random() < 0.2:
        text = text.replace("1", rng.choice(["NaN", "Infinity", "1" * 5000, "[" * 5000, "1e999"]), 1)
    header["__metadata__"]["softgrad"] = text
    if rng.random() < 0.2:
        _mutate(rng, header)
    content = json.dumps(header).encode()
    return sealed(struct.pack("<Q", len(content)) + content + data[8 + size :])


def _mutate(rng, value):
    """Changes a random place in a nested value."""
    container, key = rng.choice([place for place in _places(value) if place[1] != "sha256"])
    chance = rng.random()
    if chance < 0.5:
        container[key] = _similar(rng, container[key])
    elif chance < 0.6:
        del container[key]
    elif chance < 0.7 and isinstance(container, list):
        container.append(copy.deepcopy(rng.choice(ODD)))
    else:
        container[key] = copy.deepcopy(rng.choice(ODD))


def _places(value):
    """Every place in a nested value, as (container, key)."""
    found = []
    for key in value if isinstance(value, dict) else range(len(value)):
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += _places(value[key])
    return found


def _similar(rng, value):
    """Another value of the same type, which may be as right as the first."""
    if value is None:
        return 1.0
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, int | float):
        return rng.choice([value + 1, value / 2, -value, value * 1e300])
    return value[::-1] if isinstance(value, list) else dict(reversed(value.items()))


def sealed(data):
    """The bytes with the right checksum, if they have a place for it."""
    if MARK not in data:
        return data
    start = data.index(MARK) + len(MARK)
    zeroed = data[:start] + b"0" * 64 + data[start + 64 :]
    return data[:start] + hashlib.sha256(zeroed).hexdigest().encode() + data[start + 64 :]


def fuzz(number, seed):
    """Runs the commands that take a model on model files, prints the faults, and returns how many files have one."""
    preload()
    bad, codes = 0, {}
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base, "run")
        folder.mkdir()
        train_model(folder, TABLES[0])
        data = (folder / "model" / "model.safetensors").read_bytes()
        right = run(["predict", "model", "data.csv", "--proba"], folder)
        assert right.code == 0 and sealed(data) == data
        for i in range(number):
            rng = random.Random(f"{seed} {i}")
            forgery = rng.random() < 0.5
            content = (forged if forgery else damaged)(rng, data)
            (folder / "file").write_bytes(content)
            outcome = run(rng.choice(COMMANDS) if forgery else PREDICT, folder)
            codes[outcome.code] = codes.get(outcome.code, 0) + 1
            found = faults(outcome, folder)
            if outcome.code == 0 and not forgery and content != data:
                found.append("a damaged file was accepted")
            if found:
                bad += 1
                shutil.copy(folder / "file", Path(tempfile.gettempdir(), f"fuzz-model-{seed}-{i}"))
                print(f"{seed} {i}: {'; '.join(found)}\n  {outcome.err[-600:]!r}")
    print(f"{number} model files of seed {seed}: {bad} with a fault; exit codes {dict(sorted(codes.items()))}")
    return bad


if __name__ == "__main__":
    sys.exit(min(fuzz(int(sys.argv[1]), int(sys.argv[2])), 1))
