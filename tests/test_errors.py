"""Bad programs and bad calls: which exception, which words, at whose line; and nothing has changed."""

import copy
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import DTypeError, FileError, GradientError, GraphError, InputError, MinitorchError, ShapeError

HERE = Path(__file__).name
X, Y = np.ones((6, 3), "float32"), np.ones((6, 2), "float32")
ragged = [[1, 2], [3]]


@pytest.fixture
def s(tmp_path):
    """A model of two layers with everything that training it takes."""
    x, y = mt.placeholder("pixels", ("batch", 3)), mt.placeholder("target", ("batch", 2))
    model = mt.nn.MLP(3, [4, 2], seed=0)
    out = model(x)
    loss = mt.mse_loss(out, y)
    sgd = mt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    step = mt.compile([x, y], loss, updates=sgd.minimize(loss), name="train_step")
    file = tmp_path / "model.safetensors"
    mt.save(file, model)
    return SimpleNamespace(
        x=x, y=y, w=model.layers[0].weight, model=model, out=out, loss=loss, sgd=sgd, step=step, file=file,
        folder=tmp_path,
        k=mt.placeholder("labels", ("batch",), "int64"), mask=mt.placeholder("mask", ("batch",), "bool"),
        v=mt.placeholder("v", (4,)),
        other=mt.placeholder("other", ("time", 3)), p=mt.parameter([1.0, 2.0], "weights"),
        count=mt.variable(3, "count", "int64"),
        left=mt.placeholder("left", (None, 3)), right=mt.placeholder("right", (None, 3)),
    )  # fmt: skip


def damaged(s, content):
    path = s.folder / "damaged.safetensors"
    path.write_bytes(content)
    return path


def entered(context):
    with context:
        pass


# ---- while a graph is built: the message names the user's line ----

