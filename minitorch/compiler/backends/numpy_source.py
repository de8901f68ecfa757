"""NumPy: the plan as straight-line Python, one call an instruction, everything that can be known early bound early.

The generated `bind` runs once for each batch size: it cuts the buffers out of the arena and takes the views. The
`run` that it returns does a step, and allocates nothing but results.
"""

from __future__ import annotations

import linecache
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from operator import setitem
from typing import Any

import numpy as np

from minitorch import ops
from minitorch.compiler.backends.base import Backend, Bound, Function, Memory, commit, takes_out, written
from minitorch.compiler.plan import CALL, COMMIT, Instruction, Plan, Value
from minitorch.graph.dim import Atom, Dim, Monomial, Symbol
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor, reserved
from minitorch.graph.text import printable
from minitorch.ops.contraction import LONGEST, product_of
from minitorch.ops.shape import window

PART = 1000  # calls in one generated function: past that, compiling takes more than its share
COMMENT = 48  # the column where comments start

_serial = count()


class NumPySource(Backend):
    """Generated Python over NumPy. Its lines show in tracebacks."""

    name = "numpy"

    def __init__(self, plan: Plan, writer: Writer | None = None) -> None:
        super().__init__(plan)
        writer = writer or Writer(plan)
        self.source = writer.write()
        self.symbols, self.leaves = plan.symbols, writer.leaves
        filename = f"<minitorch {printable(plan.graph.name)} {next(_serial)}>"
        exec(compile(self.source, filename, "exec"), writer.names)
        self._bind: Callable[..., Callable[[Sequence[Array]], Sequence[Array]]] = writer.names["bind"]
        linecache.cache[filename] = len(self.source), None, self.source.splitlines(keepends=True), filename
        weakref.finalize(self, linecache.cache.pop, filename, None)

    def bind(self, sizes: Mapping[Symbol, int], memory: Memory) -> Bound:
        return Function(self._bind(memory.slot(sizes), self.leaves, [sizes[s] for s in self.symbols]))


# ---- how operations are called: what differs from `name(inputs, out)` ----

Lines = list[str]
Emit = Callable[["Writer", str, Sequence[str], Tensor], Lines]

REDUCTIONS = {
    "sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum", "any": "logical_or", "all": "logical_and",
}  # fmt: skip


def _fold(name: str) -> Emit:
    def emit(w: Writer, out: str, x: Sequence[str], n: Tensor) -> Lines:
        return [f"{REDUCTIONS[name]}_reduce({x[0]}, {n.attrs['axis']}, {n.dtype}, {out}, {n.attrs['keepdims']})"]

    return emit


EMIT: dict[str, Emit] = {
    **{name: _fold(name) for name in REDUCTIONS},
    "matmul": lambda w, out, x, n: [f"{w.product(n)}({x[0]}, {x[1]}, out={out})"],
    "copy": lambda w, out, x, n: [f"copyto({out}, {x[0]})"],
    "cast": lambda w, out, x, n: [f"copyto({out}, {x[0]}, 'unsafe')"],
    "where": lambda w, out, x, n: [
        *([f"copyto({out}, {x[2]})"] if out != x[2] else []), f"copyto({out}, {x[1]}, where={x[0]})",
    ],
    "relu": lambda w, out, x, n: [f"maximum({x[0]}, {w.scalar(0, n)}, out={out})"],
    "clip": lambda w, out, x, n: [f"maximum({x[0]}, {x[1]}, out={out})", f"minimum({out}, {x[2]}, out={out})"],
    "sigmoid": lambda w, out, x, n: [
        f"negative({x[0]}, out={out})", f"exp({out}, out={out})",
        f"add({out}, {w.scalar(1, n)}, out={out})", f"reciprocal({out}, out={out})",
    ],
    "fixed_power": lambda w, out, x, n: [f"power({x[0]}, {w.scalar(n.attrs['exponent'], n)}, out={out})"],
}  # fmt: skip
"""The kernels of the rows, written out: the same NumPy calls on the same operands, so the same bits."""

