"""Every written form of pay, education and experience in the synthetic ads, with its truth."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

GRID = (3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 18, 20, 22, 25, 28, 30, 35, 40, 45, 50, 60)
RATIOS = (1.3, 1.5, 1.8)
DAY = ((120, 150), (150, 200), (180, 220), (200, 300), (300, 400))
HOUR = ((16, 20), (20, 25), (22, 28), (30, 40))
FORMS = (
    *("k", "k13", "k14", "k16", "wan", "qian", "bare", "yuan", "kk", "year", "year_salary", "split", "split13"),
    *("above", "negotiable", "empty", "swapped", "below"),
)
BOARDS = ("51job", "zhaopin", "boss", "lagou", "liepin")
# board -> forms it uses and their weights
HABITS = {
    "51job": {"wan": 74, "year": 8, "qian": 8, "split": 4, "negotiable": 2, "empty": 2, "above": 1, "below": 1},
    "zhaopin": {"qian": 50, "bare": 32, "yuan": 8, "k13": 2, "negotiable": 4, "empty": 3, "swapped": 1},
    "boss": {"k": 62, "k13": 16, "k14": 8, "k16": 6, "split": 4, "above": 2, "empty": 2},
    "lagou": {"kk": 86, "k": 6, "above": 3, "below": 2, "empty": 3},
    "liepin": {"k13": 22, "k14": 18, "k16": 10, "year_salary": 14, "year": 12, "split13": 10, "negotiable": 14},
}
EDUCATION = (
    (("不限", "none"), ("学历不限", "none"), ("", None)),
    (("高中", "secondary"), ("初中及以下", "junior_secondary")),
    (("中专/中技", "vocational"), ("中专", "vocational")),
    (("大专", "college"), ("大专及以上", "college")),
    (("本科", "bachelor"), ("本科及以上", "bachelor"), ("统招本科", "bachelor")),
    (("硕士", "master"), ("硕士及以上", "master")),
    (("博士", "doctor"),),
)
EXPERIENCE = (
    *(("经验不限", 0, None), ("1-3年", 12, 36), ("3-5年", 36, 60), ("5-10年", 60, 120), ("1年以上", 12, None)),
    *(("无需经验", 0, None), ("3年以上", 36, None), ("1年以下", 0, 12), ("", None, None), ("2年经验", 24, None)),
    *(("在校/应届", 0, 0), ("10年以上", 120, None)),
)


@dataclass(frozen=True)
class Written:
    """One written pay with its truth, bounds in yuan of the unit."""

    raw: str
    status: str = "ok"
    low: float | None = None
    high: float | None = None
    unit: str | None = "month"
    months: int | None = None


def _n(x: float) -> str:
    return f"{x:g}"


def _wan(k: float) -> str:
    return f"{_n(k)}千" if k < 10 else f"{_n(k / 10)}万"


def written(form: str, lo: float, hi: float) -> Written:
    """Write the monthly range lo..hi (thousand yuan) in one form."""
    a, b = lo * 1000, hi * 1000
    months = {"k13": 13, "k14": 14, "k16": 16, "split13": 13}.get(form)
    raw = {
        "k": f"{_n(lo)}-{_n(hi)}K",
        "k13": f"{_n(lo)}-{_n(hi)}K·13薪",
        "k14": f"{_n(lo)}-{_n(hi)}K·14薪",
        "k16": f"{_n(lo)}-{_n(hi)}K·16薪",
        "wan": f"{_n(lo)}-{_n(hi)}千/月" if hi < 10 else f"{_n(lo / 10)}-{_n(hi / 10)}万/月",
        "qian": f"{_wan(lo)}-{_wan(hi)}",
        "bare": f"{a:.0f}-{b:.0f}",
        "yuan": f"{a:.0f}-{b:.0f}元/月",
        "kk": f"{_n(lo)}k-{_n(hi)}k",
        "split": f"{a:.0f}|{b:.0f}|",
        "split13": f"{a:.0f}|{b:.0f}|13",
        "swapped": f"{b:.0f}|{a:.0f}|",
    }.get(form)
    if raw is not None:
        return Written(raw, low=a, high=b, months=months)
    if form in ("year", "year_salary"):
        y, z = lo * 1.2, hi * 1.2
        raw = f"{_n(y)}-{_n(z)}万/年" if form == "year" else f"年薪{_n(y)}-{_n(z)}万"
        return Written(raw, low=y * 10000, high=z * 10000, unit="year")
    if form == "above":
        return Written(f"{_n(lo)}K以上", low=a)
    if form == "below":
        return Written(f"{_n(hi)}K以下", high=b)
    return Written({"negotiable": "面议"}.get(form, ""), "negotiable" if form == "negotiable" else "none", unit=None)


def pay_table() -> tuple[pl.DataFrame, dict[str, int]]:
    """All written forms as a frame (salary and truth columns), and the row where each block starts.

    Month block: row = (form * len(GRID) + level) * len(RATIOS) + ratio. Blocks 'day' and 'hour' follow.
    """
    rows: list[Written] = []
    for form in FORMS:
        for lo in GRID:
            for ratio in RATIOS:
                rows.append(written(form, lo, float(max(round(lo * ratio), int(lo) + 1))))
    starts = {"month": 0, "day": len(rows)}
    rows += [Written(f"{a}-{b}元/天", low=a, high=b, unit="day") for a, b in DAY]
    starts["hour"] = len(rows)
    rows += [Written(f"{a}-{b}元/时", low=a, high=b, unit="hour") for a, b in HOUR]
    frame = pl.DataFrame(
        {
            "salary": [r.raw for r in rows],
            "pay_status": [r.status for r in rows],
            "pay_min_fen": [None if r.low is None else round(r.low * 100) for r in rows],
            "pay_max_fen": [None if r.high is None else round(r.high * 100) for r in rows],
            "pay_unit": [r.unit for r in rows],
            "pay_months": [r.months for r in rows],
        },
        schema_overrides={"pay_min_fen": pl.Int64, "pay_max_fen": pl.Int64, "pay_months": pl.Int32},
    )
    return frame, starts
