"""C: the plan as one readable program, compiled once, whose loop over batches is compiled too."""

from __future__ import annotations

from collections.abc import Mapping

from minitorch.compiler.backends.base import Backend, Bound, Memory
from minitorch.compiler.backends.c_source import objects, toolchain
from minitorch.compiler.backends.c_source.binding import Binding, numbers_of, typed
from minitorch.compiler.backends.c_source.layout import Layouts, known_view
from minitorch.compiler.backends.c_source.native import native
from minitorch.compiler.backends.c_source.written import Written, found_or_made
from minitorch.compiler.passes.fuse import fuse
from minitorch.compiler.passes.materialise import materialise
from minitorch.compiler.passes.shape_products import shape_products
from minitorch.compiler.plan import Plan, Rules
from minitorch.errors import CompilerError
from minitorch.graph.dim import Symbol


class CSource(Backend):
    """Generated C, compiled when the program is made."""

    name = "c"
    lowering = (shape_products, materialise, fuse)
    rules = Rules(early=True, native=native)

    def __init__(self, plan: Plan) -> None:
        for value in plan.values:
            if value.node.op.view and not known_view(value.node.op):
                raise CompilerError(f"C does not know how {value.node.describe()} lies in memory: a view of your own")
        self.plan, self.layouts = plan, Layouts(plan)
        self.written = self.write(toolchain.require().vector_bytes)
        self.source, self.loops = self.written.source, self.written.whole
        self.library = typed(objects.load(self.source, self.written.units))

    def write(self, vector_bytes: int) -> Written:
        """The plan as C, for vectors of so many bytes."""
        return found_or_made(self.layouts, vector_bytes)

    def scratch(self, sizes: Mapping[Symbol, int]) -> int:
        room: int = self.library.scratch_bytes(numbers_of(self.plan, sizes))
        return room

    def bind(self, sizes: Mapping[Symbol, int], memory: Memory) -> Bound:
        return Binding(self.layouts, self.written, self.library, sizes, memory)
