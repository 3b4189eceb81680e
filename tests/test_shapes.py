"""Files of boards that no definition describes: every value of a row lands in its field, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.stages.s1_read import FileReport, Limits, discover, read

CASES = [
    c
    for p in sorted((Path(__file__).parent / "cases").glob("shapes*.yaml"))
    for c in yaml.safe_load(p.read_text("utf-8"))
]
BOOK = Codebook()
TOLD_APART = (
    "title", "company", "city", "district", "address", "pay", "education", "experience", "posted", "url", "board", "source_key",
    "captured", "headcount", "employment_type", "industry", "company_size", "company_nature", "lat", "lon",
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[c["id"] for c in CASES])
def test_shape(case: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / case["file"]
    path.write_bytes(case["text"].encode(case.get("encoding", "utf-8")))
    parts, rejected = [], 0
    for item in discover([path], Limits())[0]:
        report = FileReport(item)
        parts += [b.raw for b in read(item, BOOK, Limits(), report)]
        assert report.kept + sum(report.rejected.values()) == report.read
        rejected += sum(report.rejected.values())
    raw = pl.concat(parts)
    assert (raw.height, rejected) == (case.get("rows", 3), case.get("rejected", 0))
    second = raw.row(min(1, raw.height - 1), named=True)  # of one ad the only one
    assert {f: second[f] for f in TOLD_APART if second[f] is not None} == case["second"]
    assert second["company_other"] == case.get("company_other")
    assert second["tags"] == case.get("tags", second["tags"])
    assert second["description"] == case.get("description", second["description"])
    assert {h: second[h] for h in case.get("hints", ())} == case.get("hints", {})
