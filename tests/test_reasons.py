"""definitions/reasons.csv: every reason that a build gives has a row with words in both languages."""

from __future__ import annotations

import ast
from pathlib import Path

import polars as pl

import gangwei
from build_fixture import ADS, build, table, write_csv
from gangwei.codebook import Codebook
from gangwei.synth import make as synth

BAD = [
    ("b1", "", "", "", "", "", "", "", "", ""),
    ("b2", "文员", "某公司", "上海", "", "", "9000-6000", "火星学历", "999年", "招1人"),
    ("b3", "id", "company", "city", "", "", "0-0", "", "", ""),
    ("b4", "司机", "甲公司", "全国", "", "", "1-999999999", "不限", "", "开车"),
]


def test_every_reason_has_words(tmp_path: Path) -> None:
    known = {r["id"] for r in Codebook().rows("reasons.csv")}
    assert all(r["en"] and r["zh"] for r in Codebook().rows("reasons.csv"))
    synth.write(tmp_path / "synth", 3000, seed=41)
    (tmp_path / "empty.csv").write_text("")
    write_csv(tmp_path / "bad.csv", [*ADS, *BAD])
    build(tmp_path / "out", tmp_path / "synth" / "ads", tmp_path / "bad.csv", tmp_path / "empty.csv")
    ads, issues, rejects = (table(tmp_path / "out", t) for t in ("ads", "issues", "rejects"))
    given = {*ads["match_reason"].drop_nulls(), *issues["reason_id"].drop_nulls(), *rejects["reason_id"].drop_nulls()}
    hits = table(tmp_path / "out", "decisions").filter(pl.col("stage") == "s6_classify")["reason_id"].drop_nulls()
    given |= {h.split("@")[0].split("/")[0] for h in hits}
    assert rejects.height and issues.height
    assert given <= known, sorted(given - known)


GIVING = ("Unreadable", "Issue", "note", "Note")
SOURCES = Path(gangwei.__file__).parent


def test_reasons_of_reading_have_words() -> None:
    """A reason is written as the first string of what tells of it; each has a row, also those no test provokes."""
    known, given = {r["id"] for r in Codebook().rows("reasons.csv")}, set()
    for path in (*SOURCES.glob("formats/*.py"), *SOURCES.glob("mapping/*.py"), SOURCES / "stages" / "s1_read.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] in GIVING:
                words = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                given |= {w for w in words[:1] if w.replace("_", "").isalpha()}
    assert len(given) > 20 and given <= known, sorted(given - known)
