"""`python -m minitorch`: train, predict, explore, show, bench and doctor, from a shell."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from minitorch.cli import learning, looking
from minitorch.errors import MinitorchError

Commands = Any  # what argparse adds commands to: it has no public name
BUILDER = "file.py:name, a program, graph, tensor or module, or a function that returns one"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return what the shell is to see: 0, or 1 after one line that says what was wrong."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    end = given.index("--") if "--" in given else len(given)
    options = _parser().parse_args(given[:end])
    options.rest = given[end + 1 :]
    try:
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that nothing is flushed into it at the end
        return 1
    except (MinitorchError, ValueError, TypeError, OSError) as error:
        print(f"minitorch {options.command}: {getattr(error, 'message', error)}", file=sys.stderr)
        return 1
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m minitorch", description="A define-then-run deep learning framework.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for add in (_train, _predict, _explore, _show, _bench, _doctor):
        add(commands)
    return parser


def _train(commands: Commands) -> None:
    p = _command(commands, "train", "train a multilayer perceptron on a table", learning.train)
    p.add_argument("data", type=Path, help="a .csv, or an .npz with arrays X and y")
    p.add_argument("--target", help="the column to learn, by name or number (the last)")
    p.add_argument("--hidden", type=_widths, default=[32, 32], help="widths of the hidden layers, as 32,32; 0 for none")
    p.add_argument("--activation", default="tanh")
    p.add_argument("--loss", choices=list(learning.LOSSES), default="mse", help="cross_entropy for labels (mse)")
    p.add_argument("--epochs", type=_count, default=100)
    p.add_argument("--lr", type=float, default=0.05)
    p.add_argument("--momentum", type=float, default=0.9)
    p.add_argument("--batch-size", type=_count, default=32)
    p.add_argument("--test-size", type=_share, default=0.2, help="the share of rows that is held out (0.2)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--save", type=Path, metavar="model.safetensors")


def _predict(commands: Commands) -> None:
    p = _command(commands, "predict", "predict with a model that train has saved", learning.predict)
    p.add_argument("model", type=Path)
    p.add_argument("data", type=Path, help="a .csv, or an .npz with an array X")
    p.add_argument("--out", type=Path, help="a .csv to write (else it is printed)")


def _explore(commands: Commands) -> None:
    p = _command(commands, "explore", "write one offline page about a program", looking.explore)
    p.add_argument("builder", help=BUILDER)
    p.add_argument("out", type=Path, nargs="?", default=Path("explore.html"))


def _show(commands: Commands) -> None:
    p = _command(commands, "show", "print or draw what a builder makes", looking.show)
    p.add_argument("builder", help=BUILDER)
    whats = ["graph", "traced", "passes", "plan", "source", "all", "mermaid", "json"]
    p.add_argument("--what", choices=whats, default="graph")
    p.add_argument("--draw", type=Path, metavar="picture.svg", help="write a picture; its suffix says which kind")
    p.add_argument("--level", choices=["layer", "op", "neuron"])
    p.add_argument("--theme", choices=["auto", "light", "dark"], default="auto")


def _bench(commands: Commands) -> None:
    how = "measure a program's step, or run the benchmarks of a checkout, with what stands after --"
    p = _command(commands, "bench", how, looking.bench)
    p.add_argument("builder", nargs="?", help=BUILDER)
    p.add_argument("--batch", type=_count, default=64, help="what unknown sizes are (64)")


def _doctor(commands: Commands) -> None:
    _command(commands, "doctor", "versions, BLAS, compiler and Graphviz", looking.doctor)


def _command(commands: Commands, name: str, help: str, run: Callable[[Namespace], None]) -> ArgumentParser:
    parser: ArgumentParser = commands.add_parser(name, help=help, description=help)
    parser.set_defaults(run=run)
    return parser


def _widths(text: str) -> list[int]:
    return [_count(part) for part in text.split(",")] if text.strip() not in ("", "0") else []


def _count(text: str) -> int:
    if not text.strip().isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number of 1 or more")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise ArgumentTypeError(f"{text!r} is no share between 0 and 1")
    return share
