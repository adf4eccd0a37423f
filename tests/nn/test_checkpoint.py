"""Saving and loading a network, damaged files, and a save that fails."""

import errno
import hashlib
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
    return sealed(to_bytes(new_tensors, metadata={"softgrad": json.dumps(new_header)}))


def sealed(data):
    """The bytes with the checksum that belongs to them: SHA-256 with its own 64 digits as zeros."""
    start = data.index(rb"\"sha256\": \"") + len(rb"\"sha256\": \"")
    zeroed = data[:start] + b"0" * 64 + data[start + 64 :]
    return data[:start] + hashlib.sha256(zeroed).hexdigest().encode() + data[start + 64 :]


def rewritten_text(path, text):
    """The bytes of a file whose description is this text, which need not be JSON."""
    return to_bytes({WEIGHT: np.zeros(3)}, {"softgrad": text})


def renamed(path, old, new):
    """The bytes of the file with a part of its header replaced by one of the same length."""
    data = path.read_bytes()
    assert data.count(old) == 1 and len(old) == len(new)
    return sealed(data.replace(old, new))


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
    "unknown format": (
        lambda path: rewritten(path, {"format": "softgrad network 9"}),
        "has the format 'softgrad network 9', wanted 'softgrad network 2'",
    ),
    "no checksum": (
        lambda path: to_bytes({WEIGHT: np.zeros(3)}, {"softgrad": '{"format": "softgrad network 2"}'}),
        "it has no checksum",
    ),
    "another number": (
        lambda path: path.read_bytes()[:-1] + b"0",
        "its content does not match its checksum",
    ),
    "NaN in the header": (
        lambda path: renamed(path, b'\\"facts\\": {}', b'\\"facts\\":NaN'),
        "it has NaN, which is not",
    ),
    "deep JSON": (lambda path: rewritten_text(path, "[" * 100_000), "it is nested too deeply"),
    "integer of 5,000 digits": (lambda path: rewritten_text(path, "1" * 5000), "its header cannot be read: "),
    "no layers": (lambda path: rewritten(path, {"layers": None}), "the description has no 'layers'"),
    "no facts": (lambda path: rewritten(path, {"facts": None}), "the description has no 'facts'"),
    "facts is a list": (lambda path: rewritten(path, {"facts": [1]}), "facts is .1., wanted an object"),
    "unknown entry": (lambda path: rewritten(path, {"author": "me"}), "the description has the unknown key 'author'"),
    "layer is null": (lambda path: rewritten(path, {"layers": [[]]}), r"layers\[0\] is \[\], wanted an object"),
    "layer is a number": (
        lambda path: rewritten(path, {"layers": [{"layer": 3}]}),
        r"layers\[0\].layer is 3, wanted a",
    ),
    "layer without units": (
        lambda path: rewritten(path, {"layers": [{"layer": "Dense"}]}),
        r"layers\[0\] has no 'units'",
    ),
    "units is true": (
        lambda path: rewritten(path, {"layers": [{"layer": "Dense", "units": True}]}),
        r"layers\[0\].units is True, wanted a positive integer",
    ),
    "units is huge": (
        lambda path: rewritten(path, {"layers": [{"layer": "Dense", "units": 2**40}]}),
        "wanted a positive integer",
    ),
    "width is a string": (lambda path: rewritten(path, {"in_features": "5"}), "in_features is '5', wanted a positive"),
    "width 0": (lambda path: rewritten(path, {"in_features": 0}), "in_features is 0, wanted a positive integer"),
    "loss is a list": (lambda path: rewritten(path, {"loss": []}), "loss is .., wanted a string"),
    "layers is empty": (lambda path: rewritten(path, {"layers": []}), "layers is empty"),
    "layers is a string": (lambda path: rewritten(path, {"layers": "Dense"}), "layers is 'Dense', wanted a list"),
    "unknown layer": (lambda path: rewritten(path, {"layers": [{"layer": "Conv"}]}), "'Conv'"),
    "unknown option": (
        lambda path: rewritten(path, {"layers": [{"layer": "ReLU", "slope": 1}]}),
        "unknown key 'slope'",
    ),
    "units is a string": (
        lambda path: rewritten(path, {"layers": [{"layer": "Dense", "units": "5"}]}),
        "units is '5', wanted a positive integer",
    ),
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
        "the file has a parameter that no layer has: 'extra'",
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
    path.write_bytes(sealed(struct.pack("<Q", len(header)) + header + content[size:]))
    assert_rejected(path, "is damaged|wanted float32 or float64")


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F8_E4M3", "I64"])
def test_unsupported_number_sizes_are_rejected(dtype, tmp_path):
    """The file holds one tensor with one entry, and is valid for safetensors itself."""
    size = {"F16": 2, "BF16": 2, "F8_E4M3": 1, "I64": 8}[dtype]
    header = {"layers": [{"layer": "Dense", "units": 1}], "loss": "cross_entropy", "in_features": 1}
    tensor = {"dtype": dtype, "shape": [1], "data_offsets": [0, size]}
    metadata = {"softgrad": json.dumps({"format": "softgrad network 2", "sha256": "0" * 64, **header, "facts": {}})}
    content = json.dumps({"__metadata__": metadata, "layers.0.bias": tensor}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(sealed(struct.pack("<Q", len(content)) + content + bytes(size)))
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


def test_every_flipped_bit_is_noticed(tmp_path):
    """Every bit of the header, and 500 bits of the tensors: no other network is loaded, and nothing else is raised."""
    path = tmp_path / "model.safetensors"
    nn.save(make("relu", dtype=np.float32), path, facts={"classes": ["a", "b", "c"]})
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    in_tensors = np.random.default_rng(0).integers(8 * (8 + size), 8 * len(data), 500).tolist()
    missed = []
    for bit in [*range(8 * (8 + size)), *in_tensors]:
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            nn.load(path)
        except ModelError as error:
            assert "\n" not in str(error)
        else:
            missed.append(bit)
    assert not missed


@pytest.mark.parametrize("start", [8, 300, 600, 740])
def test_a_range_of_zeros_is_noticed(start, tmp_path):
    path = tmp_path / "model.safetensors"
    nn.save(make("relu", dtype=np.float32), path)
    data = path.read_bytes()
    assert any(data[start : start + 16])
    path.write_bytes(data[:start] + bytes(16) + data[start + 16 :])
    assert_rejected(path, "is damaged")


@pytest.mark.parametrize("facts", [{"a": np.float32(1)}, {"a": float("nan")}, {1: 2, "b": {3}}])
def test_facts_that_json_cannot_hold_are_rejected(facts, tmp_path):
    with pytest.raises(ModelError, match="save: facts cannot be written as JSON"):
        nn.save(make("relu"), tmp_path / "model.safetensors", facts=facts)
    assert not list(tmp_path.iterdir())


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
