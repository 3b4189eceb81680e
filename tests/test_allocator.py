"""Memory of a build: one heap for all, fewer searches for cycles."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from gangwei.allocator import collecting_rarely

ASK = "from gangwei.allocator import share_one_heap as f; f(); import pyarrow as pa; print(pa.default_memory_pool().backend_name)"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt of the GNU C library")
def test_arrow_takes_from_the_heap_of_all() -> None:
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "system"


def test_thresholds_come_back_after_a_failure() -> None:
    before = gc.get_threshold()
    with pytest.raises(KeyError), collecting_rarely():
        assert gc.get_threshold()[0] > before[0]
        raise KeyError
    assert gc.get_threshold() == before
