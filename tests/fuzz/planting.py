"""What planted bugs are made of: patches that break one thing in the compiler while they are switched on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from minitorch.compiler.backends.c_source import kept
from minitorch.compiler.passes import simplify
from tests.nothing_kept import no_name

Patches = list[AbstractContextManager[Any]]


class Bug(NamedTuple):
    """What is wrong, and the patches that make it so."""

    text: str
    patches: Callable[[], Patches]
    backends: tuple[str, ...]
    """Those that the bug is in."""

    @contextmanager
    def planted(self) -> Iterator[None]:
        with ExitStack() as stack:
            for each in (patch.object(kept, "name", no_name), *self.patches()):
                stack.enter_context(each)
            yield


BUGS: dict[str, Bug] = {}


def bug(
    text: str, backends: tuple[str, ...] = ("interpreter", "numpy")
) -> Callable[[Callable[[], Patches]], Callable[[], Patches]]:
    """Enter a bug in the table under the name of the function that makes its patches."""

    def note(patches: Callable[[], Patches]) -> Callable[[], Patches]:
        BUGS[patches.__name__] = Bug(text, patches, backends)
        return patches

    return note


def module_of(function: Any) -> Any:
    """The module of a pass, which the package hides behind the function of the same name."""
    return sys.modules[function.__module__]


@contextmanager
def row(op: Any, **changes: Any) -> Iterator[None]:
    """Other entries in the row of an operation, which is frozen."""
    before = {key: getattr(op, key) for key in changes}
    for key, value in changes.items():
        object.__setattr__(op, key, value)
    try:
        yield
    finally:
        for key, value in before.items():
            object.__setattr__(op, key, value)


def rule(op: Any, new: Callable[[Any], Any]) -> Patches:
    """One more rule for an operation, before all others."""
    rules = module_of(simplify).RULES
    return [patch.dict(rules, {op: [new, *rules.get(op, ())]})]
