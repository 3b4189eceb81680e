"""Files through stage 1, with what holds of every one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import yaml

from gangwei import schema, stage_tables
from gangwei.codebook import Codebook
from gangwei.stages.s1_read import FileReport, Limits, discover, read

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "sources.yaml").read_text("utf-8"))
PLAIN = "title,company,city\n司机,甲公司,广州\n会计,乙公司,深圳\n"
BOOK = Codebook()


def run(
    paths: list[Path], limits: Limits | None = None
) -> tuple[list[FileReport], pl.DataFrame, pl.DataFrame, list[str]]:
    """Reports, raw rows, rejects and reasons of the issues of discovery."""
    limits = limits or Limits()
    inputs, issues = discover(paths, limits)
    reports, raws, rejects = [], [stage_tables.RAW.empty()], [schema.REJECTS.empty()]
    for item in inputs:
        report, rows = FileReport(item), 0
        for batch in read(item, BOOK, limits, report):
            assert batch.raw.schema == stage_tables.RAW.empty().schema
            assert batch.rejects.schema == schema.REJECTS.empty().schema
            assert batch.raw.height + batch.rejects.height == batch.rows_read
            rows += batch.rows_read
            raws.append(batch.raw)
            rejects.append(batch.rejects)
        assert report.kept + sum(report.rejected.values()) == report.read == rows
        for issue in report.issues:
            assert "\n" not in issue.message
            assert str(item.path.parent) not in issue.message
        reports.append(report)
    return reports, pl.concat(raws), pl.concat(rejects), [i.reason_id for i in issues]


def encode(case: dict[str, Any]) -> bytes:
    if case.get("mojibake"):
        return str(case["text"]).encode("gb18030").decode("latin-1").encode("utf-8")
    return str(case["text"]).encode(case.get("encoding", "utf-8"))
