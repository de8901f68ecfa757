"""A graph to be tested as plain data: it can be built as often as one likes, made smaller, and printed."""

from __future__ import annotations

import runpy
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import minitorch as mt


class Step(NamedTuple):
    """One line: `code` is a Python expression in which {0}, {1}, ... are earlier steps and {v} is `value`."""

    code: str
    operands: tuple[int, ...] = ()
    value: Any = None


class Built(NamedTuple):
    """The tensors of a case. `steps` are all of them, in order; a case read from a file has none."""

    inputs: list[Any]
    outputs: list[Any]
    updates: list[tuple[Any, Any]]
    training: bool | None
    calls: list[list[Any]]
    steps: list[Any]


@dataclass(frozen=True)
class Case:
    """Steps, which of them are returned or stored, and for each call an array for each placeholder."""

    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    updates: tuple[tuple[int, int], ...] = ()
    training: bool | None = None
    calls: tuple[dict[int, Any], ...] = field(default=())

    @property
    def placeholders(self) -> list[int]:
        return [i for i, s in enumerate(self.steps) if s.code.startswith("mt.placeholder(")]

    def build(self, wide: bool = False) -> Built:
        """The tensors, made anew; in float64 throughout if `wide`."""
        tensors: list[Any] = []
        for step in self.steps:
            tensors.append(evaluated(step, [tensors[i] for i in step.operands], wide))
        inputs = [tensors[i] for i in self.placeholders]
        updates = [(tensors[i], tensors[k]) for i, k in self.updates]
        calls = [[widened(call[i]) if wide else call[i] for i in self.placeholders] for call in self.calls]
        return Built(inputs, [tensors[i] for i in self.outputs], updates, self.training, calls, tensors)

    def pruned(self) -> Case:
        """Without the steps that nothing needs."""
        needed: set[int] = set()
        stack = [*self.outputs, *(i for pair in self.updates for i in pair)]
        while stack:
            i = stack.pop()
            if i not in needed:
                needed.add(i)
                stack.extend(self.steps[i].operands)
        return self.keeping(sorted(needed))

    def keeping(self, kept: list[int]) -> Case:
        """With these steps alone, numbered anew."""
        number = {old: new for new, old in enumerate(kept)}
        steps = tuple(s._replace(operands=tuple(number[k] for k in s.operands)) for s in (self.steps[i] for i in kept))
        return replace(
            self, steps=steps, outputs=tuple(number[i] for i in self.outputs),
            updates=tuple((number[i], number[k]) for i, k in self.updates),
            calls=tuple({number[i]: a for i, a in call.items() if i in number} for call in self.calls),
        )  # fmt: skip

    def text(self, title: str = "") -> str:
        """A Python program that builds the graph and compares the backends."""
        lines = [f'"""{title or "A graph of the fuzzer."}"""', "", *IMPORTS, ""]
        for i, step in enumerate(self.steps):
            names = [f"t{k}" for k in step.operands]
            value = array_text(step.value) if step.value is not None else ""
            lines.append(f"t{i} = {step.code.format(*names, v=value)}")
        lines.append(f"inputs = [{', '.join(f't{i}' for i in self.placeholders)}]")
        lines.append(f"outputs = [{', '.join(f't{i}' for i in self.outputs)}]")
        lines.append(f"updates = [{', '.join(f'(t{i}, t{k})' for i, k in self.updates)}]")
        lines.append(f"training = {self.training}")
        lines.append("calls = [")
        given = [", ".join(array_text(call[i]) for i in self.placeholders) for call in self.calls]
        lines += [f"    [{arrays}]," for arrays in given]
        return "\n".join([*lines, "]", "", *SHOW]) + "\n"


IMPORTS = ["import numpy as np", "from numpy import inf, nan", "", "import minitorch as mt"]
SHOW = [
    'if __name__ == "__main__":',
    "    start = [(p, p.data.copy()) for p, _ in updates]",
    '    for backend in ("interpreter", "numpy", "c"):',
    "        for p, value in start:",
    "            p.data = value",
    "        program = mt.compile(inputs, outputs, updates, backend=backend, training=training)",
    "        for arrays in calls:",
    "            print(backend, program(*arrays), [p.data.tolist() for p, _ in updates])",
]


class Saved:
    """A case in a file, as `Case.text` writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.code = path.read_text()

    def build(self, wide: bool = False) -> Built:
        if wide:
            names: dict[str, Any] = {"__name__": "case"}
            exec(compile(self.code.replace("float32", "float64"), str(self.path), "exec"), names)
        else:
            names = runpy.run_path(str(self.path), run_name="case")
        steps = [names[f"t{i}"] for i in range(len(names)) if f"t{i}" in names]
        return Built(*(names[key] for key in ("inputs", "outputs", "updates", "training", "calls")), steps)


@lru_cache(4096)
def _compiled(code: str, count: int, wide: bool) -> Any:
    text = code.format(*(f"a[{i}]" for i in range(count)), v="v")
    text = text.replace("float32", "float64") if wide else text
    return eval(f"lambda a, v: {text}", {"mt": mt, "np": np, "inf": np.inf, "nan": np.nan})


def evaluated(step: Step, operands: list[Any], wide: bool = False) -> Any:
    """The tensor that a step makes."""
    value = widened(step.value) if wide else step.value
    return _compiled(step.code, len(operands), wide)(operands, value)


def widened(value: Any) -> Any:
    """float64 for float32; anything else as it is."""
    return value.astype("float64") if isinstance(value, np.ndarray) and value.dtype == np.float32 else value


def array_text(array: Any) -> str:
    """An array as Python that makes the same bits (but for the payload of a NaN)."""
    text = f'np.array({array.tolist()!r}, "{array.dtype}")'
    return text if array.size else f'np.zeros({array.shape}, "{array.dtype}")'