BUILT = {
    # sizes and ranks
    "add, names differ": (
        ShapeError, lambda s: s.x + s.other, ["add", "batch", "time", "pixels f32[batch, 3]", "different names"],
    ),
    "add, sizes differ": (ShapeError, lambda s: s.x + s.v, ["add", "(batch, 3)", "(4,)", "3 and 4 differ"]),
    "add, array of another shape": (ShapeError, lambda s: s.x + np.ones((2, 4)), ["add", "(2, 4)", "pixels"]),
    "matmul, inner sizes": (
        ShapeError, lambda s: s.x @ s.w.T, ["matmul", "(batch, 3) and (4, 3)", "3 and 4 differ", "transpose f32[4, 3]"],
    ),
    "matmul, scalar": (ShapeError, lambda s: s.x @ 2.0, ["matmul", "scalar", "pixels", "*"]),
    "matmul, vectors": (ShapeError, lambda s: s.v @ s.p, ["matmul", "(4,) and (2,)", "4 and 2 differ"]),
    "reshape, count": (ShapeError, lambda s: s.v.reshape(3, 2), ["reshape", "4 elements", "(3, 2)", "v f32[4]"]),
    "reshape, two open": (ShapeError, lambda s: s.x.reshape(-1, -1), ["reshape", "more than one", "pixels"]),
    "reshape, does not divide": (ShapeError, lambda s: s.v.reshape(-1, 3), ["reshape", "4 elements", "3"]),
    "reshape, negative": (ShapeError, lambda s: s.v.reshape(-2, -2), ["reshape", "-2"]),
    "reshape, float": (ShapeError, lambda s: s.v.reshape(2.0, 2), ["reshape", "2.0"]),
    "reshape, name": (ShapeError, lambda s: s.x.reshape("batch", 3), ["reshape", "batch"]),
    "broadcast_to, sizes": (
        ShapeError, lambda s: mt.broadcast_to(s.v, (4, 3)), ["broadcast_to", "f32[4]", "(4, 3)", "4 and 3 differ"],
    ),
    "broadcast_to, fewer axes": (
        ShapeError, lambda s: mt.broadcast_to(s.x, (3,)), ["broadcast_to", "more axes", "(3,)"],
    ),
    "broadcast_to, negative": (ShapeError, lambda s: mt.broadcast_to(s.v, (-1, 4)), ["broadcast_to", "-1"]),
    "broadcast_to, float": (ShapeError, lambda s: mt.broadcast_to(s.v, (2.5, 4)), ["broadcast_to", "2.5"]),
    "broadcast_to, name": (ShapeError, lambda s: mt.broadcast_to(s.v, ("batch", 4)), ["broadcast_to", "batch"]),
    "concatenate, sizes": (
        ShapeError, lambda s: mt.concatenate([s.x, mt.placeholder("z", ("batch", 4))]),
        ["concatenate", "axis 1", "f32[batch, 4]"],
    ),
    "concatenate, ranks": (ShapeError, lambda s: mt.concatenate([s.x, s.v]), ["concatenate", "rank", "f32[4]"]),
    "concatenate, nothing": (ShapeError, lambda s: mt.concatenate([]), ["concatenate", "nothing to join"]),
    "concatenate, axis": (ShapeError, lambda s: mt.concatenate([s.x, s.x], 2), ["concatenate", "axis 2", "2 axes"]),
    "concatenate, one tensor": (TypeError, lambda s: mt.concatenate(s.x), ["concatenate|iterated", "pixels"]),
    "stack, shapes": (ShapeError, lambda s: mt.stack([s.v, s.p]), ["stack", "4", "2"]),
    "stack, one tensor": (TypeError, lambda s: mt.stack(s.x), ["stack", "pixels", "list"]),
    "sum, axis": (ShapeError, lambda s: s.x.sum(2), ["sum", "axis 2", "f32[batch, 3]", "2 axes"]),
    "sum, axis twice": (ShapeError, lambda s: s.x.sum((0, -2)), ["sum", "twice", "(0, -2)"]),
    "sum, axis is a float": ((ShapeError, TypeError), lambda s: s.x.sum(1.5), ["sum", "1.5", "pixels"]),
    "sum, axis is a name": ((ShapeError, TypeError), lambda s: s.x.sum("batch"), ["sum", "'batch'", "pixels"]),
    "max of nothing": (
        ShapeError, lambda s: mt.max(mt.placeholder("z", (0, 2)), 0), ["max", "axis 0", "empty", "f32[0, 2]"],
    ),
    "transpose, twice": (ShapeError, lambda s: s.x.transpose(0, 0), ["transpose", "(0, 0)", "permutation"]),
    "transpose, too few": (ShapeError, lambda s: s.x.transpose(1), ["transpose", "(1,)", "2 axes"]),
    "softmax, axis": (ShapeError, lambda s: mt.softmax(s.x, 5), ["softmax: axis 5", "2 axes"]),
    "expand_dims, axis": (ShapeError, lambda s: mt.expand_dims(s.x, 4), ["expand_dims", "axis 4"]),
    # indices
    "index out of range": ((ShapeError, IndexError), lambda s: s.v[4], ["index 4", "size 4", "v f32[4]"]),
    "too many indices": ((ShapeError, IndexError), lambda s: s.v[0, 0], ["2 indices", "1 axis", "f32[4]"]),
    "step 0": (ValueError, lambda s: s.v[::0], ["step 0", "v f32[4]"]),
    "float index": (TypeError, lambda s: s.v[1.5], ["an index is an int", "float 1.5"]),
    "float in a slice": (TypeError, lambda s: s.v[0.5:], ["slice", "0.5"]),
    "word in a slice": (TypeError, lambda s: s.v["a":], ["slice", "'a'"]),
    "float step": (TypeError, lambda s: s.v[::0.5], ["slice", "0.5"]),
    "mask that is not known": ((ShapeError, TypeError), lambda s: s.x[s.x[:, 0] > 0], ["indexing", "mask", "where"]),
    # kinds of values
    "word as operand": (DTypeError, lambda s: s.x + "a", ["add", "str 'a'", "bools, ints or floats"]),
    "None as operand": (DTypeError, lambda s: s.x * None, ["multiply", "was given None"]),
    "complex operand": (DTypeError, lambda s: s.x + 1j, ["add", "complex"]),
    "compared with None": (DTypeError, lambda s: s.x == None, ["equal", "None"]),  # noqa: E711
    "ragged operand": (DTypeError, lambda s: s.x + ragged, ["add", "differ in length"]),
    "objects as operand": (DTypeError, lambda s: s.x + np.array([object()] * 3), ["add", "objects"]),
    "number that does not fit": (
        DTypeError, lambda s: mt.placeholder("small", (2,), "int8") + 1000, ["add", "1000", "int8"],
    ),
    "number of 80 bits": (DTypeError, lambda s: s.x + 2**80, ["add", str(2**80)]),
    "bools are not subtracted": (
        DTypeError, lambda s: s.mask - s.mask, ["subtract", "logical_not", "mask bool[batch]"],
    ),
    "bools are not squared": (DTypeError, lambda s: s.mask**2, ["bool", "mask"]),
    "ints to a negative power": ((DTypeError, ValueError), lambda s: s.k**-1, ["power", "-1", "labels"]),
    "a condition is bool": (DTypeError, lambda s: mt.where(s.x, s.x, 0), ["where", "bool", "float32"]),
    "bitwise and": (DTypeError, lambda s: s.k & 2, ["&", "bool", "logical_and", "labels"]),
    "bitwise not": (DTypeError, lambda s: ~s.k, ["~", "bool", "labels"]),
    "one_hot of floats": (DTypeError, lambda s: mt.one_hot(s.x, 3), ["one_hot", "ints", "float32"]),
    "cast to what is not there": (DTypeError, lambda s: s.x.astype("complex64"), ["complex64", "float32"]),
    "too many operands": (TypeError, lambda s: mt.tanh(s.x, s.x), ["tanh", "1", "2"]),
    "too few operands": (TypeError, lambda s: mt.add(s.x), ["add", "2", "1"]),
    "no operands": (TypeError, lambda s: mt.exp(), ["exp", "1", "0"]),
    "unknown keyword": (TypeError, lambda s: mt.tanh(s.x, axis=1), ["tanh", "axis"]),
    # losses
    "mse, ranks": (ShapeError, lambda s: mt.mse_loss(s.out, s.k), ["mse_loss", "(batch, 2)", "(batch,)", "labels"]),
    "mse, column": (ShapeError, lambda s: mt.mse_loss(s.out, s.y[:, :1]), ["mse_loss", "(batch, 2)", "(batch, 1)"]),
    "cross_entropy, logits": (
        ShapeError, lambda s: mt.cross_entropy(s.k, s.k), ["cross_entropy", "(rows, classes)", "(batch,)"],
    ),
    "huber, no delta": ((TypeError, ValueError), lambda s: mt.huber_loss(s.out, s.y, None), ["huber_loss", "None"]),
    "huber, delta": (ValueError, lambda s: mt.huber_loss(s.out, s.y, delta=-1), ["huber_loss", "delta", "-1"]),
    # differentiation
    "loss is no scalar": (
        GradientError, lambda s: mt.grad(s.out, s.w), ["grad", "not a scalar", "f32[batch, 2]", "sum()"],
    ),
    "loss is an int": (GradientError, lambda s: mt.grad(s.k.sum(), s.k), ["grad", "not a float", "i64[]"]),
    "loss is a number": (TypeError, lambda s: mt.grad(3.0, s.w), ["grad", "3.0", "tensor"]),
    "loss is a list": (TypeError, lambda s: mt.grad([s.loss], s.w), ["grad", "[<Tensor", "tensor"]),
    "by an int": (GradientError, lambda s: mt.grad((s.x[:, 0] * s.k).sum(), s.k), ["labels", "int64", "floats"]),
    "by what is not reached": (GradientError, lambda s: mt.grad(s.loss, [s.w, s.p]), ["weights", "does not depend"]),
    "by a word": (TypeError, lambda s: mt.grad(s.loss, "w"), ["grad", "'w'"]),
    "by None": (TypeError, lambda s: mt.grad(s.loss, None), ["grad", "None"]),
    "by a model": (TypeError, lambda s: mt.grad(s.loss, s.model), ["grad", "MLP", "parameters()"]),
    "grad of what has none": (GradientError, lambda s: s.w.grad, ["weight", "backward()"]),
    "backward of many": (GradientError, lambda s: s.out.backward(), ["backward", "not a scalar"]),
    "vjp, count": (GradientError, lambda s: mt.vjp([s.loss], [s.w], [1.0, 2.0]), ["vjp", "1", "2 cotangents"]),
    "jvp, shape": (ShapeError, lambda s: mt.jvp([s.loss], [s.w], [1.0]), ["jvp", "(3, 4)", "weight"]),
    # compile
    "an input is missing": (
        GraphError, lambda s: mt.compile([s.x], s.loss), ["target", "not among the inputs", "subtract|mse"],
    ),
    "an input twice": (GraphError, lambda s: mt.compile([s.x, s.x], s.out), ["two inputs", "pixels"]),
    "two inputs of a name": (
        GraphError, lambda s: mt.compile([s.x, mt.placeholder("pixels", ("batch", 3))], s.out),
        ["two inputs", "'pixels'"],
    ),
    "an input is a parameter": (GraphError, lambda s: mt.compile([s.x, s.w], s.out), ["placeholders", "weight"]),
    "an input is an array": (GraphError, lambda s: mt.compile([X], s.out), ["placeholders", "array"]),
    "inputs are None": ((GraphError, TypeError), lambda s: mt.compile(None, s.out), ["inputs", "None"]),
    "an output is a number": (GraphError, lambda s: mt.compile([s.x], [s.out, 3]), ["outputs", "3"]),
    "outputs are None": ((GraphError, TypeError), lambda s: mt.compile([s.x], None), ["outputs", "None"]),
    "outputs are a dict": ((GraphError, TypeError), lambda s: mt.compile([s.x], {"out": s.out}), ["outputs", "'out'"]),
    "an update of a placeholder": (
        GraphError, lambda s: mt.compile([s.x], [], {s.x: s.x * 2}), ["parameters and variables", "pixels"],
    ),
    "an update of what is computed": (
        GraphError, lambda s: mt.compile([s.x], [], {s.out: s.out}), ["parameters and variables", "add"],
    ),
    "an update of a word": (
        GraphError, lambda s: mt.compile([s.x], [], {"w": 1.0}), ["parameters and variables", "'w'"],
    ),
    "an update of another shape": (
        ShapeError, lambda s: mt.compile([], [], {s.p: s.p.sum()}), ["(2,)", "()", "weights"],
    ),
    "an update of unknown size": (
        ShapeError, lambda s: mt.compile([s.x], [], {s.p: s.x[:, 0]}), ["(batch,)", "(2,)", "weights"],
    ),
    "an update of another dtype": (
        DTypeError, lambda s: mt.compile([], [], {s.p: s.p.astype("float64")}),
        ["float64", "float32", "weights", "astype"],
    ),
    "an update of an int by a float": (
        DTypeError, lambda s: mt.compile([], [], {s.count: s.count * 0.5}), ["float32", "int64", "count"],
    ),
    "an update of an int by half": (
        DTypeError, lambda s: mt.compile([], [], {s.count: 1.5}), ["1.5", "int64", "count"],
    ),
    "an update twice": (
        GraphError, lambda s: mt.compile([], [], [(s.p, s.p * 2), (s.p, s.p * 3)]), ["weights", "twice"],
    ),
    "updates are a tensor": ((GraphError, TypeError), lambda s: mt.compile([], [], s.p), ["updates", "weights"]),
    "updates are a list of tensors": (
        (GraphError, TypeError), lambda s: mt.compile([], [], [s.p]), ["updates", "weights"],
    ),
    "name of a program": (TypeError, lambda s: mt.compile([s.x], s.out, name=5), ["compile", "name", "5"]),
    "backend": (
        ValueError, lambda s: mt.compile([s.x], s.out, backend="cuda"), ["backend", "'cuda'", "numpy", "interpreter"],
    ),
    "a size that no input has": (
        GraphError, lambda s: mt.compile([], mt.broadcast_to(s.p.sum(), (s.x.shape[0],))),
        ["no input has the size batch"],
    ),
    "eval without a value": (GraphError, lambda s: s.out.eval(), ["pixels", "not among the inputs"]),
}  # fmt: skip

