"""Stage 1: files in zip, tar and gz archives, whole and broken."""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gangwei.stages.s1_read import Limits, discover, read
from read_fixture import BOOK, CASES, PLAIN, encode, run


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return out.getvalue()


def tarred(files: dict[str, bytes], how: str = "gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{how}") as t:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("case", [c for c in CASES if c["kept"] > 0], ids=lambda c: c["id"])
@pytest.mark.parametrize("how", ["zip", "gz", "nested", "tar", "tar.gz"])
def test_the_same_inside_archives(case: dict[str, Any], how: str, tmp_path: Path) -> None:
    plain = tmp_path / case["file"]
    plain.write_bytes(encode(case))
    packed = tmp_path / "p" / f"{case['file']}.{'zip' if how == 'nested' else how}"
    packed.parent.mkdir()
    if how == "gz":
        packed.write_bytes(gzip.compress(encode(case)))
    elif how.startswith("tar"):
        packed.write_bytes(tarred({case["file"]: encode(case)}, how[4:]))
    else:
        packed.write_bytes(zipped({case["file"]: encode(case)}))
        if how == "nested":
            packed.write_bytes(zipped({"inner.zip": packed.read_bytes()}))
    _, wanted, _, _ = run([plain])
    _, got, _, _ = run([packed])
    assert got.drop("file").equals(wanted.drop("file"))


def test_broken_archives_are_issues_and_others_go_on(tmp_path: Path) -> None:
    good = zipped({"a.csv": PLAIN.encode() * 50})
    (tmp_path / "good.zip").write_bytes(good)
    (tmp_path / "cut.zip").write_bytes(good[: len(good) // 2])
    tar = tarred({"a.csv": PLAIN.encode() * 50})
    (tmp_path / "cut.tar.gz").write_bytes(tar[: len(tar) // 2])
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(PLAIN.encode() * 50)[:40])
    broken = bytearray(good)
    broken[45] ^= 0xFF
    (tmp_path / "flipped.zip").write_bytes(bytes(broken))
    reports, raw, _, issues = run([tmp_path])
    assert issues == ["broken_archive"] * 4
    assert [r.input.name for r in reports] == ["good.zip#a.csv"]
    assert raw.height > 0


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_costs_itself_only(tmp_path: Path, how: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", how) as z:
        z.writestr("bad.csv", "".join(f"{i * i % 977}," for i in range(9000)))
        z.writestr("inner.zip", zipped({"b.csv": PLAIN.encode()})[:80])
        z.writestr("good.csv", PLAIN)
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[1000:1030] = bytes(30)
    (tmp_path / "a.zip").write_bytes(data)
    reports, raw, _, issues = run([tmp_path])
    assert issues == ["broken_archive"] and raw.height == 2
    assert [r.input.name for r in reports] == ["a.zip#good.csv", "a.zip#inner.zip"]


def test_odd_names_of_members(tmp_path: Path) -> None:
    inner = zipped({"F#.csv": PLAIN.encode()})
    (tmp_path / "a.zip").write_bytes(zipped({"C#.csv": PLAIN.encode(), "b#c.zip": inner}))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as z, pytest.warns(UserWarning, match="Duplicate"):
        z.writestr("x.csv", PLAIN)
        z.writestr("x.csv", PLAIN + "保安,丙公司,佛山\n")
    reports, raw, _, _ = run([tmp_path])
    names = ["a.zip#C#.csv", "a.zip#b#c.zip#F#.csv", "b.zip#x.csv", "b.zip#x.csv~1"]
    assert [r.input.name for r in reports] == names and raw.height == 9


def test_names_in_a_tar_of_gbk_and_twice(tmp_path: Path) -> None:
    name = "招聘.csv".encode("gbk").decode("utf-8", "surrogateescape")
    data = tarred({name: PLAIN.encode(), "b.csv": b"x"}, "gz")
    with tarfile.open(tmp_path / "a.tar", "w") as t:
        for text in ("title,city\n旧,北京\n", PLAIN):  # a later one of a name stands for the earlier
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            t.addfile(info, io.BytesIO(text.encode()))
    (tmp_path / "b.tgz").write_bytes(data)
    reports, raw, _, _ = run([tmp_path / "a.tar", tmp_path / "b.tgz"])
    assert [r.input.name for r in reports if r.kept] == ["a.tar#招聘.csv", "b.tgz#招聘.csv"] and raw.height == 4


@pytest.mark.parametrize("how", ["zip", "tgz"])
def test_an_archive_of_many_members(tmp_path: Path, how: str) -> None:
    files = {f"{i}.csv": (PLAIN + "," * i + "\n").encode() for i in range(1500)}
    (tmp_path / f"a.{how}").write_bytes(zipped(files) if how == "zip" else tarred(files))
    inputs, _ = discover([tmp_path], Limits())
    for item in inputs[:20]:
        list(read(item, BOOK))
    assert len(inputs) == 1500


def test_archives_that_are_not_opened_say_so(tmp_path: Path) -> None:
    (tmp_path / "a.tgz").write_bytes(tarred({"a.zip": zipped({"a.csv": PLAIN.encode()})}))
    for name, head in (("b.csv", b"Rar!\x1a\x07\0"), ("c.csv", b"7z\xbc\xaf\x27\x1c"), ("d.csv", bz2.compress(b"x"))):
        (tmp_path / name).write_bytes(head)
    reports, _, _, _ = run([tmp_path])
    assert [i.reason_id for r in reports for i in r.issues] == ["nested_archive", *["binary_file"] * 3]
    assert all("unpack it first" in i.message for r in reports for i in r.issues)


def test_zip_bombs(tmp_path: Path) -> None:
    limits = Limits(max_expanded_bytes=1 << 20, ratio_from_bytes=1 << 18)
    bomb = b"\0" * (3 << 20)
    (tmp_path / "a.zip").write_bytes(zipped({"a.csv": bomb}))
    (tmp_path / "b.zip").write_bytes(zipped({"b.zip": zipped({"b.csv": bomb})}))
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(bomb))
    (tmp_path / "d.tar.gz").write_bytes(tarred({"d.csv": bomb}))
    reports, _, _, issues = run([tmp_path], limits)
    assert not reports and issues == ["zip_bomb"] * 4


def test_names_of_members_in_gbk(tmp_path: Path) -> None:
    data = zipped({"aaaa.csv": PLAIN.encode()})
    name = "招聘".encode("gbk")
    (tmp_path / "a.zip").write_bytes(data.replace(b"aaaa.csv", name + b".csv"))
    reports, raw, _, _ = run([tmp_path / "a.zip"])
    assert reports[0].input.name == "a.zip#招聘.csv" and raw.height == 2
