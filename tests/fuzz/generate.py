"""Random valid graphs: steps are tried one after the other, those that raise are dropped."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from minitorch.graph.dim import evaluate
from tests.fuzz.case import Step, evaluated
from tests.fuzz.reference import sizes_of

BATCHES = (0, 1, 2, 3, 7, 64)
MOST_ELEMENTS = 6000  # of one value
SPECIAL = {
    "f": [np.nan, np.inf, -np.inf, 0.0, -0.0, "subnormal", "-subnormal", "tiny", "max", "-max", 1.0, -1.0],
    "i": [0, 1, -1, 2**62, -(2**63)],
}


class Generator:
    """A graph in the making. Makers call `pick` for operands and `add` for steps."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.arrays = np.random.default_rng(seed)
        self.plain = self.random.random() < 0.5  # no special values: what float64 can judge
        self.wide = self.random.random() < 0.3  # float64 throughout, for most leaves
        self.steps: list[Step] = []
        self.tensors: list[Any] = []
        self.feeds: list[dict[int, Any]] = [{} for _ in range(4)]
        self.sizes: list[dict[Any, int]] = [{} for _ in range(4)]
        batches = self.random.sample(BATCHES, 3)
        self.batches = [*batches, batches[0]]
        other = self.random.sample(BATCHES[:5], 3)
        self.others = [*other, other[0]]

    # ---- choices ----

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def one(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def pick(self, wanted: Callable[[Any], bool] = lambda t: True) -> int | None:
        """A step whose tensor is wanted: a recent one more often than not."""
        found = [i for i, t in enumerate(self.tensors) if wanted(t)]
        if not found:
            return None
        return self.random.choice(found[-4:] if self.chance(0.5) else found)

    def float(self, rank: int = 0) -> int | None:
        return self.pick(lambda t: t.dtype.kind == "f" and t.ndim >= rank)

    def partner(self, i: int) -> int | None:
        """A step of the same kind of dtype, of the same shape more often than not."""
        t = self.tensors[i]
        same = self.pick(lambda u: u.shape == t.shape and u.dtype.kind == t.dtype.kind)
        return same if self.chance(0.6) else self.pick(lambda u: u.dtype.kind == t.dtype.kind)

    def axis(self, t: Any) -> int:
        return self.random.randrange(-t.ndim, t.ndim)

    def axes(self, t: Any) -> Any:
        """An axis, several, none or all."""
        if self.chance(0.3):
            return None
        chosen = tuple(k for k in range(t.ndim) if self.chance(0.5))
        return chosen[0] if len(chosen) == 1 and self.chance(0.5) else chosen

    # ---- values ----

    def values(self, shape: tuple[int, ...], dtype: str) -> Any:
        """Random numbers, special ones among them in graphs that are not plain."""
        if dtype == "bool":
            return np.asarray(self.arrays.random(shape) < 0.5)
        if dtype == "int64":
            array = np.asarray(self.arrays.integers(-4, 5, shape))
        else:
            array = np.asarray(self.arrays.uniform(-2, 2, shape)).astype(dtype)
            array = np.asarray(np.round(array * 4) / 4) if self.chance(0.3) else array
        if not self.plain and array.size and self.chance(0.5 if dtype != "int64" else 0.1):
            count = 1 + self.random.randrange(max(1, array.size // 2))
            for k in self.arrays.integers(0, array.size, count):
                array.flat[k] = special(self.random.choice(SPECIAL[array.dtype.kind]), array.dtype)
        return array.astype(dtype)

    def dtype(self) -> str:
        if self.chance(0.25):
            return str(self.one("int64", "bool", "float64"))
        return "float64" if self.wide else "float32"

    # ---- steps ----

    def add(self, code: str, *operands: int | None, value: Any = None) -> int | None:
        """One more step; None where it is not valid, too large, or asks more of the sizes than the calls give."""
        if any(i is None for i in operands):
            return None
        step = Step(code, tuple(i for i in operands if i is not None), value)
        try:
            tensor = evaluated(step, [self.tensors[i] for i in step.operands])
        except (ValueError, TypeError):
            return None
        if not self._fits(tensor):
            return None
        self.steps.append(step)
        self.tensors.append(tensor)
        return len(self.steps) - 1

    def _fits(self, tensor: Any) -> bool:
        if tensor.op.name == "placeholder":
            return True
        for sizes in self.sizes:
            if evaluate(tensor.size, sizes) > MOST_ELEMENTS:
                return False
            for node in self._new(tensor):
                if any(not _holds(check, sizes) for check in node.type.checks):
                    return False
                if evaluate(node.size, sizes) > 4 * MOST_ELEMENTS:
                    return False
        return True

    def _new(self, tensor: Any) -> list[Any]:
        """The nodes that a step has made."""
        known = set(self.tensors)
        found: dict[Any, None] = {}
        stack = [tensor]
        while stack:
            node = stack.pop()
            if node not in known and node not in found:
                found[node] = None
                stack.extend(node.inputs)
        return list(found)

    def placeholder(self) -> int | None:
        dims = [self.one("n", "n", "n", None, "m", 1, 2, 3, 3, 4, 0) for _ in range(self.one(0, 1, 1, 2, 2, 2, 3))]
        dims = [3 if d == 0 and self.chance(0.7) else d for d in dims]
        if None in dims[1:]:
            dims = [d if d is not None else 3 for d in dims]
        dtype = self.dtype()
        i = self.add(f'mt.placeholder("x{len(self.steps)}", {tuple(dims)!r}, dtype="{dtype}")')
        assert i is not None
        for call, feed in enumerate(self.feeds):
            table = {"n": self.batches[call], "m": self.others[call], None: self.batches[call]}
            shape = tuple(table.get(d, d) for d in dims)
            feed[i] = self.laid_out(self.values(shape, dtype))
            self.sizes[call].update(sizes_of([self.tensors[i]], [feed[i]]))
        return i

    def laid_out(self, array: Any) -> Any:
        """The same values somehow laid out in memory."""
        if self.chance(0.15) and array.ndim > 1:
            array = np.asfortranarray(array)
        elif self.chance(0.1) and array.ndim:
            array = array[::-1].copy()[::-1]
        return array

    def parameter(self, shape: tuple[int, ...] | None = None, dtype: str | None = None) -> int | None:
        if shape is None:
            shape = tuple(self.one(1, 2, 3, 3, 4) for _ in range(self.one(0, 1, 1, 2, 2)))
        dtype = dtype or ("float64" if self.wide else "float32") if self.chance(0.95) else "int64"
        kind = self.one("parameter", "parameter", "parameter", "variable")
        code = f'mt.{kind}({{v}}, name="w{len(self.steps)}", dtype="{dtype}")'
        return self.add(code, value=self.values(shape, dtype))

    def constant(self) -> int | None:
        shape = tuple(self.one(1, 2, 3, 3, 4) for _ in range(self.one(0, 0, 1, 1, 2)))
        return self.add("mt.constant({v})", value=self.values(shape, self.dtype()))


def special(value: Any, dtype: Any) -> Any:
    """A special value of a dtype."""
    if not isinstance(value, str):
        return value
    info = np.finfo(dtype)
    size = {"subnormal": info.smallest_subnormal * 3, "tiny": info.tiny, "max": info.max}[value.lstrip("-")]
    return -size if value.startswith("-") else size


def _holds(check: Any, sizes: dict[Any, int]) -> bool:
    a, b = evaluate(check.left, sizes), evaluate(check.right, sizes)
    return a == b if check.relation == "==" else a >= b
