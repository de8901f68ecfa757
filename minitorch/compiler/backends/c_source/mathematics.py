"""Elementary functions over arrays in C: a translation unit for each function and type, out of `mathematics.c`."""

from __future__ import annotations

import re
from functools import cache

from minitorch.compiler.backends.c_source.texts import c_text

FLAGS = ("-O2", "-ftree-vectorize", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math")
"""For compiling the units, besides `-fPIC -march=native`: they vectorise and change no value. Units need `-lm`."""

TYPES = {"float32": "f32", "float64": "f64", "f32": "f32", "f64": "f64"}  # NumPy's names, and those in the C text

Sections = dict[str, tuple[tuple[str, ...], str]]


def source(name: str, dtype: str) -> str:
    """A complete unit of C that defines `void mt_NAME_DTYPE(long n, const T *x, T *y)`."""
    if name not in NAMES:
        raise ValueError(f"{name}: not one of {', '.join(sorted(NAMES))}")
    known, needed = sections(TYPES[dtype]), dict[str, None]()

    def need(section: str) -> None:
        if section not in needed:
            for other in known[section][0]:
                need(other)
            needed[section] = None

    need(name)
    return "\n".join(known[section][1] for section in needed)


@cache
def sections(suffix: str) -> Sections:
    """The sections of the C text that serve a type: what each one needs, and its text."""
    parts = re.split(r"^//// (.*)\n", c_text("mathematics.c"), flags=re.MULTILINE)[1:]
    found: Sections = {}
    for heading, body in zip(parts[::2], parts[1::2]):
        title, _, needs = heading.partition(":")
        name, _, kind = title.partition(" ")
        if kind in ("", suffix):
            found[name] = tuple(needs.split()), body
    return found


NAMES = frozenset(re.findall(r"^EXPORT\w*\((\w+)\)$", c_text("mathematics.c"), re.MULTILINE))
"""The functions there are."""
