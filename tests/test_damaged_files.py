"""Damaged and foreign files: an error that names the file, and nothing changed."""

import json
import struct

import numpy as np
import pytest

import minitorch as mt
from minitorch import files
from minitorch.errors import FileError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def network(seed=0):
    return mt.nn.Sequential(mt.nn.MLP(3, [4, 2], seed=seed), mt.nn.Neuron(2, seed=seed))


def state(model):
    return {name: value.copy() for name, value in model.state_dict().items()}


def same_state(a, b):
    return list(a) == list(b) and all(np.array_equal(a[name], b[name], equal_nan=True) for name in a)


def whole(model):
    return files.safetensors.save(model.state_dict())


def header(content):
    (length,) = struct.unpack("<Q", content[:8])
    return length, json.loads(content[8 : 8 + length])


def with_header(change):
    def damaged(content):
        length, head = header(content)
        text = json.dumps(change(head)).encode()
        return struct.pack("<Q", len(text)) + text + content[8 + length :]

    return damaged


def first(head):
    return min(name for name in head if name != "__metadata__")


DAMAGES = {
    "empty": lambda c: b"",
    "seven bytes": lambda c: c[:7],
    "a header alone": lambda c: c[: 8 + header(c)[0]],
    "half": lambda c: c[: len(c) // 2],
    "one byte short": lambda c: c[:-1],
    "one byte long": lambda c: c + b"\0",
    "a text": lambda c: b"this is no model\n" * 10,
    "a pickle": lambda c: b"\x80\x04\x95" + c,
    "a zip": lambda c: b"PK\x03\x04" + c,
    "zeros": lambda c: bytes(len(c)),
    "a header as long as the sky": lambda c: struct.pack("<Q", 2**63) + c[8:],
    "a header that is no json": lambda c: c[:8] + b"{" * header(c)[0] + c[8 + header(c)[0] :],
    "a header that is a list": with_header(lambda head: [head]),
    "an unknown dtype": with_header(lambda head: head | {first(head): head[first(head)] | {"dtype": "Q7"}}),
    "another shape": with_header(lambda head: head | {first(head): head[first(head)] | {"shape": [1000, 1000]}}),
    "a negative size": with_header(lambda head: head | {first(head): head[first(head)] | {"shape": [-1]}}),
    "offsets beyond the end": with_header(
        lambda head: head | {first(head): head[first(head)] | {"data_offsets": [0, 10**12]}}
    ),
    "offsets turned round": with_header(
        lambda head: head | {first(head): head[first(head)] | {"data_offsets": [8, 0]}}
    ),
    "a name missing": with_header(lambda head: {k: v for k, v in head.items() if k != first(head)}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_changes_nothing(path, damage):
    model = network(0)
    before = state(model)
    path.write_bytes(DAMAGES[damage](whole(network(1))))
    with pytest.raises(FileError, match=r"model\.safetensors"):
        mt.load(path, model)
    assert same_state(state(model), before)
    with pytest.raises(FileError):
        mt.load(path)


def test_every_byte_of_the_header_may_be_damaged(path):
    """Whatever one byte becomes: an error of ours and nothing changed, or a file that is whole."""
    content = bytearray(whole(mt.nn.Neuron(2, seed=0)))
    model = mt.nn.Neuron(2, seed=1)
    before = state(model)
    for i in range(8 + header(bytes(content))[0]):
        for flipped in (content[i] ^ 1, content[i] ^ 0x80, 0):
            damaged = bytearray(content)
            damaged[i] = flipped
            path.write_bytes(bytes(damaged))
            try:
                mt.load(path, model)
            except FileError:
                assert same_state(state(model), before)
            else:
                model.load_state_dict(before)


FOREIGN = {
    "another width": (lambda: [mt.nn.MLP(3, [5, 2]), mt.nn.Neuron(2)], ["modules.0.layers.0.weight", "(3, 5)"]),
    "another depth": (lambda: [mt.nn.MLP(3, [2]), mt.nn.Neuron(2)], ["modules.0.layers.1.weight is missing"]),
    "another module": (lambda: [mt.nn.Linear(3, 2)], ["modules.0.weight is unknown", "modules.1.bias is missing"]),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_file_of_another_model_changes_nothing(path, case):
    build, words = FOREIGN[case]
    mt.save(path, mt.nn.Sequential(*build()))
    model = network(0)
    before = state(model)
    with pytest.raises(FileError) as error:
        mt.load(path, model)
    assert [word for word in [*words, "model.safetensors"] if word not in str(error.value)] == []
    assert same_state(state(model), before)
