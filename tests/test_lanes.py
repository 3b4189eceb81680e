"""Lanes: threads of a thread, each with work of one kind."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import gangwei
from gangwei.kernels.lanes import in_lane


def test_one_lane_for_each_name_and_thread() -> None:
    here = [in_lane(name, threading.get_ident) for name in ("a", "b", "a")]
    assert here[0] == here[2] and len({*here, threading.get_ident()}) == 3
    with ThreadPoolExecutor(1) as other:
        assert other.submit(in_lane, "a", threading.get_ident).result() not in here


def test_what_goes_wrong_is_raised_and_the_lane_goes_on() -> None:
    with pytest.raises(ZeroDivisionError):
        in_lane("a", divmod, 1, 0)
    assert in_lane("a", divmod, 7, 2) == (3, 1)


def test_lanes_end_with_their_thread() -> None:
    def names() -> set[str]:
        return {t.name for t in threading.enumerate() if t.name.startswith("gangwei-gone")}

    worker = threading.Thread(target=in_lane, args=("gone", names))
    worker.start()
    worker.join()
    for _ in range(100):
        if not names():
            break
        threading.Event().wait(0.05)
    assert not names()


def test_polars_never_calls_code_that_waits_for_polars() -> None:
    """Two columns that were stripped of contacts by `map_batches` held both threads of Polars while their lanes waited for one."""
    root = Path(gangwei.__file__).parent
    called = [p.name for p in root.rglob("*.py") if re.search(r"\.map_batches\(|\.map_groups\(", p.read_text())]
    assert not called