# ---- placeholders, values, calls: the message names the placeholder or the tensor ----

NAMED = {
    "negative size": (ShapeError, lambda s: mt.placeholder("image", ("n", -1)), ["image", "axis 1", "-1"]),
    "float size": (ShapeError, lambda s: mt.placeholder("image", (2.5,)), ["image", "2.5"]),
    "empty name of a size": (ShapeError, lambda s: mt.placeholder("image", ("",)), ["image", "''"]),
    "bool size": (ShapeError, lambda s: mt.placeholder("image", (True,)), ["image", "True"]),
    "nested shape": (ShapeError, lambda s: mt.placeholder("image", ((2, 3),)), ["image", "(2, 3)"]),
    "name is a number": (TypeError, lambda s: mt.placeholder(3, ("n",)), ["placeholder", "name", "3"]),
    "name is missing": (TypeError, lambda s: mt.placeholder(("n", 3), "float32"), ["name", "('n', 3)"]),
    "dtype": (DTypeError, lambda s: mt.placeholder("image", (2,), "float16"), ["float16", "float32"]),
    "parameter's name": (TypeError, lambda s: mt.parameter(1.0, name=5), ["parameter", "name", "5"]),
    "parameter of words": (DTypeError, lambda s: mt.parameter(["a"], "bias"), ["bias", "strings"]),
    "parameter of rows that differ": (
        DTypeError, lambda s: mt.parameter([[1], [2, 3]], "bias"), ["bias", "differ in length"],
    ),
    "parameter of a tensor": (DTypeError, lambda s: mt.parameter(s.x, "bias"), ["bias", "pixels"]),
    "constant of a tensor": (TypeError, lambda s: mt.constant(s.x), ["pixels", "tensor"]),
    "scope's name": (TypeError, lambda s: entered(mt.scope(5)), ["scope", "5"]),
    "data of another shape": (ValueError, lambda s: setattr(s.w, "data", [1.0]), ["weight", "(1,)", "(3, 4)"]),
    "data of another dtype": (TypeError, lambda s: setattr(s.count, "data", 1.5), ["count", "float64", "int64"]),
    "data of a placeholder": (ValueError, lambda s: s.x.data, ["pixels", "eval"]),
    # calls
    "rank": (InputError, lambda s: s.step(X[0], Y), ["pixels", "f32[batch, 3]", "(3,)"]),
    "known size": (InputError, lambda s: s.step(X[:, :2], Y), ["pixels", "axis 1", "2", "3 is expected"]),
    "batch sizes disagree": (
        InputError, lambda s: s.step(X[:4], Y), ["target", "axis 0", "size 6", "batch is 4", "pixels"],
    ),
    "unnamed sizes disagree": (
        InputError, lambda s: mt.compile([s.left, s.right], s.left - s.right)(X, X[:4]),
        ["left", "right", "6", "4", HERE],
    ),
    "sizes that only a run tells": (
        InputError, lambda s: mt.compile([s.x, s.mask], mt.where(s.mask, s.x, 0))(X, [True] * 6),
        ["where", "3", "batch|'pixels'", "6", HERE],
    ),
    "rows of logits and classes": (
        InputError, lambda s: mt.compile([s.x, s.v], mt.cross_entropy(s.x, s.v.astype("int64")))(X, [0, 1, 2, 0]),
        ["pixels", "6", "4", HERE],
    ),
    "dtype complex": (DTypeError, lambda s: s.step(X * 1j, Y), ["pixels", "complex"]),
    "strings": (DTypeError, lambda s: s.step(np.array([["a"] * 3]), Y), ["pixels", "strings"]),
    "objects": (DTypeError, lambda s: s.step(np.array([[object()] * 3]), Y), ["pixels", "objects"]),
    "None": (DTypeError, lambda s: s.step(None, Y), ["pixels", "None"]),
    "a tensor": (DTypeError, lambda s: s.step(s.x, Y), ["input 'pixels'", "pixels f32[batch, 3] made at"]),
    "ragged rows": (DTypeError, lambda s: s.step([[1, 2, 3], [4, 5]], Y), ["pixels", "differ in length"]),
    "a masked array": (DTypeError, lambda s: s.step(np.ma.masked_array(X), Y), ["pixels", "mask"]),
    "dates": (DTypeError, lambda s: s.step(X.astype("int64").astype("datetime64[s]"), Y), ["pixels", "dates"]),
    "floats for ints": (
        DTypeError, lambda s: mt.compile([s.k], s.k + 1)([1.5]), ["labels", "int64", "float64", "astype"],
    ),
    "ints that do not fit": (
        DTypeError, lambda s: mt.compile([mt.placeholder("small", ("n",), "int8")], [])([1000]), ["small", "int8"],
    ),
    "numbers for bools": (DTypeError, lambda s: mt.compile([s.mask], ~s.mask)([0.0, 1.0]), ["mask", "bool", "float64"]),
    "an input too few": (
        InputError, lambda s: s.step(X), ["train_step", "'target' is missing", "pixels: f32[batch, 3]"],
    ),
    "an input too many": (InputError, lambda s: s.step(X, Y, Y), ["train_step", "3 inputs", "pixels: f32[batch, 3]"]),
    "no inputs": (InputError, lambda s: s.step(), ["'pixels' is missing"]),
    "an unknown name": (InputError, lambda s: s.step(X, y=Y), ["no input 'y'", "target"]),
    "an input by position and name": (InputError, lambda s: s.step(X, Y, pixels=X), ["pixels", "2 inputs|twice"]),
    "an input given twice": (InputError, lambda s: s.step(X, pixels=X), ["'pixels' was given twice"]),
    "an index that is not there": (
        InputError, lambda s: mt.compile([s.x], s.x[4])(X[:3]), ["pixels", "at least 5", "3", HERE],
    ),
    "max of no rows": (
        InputError, lambda s: mt.compile([s.x], s.x.max(0))(X[:0]), ["max", "pixels", "at least 1", HERE],
    ),
    "feeds are a list": (TypeError, lambda s: s.out.eval([X]), ["eval", "{placeholder: array}", "[array("]),
    "feeds by name": ((GraphError, TypeError), lambda s: s.out.eval({"pixels": X}), ["placeholder", "'pixels'"]),
    # loop, evaluate, fit
    "loop, batch size 0": (InputError, lambda s: s.step.loop(X, Y, batch_size=0), ["batch size", "0"]),
    "loop, batch size 2.5": (InputError, lambda s: s.step.loop(X, Y, batch_size=2.5), ["batch size", "2.5"]),
    "loop, order of floats": (InputError, lambda s: s.step.loop(X, Y, order=[0.5]), ["order", "float64"]),
    "loop, order too far": (InputError, lambda s: s.step.loop(X, Y, order=[0, 6]), ["order", "0 to 5", "6"]),
    "loop, order negative": (InputError, lambda s: s.step.loop(X, Y, order=[-1]), ["order", "-1"]),
    "loop, rows differ": (InputError, lambda s: s.step.loop(X, Y[:4]), ["pixels has 6", "target has 4"]),
    "loop, another count": (InputError, lambda s: s.step.loop(X), ["1 input was given", "target"]),
    "loop without batches": (
        InputError, lambda s: mt.compile([s.v], s.v * 2).loop([1, 2, 3, 4]), ["first dimension", "unknown"],
    ),
    "evaluate, sizes": (InputError, lambda s: s.step.evaluate(X[:, :2], Y), ["pixels", "axis 1"]),
    "fit, epochs negative": (InputError, lambda s: mt.fit(s.step, X, Y, epochs=-1, batch_size=2), ["epochs", "-1"]),
    "fit, epochs a word": (
        (InputError, TypeError), lambda s: mt.fit(s.step, X, Y, epochs="3", batch_size=2), ["epochs", "'3'"],
    ),
    "fit, epochs a float": (
        (InputError, TypeError), lambda s: mt.fit(s.step, X, Y, epochs=1.5, batch_size=2), ["epochs", "1.5"],
    ),
    "fit, batch size 0": (InputError, lambda s: mt.fit(s.step, X, Y, epochs=1, batch_size=0), ["batch size", "0"]),
    "fit, batch size 0, no epoch": (
        InputError, lambda s: mt.fit(s.step, X, Y, epochs=0, batch_size=0), ["batch size", "0"],
    ),
    "fit, rows differ": (
        InputError, lambda s: mt.fit(s.step, X, Y[:4], epochs=1, batch_size=2), ["pixels has 6", "target has 4"],
    ),
    "fit, columns": (InputError, lambda s: mt.fit(s.step, X[:, :2], Y, epochs=1, batch_size=2), ["pixels", "axis 1"]),
    "fit, words": (
        DTypeError, lambda s: mt.fit(s.step, np.full((6, 3), "a"), Y, epochs=1, batch_size=2), ["pixels", "strings"],
    ),
    "fit, another count": (InputError, lambda s: mt.fit(s.step, X, epochs=1, batch_size=2), ["1 input was", "target"]),
    "fit, no loss": (
        InputError, lambda s: mt.fit(mt.compile([s.x], s.out), X, epochs=1, batch_size=2), ["fit", "loss", "scalar"],
    ),
    "fit, no program": (TypeError, lambda s: mt.fit(s.model, X, Y, epochs=1, batch_size=2), ["fit", "program", "MLP"]),
    "fit, columns of validation": (
        InputError, lambda s: mt.fit(s.step, X, Y, epochs=1, batch_size=2, validation=(X[:, :2], Y)),
        ["pixels", "axis 1"],
    ),
    "fit, rows of validation": (
        InputError, lambda s: mt.fit(s.step, X, Y, epochs=1, batch_size=2, validation=(X, Y[:3])),
        ["pixels has 6", "target has 3"],
    ),
    "fit, count of validation": (
        InputError, lambda s: mt.fit(s.step, X, Y, epochs=1, batch_size=2, validation=(X,)), ["1 input was", "target"],
    ),
    "fit, callback": (
        TypeError, lambda s: mt.fit(s.step, X, Y, epochs=1, batch_size=2, callbacks=["stop"]), ["callback", "'stop'"],
    ),
    "fit, callbacks are no list": (
        TypeError, lambda s: mt.fit(s.step, X, Y, epochs=1, batch_size=2, callbacks=mt.training.EarlyStopping(3)),
        ["callback", "EarlyStopping"],
    ),
    # modules
    "width negative": (ValueError, lambda s: mt.nn.Linear(3, -1), ["Linear", "nout", "-1"]),
    "width a float": (ValueError, lambda s: mt.nn.Layer(2.5, 3), ["Layer", "nin", "2.5"]),
    "no widths": (ValueError, lambda s: mt.nn.MLP(3, []), ["MLP", "nouts", "empty"]),
    "one width": ((TypeError, ValueError), lambda s: mt.nn.MLP(3, 16), ["MLP", "nouts", "16"]),
    "activation": (
        ValueError, lambda s: mt.nn.MLP(3, [2, 1], activation="thanh"), ["activation", "'thanh'", "tanh, relu"],
    ),
    "activation of a neuron": (
        ValueError, lambda s: mt.nn.Neuron(3, activation="thanh"), ["activation", "'thanh'", "tanh, relu"],
    ),
    "initialisation": (
        ValueError, lambda s: mt.nn.Linear(3, 2, init="xavier"), ["initialisation", "'xavier'", "glorot_uniform"],
    ),
    "modules that are none": (
        TypeError, lambda s: mt.nn.Sequential(mt.nn.Linear(2, 2), mt.tanh), ["Sequential", "tanh"],
    ),
    "modules in a list": (TypeError, lambda s: mt.nn.Sequential([mt.nn.Linear(2, 2)]), ["Sequential", "Linear"]),
    "no forward": (NotImplementedError, lambda s: mt.nn.Module()(s.x), ["Module", "forward"]),
    "model on another width": (
        ShapeError, lambda s: s.model(mt.placeholder("z", ("n", 5))), ["matmul", "(n, 5)", "5 and 3 differ", HERE],
    ),
    "predict, columns": (ValueError, lambda s: s.model.predict(np.ones((2, 5))), ["X", "5", "3"]),
    "predict, words": (DTypeError, lambda s: s.model.predict([["a"] * 3]), ["predict", "strings"]),
    "predict, no rows": (ValueError, lambda s: s.model.predict(np.float64(3)), ["matmul|predict", "scalar"]),
    "state, names": (
        FileError, lambda s: s.model.load_state_dict({"weight": X}),
        ["MLP", "layers.0.weight is missing", "weight is unknown"],
    ),
    "state, shape": (
        FileError, lambda s: s.model.load_state_dict({**s.model.state_dict(), "layers.1.bias": [1.0]}),
        ["layers.1.bias", "f32[2]", "(1,)"],
    ),
    "state, dtype": (
        (FileError, DTypeError),
        lambda s: s.model.load_state_dict({**s.model.state_dict(), "layers.1.bias": [1j, 2j]}),
        ["layers.1.bias", "complex"],
    ),
    # optimisers
    "lr negative": (
        ValueError, lambda s: mt.optim.SGD(s.model.parameters(), lr=-0.1), ["SGD", "lr|learning rate", "-0.1"],
    ),
    "lr NaN": (ValueError, lambda s: setattr(s.sgd, "lr", float("nan")), ["lr|learning rate", "nan"]),
    "lr a word": (ValueError, lambda s: setattr(s.sgd, "lr", "0.1"), ["lr|learning rate", "'0.1'"]),
    "momentum negative": (
        ValueError, lambda s: mt.optim.SGD(s.model.parameters(), 0.1, momentum=-1), ["SGD", "momentum", "-1"],
    ),
    "momentum NaN": (
        ValueError, lambda s: mt.optim.SGD(s.model.parameters(), 0.1, momentum=float("nan")),
        ["SGD", "momentum", "nan"],
    ),
    "momentum a word": (
        (ValueError, TypeError), lambda s: mt.optim.SGD(s.model.parameters(), 0.1, momentum="0.9"),
        ["SGD", "momentum", "'0.9'"],
    ),
    "nesterov alone": (
        ValueError, lambda s: mt.optim.SGD(s.model.parameters(), 0.1, nesterov=True), ["SGD", "nesterov", "momentum"],
    ),
    "a model, not its parameters": (TypeError, lambda s: mt.optim.SGD(s.model, 0.1), ["SGD", "parameters", "MLP"]),
    "one parameter, not a list": (TypeError, lambda s: mt.optim.SGD(s.w, 0.1), ["SGD|iterated", "weight"]),
    "variables": (TypeError, lambda s: mt.optim.SGD([s.count], 0.1), ["SGD", "count"]),
    "parameters that are words": (TypeError, lambda s: mt.optim.SGD(["w"], 0.1), ["SGD", "'w'"]),
    "no parameters": (ValueError, lambda s: mt.optim.SGD([], 0.1), ["SGD", "parameters", "empty|none"]),
    "parameters that are ints": (
        (ValueError, TypeError), lambda s: mt.optim.SGD([mt.parameter(1, "steps", "int64")], 0.1),
        ["SGD", "steps", "float"],
    ),
    "minimise what is no scalar": (GradientError, lambda s: s.sgd.minimize(s.out), ["not a scalar", HERE]),
    "minimise what does not depend": (
        GradientError, lambda s: s.sgd.minimize(s.p.sum()), ["weight", "does not depend", HERE],
    ),
    "gradients, count": (ValueError, lambda s: s.sgd.updates([s.loss]), ["4 parameters", "1 gradient was"]),
    "gradients, shape": (ValueError, lambda s: s.sgd.updates([s.loss] * 4), ["weight", "(3, 4)", "()"]),
    # files
    "no such file": (FileNotFoundError, lambda s: mt.load(s.folder / "nothing", s.model), ["nothing"]),
    "no such folder": (FileNotFoundError, lambda s: mt.save(s.folder / "no" / "file", s.model), ["no"]),
    "an empty file": (FileError, lambda s: mt.load(damaged(s, b""), s.model), ["damaged.safetensors", "safetensors"]),
    "a file of another kind": (
        FileError, lambda s: mt.load(damaged(s, b"\x93NUMPY" * 40), s.model), ["damaged.safetensors"],
    ),
    "a file cut short": (
        FileError, lambda s: mt.load(damaged(s, s.file.read_bytes()[:-1]), s.model), ["damaged.safetensors"],
    ),
    "a length that cannot be": (
        FileError, lambda s: mt.load(damaged(s, b"\xff" * 8 + b"{}"), s.model), ["damaged.safetensors"],
    ),
    "a pickle": (
        FileError, lambda s: mt.load(damaged(s, pickle.dumps(s.model.state_dict())), s.model), ["damaged.safetensors"],
    ),
    "the file of another model": (
        FileError, lambda s: mt.load(s.file, mt.nn.Linear(3, 2)), ["model.safetensors", "Linear", "layers.0.weight"],
    ),
    "the file of wider layers": (
        FileError, lambda s: mt.load(s.file, mt.nn.MLP(3, [5, 2])), ["model.safetensors", "layers.0", "(3, 4)|(4,)"],
    ),
    "load into a list": (TypeError, lambda s: mt.load(s.file, [s.w]), ["load", "a module", "[<Tensor"]),
    "save a number": (TypeError, lambda s: mt.save(s.folder / "f", 5), ["save", "5|int"]),
    "save objects": ((TypeError, ValueError), lambda s: mt.save(s.folder / "f", {"a": object()}), ["'a'|a", "object"]),
    # data
    "batches, lengths": (InputError, lambda s: mt.data.batches(X, Y[:3], batch_size=2), ["(6, 3)", "(3, 2)"]),
    "batches, size": (InputError, lambda s: mt.data.batches(X, batch_size=0), ["batch size", "0"]),
    "batches, nothing": (InputError, lambda s: mt.data.batches(batch_size=2), ["arrays"]),
    "split, share": (ValueError, lambda s: mt.data.train_test_split(X, test_size=1.5), ["test_size", "1.5"]),
    "split, lengths": (InputError, lambda s: mt.data.train_test_split(X, Y[:3]), ["(6, 3)", "(3, 2)"]),
    # rows
    "a name that is taken": (
        ValueError, lambda s: mt.ops.elementwise("add", np.add), ["'add'", "operation of minitorch"],
    ),
}  # fmt: skip

