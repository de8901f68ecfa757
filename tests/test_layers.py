"""The layers: a file imports from above itself alone, at its top; heavy packages are found where they are used."""

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import minitorch

ROOT = Path(minitorch.__file__).parent
HEAVY = (
    "networkx",
    "graphviz",
    "pygraphviz",
    "matplotlib",
    "scipy",
    "sklearn",
    "torch",
    "tqdm",
    "safetensors",
    "threadpoolctl",
)

# Reading order, which is the order of layers. A folder stands for its files; inside it the same rule holds.
LAYERS = (
    "lazy", "errors",
    "graph.text", "graph.dim", "graph.types", "graph.origin", "graph.storage", "graph.array", "graph.operators",
    "graph.tensor", "graph.order", "graph.flat", "graph.pictured", "graph.graph", "graph",
    "ops.elementwise", "ops.function", "ops.leaf", "ops.shape", "ops.reduction", "ops.gather", "ops.contraction",
    "ops.random", "ops",
    "functional",
    "compiler.asked", "compiler.autodiff", "compiler.steps", "compiler.checked", "compiler.rewrite", "compiler.fused",
    "compiler.gemm", "compiler.processor", "compiler.passes", "compiler.roles", "compiler.schedule", "compiler.slots",
    "compiler.updates", "compiler.plan", "compiler.listing", "compiler.backends", "compiler", "compiler.choice",
    "inputs", "executor", "loop", "tracing", "program", "module", "initialisation", "nn", "optim.optimiser", "optim",
    "data", "training", "files", "inspection", "viz", "cli", "", "__main__",
)  # fmt: skip


def module_name(path):
    """A module's name within the package; "" for the package itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}
FULL = {f"minitorch.{name}".rstrip(".") for name in MODULES}


@cache
def tree_of(name):
    return ast.parse(MODULES[name].read_text("utf-8"))


def layer(name):
    """The place in the list of the longest prefix of a module's name."""
    while name not in LAYERS:
        assert name, "a file that no layer names"
        name = name.rpartition(".")[0]
    return LAYERS.index(name)


def imports(tree):
    """What a file imports: the names of modules, and the statements."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            base = node.module or ""
            yield from ((full if (full := f"{base}.{a.name}") in FULL else base, node) for a in node.names)


def inner(name):
    """A module of the package by its name within it; None for others."""
    return name.removeprefix("minitorch").removeprefix(".") if name.split(".")[0] == "minitorch" else None


def test_every_file_has_a_layer():
    unnamed = [name for name in MODULES if name and not any(name == l or name.startswith(f"{l}.") for l in LAYERS if l)]
    assert not unnamed


@pytest.mark.parametrize("name", MODULES)
def test_a_file_imports_from_above_itself_alone(name):
    below = []
    for imported, _ in imports(tree_of(name)):
        target = inner(imported)
        if target is None:
            continue
        same_folder = layer(target) == layer(name) and target != name
        if layer(target) > layer(name) or (same_folder and not (is_package(name) or precedes(target, name))):
            below.append(imported)
    assert not below


def is_package(name):
    return (ROOT / name.replace(".", "/") / "__init__.py").exists()


def precedes(target, name):
    """Within one folder: nothing that `name` imports, directly or not, imports `name`."""
    seen, stack = set(), [target]
    while stack:
        current = stack.pop()
        if current == name:
            return False
        if current not in seen and current in MODULES:
            seen.add(current)
            stack += [i for imported, _ in imports(tree_of(current)) if (i := inner(imported)) is not None]
    return True


@pytest.mark.parametrize("name", MODULES)
def test_imports_stand_at_the_top_and_hide_nowhere(name):
    tree = tree_of(name)
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {id(node) for _, node in imports(tree)} == {id(node) for node in top}, (
        "an import inside a function or a block"
    )
    source = ast.unparse(tree)
    assert "TYPE_CHECKING" not in source
    assert "__import__" not in source
    assert name == "lazy" or "import_module" not in source
    first_other = next(
        (i for i, node in enumerate(tree.body) if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)),
        len(tree.body),
    )
    assert not [n for n in tree.body[first_other:] if isinstance(n, ast.Import | ast.ImportFrom)], (
        "an import further down"
    )


@pytest.mark.parametrize("name", MODULES)
def test_heavy_packages_are_imported_by_lazy_alone(name):
    assert not [imported for imported, _ in imports(tree_of(name)) if imported.split(".")[0] in HEAVY]


@pytest.mark.parametrize("name", MODULES)
def test_what_is_reached_lazily_is_there(name):
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "lazy":
            (target,) = [ast.literal_eval(a) for a in node.args]
            assert inner(target) is None or target in FULL


def in_a_fresh_python(code):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT.parent), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_minitorch_loads_no_heavy_package():
    assert in_a_fresh_python(f"import sys, minitorch; print([m for m in {HEAVY} if m in sys.modules])") == "[]"


def test_a_network_is_trained_without_any_heavy_package():
    code = f"""
import sys, numpy as np, minitorch as mt
x, y = mt.placeholder("x", ("n", 2)), mt.placeholder("y", ("n", 1))
model = mt.nn.MLP(2, [3, 1])
loss = mt.mse_loss(model(x), y)
step = mt.compile([x, y], loss, mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss))
mt.fit(step, np.ones((4, 2)), np.ones((4, 1)), epochs=2, batch_size=2)
print(step, step.plan, step.source, model.summary(), file=open({os.devnull!r}, "w"))
print([m for m in {HEAVY} if m in sys.modules])
"""
    assert in_a_fresh_python(code) == "[]"


NAMES = """placeholder parameter variable constant grad jvp vjp hvp stop_gradient compile fit mse_loss mae_loss
huber_loss binary_cross_entropy cross_entropy tanh relu sigmoid softplus exp log sqrt abs sin cos minimum maximum where
clip softmax log_softmax logsumexp sum mean max matmul transpose reshape broadcast_to concatenate stack one_hot nn optim
data save load predict draw scope errors training Tensor Graph Program Op Type Dim"""


def test_the_public_names_are_there():
    assert not [name for name in NAMES.split() if not hasattr(minitorch, name)]
