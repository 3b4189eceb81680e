"""How freed memory is kept: a new page of memory costs more to map than most passes over it."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # mallopt(3)
_RARELY = (100_000, 20, 100)  # of gc.set_threshold


def keep_freed_memory(limit: int = 1 << 30, one_heap: bool = False) -> bool:
    """Have the C library reuse what is freed, up to `limit` bytes, in place of giving it back; False where it cannot be told.

    With `one_heap` what one thread frees serves the others, too.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    if one_heap and not mallopt(_ARENA_MAX, 1):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, limit)) and bool(mallopt(_TRIM_THRESHOLD, limit))


def share_one_heap() -> None:
    """Have all threads and Arrow take memory from one heap that keeps what is freed, for work in batches of like size; to be
    called before pyarrow is first imported."""
    if keep_freed_memory(one_heap=True):
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """A block whose many long-lived objects (compiled definitions) are not searched for cycles again and again."""
    thresholds = gc.get_threshold()
    gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
