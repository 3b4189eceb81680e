"""Compiling ahead: other processes make the kernels of later stages, once, and never spoil a build."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangwei import warm
from gangwei.engines import ahead

LEAVES = "import pathlib, sys; pathlib.Path(__file__).with_name(sys.argv[1] + '.ran').touch()"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "leaves_a_file.py").write_text(LEAVES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "compiled"))
    return "leaves_a_file"


def test_what_is_missing_is_made_and_what_is_there_is_not(module: str, tmp_path: Path) -> None:
    there = ahead.marker("there")
    assert there is not None
    there.parent.mkdir()
    there.touch()
    with ahead.compiling(module, ("missing", "there"), True) as ready:
        ready("missing")
        ready("there")
    assert (tmp_path / "missing.ran").exists() and not (tmp_path / "there.ran").exists()
    assert ahead.missing(("missing", "there")) == ["missing"]


def test_one_thread_starts_nothing(module: str, tmp_path: Path) -> None:
    with ahead.compiling(module, ("missing",), False) as ready:
        ready("missing")
    assert not (tmp_path / "missing.ran").exists()


def test_a_process_that_fails_is_no_error(module: str) -> None:
    with ahead.compiling("no_such_module", ("x",), True) as ready:
        ready("x")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["match", "classify"])
def test_the_invented_ads_pass_the_stage(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    warm.main(name)
    mark = ahead.marker(name)
    assert mark is not None and mark.exists()
