"""C: the plan as one readable program, compiled once, whose loop over batches is compiled too."""

from __future__ import annotations

from collections.abc import Mapping

from minitorch.compiler.backends.base import Backend, Bound, Memory
from minitorch.compiler.backends.c_source import mathematics, objects, toolchain
from minitorch.compiler.backends.c_source.binding import Binding
from minitorch.compiler.backends.c_source.layout import known_view
from minitorch.compiler.backends.c_source.writer import Writer, native
from minitorch.compiler.passes.fuse import fuse
from minitorch.compiler.passes.materialise import materialise
from minitorch.compiler.passes.shape_products import shape_products
from minitorch.compiler.plan import Plan, Rules
from minitorch.errors import CompilerError
from minitorch.graph.dim import Symbol, evaluate


class CSource(Backend):
    """Generated C, compiled when the program is made."""

    name = "c"
    lowering = (shape_products, materialise, fuse)
    rules = Rules(early=True, native=native)
    writer_of: type[Writer] = Writer

    def __init__(self, plan: Plan) -> None:
        for value in plan.values:
            if value.node.op.view and not known_view(value.node.op):
                raise CompilerError(f"C does not know how {value.node.describe()} lies in memory: a view of your own")
        self.writer = self.writer_of(plan, toolchain.require().vector_bytes)
        self.source = self.writer.write()
        parts = [mathematics.source(name, dtype) for name, dtype in self.writer.mathematics]
        self.loops = not any(segment.fallback for segment in self.writer.segments)
        self.library = objects.load(self.source, [*self.writer.units(), *parts])

    def scratch(self, sizes: Mapping[Symbol, int]) -> int:
        return max((evaluate(size, sizes) for size in self.writer.scratch), default=0)

    def bind(self, sizes: Mapping[Symbol, int], memory: Memory) -> Bound:
        return Binding(self.writer, self.library, sizes, memory)
