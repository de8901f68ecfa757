"""`show`, `explore`, `bench` and `doctor`: what a builder made, what it costs, and what there is to run it."""

from __future__ import annotations

import platform
import runpy
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from minitorch.compiler.backends.c_source import toolchain
from minitorch.errors import ArgumentError, CompilerError, MinitorchError
from minitorch.graph.dim import Dim
from minitorch.graph.graph import Graph
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import shown
from minitorch.lazy import lazy
from minitorch.program import Program
from minitorch.viz.engines import engine_names
from minitorch.viz.subject import graph_of

threadpoolctl = lazy("threadpoolctl")
viz = lazy("minitorch.viz")

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = (
    "numpy", "networkx", "graphviz", "threadpoolctl", "safetensors", "pygraphviz", "matplotlib", "tqdm", "scikit-learn",
    "onnx", "mpi4py",
)  # fmt: skip


class BuilderError(MinitorchError, RuntimeError):
    """What the user's own file raised, on one line."""


def built(reference: str) -> Any:
    """What `file.py:name` names: a program, a graph, a tensor, a module, or a function that returns one."""
    path, colon, name = reference.rpartition(":")
    if not colon or not path.endswith(".py") or not name.isidentifier():
        raise ArgumentError(f"a builder is expected, file.py:name, but {shown(reference)} was given")
    folder = str(Path(path).resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as Python does for a script
    try:
        names = runpy.run_path(path)
        if name in names:
            found = names[name]
            plain = isinstance(found, Program | Graph | Tensor) or not callable(found) or hasattr(found, "parameters")
            return found if plain else found()
    except OSError:
        raise
    except Exception as error:
        raise BuilderError(f"{reference}: {type(error).__name__} at {_last_line(error, path)}: {error}") from error
    public = [n for n, value in names.items() if callable(value) and not n.startswith("_")]
    raise ArgumentError(f"{path}: there is no {shown(name)}; there are {', '.join(public) or 'no functions'}")


def _last_line(error: BaseException, path: str) -> str:
    """The innermost line of the user's own file."""
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == path:
            line = step.tb_lineno
        step = step.tb_next
    return f"{path}:{line}" if line else path


def show(options: Namespace) -> None:
    """Print what was built, or draw it."""
    what = built(options.builder)
    if options.draw is not None:
        graph_of(what, options.builder)  # refuses what cannot be drawn, in its own words
        viz.draw(what, options.draw, level=options.level, theme=options.theme)
        return
    print(_shown(what, options.what, options.builder))


def _shown(what: Any, which: str, reference: str) -> str:
    if which in ("mermaid", "json"):
        text: str = viz.to_mermaid(what) if which == "mermaid" else viz.to_json(what)
        return text.rstrip("\n")
    if isinstance(what, Program):
        parts: dict[str, Callable[[], str]] = {
            "graph": lambda: str(what), "traced": lambda: str(what.traced), "plan": lambda: str(what.plan),
            "passes": what.explain, "source": lambda: what.source or "the interpreter generates no code",
        }  # fmt: skip
        return "\n\n".join(part() for part in parts.values()) if which == "all" else parts[which]()
    if which not in ("graph", "all"):
        raise ArgumentError(f"{reference}: only a compiled program has {which}, but {shown(what)} was found")
    return str(graph_of(what, reference))


def explore(options: Namespace) -> None:
    """Write the page in which a program is seen being built."""
    program: Any = _program(options.builder)
    program.explore(options.out)
    print(f"written to {options.out}")


def bench(options: Namespace) -> None:
    """Measure the step of a program; without one, run this checkout's benchmarks."""
    if options.builder is None:
        if not (ROOT / "benchmarks" / "__main__.py").exists():
            raise ArgumentError("bench: name a program, file.py:name; the benchmarks themselves are in the repository")
        command = [sys.executable, "-m", "benchmarks", *options.rest]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            raise BuilderError("the benchmarks did not come to their end")
        return
    program = _program(options.builder)
    print(program.profile(*[_sample(x, options.batch, i) for i, x in enumerate(program.inputs)]))


def _program(reference: str) -> Program:
    what = built(reference)
    if not isinstance(what, Program):
        raise ArgumentError(f"{reference}: a compiled program is expected, but {shown(what)} was found")
    return what


def _sample(x: Tensor, batch: int, seed: int) -> Array:
    """Values for a placeholder: normal ones for floats, zeros for labels and masks, unknown sizes as told."""
    shape = tuple(batch if isinstance(size, Dim) else int(size) for size in x.shape)
    random = np.random.default_rng(seed).standard_normal(shape)
    return random.astype(x.dtype) if x.dtype.kind == "f" else np.zeros(shape, x.dtype)


def doctor(options: Namespace) -> None:
    """What there is, and what is missing."""
    rows = [("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")]
    rows += [("minitorch", _version("minitorch")), *((name, _version(name)) for name in PACKAGES)]
    rows += [("BLAS", _blas()), ("C compiler", _compiler())]
    rows += [("Graphviz", ", ".join(engine_names()) or "none, for PNG and PDF: pip install pygraphviz")]
    for name, value in rows:
        print(f"{name:15} {value}")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _blas() -> str:
    found = [lib for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"]
    texts = [f"{lib['internal_api']} {lib['version']}, {lib['num_threads']} threads" for lib in found]
    return "; ".join(dict.fromkeys(texts)) or "none that threadpoolctl knows"


def _compiler() -> str:
    try:
        compiler = toolchain.find()
    except CompilerError as error:
        return str(error)
    return "none: programs run as NumPy" if compiler is None else f"{' '.join(compiler.command)}: {compiler.version}"
