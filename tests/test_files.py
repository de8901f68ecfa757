"""Files: values go round, and a file is whole or not there."""

import os
import stat
import threading

import numpy as np
import pytest

import minitorch as mt
from minitorch import files


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def network(seed=0, dtype="float32"):
    return mt.nn.Sequential(mt.nn.MLP(3, [4, 2], seed=seed, dtype=dtype), mt.nn.Neuron(2, seed=seed, dtype=dtype))


def state(model):
    return {name: value.copy() for name, value in model.state_dict().items()}


def same_state(a, b):
    return list(a) == list(b) and all(np.array_equal(a[name], b[name], equal_nan=True) for name in a)


# ---- round trips ----


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_goes_round(path, dtype):
    model, other = network(0, dtype), network(1, dtype)
    for p in model.parameters()[:1]:
        p.data[0, :3] = [np.nan, -0.0, np.inf]
    mt.save(path, model)
    assert mt.load(path, other) is other
    for name, value in other.state_dict().items():
        assert value.tobytes() == model.state_dict()[name].tobytes()


def test_scalars_keep_their_rank(path):
    mt.save(path, {"zero": np.array(3.0), "one": np.array([3.0])})
    arrays = mt.load(path)
    assert (arrays["zero"].shape, arrays["one"].shape) == ((), (1,))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"])
def test_arrays_of_every_dtype_and_layout_go_round(path, dtype):
    base = np.arange(12).reshape(3, 4).astype(dtype)
    arrays = {
        "plain": base, "fortran": np.asfortranarray(base), "turned": base.T, "flipped": base[::-1, ::2],
        "empty": base[:0], "swapped": base.astype(np.dtype(dtype).newbyteorder(">")),
        "read only": np.broadcast_to(base[0], (2, 4)), "π.ß": base[0],
    }  # fmt: skip
    mt.save(path, arrays)
    loaded = mt.load(path)
    assert sorted(loaded) == sorted(arrays)
    for name, value in arrays.items():
        assert loaded[name].dtype == dtype
        np.testing.assert_array_equal(loaded[name], value)


def test_the_file_is_what_safetensors_reads(path):
    safetensors = pytest.importorskip("safetensors.numpy")
    model = network()
    mt.save(path, model)
    assert same_state(dict(sorted(safetensors.load_file(path).items())), dict(sorted(state(model).items())))


def test_a_path_may_be_a_str(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mt.save("here.safetensors", network())
    assert same_state(state(mt.load("here.safetensors", network(1))), state(network()))


def test_a_file_is_replaced(path):
    mt.save(path, network(0))
    mt.save(path, network(1))
    assert same_state(state(mt.load(path, network(2))), state(network(1)))
    assert os.listdir(path.parent) == [path.name]


def test_a_name_as_long_as_names_may_be(tmp_path):
    long = tmp_path / ("n" * 240 + ".safetensors"[:15])
    mt.save(long, network())
    assert os.listdir(tmp_path) == [long.name]


# ---- permissions ----


def test_permissions_of_a_new_file_are_those_of_any_new_file(path):
    before = os.umask(0o027)
    try:
        mt.save(path, network())
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o444])
def test_permissions_of_a_replaced_file_are_kept(path, mode):
    mt.save(path, network(0))
    path.chmod(mode)
    mt.save(path, network(1))
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_saving_through_a_link_leaves_the_link(tmp_path):
    target, link = tmp_path / "target.safetensors", tmp_path / "link.safetensors"
    mt.save(target, network(0))
    link.symlink_to(target)
    mt.save(link, network(1))
    assert link.is_symlink()
    assert same_state(state(mt.load(target, network(2))), state(network(1)))


def test_the_umask_is_not_touched(path, monkeypatch):
    """It belongs to the process: reading it by setting it gives a file of another thread any permissions."""
    asked = []
    umask = os.umask
    monkeypatch.setattr(files.os, "umask", lambda mask: asked.append(mask) or umask(mask))
    mt.save(path, network())
    assert not asked


# ---- whole or not at all ----


class Failed(Exception):
    """What a full disk or a kill does."""


@pytest.mark.parametrize("where", ["write", "fsync", "chmod", "replace"])
@pytest.mark.parametrize("there", [True, False])
def test_whatever_fails_on_the_way_the_old_file_stays(path, monkeypatch, where, there):
    if there:
        mt.save(path, network(0))
        old = path.read_bytes()

    def fail(*args, **kwargs):
        raise Failed

    with monkeypatch.context() as patch:
        if where == "write":
            patch.setattr(files.os, "fdopen", lambda *a, **k: Broken(os.open(os.devnull, os.O_WRONLY)))
        else:
            patch.setattr(files.os, where, fail)
        with pytest.raises(Failed):
            mt.save(path, network(1))
    assert os.listdir(path.parent) == ([path.name] if there else [])
    assert not there or path.read_bytes() == old


class Broken:
    """A file on a disk that is full."""

    def __init__(self, handle):
        self.handle = handle

    def __enter__(self):
        return self

    def __exit__(self, *error):
        os.close(self.handle)

    def write(self, content):
        raise Failed


def test_the_content_is_on_the_disk_before_it_takes_the_name(path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        function = getattr(os, name)
        monkeypatch.setattr(files.os, name, lambda *a, n=name, f=function: calls.append(n) or f(*a))
    mt.save(path, network())
    assert calls == ["fsync", "replace", "fsync"]  # the file, its name, the folder


def test_a_reader_sees_one_whole_file_or_the_other(path):
    contents = {0.0, 1.0}
    mt.save(path, {"a": np.zeros(10_000)})
    done = threading.Event()

    def write():
        while not done.is_set():
            for value in contents:
                mt.save(path, {"a": np.full(10_000, value)})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(200):
            assert len(set(mt.load(path)["a"].tolist())) == 1
    finally:
        done.set()
        writer.join()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        mt.save(tmp_path / "nowhere" / "model.safetensors", network())
    with pytest.raises(FileNotFoundError):
        mt.load(tmp_path / "nothing.safetensors", network())


def test_a_folder_in_the_place_of_the_file(tmp_path):
    with pytest.raises(OSError):  # noqa: PT011  # which one is up to the system
        mt.save(tmp_path, network())
    assert os.listdir(tmp_path) == []
    assert os.listdir(tmp_path.parent).count(tmp_path.name) == 1


@pytest.mark.parametrize(
    "bad", [{"a": np.array([1j])}, {"a": np.array(["x"])}, {"a": np.array([object()])}, {"a": None}, 3, "model"]
)
def test_what_cannot_be_saved_leaves_no_file(path, bad):
    with pytest.raises((TypeError, ValueError)):
        mt.save(path, bad)
    assert os.listdir(path.parent) == []


def test_the_state_of_an_optimiser_goes_round(path):
    def fitted(state=None, epochs=1):
        x, w = mt.placeholder("x", ("n",)), mt.parameter(0.0)
        loss = mt.mean((x - w) ** 2)
        sgd = mt.optim.SGD([w], lr=0.1, momentum=0.9)
        step = mt.compile([x], loss, updates=sgd.minimize(loss))
        if state is not None:
            w.data = state["w"]
            sgd.load_state({k: v for k, v in state.items() if k != "w"})
        mt.fit(step, np.ones(4, "f"), epochs=epochs, batch_size=2, shuffle=False)
        return w, sgd

    w, sgd = fitted()
    mt.save(path, {"w": w, **sgd.state()})
    again, _ = fitted(mt.load(path))
    whole, _ = fitted(epochs=2)
    assert float(again.data) == float(whole.data) != float(w.data)
