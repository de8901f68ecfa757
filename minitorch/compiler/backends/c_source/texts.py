"""The parts of generated programs that are C as it stands, in files beside this one."""

import os
from functools import cache


@cache
def c_text(name: str) -> str:
    """The text of a file of C."""
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.read()