INTERNAL = (
    "object has no attribute",
    "not subscriptable",
    "not iterable",
    "unsupported operand",
    "unpack",
    "positional argument",
    "unhashable",
)


def values(s):
    """The bits of everything that holds a value."""
    return [t.data.tobytes() for t in (*s.model.parameters(), *s.sgd.velocities, s.p, s.count)] + [s.sgd.lr]


def check(s, expected, call, words):
    before = values(s)
    with pytest.raises(expected) as caught:
        call(s)
    text = str(caught.value)
    assert not any(phrase in text for phrase in INTERNAL), f"this speaks of our code, not of the user's: {text}"
    missing = [word for word in words if not any(option in text for option in word.split("|"))]
    assert not missing, f"{missing} not in: {text}"
    assert values(s) == before
    return text


@pytest.mark.parametrize("case", BUILT)
def test_what_is_wrong_with_a_graph_is_said_at_the_users_line(s, case):
    text = check(s, *BUILT[case])
    assert HERE in text, text


@pytest.mark.parametrize("case", NAMED)
def test_what_is_wrong_with_a_value_or_a_call_is_said_in_the_users_names(s, case):
    check(s, *NAMED[case])


def test_there_is_one_exception_class_for_each_kind_of_error():
    for kind in (ShapeError, GradientError, GraphError, InputError, FileError):
        assert issubclass(kind, MinitorchError)
        assert issubclass(kind, ValueError)
    assert issubclass(DTypeError, TypeError)
    assert issubclass(DTypeError, MinitorchError)


