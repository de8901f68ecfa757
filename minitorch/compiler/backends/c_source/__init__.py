"""C: the plan as one readable program, compiled once, whose loop over batches is compiled too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from minitorch.compiler.backends.base import Backend, Bound, Memory
from minitorch.compiler.backends.c_source import kept, objects, toolchain
from minitorch.compiler.backends.c_source.binding import Binding
from minitorch.compiler.backends.c_source.footing import Footing, footing_of
from minitorch.compiler.backends.c_source.job import numbers_of, typed
from minitorch.compiler.backends.c_source.layout import Layouts, known_view
from minitorch.compiler.backends.c_source.native import native
from minitorch.compiler.backends.c_source.written import Written
from minitorch.compiler.passes.fuse import fuse
from minitorch.compiler.passes.materialise import materialise
from minitorch.compiler.passes.shape_products import shape_products
from minitorch.compiler.plan import Plan, Rules
from minitorch.errors import CompilerError
from minitorch.graph.dim import Symbol
from minitorch.graph.graph import Graph
from minitorch.lazy import lazy

writer = lazy("minitorch.compiler.backends.c_source.writer")
mixed = lazy("minitorch.compiler.backends.c_source.mixed")


class CSource(Backend):
    """Generated C, compiled when the program is made."""

    name = "c"
    lowering = (shape_products, materialise, fuse)
    rules = Rules(early=True, native=native)

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        for value in plan.values:
            if value.node.op.view and not known_view(value.node.op):
                raise CompilerError(f"C does not know how {value.node.describe()} lies in memory: a view of your own")
        self._stand(self.write(toolchain.require().vector_bytes), footing_of(self.layouts))

    @classmethod
    def of(cls, traced: Graph, plan: Callable[[], Plan]) -> Backend:
        name = kept.name(traced, toolchain.require().vector_bytes)
        if name is not None and (found := kept.recall(name, traced)) is not None:
            return Found(traced, plan, *found)
        made = cls(plan())
        if name is not None:
            kept.remember(name, traced, (made.written, made.footing))
        return made

    def _stand(self, written: Written, footing: Footing) -> None:
        self.written, self.footing = written, footing
        self.source, self.loops = written.source, written.whole
        self.library = typed(objects.load(written.source, written.units))

    @cached_property
    def layouts(self) -> Layouts:
        """Where the values of the plan lie."""
        return Layouts(self.plan)

    def write(self, vector_bytes: int) -> Written:
        """The plan as C, for vectors of so many bytes."""
        program: Written = writer.Writer(self.layouts, vector_bytes).write()
        return program

    def scratch(self, sizes: Mapping[Symbol, int]) -> int:
        room: int = self.library.scratch_bytes(numbers_of(self.footing.symbols, sizes))
        return room

    def bind(self, sizes: Mapping[Symbol, int], memory: Memory) -> Bound:
        given = self.graph, self.footing, self.written, self.library, sizes, memory
        return Binding(*given) if self.written.whole else mixed.Mixed(*given, self.layouts)


class Found(CSource):
    """A program in C that was made before of an equal graph. Its plan is made when somebody looks at it."""

    def __init__(self, traced: Graph, plan: Callable[[], Plan], written: Written, footing: Footing) -> None:
        self.graph, self.slots, self._made = traced, footing.slots, plan
        self._stand(written, footing)

    @property
    def plan(self) -> Plan:
        """The plan, as the graph's compilation has it."""
        return self._made()
