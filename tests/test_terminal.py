"""terminal.py: what a person is told when a command is stopped."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable

import pytest

from gangwei.progress import _short
from gangwei.terminal import spoken


def wait() -> None:
    threading.Event().wait(30)


def query() -> None:
    """As DuckDB does where a signal ends a query."""
    try:
        wait()
    except KeyboardInterrupt:
        raise RuntimeError("Query interrupted")  # noqa: B904


@pytest.mark.parametrize("work", (wait, query))
@pytest.mark.parametrize(("by", "code"), ((signal.SIGTERM, 143), (signal.SIGINT, 130)))
def test_a_stopped_command_says_so(
    work: Callable[[], None], by: signal.Signals, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    mine = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), by))
    timer.start()
    try:
        with pytest.raises(SystemExit) as stopped:
            spoken(work)()
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, mine)
    assert stopped.value.code == code
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_full_disk_without_a_name_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def write() -> None:
        raise OSError(errno.ENOSPC, "Error writing bytes to file")

    with pytest.raises(SystemExit):
        spoken(write)()
    assert "no space left" in capsys.readouterr().err


def test_the_table_of_files_names_an_archive_once() -> None:
    assert _short("data/ads.csv.zip#ads.csv") == "data/ads.csv.zip"
    for name in ("ads.csv", "data/ads.zip#ads.csv", "a.zip#b.zip#c.csv", "ads.csv.zip#old/ads.csv", "#ads"):
        assert _short(name) == name