VIEWS: dict[str, Callable[[Writer, str, Tensor], str]] = {
    "transpose": lambda w, x, n: f"{x}.transpose{n.attrs['axes']}",
    "reshape": lambda w, x, n: f"reshape({x}, {w.code(n.attrs['shape'])})",
    "broadcast_to": lambda w, x, n: f"broadcast_to({x}, {w.code(n.attrs['shape'])})",
    "slice": lambda w, x, n: f"{x}[window({w.code(n.attrs['ranges'])})]",
}

NUMPY: dict[str, Any] = {
    **{f"{name}_reduce": getattr(np, name).reduce for name in REDUCTIONS.values()}, "window": window,
    "commit": commit, "written": written, "product_of": product_of, "reshape": ops.reshape.kernel,
    "setitem": setitem, "partial": partial,
    **{name: getattr(np, name) for name in (
        "add", "broadcast_to", "copyto", "dot", "empty", "errstate", "exp", "matmul", "maximum", "minimum", "negative",
        "power", "reciprocal",
    )},
    **{name: np.dtype(name) for name in (
        "bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64",
    )},
}  # fmt: skip


# ---- the source ----


class Writer:
    """Writes `bind` for a plan. `names` is what the source refers to, `leaves` the arrays that `bind` is given."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.names: dict[str, Any] = dict(NUMPY)
        self.leaves: list[Array] = []
        self.sizes = {symbol: f"n{i}" for i, symbol in enumerate(plan.symbols)}
        self.value_names: dict[Value, str] = {}
        self.by_node = {v.node: v for v in plan.values}
        self.kernels: dict[object, str] = {}
        self.scalars: dict[tuple[str, float], str] = {}
        self.head: Lines = []  # in bind: leaves and buffers
        self.early: Lines = []  # in bind: views and what depends on sizes alone
        self.calls: list[tuple[Lines, Instruction]] = []
        self.rows: Lines = []

    def write(self) -> str:
        self._name_values()
        for instruction in self.plan.instructions:
            self._instruction(instruction)
        return "\n".join(self._assemble()) + "\n"

    # ---- names of values ----

    def _name_values(self) -> None:
        numbers = {"input": 0, "parameter": 0, "constant": 0, "bound": 0, "view": 0, "result": 0}
        letters = {"input": "x", "parameter": "p", "constant": "c", "bound": "k", "view": "v", "result": "r"}
        targets = {i.output: i.target for i in self.plan.instructions if i.target is not None}
        given = {t: f"x{i}" for i, t in enumerate(self.plan.graph.inputs)}
        buffers: dict[object, str] = {}
        stored: dict[Tensor, str] = {}
        for v in self.plan.values:
            node = targets.get(v, v.node)
            if v.kind == "arena":
                key = (v.slot, node.shape, node.dtype)
                if key not in buffers:
                    buffers[key] = f"b{len(buffers)}"
                    self.head.append(f"{buffers[key]} = slot({v.slot}, {self.code(node.shape)}, {node.dtype})")
                self.value_names[v] = buffers[key]
            elif v.kind == "input":
                self.value_names[v] = given[node]
            elif v.kind == "parameter" and node in stored:
                self.value_names[v] = stored[node]
            else:
                name = f"{letters[v.kind]}{numbers[v.kind]}"
                numbers[v.kind] += 1
                self.value_names[v] = name
                if v.kind in ("parameter", "constant"):
                    stored[node] = name
                    self.head.append(note(f"{name} = leaves[{len(self.leaves)}]", _leaf_text(node)))
                    self.leaves.append(node.data)

    # ---- instructions ----

    def _instruction(self, i: Instruction) -> None:
        inputs = [self.value_names[v] for v in i.inputs]
        out = self.value_names[i.output]
        if i.stage == COMMIT:
            self.rows.append(note(self._row(i, inputs, out), self.plan.line(i.node)))
            return
        view = i.node.op.view
        lines = [f"{out} = {self._view(i.node, inputs[0])}"] if view else self._call(i.node, inputs, out)
        if i.stage == CALL:
            self.calls.append((lines, i))
            return
        if not i.node.op.view:
            self.early.append(f"{out} = empty({self.code(i.node.shape)}, {i.node.dtype})")
        self.early += [note(lines[0], self.plan.line(i.node)), *lines[1:]]

    def _row(self, i: Instruction, inputs: Sequence[str], out: str) -> str:
        if i.node.op.name == "copy":
            return f"partial(setitem, {out}, ..., {inputs[0]}),"
        named = "out=" if i.node.op.name in ("maximum", "minimum") else ""  # a keyword costs a call 0.1 us
        return f"partial({', '.join([self._kernel(i.node), *inputs, named + out])}),"

    def _view(self, node: Tensor, x: str) -> str:
        if node.op.name in VIEWS:
            return VIEWS[node.op.name](self, x, node)
        return f"{self._kernel(node)}({x})"

    def _call(self, node: Tensor, inputs: Sequence[str], out: str) -> Lines:
        emit = EMIT.get(node.op.name)
        if emit is not None:
            return emit(self, out, inputs, node)
        arguments = ", ".join(inputs)
        kernel = self._kernel(node)
        if isinstance(node.op.kernel, np.ufunc):
            return [f"{kernel}({arguments}, out={out})"]
        if takes_out(node.op.kernel):
            call = f"{kernel}({arguments}{', ' if arguments else ''}out={out})"
            return [call if node.op.name in reserved else f"written({out}, {call})"]
        return [f"written({out}, {kernel}({arguments}))"]

    def _kernel(self, node: Tensor) -> str:
        """The name of a kernel; with attributes bound to it, where it has any."""
        plain = node.op.name
        if plain not in reserved:  # a user's own operation: nothing that it is called may meet a name of ours
            plain = self.kernels.setdefault(node.op, f"kernel_{len(self.kernels)}")
        self.names[plain] = node.op.kernel
        if not node.attrs:
            return plain
        arguments = ", ".join(f"{key}={self.code(value)}" for key, value in node.attrs.items())
        key = (plain, arguments)
        if key not in self.kernels:
            self.kernels[key] = f"f{len(self.kernels)}"
            self.head.append(f"{self.kernels[key]} = partial({plain}, {arguments})")
        return self.kernels[key]

    def product(self, node: Tensor) -> str:
        """The name of the function that multiplies matrices: for sums that may be long it is chosen in `bind`."""
        a, b = node.inputs
        if a.ndim != 2 or b.ndim != 2:
            return "matmul"
        sizes = a.shape[0], *b.shape
        wide = all(isinstance(n, int) and n != 1 for n in (sizes[0], sizes[2]))
        if wide or (isinstance(sizes[1], int) and sizes[1] <= LONGEST):
            return "dot"
        key = ("product_of", self.code(sizes))
        if key not in self.kernels:
            self.kernels[key] = f"f{len(self.kernels)}"
            self.head.append(f"{self.kernels[key]} = product_of{key[1]}")
        return self.kernels[key]

    # ---- values in the source ----

    def scalar(self, value: float, node: Tensor) -> str:
        """A number as an array without axes: NumPy takes it faster than a Python number."""
        key = (str(node.dtype), float(value))
        if key not in self.scalars:
            self.scalars[key] = f"s{len(self.scalars)}"
            self.head.append(note(f"{self.scalars[key]} = leaves[{len(self.leaves)}]", f"{value} {node.dtype}"))
            self.leaves.append(np.array(value, node.dtype))
        return self.scalars[key]

    def code(self, value: Any) -> str:
        """An attribute as Python; unknown sizes by the names they have in `bind`."""
        if isinstance(value, Dim):
            return " + ".join("*".join(self._factors(m, c)) for m, c in value.terms)
        if isinstance(value, tuple):
            return f"({', '.join(self.code(v) for v in value)}{',' if len(value) == 1 else ''})"
        if isinstance(value, np.dtype):
            return str(value)
        if isinstance(value, bool | int | str | type(None)):
            return repr(value)
        name = f"a{len(self.names)}"
        self.names[name] = value
        return name

    def _factors(self, monomial: Monomial, coefficient: int) -> list[str]:
        atoms = [self._atom(atom) for atom in monomial]
        return atoms if coefficient == 1 and atoms else [str(coefficient), *atoms]

    def _atom(self, atom: Atom) -> str:
        if isinstance(atom, Symbol):
            return self.sizes[atom]
        a, b = self.code(atom.a), self.code(atom.b)
        return f"(({a}) // ({b}) if {b} else 0)" if atom.function == "//" else f"{atom.function}({a}, {b})"

    # ---- the text ----

    def _assemble(self) -> Lines:
        inputs = ", ".join(f"x{i}" for i in range(len(self.plan.graph.inputs)))
        parts = [self.calls[i : i + PART] for i in range(0, len(self.calls), PART)] or [[]]
        lines = [*self._title(), "", "@errstate(all='ignore')", "def bind(slot, leaves, sizes):"]
        if self.sizes:
            names = ", ".join(printable(str(s)) for s in self.sizes)
            lines.append(note(f"    {', '.join(self.sizes.values())}, = sizes", names))
        lines += [f"    {line}" for line in [*self.head, *self.early]]
        lines += ["    stored = (", *(f"        {row}" for row in self.rows), "    )"] if self.rows else []
        if len(parts) == 1:
            body = self._body(parts[0])
        else:
            results = [self.value_names[v] for v in self.plan.outputs]
            arguments = ", ".join([inputs, *results]) if inputs else ", ".join(results)
            for k, part in enumerate(parts):
                lines += ["", f"    def part{k}({arguments}):"]
                lines += [f"        {line}" for line in self._body(part) or ["pass"]]
            body = [f"part{k}({arguments})" for k in range(len(parts))]
        given = [f"{inputs}, = arrays"] if inputs else []
        lines += ["", "    @errstate(all='ignore')", "    def run(arrays):"]
        lines += [f"        {line}" for line in [*given, *self._results(), *body, *self._ending()]]
        return [*lines, "", "    return run"]

    def _title(self) -> Lines:
        graph = self.plan.graph
        lines = [f"{graph.name}, generated by minitorch for NumPy"]
        lines += [f"x{i} is {printable(t.name or '')}: {t.type}" for i, t in enumerate(graph.inputs)]
        return [f"# {printable(line, 240)}" for line in lines]

    def _results(self) -> Lines:
        outputs = [(self.value_names[v], v.node) for v in self.plan.outputs]
        return [note(f"{name} = empty({self.code(n.shape)}, {n.dtype})", self.plan.line(n)) for name, n in outputs]

    def _body(self, calls: Sequence[tuple[Lines, Instruction]]) -> Lines:
        lines: Lines = []
        role = ""
        seen: set[Value] = set()
        for code, instruction in calls:
            if instruction.role != role and not instruction.node.op.view:
                role = instruction.role
                lines.append(f"# ---- {role} ----")
            for v in instruction.inputs:
                lines += self._missing_views(v, seen)
            if instruction.node.op.view:
                continue
            lines += [note(code[0], self.plan.line(instruction.node)), *code[1:]]
        return lines

    def _missing_views(self, value: Value, seen: set[Value]) -> Lines:
        """The views of inputs and results that are taken in the call, where they are first read."""
        if value.kind != "view" or value.root.kind not in ("input", "result") or value in seen:
            return []
        chain: list[Value] = []
        by_node = self.by_node
        while value.kind == "view" and value not in seen:
            seen.add(value)
            chain.append(value)
            value = by_node[value.node.inputs[0]]
        names = self.value_names
        return [
            f"{names[v]} = {self._view(v.node, names[by_node[v.node.inputs[0]]])}" for v in reversed(chain)
        ]  # fmt: skip

    def _ending(self) -> Lines:
        results = ", ".join(self.value_names[v] for v in self.plan.outputs)
        store = ["commit(stored)"] if self.rows else []
        return [*store, f"return [{results}]"]


def note(code: str, comment: str) -> str:
    """A line with a comment in its column."""
    return f"{code:{COMMENT}}  # {printable(comment, 240)}"


def _leaf_text(node: Tensor) -> str:
    return f"{printable(node.name)} {node.type}" if node.name else f"{node.op.name} {node.type}"
