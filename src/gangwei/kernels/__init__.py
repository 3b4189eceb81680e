"""Pure, vectorised functions on columns; no engine, no file, no printing.

Compiled kernels take constants and functions from each other, while numba's cache looks at the age of one file only. So
the cache lies in a folder named after the code of all kernels: no kernel can run with another's old constants.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def cache_folder(kernels: Path) -> Path | None:
    """Where compiled kernels are kept: beside the code, by its hash; None where nothing may be written there."""
    if not os.access(kernels, os.W_OK):
        return None
    code = hashlib.sha256(b"\0".join(p.read_bytes() for p in sorted(kernels.rglob("*.py")))).hexdigest()
    return kernels / "__pycache__" / f"compiled-{code[:12]}"


if "NUMBA_CACHE_DIR" not in os.environ and (folder := cache_folder(Path(__file__).parent)):
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
