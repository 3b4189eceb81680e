"""definitions/reasons.csv: every reason that a build gives has a row with words in both languages."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from gangwei.codebook import Codebook
from gangwei.synth import make as synth
from test_pipeline import ADS, build, table, write_csv

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
