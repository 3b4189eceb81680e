"""store.py: whole or not at all, and errors a person can act on."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from gangwei import schema
from gangwei.store import (
    StoreError,
    atomic,
    locked,
    map_part,
    open_parquet,
    read_frame,
    read_groups,
    read_json,
    rechunk,
    swapped,
    write_frames,
    write_json,
)


def rejects(n: int, start: int = 0) -> pl.DataFrame:
    return schema.REJECTS.conform(pl.DataFrame({"row": range(start, start + n)}))


def test_a_failed_block_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic(tmp_path / "x.json") as tmp:
        tmp.write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_failed_swap_keeps_the_old_folder(tmp_path: Path) -> None:
    with swapped(tmp_path / "d") as tmp:
        (tmp / "a").write_text("1")
    with pytest.raises(RuntimeError), swapped(tmp_path / "d") as tmp:
        (tmp / "a").write_text("2")
        raise RuntimeError
    assert (tmp_path / "d" / "a").read_text() == "1"
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_a_swap_that_is_stopped_halfway_keeps_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_text("1")
    rename, stopped = os.replace, [False]

    def once(a: Path, b: Path) -> None:
        if b == tmp_path / "d" and not stopped[0]:
            stopped[0] = True
            raise KeyboardInterrupt
        rename(a, b)

    monkeypatch.setattr(os, "replace", once)
    with pytest.raises(KeyboardInterrupt), swapped(tmp_path / "d") as tmp:
        (tmp / "a").write_text("2")
    assert (tmp_path / "d" / "a").read_text() == "1"
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_a_second_build_of_one_directory_is_refused(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(StoreError, match="another build"), locked(tmp_path):
        pass


def test_the_lock_removes_what_a_killed_run_left(tmp_path: Path) -> None:
    (tmp_path / ".x.parquet.12.tmp").write_text("half")
    (tmp_path / ".published.new.tmp").mkdir()
    with locked(tmp_path):
        assert [p.name for p in tmp_path.iterdir()] == [".lock"]


@pytest.mark.parametrize("name", ["published", "stages"])
def test_files_of_others_are_left_alone(tmp_path: Path, name: str) -> None:
    theirs = tmp_path / name / "thesis.txt"
    theirs.parent.mkdir()
    with locked(tmp_path):  # an empty folder is no one's
        pass
    (tmp_path / ".lock").unlink()
    theirs.write_text("precious")
    with pytest.raises(StoreError, match="did not write"), locked(tmp_path):
        pass
    assert [p.name for p in tmp_path.rglob("*")] == [name, "thesis.txt"]


def test_a_file_is_not_a_directory(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    with pytest.raises(StoreError, match=r"is a file|not a directory"), locked(tmp_path / "f"):
        pass


def test_damaged_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("junk")
    with pytest.raises(StoreError, match=r"x\.parquet: damaged"):
        open_parquet(tmp_path / "x.parquet")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(StoreError, match=r"x\.json: broken"):
        read_json(tmp_path / "x.json")


def test_row_groups_survive_and_rows_stay_aligned(tmp_path: Path) -> None:
    write_frames(tmp_path / "a.parquet", schema.REJECTS, [rejects(3), rejects(2, 3)])
    assert open_parquet(tmp_path / "a.parquet").num_row_groups == 2
    map_part([tmp_path / "a.parquet"], tmp_path / "b.parquet", schema.REJECTS, lambda f: f, [None])
    assert read_frame(tmp_path / "b.parquet")["row"].to_list() == [0, 1, 2, 3, 4]
    with pytest.raises(StoreError, match="3 rows in, 2 out"):
        map_part([tmp_path / "a.parquet"], tmp_path / "c.parquet", schema.REJECTS, lambda f: f[:2], [None])


def test_rechunk_keeps_every_row() -> None:
    sizes = [f.height for f in rechunk((rejects(n) for n in (3, 0, 9, 1)), 4)]
    assert sizes == [4, 4, 4, 1]


def test_equal_values_are_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": 2})
    write_json(tmp_path / "b.json", {"a": 2, "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_damage_inside_of_a_part_is_named(tmp_path: Path) -> None:
    part = tmp_path / "x.parquet"
    write_frames(part, schema.REJECTS, [rejects(5000)])
    part.write_bytes(b"PAR1" + b"\xff" * 200 + part.read_bytes()[204:])
    with pytest.raises(StoreError, match=r"x\.parquet: damaged"):
        list(read_groups(part))


def test_parts_of_one_row_group_and_of_several_read_alike(tmp_path: Path) -> None:
    write_frames(tmp_path / "one.parquet", schema.REJECTS, [rejects(6)])
    write_frames(tmp_path / "two.parquet", schema.REJECTS, [rejects(4), rejects(2, 4)])
    one, two = read_frame(tmp_path / "one.parquet"), read_frame(tmp_path / "two.parquet")
    assert one.schema == two.schema and one.equals(two)
