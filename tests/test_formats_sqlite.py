"""SQLite: every table with ads is read; what a database keeps beside them, damage and hostile names cost nothing else."""

from __future__ import annotations

import sqlite3
import zipfile
from pathlib import Path

import pytest

from gangwei.codebook import Codebook
from gangwei.stages.s1_read import FileReport, Limits, ReadError, discover, read

ADS = [(i, f"司机{i}", "长沙麦穗超市有限公司", "长沙", "3000-4000", "负责配送。") for i in range(300)]


def made(path: Path, rows: list[tuple[object, ...]], extra: str = "") -> Path:
    db = sqlite3.connect(path)
    db.executescript(
        'CREATE TABLE "job ""a""" (id INTEGER, title TEXT, company TEXT, city TEXT, salary TEXT, description TEXT);'
        "CREATE TABLE empty (title TEXT, city TEXT);" + extra
    )
    db.executemany('INSERT INTO "job ""a""" VALUES (?, ?, ?, ?, ?, ?)', rows)
    db.commit()
    db.close()
    return path


def run(path: Path, limits: Limits | None = None) -> tuple[list[str | None], FileReport]:
    (item,), _ = discover([path], limits or Limits())
    report = FileReport(item)
    batches = list(read(item, Codebook(), limits or Limits(), report))
    assert report.read == report.kept + sum(report.rejected.values())
    return [t for b in batches for t in b.raw["title"].to_list()], report


def test_ads_of_a_database_once_each(tmp_path: Path) -> None:
    extra = (
        "CREATE VIEW jobs_view AS SELECT * FROM empty;"
        "CREATE VIRTUAL TABLE words USING fts4(title, company, city, salary);"
        "INSERT INTO words VALUES ('会计', '长沙麦穗超市有限公司', '长沙', '3000-4000');"
    )
    path = made(tmp_path / "ads.db", [*ADS, (300, b"\xe5\x8f\xb8\xe6\x9c\xba", None, 7, 1.5, "送货")], extra)
    titles, report = run(path)
    assert titles == [f"司机{i}" for i in range(300)] + ["司机"]
    assert report.encoding == "sqlite"
    assert [p.name for p in tmp_path.iterdir()] == ["ads.db"]  # nothing is written beside it


def test_a_packed_database_and_one_in_small_batches(tmp_path: Path) -> None:
    path = made(tmp_path / "ads.sqlite3", ADS)
    with zipfile.ZipFile(tmp_path / "ads.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.write(path, "ads.sqlite3")
    assert run(tmp_path / "ads.zip")[0] == run(path, Limits(batch_rows=7))[0] == [r[1] for r in ADS]
    _, report = run(tmp_path / "ads.zip", Limits(max_document_bytes=100))
    assert [i.reason_id for i in report.issues] == ["too_large"]


def test_changes_that_are_not_merged_are_told(tmp_path: Path) -> None:
    path = tmp_path / "ads.db"
    db = sqlite3.connect(path)
    db.executescript("PRAGMA journal_mode = WAL; CREATE TABLE jobs (title TEXT, city TEXT, company TEXT);")
    db.executemany("INSERT INTO jobs VALUES (?, ?, ?)", [(r[1], r[3], r[2]) for r in ADS])
    db.commit()
    db.execute("PRAGMA wal_checkpoint")
    db.execute("INSERT INTO jobs VALUES ('会计', '长沙', '长沙麦穗超市有限公司')")
    db.commit()
    titles, report = run(path)
    assert len(titles) == 300 and [i.reason_id for i in report.issues] == ["unmerged_changes"]
    db.close()


@pytest.mark.parametrize("cut", [100, 5000, 12_000])
def test_damage(tmp_path: Path, cut: int) -> None:
    whole = made(tmp_path / "a.db", ADS).read_bytes()
    path = tmp_path / "cut.db"
    path.write_bytes(whole[:cut] + (b"\xff" * (len(whole) - cut) if cut > 5000 else b""))
    titles, report = run(path)
    assert len(titles) < 300
    assert {i.reason_id for i in report.issues} & {"broken_sqlite", "no_rows"}


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_rows_before_damage_are_read(tmp_path: Path, part: float) -> None:
    whole = bytearray(
        made(tmp_path / "a.db", [(i, *ADS[0][1:5], "负责配送。" * 200) for i in range(2000)]).read_bytes()
    )
    at = int(len(whole) * part)
    whole[at : at + 200_000] = b"\xff" * len(whole[at : at + 200_000])
    (tmp_path / "cut.db").write_bytes(whole)
    titles, report = run(tmp_path / "cut.db", Limits())
    assert 100 < len(titles) < 2000
    assert [i.reason_id for i in report.issues if "damaged after row" in i.message] == ["broken_sqlite"]


def test_a_database_without_ads(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "a.db")
    db.executescript("CREATE TABLE t (x INTEGER);")
    db.close()
    _, report = run(tmp_path / "a.db")
    assert [i.reason_id for i in report.issues] == ["no_rows"]
    with pytest.raises(ReadError, match="SQLite"):
        (tmp_path / "none").mkdir()
        discover([tmp_path / "none"], Limits())
