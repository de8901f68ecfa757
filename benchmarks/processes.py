"""Fresh processes: what is measured in one of its own, with its number of threads and its caches."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
UNWANTED = (
    *("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"),  # they would choose other kernels than those of this processor
    "PYTHONDONTWRITEBYTECODE",  # our modules would be compiled by each process, and those of peers, once installed, not
)


def fresh(code: str, changes: Mapping[str, str] = MappingProxyType({}), watched: bool = False) -> Any:
    """What a new process prints on its last line, read as JSON, under these changes of the environment.

    What it says meanwhile is shown if `watched`.
    """
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=settings(changes), text=True, check=False,
        stdout=subprocess.PIPE, stderr=None if watched else subprocess.PIPE,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{code}\nended with {done.returncode}\n{done.stderr or ''}".strip())
    return json.loads(done.stdout.splitlines()[-1])


def settings(changes: Mapping[str, str]) -> dict[str, str]:
    """The environment with these changes."""
    return {**{k: v for k, v in os.environ.items() if k not in UNWANTED}, **changes}


def threads(count: int) -> dict[str, str]:
    """What libraries read when they start: how many threads they may use.

    XLA has no setting for a number of threads; `NPROC` is what it takes for the number of cores.
    """
    names = (
        "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NUM_CPU_THREADS", "NPROC",
    )  # fmt: skip
    eigen = "--xla_cpu_multi_thread_eigen=" + ("true" if count > 1 else "false")
    flags = f"{os.environ.get('XLA_FLAGS', '')} {eigen} intra_op_parallelism_threads={count}"
    return {**dict.fromkeys(names, str(count)), "XLA_FLAGS": flags.strip(), "TF_CPP_MIN_LOG_LEVEL": "2"}


def caches(folder: Path) -> dict[str, str]:
    """Everything that is kept from one process for the next lies in `folder`."""
    return {
        "XDG_CACHE_HOME": str(folder),  # minitorch, tinygrad
        "MINITORCH_CACHE": str(folder / "minitorch"),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
