"""The visible columns of the synthetic ads: what a crawler would have seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from gangwei.codebook import Codebook
from gangwei.synth import pay as synth_pay
from gangwei.synth import plan
from gangwei.synth.draws import below, mix
from gangwei.synth.plan import KINDS, Plan, Size, Tables
from gangwei.synth.text import LAYOUT_TABLE, G, joined, list_table, texts
from gangwei.synth.words import TIERS, Words, compile_words

I64 = npt.NDArray[np.int64]
BYTES_PER_TEXT = 1_500


@dataclass(frozen=True)
class Maker:
    """Everything a worker needs; immutable, shared by the threads."""

    seed: int
    size: Size
    words: Words
    look: Tables
    lists: I64
    pay: pa.Table
    dates: dict[str, pa.Array]
    dictionaries: dict[str, pa.Array]


def maker_of(ads: int, seed: int, book: Codebook) -> Maker:
    """Everything that parts of a made dataset of so many ads are made with."""
    words = compile_words(book)
    pay, _ = synth_pay.pay_table()
    days = pl.Series(np.datetime64(plan.FIRST_DAY) + np.arange(1000))
    education = [e for step in synth_pay.EDUCATION for e in step]
    fam = words.families
    employers = words.employers
    text = pa.string()
    return Maker(
        seed=seed,
        size=Size.of(ads, seed),
        words=words,
        look=plan.tables(words),
        lists=list_table(words),
        pay=pay.to_arrow().cast(
            pa.schema([(c, text if pay[c].dtype == pl.String else pay[c].to_arrow().type) for c in pay.columns])
        ),
        dates={f: pa.array(days.dt.strftime(f).to_list(), text) for f in ("%Y-%m-%d", "%Y/%m/%d", "%m-%d")},
        dictionaries={
            "board": pa.array(synth_pay.BOARDS, text),
            "kind": pa.array(KINDS, text),
            "education": pa.array([e[0] for e in education], text),
            "education_truth": pa.array([e[1] for e in education], text),
            "experience": pa.array([e[0] for e in synth_pay.EXPERIENCE], text),
            "experience_min_months": pa.array([e[1] for e in synth_pay.EXPERIENCE], pa.int32()),
            "experience_max_months": pa.array([e[2] for e in synth_pay.EXPERIENCE], pa.int32()),
            "city": pa.array([p.city for p in words.places], text),
            "district": pa.array([p.district for p in words.places], text),
            "adcode": pa.array([p.adcode for p in words.places], text),
            "county_adcode": pa.array([p.county for p in words.places], text),
            "place_status": pa.array([p.status for p in words.places], text),
            "tier": pa.array(TIERS, text),
            "family": pa.array([f["id"] for f in fam], text),
            "role": pa.array([f.get("role") for f in fam], text),
            "subfields": pa.array(["|".join(f.get("subfields", [])) for f in fam], text),
            "defence": pa.array([e["defence"] or "none" for e in employers], text),
            "defence_group": pa.array([e["defence_group"] or None for e in employers], text),
            "real": pa.array([e["id"] for e in employers], text),
            "seniority": pa.array([None, "junior", "senior", "senior", "intern"], text),
            "trap": pa.array([f.get("trap") for f in fam], text),
        },
    )


def _strings(buffers: tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]], count: int) -> pa.StringArray:
    ends, data = buffers
    return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(data))


def _join(m: Maker, shift: I64, *columns: I64) -> pa.StringArray:
    """Concatenate fragments row by row; negative = nothing."""
    ids = np.stack(columns, axis=1)
    out, ends = np.empty(len(ids) * 160, np.uint8), np.empty(len(ids) + 1, np.int32)
    used = joined(ids, shift, m.words.offsets, m.words.data, out, ends)
    if used < 0:
        raise ValueError("a list of short words is longer than the buffer of 160 bytes an ad")
    return _strings((ends, out[:used]), len(ids))


def _glue(m: Maker, word: str) -> int:
    return m.words.lists["glue"][0] + G[word]


def _title(m: Maker, p: Plan, shift: I64) -> pa.StringArray:
    none = np.full(len(p.number), -1)
    before = np.select(
        [p.level == 1, p.level == 2, p.level == 3], [_glue(m, "初级"), _glue(m, "高级"), _glue(m, "资深")], none
    )
    before = np.where(p.english & (p.level == 2), _glue(m, "Senior "), before)
    after = np.where(p.level == 4, _glue(m, "（实习）"), none)
    tail = np.where(p.title_tail >= 0, m.words.lists["titles_tail"][0] + p.title_tail, none)
    return _join(m, shift, before, p.title, after, tail)


def _company(m: Maker, p: Plan, shift: I64) -> pa.StringArray:
    """Employer name as the ad shows it: full, without form, branch, brackets round the place, or padded."""
    lists = m.words.lists
    none = np.full(len(p.number), -1)
    real = plan.real_employer(p.employer, len(m.words.employers))
    na, nb, nt, places = (lists[k][1] for k in ("brand_a", "brand_b", "trades", "city_names"))
    places = min(places, 30)
    code = (p.employer * 1_000_003) % (na * nb * nt * places)
    a, b = lists["brand_a"][0] + code % na, lists["brand_b"][0] + code // na % nb
    trade = lists["trades"][0] + code // (na * nb) % nt
    place = lists["city_names"][0] + code // (na * nb * nt) % places
    form = lists["forms"][0] + below(mix(code.astype(np.uint64), 1), 2, lists["forms"][1])
    bracket = p.name_form == 2
    agency, anonymous = p.agency >= 0, p.anonymous >= 0
    branch = (p.name_form == 3) & ~agency & ~anonymous
    open_, close = _glue(m, "（"), _glue(m, "）")
    columns = [
        np.where(bracket, none, place), a, b, trade,
        np.where(bracket, open_, none), np.where(bracket, place, none), np.where(bracket, close, none),
        np.where(p.name_form == 1, none, form),
        np.where(branch, lists["city_names"][0] + p.city, none),
        np.where(branch, _glue(m, "分公司"), none),
        np.where(p.name_form == 4, _glue(m, " "), none),
    ]  # fmt: skip
    whole = real >= 0
    columns = [np.where(whole, none, c) if i < 8 else c for i, c in enumerate(columns)]
    columns[1] = np.where(whole, lists["real_employers"][0] + real, columns[1])
    if agency.any() or anonymous.any():
        hidden = agency | anonymous
        columns = [np.where(hidden, none, c) for c in columns]
        columns[0] = np.where(agency, lists["city_names"][0] + p.agency % 30, columns[0])
        columns[1] = np.where(agency, lists["agency_brand"][0] + p.agency // 30 % lists["agency_brand"][1], columns[1])
        columns[2] = np.where(agency, lists["agency_form"][0] + p.agency // 180 % lists["agency_form"][1], columns[2])
        columns[1] = np.where(anonymous, lists["anonymous"][0] + p.anonymous, columns[1])
    unnamed = ~p.named & ~agency & ~anonymous
    return _join(m, shift, *(np.where(unnamed, none, c) for c in columns))


def _address(m: Maker, p: Plan) -> pa.StringArray:
    lists = m.words.lists
    none = np.full(len(p.number), -1)
    has = p.address >= 0
    street = lists["streets"][0] + p.address % lists["streets"][1]
    number = lists["numbers"][0] + p.address // 16 % lists["numbers"][1]
    site = lists["sites"][0] + p.address // 2048 % lists["sites"][1]
    city = np.where(p.address % 2 == 0, lists["city_names"][0] + p.city, none)
    parts = (city, np.where(city >= 0, _glue(m, "市"), none), street, number, np.full_like(none, _glue(m, "号")), site)
    return _join(m, np.zeros_like(none), *(np.where(has, c, none) for c in parts))


def _tags(m: Maker, p: Plan) -> pa.StringArray:
    start, count = m.words.lists["benefits"]
    none, bar = np.full(len(p.number), -1), np.full(len(p.number), _glue(m, "|"))
    words = [start + (p.tags + 5 * i) % count for i in range(3)]
    has = p.tags >= 0
    parts = (words[0], bar, words[1], bar, words[2])
    return _join(m, np.zeros_like(none), *(np.where(has, c, none) for c in parts))


def _description(m: Maker, p: Plan) -> pa.StringArray:
    count = len(p.number)
    ends = np.empty(count + 1, np.int32)
    room = BYTES_PER_TEXT
    while True:
        out = np.empty(count * room + 100_000, np.uint8)
        used = texts(
            p.parameters, m.lists, m.words.fam, LAYOUT_TABLE, m.words.offsets, m.words.data, m.words.half, out, ends
        )
        if used >= 0:
            return _strings((ends, out[:used]), count)
        room *= 2


def _posted(m: Maker, p: Plan) -> pa.Array:
    """Posting dates: ISO, slashes, without a year, 'N天前', or missing."""
    iso = m.dates["%Y-%m-%d"].take(pa.array(p.posted))
    slash = m.dates["%Y/%m/%d"].take(pa.array(p.posted))
    short = m.dates["%m-%d"].take(pa.array(p.posted))
    ago = pa.array([f"{n}天前" for n in range(200)], pa.string()).take(pa.array(np.minimum(p.captured - p.posted, 199)))
    frame = pl.DataFrame({"f": p.posted_form, "0": iso, "1": slash, "2": short, "3": ago})
    chosen = pl.when(pl.col("f") == 0).then("0").when(pl.col("f") == 1).then("1").when(pl.col("f") == 2).then("2")
    series = frame.select(chosen.when(pl.col("f") == 3).then("3").otherwise(pl.lit("")).alias("p")).to_series()
    return series.to_arrow().cast(pa.string())


def ads_of(m: Maker, p: Plan) -> pa.Table:
    """The visible columns of one chunk."""
    shift = np.where(p.traditional, m.words.half, 0)
    take = m.dictionaries
    place, board = pa.array(p.place), take["board"].take(pa.array(p.board))
    ids = ids_of(p)
    url = pl.select(
        pl.concat_str(pl.lit("https://"), pl.Series(board), pl.lit(".example/job/"), pl.Series(ids), pl.lit(".html"))
    ).to_series()
    return pa.table(
        {
            "id": ids,
            "board": board,
            "url": url.to_arrow().cast(pa.string()),
            "title": _title(m, p, shift),
            "company": _company(m, p, shift),
            "city": take["city"].take(place),
            "district": take["district"].take(place),
            "address": _address(m, p),
            "salary": m.pay["salary"].combine_chunks().take(pa.array(p.pay)),
            "education": take["education"].take(pa.array(p.education)),
            "experience": take["experience"].take(pa.array(p.experience)),
            "description": _description(m, p),
            "posted": _posted(m, p),
            "captured": m.dates["%Y-%m-%d"].take(pa.array(p.captured)),
            "tags": _tags(m, p),
        }
    )


def ids_of(p: Plan) -> pa.Array:
    number = pl.Series(p.number).cast(pl.String).str.zfill(10)
    return pl.select(pl.concat_str(pl.lit("S"), number)).to_series().to_arrow().cast(pa.string())
