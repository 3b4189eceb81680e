"""`python -m gangwei.warm match` or `classify` compiles the kernels of that stage on a handful of ads (see engines.ahead)."""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from gangwei import opinions, stage_tables
from gangwei.allocator import collecting_rarely
from gangwei.codebook import Codebook
from gangwei.engines.ahead import marker
from gangwei.kernels.identity import ad_keys
from gangwei.stages import s5_match
from gangwei.steps import classify_task, sign_task
from gangwei.store import write_frames

TEXT = "负责大模型算法研发,熟悉Python和深度学习。任职要求:本科以上学历,三年以上机器学习经验。"


def ads() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """(clean, located, names) of a few invented ads that take every turn of the later stages."""
    rows = range(8)
    spans = [{"kind": "duties", "start": 0, "end": 23}, {"kind": "requirements", "start": 23, "end": len(TEXT)}]
    clean = pl.DataFrame(
        {
            "content_hash": pl.Series([*rows], dtype=pl.UInt64),
            "source_id": "warm",
            "source_key": [f"k{i}" for i in rows],
            "board": [f"b{i % 3}" for i in rows],
            "url": [f"https://jobs.example/{i}?a=1" for i in rows],
            "title": ["大模型算法工程师", "算法工程师(大模型)", "高级算法工程师", "销售经理"] * 2,
            "text": [TEXT + "五险一金,双休。" * (i % 3) for i in rows],
            "sections": [spans] * len(rows),
            "tags": "机器学习 | 五险一金",
            "captured_date": [dt.date(2024, 5, 1)] * len(rows),
            "company": ["星河软件", "星河软件有限公司"] * 4,
            "address": "软件大道1号科技大厦",
            "pay_status": "ok",
            "pay_min_fen": 1_000_000,
            "pay_max_fen": 2_000_000,
            "pay_unit": "month",
            "education": "bachelor",
        }
    )
    clean = clean.with_columns(sketch=pl.lit(b"\0\0\0\1" * 90), sketch_rate=0, sketch_hash=1 + pl.int_range(8))
    located = pl.DataFrame({"place_status": ["ok"] * 8, "adcode": ["330200", "330100"] * 4})
    names = pl.DataFrame({"name_raw": ["星河软件", "星河软件有限公司"], "employer_id": ["e1", "e1"]})
    return (
        stage_tables.CLEAN.conform(clean),
        stage_tables.LOCATED.conform(located),
        stage_tables.EMPLOYER_NAMES_STAGE.conform(names),
    )


def classify(folder: Path) -> None:
    """Compile what classifying calls."""
    classify_task(
        folder / "clean", opinions.freeze(folder / opinions.LEDGER, folder / "opinions"), folder / "out", None
    )


def match(folder: Path) -> None:
    """Compile what signing and matching call."""
    sign_task(folder / "clean", folder / "located", folder / "names", folder / "signed", None)
    keys, rules = ad_keys(np.arange(8, dtype=np.uint64)), s5_match.compile_rules(Codebook())
    list(s5_match.match_parts([folder / "signed"], keys, rules, cleans=[folder / "clean"]))


def main(name: str) -> None:
    """Run one of the later stages on the invented ads and leave its marker."""
    with collecting_rarely(), tempfile.TemporaryDirectory() as folder:
        tables = {
            "clean": stage_tables.CLEAN,
            "located": stage_tables.LOCATED,
            "names": stage_tables.EMPLOYER_NAMES_STAGE,
        }
        for (file, table), frame in zip(tables.items(), ads()):
            write_frames(Path(folder) / file, table, [frame])
        {"classify": classify, "match": match}[name](Path(folder))
    done = marker(name)
    if done is not None and done.parent.exists():
        done.touch()


if __name__ == "__main__":
    main(sys.argv[1])
