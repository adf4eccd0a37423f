"""Saving and loading a network, damaged files, and a save that fails."""

import errno
import json
import os
import struct

import numpy as np
import pytest

from cases import LOSSES
from nn.networks import HIDDEN, batch, make
from softgrad import ModelError, WriteError, nn

every_network = pytest.mark.parametrize("hidden", HIDDEN)
FACTS = {"classes": ["ä", 'quote "', "new\nline"], "scale": 0.1, "nothing": None}


@every_network
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_loaded_network_equals_the_saved_one_bit_for_bit(hidden, loss, dtype, tmp_path):
    network, (x, target) = make(hidden, loss=loss, dtype=dtype), batch()
    nn.save(network, tmp_path / "model.safetensors", facts=FACTS)
    loaded, facts = nn.load(tmp_path / "model.safetensors")
    assert facts == FACTS
    assert repr(loaded) == repr(network)
    assert loaded.parameters.keys() == network.parameters.keys()
    for name, value in network.parameters.items():
        assert loaded.parameters[name].dtype == dtype
        assert loaded.parameters[name].tobytes() == value.tobytes()
    assert loaded.logits(x).tobytes() == network.logits(x).tobytes()
    assert loaded.loss(x, target) == network.loss(x, target)


def test_training_a_loaded_network_gives_the_same_bits(tmp_path):
    network, (x, target) = make("relu"), batch()
    nn.save(network, tmp_path / "model.safetensors")
    loaded, facts = nn.load(str(tmp_path / "model.safetensors"))
    assert facts == {}
    nn.train(loaded, x, target, epochs=3, seed=0)
    nn.train(network, x, target, epochs=3, seed=0)
    assert loaded.logits(x).tobytes() == network.logits(x).tobytes()


def test_save_creates_folders_and_replaces_files(tmp_path):
    path = tmp_path / "a" / "b" / "model.safetensors"
    for hidden in ("relu", "tanh"):
        nn.save(make(hidden), path)
        assert repr(nn.load(path)[0]) == repr(make(hidden))
    assert list(path.parent.iterdir()) == [path]


def to_bytes(tensors, metadata=None):
    from safetensors.numpy import save

    return save(tensors, metadata)