def test_the_line_named_is_the_line():
    x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", ("n", 4))
    with pytest.raises(ShapeError) as caught:
        x + y
    line = x.origin.lineno
    assert f"x f32[n, 3] made at {HERE}:{line}" in str(caught.value)
    assert f"{__file__}:{line + 2} in test_the_line" in str(caught.value)


def test_a_program_works_on_after_every_bad_call(s):
    want = float(copy.deepcopy(s.model).predict(X).sum())
    for _, call, _ in NAMED.values():
        try:
            call(s)
        except Exception:
            continue
    assert float(s.model.predict(X).sum()) == want
    assert np.isfinite(s.step(X, Y))


@pytest.mark.parametrize("array", [np.ones((0, 3)), np.ones((1, 3))])
def test_empty_and_read_only_arrays_work(s, array):
    array.flags.writeable = False
    target = np.ones((len(array), 2))
    target.flags.writeable = False
    program = mt.compile(
        [s.x, s.y], [s.out, mt.square(s.out - s.y).sum()], updates=s.sgd.minimize(mt.square(s.out - s.y).sum())
    )
    out, total = program(array, target)
    assert out.shape == (len(array), 2)
    assert np.isfinite(total)
    assert np.isfinite(s.w.data).all()
    assert s.step.loop(array, target).shape == (len(array),)
    assert s.model.predict(array).shape == (len(array), 2)


def test_inputs_are_converted_where_that_is_safe(s):
    for convert in (
        lambda a: a.astype("float64"),
        lambda a: a.astype("int8"),
        lambda a: a.astype(bool),
        lambda a: a.tolist(),
    ):
        np.testing.assert_allclose(s.step.evaluate(convert(X), Y), s.step.evaluate(X, Y))
    pixels = mt.placeholder("pixels", ("n",), "uint8")
    assert mt.compile([pixels], pixels.sum())([1, 2, 255]) == 258
