"""Threads that keep compiled regular expressions.

Polars keeps the last 32 regular expressions of each thread. A list of more is compiled anew for every batch, which takes longer
than most of them run. So a thread hands parts of its list to lanes, threads of its own that do nothing else.

Never from a function that Polars calls (`map_batches`): it would hold a thread of Polars while the lane waits for one.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Any, TypeVar

T = TypeVar("T")
_mine = local()


def in_lane(name: str, work: Callable[..., T], *args: Any) -> T:
    """`work(*args)`, done in the lane of that name of the calling thread; the lane ends with the thread."""
    lanes: dict[str, ThreadPoolExecutor] = _mine.__dict__.setdefault("lanes", {})
    if name not in lanes:
        lanes[name] = ThreadPoolExecutor(1, thread_name_prefix=f"gangwei-{name}")
    return lanes[name].submit(work, *args).result()
