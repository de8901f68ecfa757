"""The rule of a gradient as text: `d/da (a @ b) = g @ bᵀ`, printed from the graph that the row itself makes of letters.

Any operation has one, a user's own too, for it is the rule of its row that is called, on placeholders named a, b, ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from minitorch.compiler.autodiff import Step
from minitorch.compiler.steps import steps_in
from minitorch.graph.graph import attr_text, constant_text
from minitorch.graph.order import depth_first
from minitorch.graph.tensor import Tensor, registry
from minitorch.graph.text import printable
from minitorch.viz.picture import placeless

MOST = 160  # characters of a rule
INFIX = {
    "add": (" + ", 1), "subtract": (" - ", 1), "multiply": (" * ", 2), "divide": (" / ", 2), "matmul": (" @ ", 2),
    "less": (" < ", 0), "less_equal": (" <= ", 0), "greater": (" > ", 0), "greater_equal": (" >= ", 0),
    "equal": (" == ", 0), "not_equal": (" != ", 0),
}  # fmt: skip
Text = tuple[str, int]
"""A text, and how tightly it holds together: 9 for a name."""


Steps = Mapping[Tensor, Sequence[Step]]


def rules_of(
    gradient: Tensor, label: Callable[[Tensor], str], steps: Steps | None = None
) -> list[tuple[str, Tensor, Tensor]]:  # fmt: skip
    """What a gradient is: for each step of the chain rule that gave it a line, the node that the rule belongs to, and
    the one that it is a gradient of, or a part of one. `steps` are those of the graph, where they are known."""
    found = []
    steps = steps_in(depth_first([gradient])) if steps is None else steps
    for step in steps.get(gradient, ()):
        primal = step.node if step.operand is None else step.node.inputs[step.operand]
        found.append((_rule_text(step, gradient, label, steps), step.node, primal))
    return found


def _rule_text(step: Step, gradient: Tensor, label: Callable[[Tensor], str], steps: Steps) -> str:
    if step.operand is None:
        return f"sum of the gradients from {_summands(gradient, step.node, steps)} readers of {label(step.node)}"
    return derivative(step.node, step.operand)


def derivative(node: Tensor, operand: int) -> str:
    """The rule of a node's operation for one operand, in letters; "" where it has none that could be told."""
    letters = ["x"] if len(node.inputs) == 1 else [chr(ord("a") + k) for k in range(len(node.inputs))]
    try:
        inputs = [_letter(name, like) for name, like in zip(letters, node.inputs, strict=True)]
        result = node.op(*inputs, **node.attrs)
        assert node.op.gradient is not None
        given = node.op.gradient(_letter("g", node), result, *inputs, **node.attrs)[operand]
    except Exception:  # a rule may look at more than it is shown here
        return f"d/d{letters[operand]} {node.op.name}(...)"
    names = {**dict(zip(inputs, letters, strict=True)), result: "y"}
    call, _ = _written(result, {i: (n, 9) for i, n in zip(inputs, letters, strict=True)})
    text = _text(given, names) if isinstance(given, Tensor) else f"{given:g}" if given is not None else "none"
    uses_y = isinstance(given, Tensor) and any(n is result for n in depth_first([given]))
    shown = f"d/d{letters[operand]} {call if call.endswith(')') else f'({call})'} = {text}"
    return printable(placeless(shown) + (", where y is the result" if uses_y else ""), MOST)


def _letter(name: str, like: Tensor) -> Tensor:
    return Tensor(registry["placeholder"], (), {}, like.type, name, role="placeholder")


def _summands(total: Tensor, node: Tensor, steps: Steps) -> int:
    """How many gradients a chain of sums adds up."""
    count, current = 2, total.inputs[0]
    while any(step.operand is None and step.node is node for step in steps.get(current, ())):
        count, current = count + 1, current.inputs[0]
    return count


# ---- graph to text ----


def _text(root: Tensor, names: Mapping[Tensor, str]) -> str:
    texts: dict[Tensor, Text] = {node: (name, 9) for node, name in names.items()}
    for node in depth_first([root]):
        if node not in texts:
            texts[node] = _written(node, texts)
    return texts[root][0]


def _written(node: Tensor, texts: Mapping[Tensor, Text]) -> Text:
    if not node.inputs:
        return (_number(node) if node.op.name == "constant" else printable(node.name or node.op.name)), 9
    parts = [texts[i] for i in node.inputs]
    name = node.op.name
    if name in INFIX:
        sign, rank = INFIX[name]
        return sign.join([_within(parts[0], rank), _within(parts[1], rank + (name != "add"))]), rank
    if name == "negative":
        return f"-{_within(parts[0], 3)}", 3
    if name == "square":
        return f"{_within(parts[0], 9)}²", 8
    if name == "transpose":
        return f"{_within(parts[0], 9)}ᵀ", 8
    if name in ("cast", "copy"):
        return parts[0]
    return _call(node, parts), 9


def _call(node: Tensor, parts: Sequence[Text]) -> str:
    off = ("None", "False")
    told = [f"{k}={t}" for k, v in node.attrs.items() if (t := attr_text(v)) not in off and k != "dtype"]
    return f"{node.op.name}({', '.join([*(text for text, _ in parts), *told])})"


def _number(node: Tensor) -> str:
    value = node.attrs["value"]
    return f"{float(value):.6g}" if value.ndim == 0 and value.dtype.kind == "f" else constant_text(node)


def _within(part: Text, rank: int) -> str:
    return part[0] if part[1] >= rank else f"({part[0]})"