def rewritten(path, header=None, tensors=None):
    """The bytes of the file with some entries of its header or some of its tensors replaced; None removes one."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        old_header = json.loads(file.metadata()["softgrad"])
        old_tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    new_header = {k: v for k, v in {**old_header, **(header or {})}.items() if v is not None}
    new_tensors = {k: v for k, v in {**old_tensors, **(tensors or {})}.items() if v is not None}
    return to_bytes(new_tensors, metadata={"softgrad": json.dumps(new_header)})


WEIGHT = "layers.0.weight"  # (5, 5), float32
DAMAGED = {  # name: (function from the path to the damaged bytes, message)
    "empty": (lambda path: b"", "is damaged"),
    "random bytes": (lambda path: np.random.default_rng(0).bytes(500), "is damaged"),
    "text": (lambda path: b"a,b,c\n1,2,3\n" * 20, "is damaged"),
    "header cut off": (lambda path: path.read_bytes()[:40], "is damaged"),
    "one byte short": (lambda path: path.read_bytes()[:-1], "is damaged"),
    "one byte long": (lambda path: path.read_bytes() + b"0", "is damaged"),
    "header longer than the file": (lambda path: struct.pack("<Q", 2**40) + path.read_bytes()[8:], "is damaged"),
    "no softgrad header": (lambda path: to_bytes({WEIGHT: np.zeros(3)}), "is not a softgrad model"),
    "header is not JSON": (lambda path: to_bytes({WEIGHT: np.zeros(3)}, {"softgrad": "{"}), "is damaged"),
    "header is a list": (lambda path: to_bytes({WEIGHT: np.zeros(3)}, {"softgrad": "[1]"}), "is not a softgrad model"),
    "unknown format": (lambda path: rewritten(path, {"format": "softgrad network 9"}), "is not a softgrad model"),
    "no layers": (lambda path: rewritten(path, {"layers": None}), "KeyError.'layers'"),
    "layers is empty": (lambda path: rewritten(path, {"layers": []}), "layers is empty"),
    "layers is a string": (lambda path: rewritten(path, {"layers": "Dense"}), "does not describe a network"),
    "unknown layer": (lambda path: rewritten(path, {"layers": [{"layer": "Conv"}]}), "'Conv'"),
    "unknown option": (lambda path: rewritten(path, {"layers": [{"layer": "ReLU", "slope": 1}]}), "'slope'"),
    "units is a string": (lambda path: rewritten(path, {"layers": [{"layer": "Dense", "units": "5"}]}), "TypeError"),
    "unknown loss": (lambda path: rewritten(path, {"loss": "hinge"}), "loss is 'hinge'"),
    "wrong width": (
        lambda path: rewritten(path, {"in_features": 6}),
        rf"{WEIGHT} has shape \(5, 5\), wanted shape \(6, 5\)",
    ),
    "missing tensor": (
        lambda path: rewritten(path, tensors={WEIGHT: None}),
        rf"{WEIGHT} is missing, wanted shape \(5, 5\)",
    ),
    "extra tensor": (
        lambda path: rewritten(path, tensors={"extra": np.zeros(3, "f4")}),
        "the file has parameters that no layer has: .'extra'",
    ),
    "wrong shape": (
        lambda path: rewritten(path, tensors={WEIGHT: np.zeros((5, 4), "f4")}),
        rf"{WEIGHT} has shape \(5, 4\)",
    ),
    "two dtypes": (
        lambda path: rewritten(path, tensors={WEIGHT: np.zeros((5, 5))}),
        "the parameters have the dtypes .'float32', 'float64'., wanted one dtype",
    ),
    "NaN": (lambda path: rewritten(path, tensors={WEIGHT: np.full((5, 5), np.nan, "f4")}), f"{WEIGHT} holds a NaN"),
    "infinity": (lambda path: rewritten(path, tensors={WEIGHT: np.full((5, 5), np.inf, "f4")}), f"{WEIGHT} holds a"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_rejected_in_one_sentence(case, tmp_path):
    damage, message = DAMAGED[case]
    path = tmp_path / "model.safetensors"
    nn.save(make("relu", dtype=np.float32), path)
    path.write_bytes(damage(path))
    assert_rejected(path, message)


@pytest.mark.parametrize("dtype", ["I32", "U32", "F32 ", "X9"])
def test_unsupported_dtypes_are_rejected(dtype, tmp_path):
    """The bytes stay the same; the header declares a dtype that no network has."""
    path = tmp_path / "model.safetensors"
    nn.save(make("relu", dtype=np.float32), path)
    (size,), content = struct.unpack("<Q", path.read_bytes()[:8]), path.read_bytes()[8:]
    header = content[:size].replace(b'"F32"', f'"{dtype}"'.encode())
    path.write_bytes(struct.pack("<Q", len(header)) + header + content[size:])
    assert_rejected(path, "is damaged|wanted float32 or float64")


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F8_E4M3", "I64"])
def test_unsupported_number_sizes_are_rejected(dtype, tmp_path):
    """The file holds one tensor with one entry, and is valid for safetensors itself."""
    size = {"F16": 2, "BF16": 2, "F8_E4M3": 1, "I64": 8}[dtype]
    header = {"layers": [{"layer": "Dense", "units": 1}], "loss": "cross_entropy", "in_features": 1}
    tensor = {"dtype": dtype, "shape": [1], "data_offsets": [0, size]}
    metadata = {"softgrad": json.dumps({"format": "softgrad network 1", **header})}
    content = json.dumps({"__metadata__": metadata, "layers.0.bias": tensor}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(content)) + content + bytes(size))
    assert_rejected(path, "float|int|damaged")


@pytest.mark.parametrize("length", range(0, 720, 60))
def test_a_truncated_file_is_rejected(length, tmp_path):
    path = tmp_path / "model.safetensors"
    nn.save(make("relu", dtype=np.float32), path)
    assert len(path.read_bytes()) > 720
    path.write_bytes(path.read_bytes()[:length])
    assert_rejected(path, "is damaged")


def test_a_folder_and_a_missing_file_are_rejected(tmp_path):
    assert_rejected(tmp_path, "cannot be read")
    assert_rejected(tmp_path / "none.safetensors", "cannot be read: No such file or directory")
    assert_rejected(tmp_path / ("long" * 100), "cannot be read")


def assert_rejected(path, message):
    with pytest.raises(ModelError, match=message) as raised:
        nn.load(path)
    assert str(raised.value).startswith(f"load: {path} ")
    assert "\n" not in str(raised.value)


def raise_disk_full(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
def test_a_failed_save_leaves_the_old_file_unchanged(call, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    nn.save(make("relu"), path)
    before = path.read_bytes()
    monkeypatch.setattr(call, raise_disk_full)
    with pytest.raises(WriteError, match=f"{path} cannot be written: No space left on device; choose another path"):
        nn.save(make("tanh"), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_saving_below_a_file_or_over_a_folder_raises(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "model.safetensors", tmp_path / "folder"):
        with pytest.raises(WriteError, match=f"{path} cannot be written"):
            nn.save(make("relu"), path)
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "file", tmp_path / "folder"]


def test_saving_a_network_without_parameters_raises(tmp_path):
    with pytest.raises(ModelError, match=r"save: the network has no parameters; call initialize\(in_features\)"):
        nn.save(nn.Network([nn.Dense(3)]), tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())
