"""The writer: a plan as one C program. Each instruction calls a function; equal ones share it, whatever their depth.

The program holds no state. `step` is given the unknown sizes, and a table of pointers to all memory that it works on:
BLAS, scratch memory, slots of the arena, parameters, constants, inputs and results. `run` makes many steps over rows of
data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from minitorch.compiler.backends.c_source import alike, mathematics, product, work
from minitorch.compiler.backends.c_source.expressions import c_type, suffix
from minitorch.compiler.backends.c_source.function import Function, Part
from minitorch.compiler.backends.c_source.layout import Key, Layout, Layouts
from minitorch.compiler.backends.c_source.moves import BLAS, Move
from minitorch.compiler.backends.c_source.region import Region
from minitorch.compiler.backends.c_source.taken import taken_inputs
from minitorch.compiler.backends.c_source.texts import c_text
from minitorch.compiler.backends.c_source.written import Written
from minitorch.compiler.fused import fused
from minitorch.compiler.passes.fuse import FOLDS, body_of
from minitorch.compiler.plan import Instruction
from minitorch.graph.dim import Size
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable
from minitorch.graph.types import FLOAT32, FLOAT64, DType

LINES = 400  # of calls, and of what they compute, in one generated function
LONGEST = 200  # letters of a comment


class Shared(NamedTuple):
    """A function that the instructions which are alike share: its name, the sizes that it is given, and the pieces of
    memory, by their numbers among those of an instruction, or as they are where they are the same for all."""

    function: Function
    name: str
    sizes: Sequence[str]
    memory: Sequence[int | Key]


class Writer:
    """Writes the program of a plan. `table` has the places of memory, `segments` what a step consists of."""

    def __init__(self, layouts: Layouts, vector_bytes: int) -> None:
        self.layouts, self.plan, self.sizes = layouts, layouts.plan, layouts.sizes
        self.lanes = product.Lanes(vector_bytes)
        self.calls = self.plan.calls
        self.words = alike.Words(self.sizes)
        self.operations = self.words.operations(self.calls)
        self.flops = work.flops(self.operations, self.lanes)
        self.team = work.worth_a_team(self.calls, self.flops, self.lanes)
        self.taken = taken_inputs(self.plan.graph.inputs, self.calls, layouts)
        self.table: dict[Key, int] = {("blas", 0): 0}
        self.shared: dict[object, Shared] = {}  # by what is alike in the instructions that call a function
        self.functions: dict[str, str] = {}  # texts, under a name that stands for all, by the names they have
        self.definitions: list[str] = []
        self.parts: dict[Part, None] = {}
        self.mathematics: dict[tuple[str, str], None] = {}
        self.products: dict[DType, None] = {}
        self.scratch: dict[Size, None] = {}  # bytes that functions need for themselves, one after the other
        self.segments: list[str | int] = []
        self.steps: list[str] = []

    def write(self) -> Written:
        calls: list[str] = []
        role = ""
        for i in self.calls:
            if not i.native:
                self._close(calls)
                self._address_all(i)
                self.steps += [f"// here NumPy computes {comment(self.plan.line(node))}" for node in i.nodes]
                self.segments.append(self.plan.instructions.index(i))
                continue
            if i.role != role:
                role = i.role
                calls.append(f"    // ---- {role} ----")
            calls += self._call(i)
        self._close(calls)
        text = "\n".join(self._assembled()) + "\n"
        shared = work.shared_from(self.calls) if self.team else inf
        return Written(text, self.units(), self.table, tuple(self.segments), shared, bool(self.products))

    def units(self) -> tuple[str, ...]:
        """The units of C that the program is linked with; first those that take a compiler longest, which is those with
        most in a tile, and at the end those of elementary functions."""
        longest = sorted((part for part in self.parts if part.unit), key=lambda part: part.work, reverse=True)
        return (*(p.unit for p in longest), *(mathematics.source(*function) for function in self.mathematics))

    # ---- instructions ----

    def _call(self, i: Instruction) -> list[str]:
        inputs, outputs = [self.layouts[v] for v in i.inputs], [self.layouts.own(v) for v in i.outputs]
        memory = list(dict.fromkeys(x.key for x in (*inputs, *outputs)))
        shared = self._shared(i, inputs, outputs, memory)
        function, given = shared.function, [memory[k] if isinstance(k, int) else k for k in shared.memory]
        arguments = [*shared.sizes, *(f"m[{self._index(key)}]" for key in given)]
        call = f"{shared.name}({', '.join([*arguments, *(('me', 'team') if function.team else ())])})"
        lines = [f"    // {comment(self.plan.line(node))}" for node in i.nodes]
        if not self.team:
            return [*lines, f"    if ({call}) return 1;" if function.checks else f"    {call};"]
        if function.team:
            return [*lines, f"    {call};", "    barrier(team);"]
        lines.append(f"    if (me == 0) {f'team->failed = {call}' if function.checks else call};")
        return [*lines, "    barrier(team);", *(["    if (team->failed) return 1;"] if function.checks else [])]

    def _shared(
        self, i: Instruction, inputs: Sequence[Layout], outputs: Sequence[Layout], memory: Sequence[Key]
    ) -> Shared:  # fmt: skip
        """The function of an instruction, written for the first of those that are alike."""
        what = self.operations[i], self.words.places([*inputs, *outputs], self.taken)
        if what not in self.shared:
            function = self._function(i, inputs, outputs)
            number: dict[Key, int] = {key: k for k, key in enumerate(memory)}
            places = [number.get(key, key) for key in function.arguments]
            self.shared[what] = Shared(function, self._named(function, i), function.sizes(), places)
        return self.shared[what]

    def _function(self, i: Instruction, inputs: Sequence[Layout], outputs: Sequence[Layout]) -> Function:
        node = i.node
        if not (node.op is fused or node.op.elementwise or node.op in FOLDS):
            function = Move(node, inputs, outputs[0], self.sizes, self.lanes, self.team).write()
        elif node.op is fused:
            body = node.attrs["body"]
            results = [body.outputs[n.attrs["result"]] for n in i.nodes]
            kept = Graph(results, (), body.inputs, "body", body.nodes)
            function = Region(kept, inputs, outputs, self.sizes, self.lanes, self.team, self.taken).write()
        else:
            body, operands = body_of([node], [node])
            own = [self.layouts[self.layouts.by_node[n]] for n in operands]
            function = Region(body, own, outputs, self.sizes, self.lanes, self.team).write()
        self._needs(function, node)
        return function

    def _needs(self, function: Function, node: Tensor) -> None:
        for part in sorted(function.needs, key=lambda part: part.name):
            if part is BLAS:
                self.products[node.dtype] = None
                function.arguments = {("blas", 0): "blas", **function.arguments}
            else:
                self.parts[part] = None
        self.scratch[function.room] = None
        self.mathematics.update(dict.fromkeys(sorted(function.mathematics)))

    def _named(self, function: Function, i: Instruction) -> str:
        text = function.text("$", apart=self.team)
        if text not in self.functions:
            name = self.functions[text] = f"{_words(i.node)}_{len(self.functions)}"
            self.definitions.append(text.replace("$", name, 1))
        return self.functions[text]

    def _index(self, key: Key) -> int:
        return self.table.setdefault(key, len(self.table))

    def _address_all(self, i: Instruction) -> None:
        for v in i.inputs:
            self._index(self.layouts[v].key)
        for v in i.outputs:
            self._index(self.layouts.keys[v])

    # ---- segments ----

    def _close(self, calls: list[str]) -> None:
        """Make a function of the calls so far, and one of several where they are many."""
        if not any(not line.lstrip().startswith("//") for line in calls):
            calls.clear()
            return
        name = f"part{len(self.segments)}"
        chunks = [calls[k : k + LINES] for k in range(0, len(calls), LINES)]
        names = [f"{name}_{k}" for k in range(len(chunks))] if len(chunks) > 1 else [name]
        for own, chunk in zip(names, chunks, strict=True):
            self.steps.append(self._part(own, [*self._used_sizes(chunk), *chunk]))
        if len(chunks) > 1:
            self.steps.append(self._part(name, [self._try(own) for own in names]))
        self.segments.append(name)
        calls.clear()

    def _part(self, name: str, lines: list[str]) -> str:
        team = ", long me, struct team *team" if self.team else ""
        head = f"static {'PLAIN ' if self.team else ''}int {name}(const long *n, void *const *m{team})"
        used = _names(lines)
        unused = [name for name in ("n", "m", "me", "team")[: 4 if self.team else 2] if name not in used]
        quiet = [f"    {', '.join(f'(void){name}' for name in unused)};"] if unused else []
        return "\n".join([head, "{", *quiet, *lines, "    return 0;", "}"])

    def _try(self, name: str) -> str:
        return f"    if ({name}(n, m{', me, team' if self.team else ''})) return 1;"

    def _used_sizes(self, lines: list[str]) -> list[str]:
        mentioned = _names(lines)
        names = enumerate(self.sizes.names.items())
        return [f"    const long {n} = n[{k}]; // {comment(str(s))}" for k, (s, n) in names if n in mentioned]

    # ---- the text ----

    def _assembled(self) -> list[str]:
        graph = self.plan.graph
        title = [f"{graph.name}, generated by minitorch", *(f"{comment(t.name or '')}: {t.type}" for t in graph.inputs)]
        lines = [
            *(f"// {comment(line)}" for line in title),
            "",
            c_text("prelude.c"),
            c_text("sums.c"),
            c_text("team.c") if self.team else "",
        ]
        small = [p.name.split("_")[-2] for p in self.parts if p.name.startswith("product_")]
        floats = dict.fromkeys([*small, *map(suffix, self.products)])
        if floats:
            lines.append(self.lanes.text)
        lines += [self.lanes.vector(d) for d in (FLOAT32, FLOAT64) if suffix(d) in floats]
        lines += ["", *(part.text + "\n" for part in self.parts)]
        if self.products:
            lines.append(c_text("gemm.c"))
            lines += [self._gemm(d) for d in self.products]
        lines += [_declared(name, dtype) for name, dtype in self.mathematics]
        lines += ["", *(text + "\n" for text in (*self.definitions, *self.steps))]
        lines.append(self._part("all", [self._try(name) for name in self._parts()]))
        lines += [
            "",
            *self._measures(),
            "",
            f"#define TABLE {len(self.table)}",
            *(
                [
                    f"#define MEETINGS {len(self.calls)}",
                    f"#define FLOPS_PER_NS {work.FASTEST * self.lanes.vector_bytes}",
                ]
                if self.team
                else []
            ),
            c_text("rows.c"),
            c_text("run_team.c" if self.team else "run.c"),
        ]
        if any(isinstance(segment, int) for segment in self.segments):
            lines += [f"int {s}_alone(const long *n, void *const *m) {{ return {s}(n, m); }}" for s in self._parts()]
        return lines

    def _parts(self) -> list[str]:
        """The functions that a step calls, one after the other."""
        return [segment for segment in self.segments if isinstance(segment, str)]

    def _measures(self) -> list[str]:
        """Functions of the unknown sizes: the bytes of scratch memory for a thread, and the work of a step."""
        most = [f"    most = larger(most, {self.sizes(size)});" for size in self.scratch if size != 0]
        return [
            self._measure("long scratch_bytes", ["    long most = 0;", *most, "    return most;"]),
            self._measure("double flops", [f"    return (double)({self.sizes(self.flops)});"]),
        ]

    def _measure(self, head: str, lines: list[str]) -> str:
        sizes = self._used_sizes(lines)
        return "\n".join([f"{head}(const long *n)", "{", *(sizes or ["    (void)n;"]), *lines, "}"])

    def _gemm(self, dtype: DType) -> str:
        s, panel = suffix(dtype), self.lanes.panel(dtype)
        return f"GEMM({s}, {c_type(dtype)}, {'sgemm' if s == 'f32' else 'dgemm'}, product_{s}_{panel}, {panel})"


def comment(text: str) -> str:
    """A text that is harmless behind `//`: printable, ASCII, and nothing at its end that joins the next line to it."""
    plain = printable(text, LONGEST).encode("ascii", "replace").decode()
    return plain.replace("\\", "/").replace("??/", "?")


def _names(lines: Sequence[str]) -> set[str]:
    """The names that lines mention, those that are comments apart."""
    return set(re.findall(r"\w+", "\n".join([line for line in lines if not line.lstrip().startswith("//")])))


def _words(node: Tensor) -> str:
    """A name for a function: the operations in it."""
    if node.op is not fused:
        return node.op.name
    names = [n.op.name for n in node.attrs["body"].nodes if n.inputs]
    return "_".join(names if len(names) <= 4 else [*names[:3], "etc"])


def _declared(name: str, dtype: str) -> str:
    t = c_type_of(dtype)
    return f"void mt_{name}_{'f32' if dtype == 'float32' else 'f64'}(long n, const {t} *x, {t} *y);"


def c_type_of(dtype: str) -> str:
    return {"float32": "float", "float64": "double"}[dtype]
