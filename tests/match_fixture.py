"""Signatures of ads given by what matters to matching."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from gangwei import stage_tables
from gangwei.codebook import Codebook
from gangwei.kernels.hashing import hash_strings
from gangwei.stages import s4_employers, s5_match

CASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "cases" / "pairs.yaml").read_text("utf-8"))


@cache
def rules() -> s5_match.Rules:
    return s5_match.compile_rules(Codebook())


@cache
def employer_rules() -> Any:
    return s4_employers.compile_rules(Codebook())


def text_of(name: str | None) -> str | None:
    return None if name is None else "\n".join(CASES["texts"][n] for n in name.split("+"))


def signed(ads: list[dict[str, Any]]) -> pl.DataFrame:
    """Signatures of ads given as dictionaries of the base case's fields."""
    rows = [{**CASES["base"], "board": f"b{i}", "key": f"k{i}", **ad} for i, ad in enumerate(ads)]
    return sign_rows(rows, [text_of(r["text"]) for r in rows])


def sign_rows(rows: list[dict[str, Any]], texts: list[str | None]) -> pl.DataFrame:
    pay = [r["pay"] or (None, None) for r in rows]
    clean = stage_tables.CLEAN.conform(
        pl.DataFrame(
            {
                "source_key": [r["key"] for r in rows],
                "board": [r["board"] for r in rows],
                "title": [r["title"] for r in rows],
                "company": [r["company"] for r in rows],
                "text": texts,
                "address": [r.get("address") for r in rows],
                "city": [r.get("abroad") for r in rows],
                "pay_status": ["ok" if r["pay"] else "none" for r in rows],
                "pay_min_fen": [p[0] and p[0] * 100 for p in pay],
                "pay_max_fen": [p[1] and p[1] * 100 for p in pay],
                "pay_unit": "month",
                "education": [r["education"] for r in rows],
                "experience_min_months": [r["years"] and r["years"] * 12 for r in rows],
                "posted_date": [r.get("posted") for r in rows],
                "captured_date": [r.get("seen") for r in rows],
                "date_precision": ["day" if r.get("posted") else "none" for r in rows],
            },
            schema_overrides={
                "title": pl.String,
                "company": pl.String,
                "text": pl.String,
                "address": pl.String,
                "city": pl.String,
                "posted_date": pl.Date,
                "captured_date": pl.Date,
                "pay_min_fen": pl.Int64,
                "pay_max_fen": pl.Int64,
                "education": pl.String,
                "experience_min_months": pl.Int32,
            },
        )
    )
    located = stage_tables.LOCATED.conform(
        pl.DataFrame(
            {
                "place_status": ["ok" if r["city"] else "none" for r in rows],
                "adcode": [r["city"] for r in rows],
                "place_rule": ["city.foreign" if r.get("abroad") else "city.name" for r in rows],
            },
            schema_overrides={"adcode": pl.String},
        )
    )
    names = clean.select(name_raw="company").unique().drop_nulls().sort("name_raw").with_columns(n_ads=pl.lit(1))
    known = (
        s4_employers.run(names, employer_rules(), None)[0]
        if names.height
        else stage_tables.EMPLOYER_NAMES_STAGE.empty()
    )
    frame = s5_match.sign(clean, located, s5_match.EmployerKeys(known), rules())
    ids = hash_strings(pl.Series([f"{r['board']}/{r['key']}/{i}" for i, r in enumerate(rows)]))
    return frame.with_columns(pl.Series("ad_no", np.arange(len(rows))), pl.Series("ad_id", ids))


def many(n: int, seed: int = 5) -> pl.DataFrame:
    """Ads drawn from a few employers, titles, cities and texts."""
    rng = np.random.default_rng(seed)
    companies = [
        "宁波星河软件有限公司",
        "星河软件",
        "温州远帆贸易有限公司",
        "某软件公司",
        "浙江众联人力资源有限公司",
        None,
    ]
    titles = [
        "Java开发工程师",
        "java",
        "高级Java开发工程师",
        "Java后端开发",
        "软件工程师",
        "前端开发工程师",
        "保安",
        None,
    ]
    ads = []
    for i in range(n):
        day = date(2024, 1, 1) + timedelta(days=int(rng.integers(0, 400)))
        ads.append(
            {
                "company": companies[rng.integers(len(companies))],
                "title": titles[rng.integers(len(titles))],
                "city": [None, "330200", "330300", "330100"][rng.integers(4)],
                "pay": [None, [10000, 15000], [12000, 16000], [20000, 30000]][rng.integers(4)],
                "text": [None, "java", "java_edit", "java_half", "rewritten", "guard", "shop"][rng.integers(7)],
                "posted": day if rng.random() < 0.7 else None,
                "key": f"k{i % (n - n // 10)}",
                "board": f"b{rng.integers(3)}",
            }
        )
    return signed(ads)
