"""The processor: what it is, and what of it decides which way of computing is the faster one."""

from __future__ import annotations

import os
import sys
from functools import cache
from itertools import takewhile

from minitorch.lazy import lazy

extension = lazy("numpy._core._multiarray_umath")


@cache
def described() -> dict[str, str]:
    """What the system tells of the first processor, by its names for it; nothing where it has no list."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = [line.partition(":") for line in takewhile(str.strip, file)]
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in lines}


@cache
def identity() -> str:
    """What tells this processor from others that share the cache: code is compiled for it alone."""
    x86 = ("vendor_id", "cpu family", "model", "model name", "flags")
    names = (*x86, "cpu", "isa", "uarch", "Features", "CPU implementer", "CPU architecture", "CPU variant", "CPU part")
    machine, known = os.uname(), described()
    if not known:
        return repr((sys.platform, machine.machine, machine.nodename))
    return repr((sys.platform, machine.machine, [(name, value) for name, value in known.items() if name in names]))


@cache
def outruns_second_cache() -> bool:
    """Whether it has vectors of 64 bytes, and multiplies them faster than its second cache brings them.

    So it was on an Intel Xeon, where products by blocks were the faster ones from 2^17 weights on; on an AMD EPYC of
    the fifth generation products as they lie were, as far as 2^19. Others are taken for the former.
    """
    wide = getattr(extension, "__cpu_features__", {}).get("AVX512F", False)
    return bool(wide) and described().get("vendor_id") != "AuthenticAMD"
