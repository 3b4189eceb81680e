"""Compile ahead: where no compiled kernels are kept yet, other processes make those of the later stages during the first.

numba compiles one function at a time in a process, and all kernels take a minute of CPU and more; processes that share the
folder of compiled code divide that time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gangwei.store import code_digest


def marker(name: str) -> Path | None:
    """The file that says that these kernels of this code are compiled here; None where none can be kept."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    return Path(folder) / f"{name}-{code_digest('kernels/**/*.py')}" if folder else None


def missing(names: Sequence[str]) -> list[str]:
    """Those of the names whose kernels are not known to be compiled here."""
    return [n for n in names if (done := marker(n)) is not None and not done.exists()]


@contextmanager
def compiling(module: str, names: Sequence[str], wanted: bool) -> Iterator[Callable[[str], None]]:
    """Run `python -m module NAME` beside the block for each name whose marker is missing; the block gets what waits for one.

    It is a help only: when it fails, kernels are compiled where they are first called.
    """
    running: dict[str, subprocess.Popen[bytes]] = {}
    null = subprocess.DEVNULL
    for name in missing(names) if wanted else ():
        command = [sys.executable, "-m", module, name]
        running[name] = subprocess.Popen(command, stdin=null, stdout=null, stderr=null)
    try:
        yield lambda name: (running[name].wait(), None)[1] if name in running else None
    finally:
        for process in running.values():
            process.kill()
            process.wait()
