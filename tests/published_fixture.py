"""A small published dataset with known truth, made from random numbers: no ad in it was ever written by anyone."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from gangwei import schema

CITIES = {
    "310000": 0.16, "440300": 0.15, "110000": 0.14, "330100": 0.08, "440100": 0.07, "320500": 0.05, "320100": 0.05,
    "510100": 0.05, "420100": 0.05, "441900": 0.03, "430100": 0.03, "370100": 0.03, "370200": 0.02, "610100": 0.03,
    "500000": 0.02, "130100": 0.01, "120000": 0.01, "340100": 0.02,
}  # fmt: skip
BOARDS = ("board_a", "board_b", "board_c", "board_d")
HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)> \u202e{{7*7}}'


@dataclass(frozen=True)
class Spec:
    """What to make: sizes and switches of the odd cases."""

    ads: int = 4000
    employers: int = 300
    ai: float = 0.2
    cities: tuple[str, ...] = tuple(CITIES)
    dates: bool = True
    seed: int = 7
    schema_version: int = schema.SCHEMA_VERSION


@dataclass(frozen=True)
class Drawn:
    """What chance decided of each ad; of an opening all ads have the same but the day."""

    ids: list[str]
    opening_of: np.ndarray
    employer: np.ndarray
    anonymous: np.ndarray
    tier: np.ndarray
    ai: np.ndarray
    city: np.ndarray
    multi: np.ndarray
    nowhere: np.ndarray
    posted: list[dt.date | None]


def _drawn(spec: Spec, rng: np.random.Generator) -> Drawn:
    n = spec.ads
    opening_of = np.minimum(np.arange(n), rng.integers(0, max(n, 1), n)) if n else np.zeros(0, int)
    opening_of = np.where(rng.random(n) < 0.7, np.arange(n), opening_of)
    for _ in range(8):
        opening_of = opening_of[opening_of] if n else opening_of
    employer_of_opening = (rng.pareto(1.1, n) * 8).astype(int) % max(spec.employers, 1) if n else np.zeros(0, int)
    no_name = rng.random(n) < 0.1
    tier_p = [spec.ai * 0.6, spec.ai * 0.3, spec.ai * 0.1, 1 - spec.ai]
    tiers = rng.choice(4, n, p=tier_p)[opening_of] if n else np.zeros(0, int)
    p = np.array([CITIES[c] for c in spec.cities])
    city = np.array(spec.cities)[rng.choice(len(p), n, p=p / p.sum())][opening_of] if n else np.zeros(0, str)
    multi = (rng.random(n)[opening_of] < 0.03) & (len(spec.cities) > 1) if n else np.zeros(0, bool)
    nowhere = (rng.random(n)[opening_of] < 0.05) & ~multi if n else np.zeros(0, bool)
    start = dt.date(2024, 1, 1)
    posted = [start + dt.timedelta(days=int(d)) if spec.dates else None for d in rng.integers(0, 360, n)]
    return Drawn(
        [f"ad{i:08d}" for i in range(n)], opening_of, employer_of_opening[opening_of], no_name[opening_of],
        np.array(schema.AI_TIERS)[tiers], tiers < 3, city, multi, nowhere, posted,
    )  # fmt: skip


def _ads(spec: Spec, rng: np.random.Generator, drawn: Drawn) -> pl.DataFrame:
    if not spec.ads:
        return schema.ADS.conform(pl.DataFrame())
    n, opening_of, ai, posted = spec.ads, drawn.opening_of, drawn.ai, drawn.posted

    def pick(values: tuple[str | None, ...]) -> np.ndarray:
        return np.array(values, dtype=object)[rng.integers(0, len(values), n)]

    pay = np.exp(rng.normal(9.2, 0.5, n) + 0.25 * ai) * 100
    stated = rng.random(n) < 0.8
    board = pick(BOARDS)
    flag = rng.random(n)
    alike = np.where(flag < 0.5, opening_of, np.arange(n))  # half of the copies repeat title and pay of the first
    return schema.ADS.conform(
        pl.DataFrame(
            {
                "ad_id": drawn.ids, "source_id": ["made"] * n, "source_key": [str(i) for i in range(n)], "board": board.tolist(),
                "url": [f"https://example.org/{i}" for i in range(n)], "language": ["zh"] * n,
                "title": [HOSTILE if i == 0 else f"工程师 {i % 97}" for i in alike], "captured_date": posted, "posted_date": posted,
                "date_precision": ["day" if spec.dates else "none"] * n,
                "employer_id": [None if a else f"em{e:06d}" for e, a in zip(drawn.employer, drawn.anonymous)],
                "opening_id": [f"op{o:08d}" for o in opening_of],
                "match_relation": np.where(opening_of == np.arange(n), "representative", "same_opening"),
                "match_reason": np.where(opening_of == np.arange(n), None, np.where(flag < 0.5, "same_text", "same_title_text")).tolist(),
                "ai_tier": drawn.tier, "ai_mention": ai | (flag > 0.97), "ai_score": np.where(ai, 0.9, 0.1),
                "ai_role": np.where(ai, pick(schema.AI_ROLES), None).tolist(),
                "ai_subfields": [[schema.AI_SUBFIELDS[i % 9]] if a else [] for i, a in enumerate(ai)],
                "surveillance_job": flag < 0.02, "defence_signal": flag > 0.99,
                "place_status": np.where(drawn.multi, "multi", np.where(drawn.nowhere, "none", "ok")),
                "adcode": [None if m or x else c for m, x, c in zip(drawn.multi, drawn.nowhere, drawn.city)],
                "pay_status": np.where(stated[alike], "ok", "negotiable"),
                "pay_min_fen": [int(v * 0.8) if s else None for v, s in zip(pay[alike], stated[alike])],
                "pay_max_fen": [int(v * 1.2) if s else None for v, s in zip(pay[alike], stated[alike])],
                "pay_unit": np.where(stated[alike], "month", None).tolist(), "education": pick((*schema.EDUCATION[3:], None)).tolist(),
                "experience_min_months": rng.choice([0, 12, 36, 60], n), "seniority": pick((*schema.SENIORITY[:5], None)).tolist(),
                "employment_type": pick(("full_time", "full_time", "internship", None)).tolist(),
            },
            infer_schema_length=None,
        )
    )  # fmt: skip


def _openings(ads: pl.DataFrame) -> pl.DataFrame:
    rep = ads.filter(pl.col("match_relation") == "representative")
    sizes = ads.group_by("opening_id").agg(
        pl.len().alias("n_ads"),
        pl.col("board").n_unique().alias("n_boards"),
        pl.col("posted_date").min().alias("first_date"),
        pl.col("posted_date").max().alias("last_date"),
    )
    return (
        rep.select("opening_id", "employer_id", "title", "ad_id", "adcode", "ai_tier")
        .join(sizes, on="opening_id")
        .with_columns(confidence=pl.lit("high"))
        .sort("opening_id")
    )


def _places(drawn: Drawn) -> pl.DataFrame | None:
    places = [(i, c, 1.0) for i, c, m, x in zip(drawn.ids, drawn.city, drawn.multi, drawn.nowhere) if not m and not x]
    places += [(i, c, 0.5) for i, m in zip(drawn.ids, drawn.multi) if m for c in ("310000", "440300")]
    return pl.DataFrame(places, schema=["ad_id", "adcode", "weight"], orient="row") if places else None


def _spells(openings: pl.DataFrame) -> pl.DataFrame:
    return openings.select(
        pl.col("opening_id").str.replace("op", "sp").alias("spell_id"),
        "opening_id",
        pl.lit(1).alias("ordinal"),
        "first_date",
        "last_date",
        "n_ads",
    )


def _employers(spec: Spec) -> pl.DataFrame:
    kinds = ("company", "company", "company", "university", "agency")
    return pl.DataFrame(
        [
            {
                "employer_id": f"em{e:06d}", "name": HOSTILE if e == 0 else f"示例公司{e}", "kind": kinds[e % 5],
                "defence": {3: "group", 4: "subsidiary", 11: "university"}.get(e, "unknown" if e % 3 else "none"),
                "defence_group": "CETC" if e in (3, 4) else None, "surveillance_company": e in (5, 6),
                "state_owned": None if e % 2 else e % 4 == 0, "is_agency": e % 5 == 4, "is_anonymous": False,
            }
            for e in range(spec.employers)
        ]
    )  # fmt: skip


def _affiliations() -> pl.DataFrame:
    lists = [
        ("em000003", "T1", "groups", None, None),
        ("em000004", "T2", "subsidiaries", dt.date(2020, 1, 1), None),
        ("em000005", "T3", "1260H", dt.date(2021, 6, 3), dt.date(2030, 1, 1)),
        ("em000006", "T4", "notices", None, None),
    ]
    return pl.DataFrame(
        [
            {
                "employer_id": e,
                "tier": t,
                "list_id": li,
                "edition": "1",
                "valid_from": a,
                "valid_to": b,
                "rule_id": "r",
                "confidence": "high",
            }
            for e, t, li, a, b in lists
        ],
        infer_schema_length=None,
    )


def _rejects() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "source_id": ["made"] * 30,
            "file": ["made.csv"] * 30,
            "row": list(range(30)),
            "reason_id": ["no_title"] * 20 + ["empty_row"] * 10,
            "raw": [HOSTILE] * 30,
        }
    )


def _skills(drawn: Drawn) -> pl.DataFrame | None:
    asks = [
        (i, s)
        for k, (i, a) in enumerate(zip(drawn.ids, drawn.ai))
        if a
        for s in ("python", ("pytorch", "sql")[k % 2])[: 1 + k % 3]
    ]
    return pl.DataFrame(asks, schema=["ad_id", "skill_id"], orient="row") if asks else None


def _sensitivity(n: int, openings: int) -> pl.DataFrame:
    again = [
        {
            "threshold": t, "window_days": w, "is_base": (t, w) == (0.75, 60), "sample_share": 1.0, "ads": n, "openings": openings,
            "dated_openings": openings, "spells": openings + 60 - w, "campaigns": 0,
            "repeats_error": 0.001, "spells_error": 0.0,
        }
        for t, w in ((0.75, 60), (0.7, 60), (0.8, 60), (0.75, 30), (0.75, 90))
    ]  # fmt: skip
    return pl.DataFrame(again)


def _sizes(spec: Spec) -> pl.DataFrame | None:
    staff = [(f"em{e:06d}", schema.EMPLOYER_SIZE_BANDS[e % 5], 1, 1) for e in range(0, spec.employers, 2)]
    return (
        pl.DataFrame(staff, schema=["employer_id", "size_band", "n_ads", "stated_n"], orient="row") if staff else None
    )


def write(directory: Path, spec: Spec = Spec()) -> dict[str, float]:
    """Write `directory/published`; returns the truth (openings, ai strict/related/broad)."""
    rng = np.random.default_rng(spec.seed)
    n, out = spec.ads, directory / "published"
    out.mkdir(parents=True)
    drawn = _drawn(spec, rng)
    ads = _ads(spec, rng, drawn)
    openings = _openings(ads)
    tables = {
        "ads": ads, "openings": openings, "ad_places": _places(drawn), "skills": _skills(drawn), "employer_sizes": _sizes(spec),
        "spells": _spells(openings) if spec.dates and n else None, "employers": _employers(spec) if spec.employers else None,
        "affiliations": _affiliations() if n else None, "rejects": _rejects() if n else None,
        "match_sensitivity": _sensitivity(n, openings.height) if n else None,
    }  # fmt: skip
    for table in schema.PUBLISHED_TABLES:
        frame = tables.get(table.name)
        frame = table.empty() if frame is None else table.conform(frame)
        frame.write_parquet(out / f"{table.name}.parquet")
    read = n + (30 if n else 0)
    (out / "datapackage.json").write_text(json.dumps({"schema_version": spec.schema_version, "resources": []}))
    (out / "manifest.json").write_text(
        json.dumps(
            {
                "as_of": "2024-12-26" if spec.dates else None, "definitions_version": "0123456789abcdef", "gangwei_version": "0.1.0",
                "issues": [], "inputs": [{"file": "made.csv", "sha256": "0" * 64, "source_id": "made", "read": read, "kept": n, "rejected": {"no_title": 20, "empty_row": 10} if n else {}, "encoding": "utf-8", "boards": list(BOARDS)}],
                "counts": {"read": read, "kept": n, "rejected": read - n, "ads": n, "openings": openings.height},
            }
        )
    )  # fmt: skip
    t = openings["ai_tier"]
    return {
        "openings": openings.height, "strict": int((t == "builder").sum()), "related": int(t.is_in(["builder", "adjacent"]).sum()),
        "broad": int((t != "none").sum()),
    }  # fmt: skip


def open_truth(directory: Path) -> pl.DataFrame:
    """Representatives with their facts and employers, for checks made without the code under test."""
    out = directory / "published"
    ads = pl.read_parquet(out / "ads.parquet")
    rep = pl.read_parquet(out / "openings.parquet").select("ad_id", "n_ads")
    return ads.join(rep, on="ad_id").join(pl.read_parquet(out / "employers.parquet"), on="employer_id", how="left")
