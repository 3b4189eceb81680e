"""Disk full, damaged files, a worker that dies, too little memory: a clear message, nothing half-written, then resume."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from build_fixture import prints
from gangwei.synth import make as synth

ADS = 6_000
CGROUP = Path("/sys/fs/cgroup/memory")


def build(inputs: Path, out: Path, *more: str, group: Path | None = None) -> subprocess.CompletedProcess[str]:
    def enter() -> None:
        if group:
            (group / "tasks").write_text(str(os.getpid()))

    command = [sys.executable, "-m", "gangwei", "build", str(inputs), "--out", str(out), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=enter)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, str]]:
    """(ads, an undisturbed build, its published bytes)."""
    root = tmp_path_factory.mktemp("faults")
    synth.write(root / "synth", ADS, seed=11)
    ads = pl.concat([pl.read_parquet(p) for p in (root / "synth" / "ads").glob("*.parquet")])
    (root / "ads").mkdir()
    for n in (0, 1):
        ads[n * ADS // 2 : (n + 1) * ADS // 2].write_parquet(root / "ads" / f"ads-{n}.parquet")
    done = build(root / "ads", root / "out")
    assert done.returncode == 0, done.stderr
    return root / "ads", root / "out", prints(root / "out" / "published")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system of its own can only be mounted by root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def plain(done: subprocess.CompletedProcess[str]) -> str:
    """The message of a build that failed in a way a person can mend."""
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr[-2000:]
    return " ".join(done.stderr.split())


def test_a_full_disk_says_so_and_resumes(made: tuple[Path, Path, dict[str, str]], small_disk: Path) -> None:
    inputs, _, expected = made
    said = plain(build(inputs, small_disk / "out"))
    assert "no space" in said.lower() and "disk: about" in said, said
    assert not (small_disk / "out" / "published").exists()
    subprocess.run(["mount", "-o", "remount,size=400m", str(small_disk)], check=True)
    done = build(inputs, small_disk / "out")
    assert done.returncode == 0, done.stderr
    assert prints(small_disk / "out" / "published") == expected


@pytest.mark.parametrize(
    "table",
    ["clean", *(pytest.param(t, marks=pytest.mark.slow) for t in ("gathered", "signed", "classified", "matched"))],
)
def test_a_damaged_stage_file_is_named_and_made_anew(
    made: tuple[Path, Path, dict[str, str]], tmp_path: Path, table: str
) -> None:
    inputs, source, expected = made
    subprocess.run(["cp", "-r", str(source), str(tmp_path / "out")], check=True)
    out = tmp_path / "out"
    together = sorted((out / "stages" / "gathered").glob("*.parquet"))  # small files
    part = (together if table == "raw" and together else sorted((out / "stages" / table).glob("*.parquet")))[0]
    data = bytearray(part.read_bytes())
    data[len(data) // 8 : len(data) // 2] = os.urandom(len(data) // 2 - len(data) // 8)
    part.write_bytes(data)
    begin = {"gathered": "s2_clean", "clean": "s3_locate", "signed": "s5_match"}.get(table, "s7_publish")
    said = plain(build(inputs, out, "--from", begin)) if table != "signed" else None
    if table == "signed":
        for made_of_it in (out / "stages" / "matched").glob("*"):
            made_of_it.unlink()
        said = plain(build(inputs, out))
    assert said and part.name in said and "damaged" in said, said
    part.unlink()
    done = build(inputs, out)
    assert done.returncode == 0, done.stderr
    assert prints(out / "published") == expected


def test_a_damaged_input_does_not_stop_the_others(made: tuple[Path, Path, dict[str, str]], tmp_path: Path) -> None:
    inputs, _, _ = made
    files = sorted(inputs.glob("*.parquet"))
    assert len(files) == 2
    (tmp_path / "ads").mkdir()
    data = bytearray(files[0].read_bytes())
    data[len(data) // 8 : len(data) // 2] = os.urandom(len(data) // 2 - len(data) // 8)
    (tmp_path / "ads" / files[0].name).write_bytes(data)
    (tmp_path / "ads" / files[1].name).write_bytes(files[1].read_bytes())
    done = build(tmp_path / "ads", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert files[0].name in done.stderr + done.stdout and "damaged" in done.stderr + done.stdout, done.stdout


@pytest.mark.slow
def test_one_gigabyte_is_enough_for_a_hundred_thousand_ads(tmp_path: Path) -> None:
    group = CGROUP / f"gangwei-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(1 << 30))
    except OSError:
        pytest.skip("a memory control group can only be made by root where cgroup v1 is mounted")
    try:
        synth.write(tmp_path / "synth", 100_000, seed=3)
        done = build(tmp_path / "synth" / "ads", tmp_path / "out", "--memory-limit", "500MB", group=group)
        assert done.returncode == 0, done.stderr[-2000:]
        free = build(tmp_path / "synth" / "ads", tmp_path / "free")
        assert free.returncode == 0, free.stderr[-2000:]
        assert prints(tmp_path / "out" / "published") == prints(tmp_path / "free" / "published")
    finally:
        group.rmdir()


DIES = """
import os, signal, sys
from gangwei import store
from gangwei.cli import main
replace = os.replace
def dies(old, new):
    replace(old, new)
    if str(new).endswith(sys.argv[1]) and ".published" in str(old) + str(new):
        os.kill(os.getpid(), signal.SIGKILL)
store.os.replace = dies
main(sys.argv[2:])
"""


@pytest.mark.slow
@pytest.mark.parametrize("at", ["published", ".published.old.tmp"])
def test_a_file_added_by_a_build_that_was_killed_at_the_swap_is_not_forgotten(tmp_path: Path, at: str) -> None:
    """Killed when the new `published` stands there and build.json does not know of it, or when the old one was moved away."""
    out, files = tmp_path / "out", [tmp_path / f"{n}.csv" for n in "abc"]
    for n, file in enumerate(files):
        pl.DataFrame({"title": [f"软件工程师{n}{i}" for i in range(5)], "company": "甲有限公司"}).write_csv(file)
    assert build(files[0], out).returncode == 0
    first = pl.read_parquet(out / "published" / "openings.parquet")["opening_id"]
    killed = [sys.executable, "-c", DIES, at, "build", str(files[1]), "--out", str(out), "--add"]
    assert subprocess.run(killed, capture_output=True, check=False).returncode == -9
    done = build(files[2], out, "--add")
    assert done.returncode == 0, done.stderr
    ads = pl.read_parquet(out / "published" / "ads.parquet")["title"].str.slice(5, 1).to_list()
    assert set(ads) == ({"0", "1", "2"} if at == "published" else {"0", "2"})
    assert first.is_in(pl.read_parquet(out / "published" / "openings.parquet")["opening_id"].implode()).all()
    assert not [p.name for p in out.iterdir() if p.name.startswith((".build", ".published"))]
