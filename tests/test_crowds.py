"""Hostile shapes through a whole build: bounded time and memory, every ad kept, and a line in the issues log."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from build_fixture import table
from gangwei.kernels.match.crowds import contradicting, crowded

N = 100_000


def test_counts_of_runs() -> None:
    ids = np.array([5, 0, 5, 7, 7, 0], np.uint64)
    assert contradicting(ids, np.array([1, 2, 3, 4, 4, 9])) == 2
    assert crowded(ids, np.array([1, 2, 3, 4, 4, 9], np.uint64), 2) == 2
    assert crowded(ids[:0], ids[:0], 2) == contradicting(ids[:0], np.zeros(0, np.int64)) == 0


def text(seed: int, n: int = 60) -> str:
    rng = np.random.default_rng(seed)
    return "岗位职责:" + "".join(chr(0x4E00 + int(c)) for c in rng.integers(0, 3000, n))


def rows(kind: str) -> pl.DataFrame:
    one = {"title": "软件工程师", "company": "宁波星河软件有限公司", "city": "宁波", "description": text(1)}
    if kind == "one_title":
        part = pl.DataFrame({"description": [text(i) for i in range(N)]})
        return part.with_columns(
            id=pl.int_range(pl.len()).cast(pl.String), **{k: pl.lit(one[k]) for k in ("title", "company", "city")}
        )
    if kind == "one_text":
        names = [f"宁波{chr(0x4E00 + i // 1000)}{chr(0x5E00 + i % 1000)}商贸有限公司" for i in range(N // 2)]
        part = pl.DataFrame({"company": names})
        return part.with_columns(
            id=pl.int_range(pl.len()).cast(pl.String), **{k: pl.lit(one[k]) for k in ("title", "city", "description")}
        )
    if kind == "one_id":
        return pl.DataFrame(
            [{**one, "id": "7", "title": t, "description": text(i)} for i, t in enumerate(["会计", "司机", "保安"])]
        )
    if kind == "huge_text":
        return pl.DataFrame(
            [{**one, "id": str(i), "description": "负责" + chr(0x4E00 + i) * 1_700_000} for i in range(3)]
        )
    return pl.DataFrame([{**one, "id": str(i), "title": None, "company": None, "city": None, "description": ""} for i in range(50)], schema_overrides={"title": pl.String, "company": pl.String, "city": pl.String})  # fmt: skip


SIZES = {"one_title": N, "one_text": N // 2, "one_id": 3, "huge_text": 3, "nothing": 50}
BIG = {"one_title", "one_text"}
# the command, then its own peak in KiB: what the system tells of children counts the memory of the process that starts them
MEASURED = """
import sys
from gangwei.cli import main
try:
    main()
finally:
    print("peak", next(s.split()[1] for s in open("/proc/self/status") if s.startswith("VmHWM")), file=sys.stderr)
"""


@pytest.mark.parametrize("kind", [pytest.param(k, marks=[pytest.mark.slow] if k in BIG else []) for k in SIZES])
def test_hostile_ads(kind: str, tmp_path: Path) -> None:
    rows(kind).write_parquet(tmp_path / "ads.parquet")
    command = [sys.executable, "-c", MEASURED, "build", str(tmp_path / "ads.parquet"), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if kind == "nothing":
        assert done.returncode == 1 and "50 rows rejected: no_title_no_description" in " ".join(done.stderr.split())
        return
    assert done.returncode == 0, done.stderr[-2000:]
    ads, issues = table(tmp_path / "out", "ads"), table(tmp_path / "out", "issues")
    assert ads.height == SIZES[kind]
    reason = {
        "one_title": "role_crowded",
        "one_text": "text_crowded",
        "one_id": "id_contradicts",
        "huge_text": "text_capped",
    }
    assert reason[kind] in issues["reason_id"].to_list(), issues
    assert issues.filter(reason_id=reason[kind])["n"].sum() == ads.height
    if kind in ("one_text", "one_id"):  # names that are written alike once folded are one employer
        assert ads["opening_id"].n_unique() == ads.n_unique(["employer_id", "title"])
        assert ads["opening_id"].n_unique() > 0.85 * ads.height
    assert int(done.stderr.rsplit("peak ", 1)[1]) < 3 << 20, "more than 3 GiB"
