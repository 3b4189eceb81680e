"""s5: ads to openings, spells and campaigns.

`sign` makes compact signatures part by part; `match` clusters them. An opening is one employer, one role and one work
city, whatever the board; a spell is an opening advertised again after a gap; a campaign is one role text of one
employer in several cities. Nothing is deleted: every ad keeps its relation, reason, score and the ad it was matched to.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from gangwei.codebook import Codebook
from gangwei.kernels.hash_lists import hashes
from gangwei.kernels.hashing import hash_addresses, hash_strings, mix
from gangwei.kernels.lookup import Lookup
from gangwei.kernels.match import judging
from gangwei.kernels.match.abroad import Abroad, compile_abroad
from gangwei.kernels.match.ledger import contradiction
from gangwei.kernels.match.openings import NONE_DAY, Openings, block_of
from gangwei.kernels.match.packed import Packed, Shelf, pack
from gangwei.kernels.match.title import compile_titles
from gangwei.kernels.match.title_memo import TitleMemo
from gangwei.kernels.signature import LEFT_OUT, sample_grams
from gangwei.schema import EDUCATION, I32, U64, Column, Table
from gangwei.store import open_parquet, read_tables

S = TypeVar("S")
T = TypeVar("T")
U8 = pl.UInt8()
GRAMS = pl.Binary()
BOX, BOXES = 60_000, 256  # ads in a box, about, so that they stay in the processor's cache; boxes at most

SIGNATURE = Table(
    "signature",
    "Row-aligned with clean: what matching needs of an ad.",
    (
        Column("employer", U64, "hash of the employer id; 0 = none named"),
        Column("brand", U64, "hash of the employer's brand key; 0 = none"),
        Column("flags", U8, "1 anonymous, 2 agency, 4 no name"),
        Column(
            "city",
            U64,
            "hash of the prefecture-level unit, of the set of units or of the name of a place abroad; 0 = unknown",
        ),
        Column("title_key", U64, "hash of the title core; 0 = no title"),
        Column("bag", GRAMS, "sorted tokens of the title core, 32 bits each"),
        Column("level", U8, "level word, twice its rank; 0 = none"),
        Column("heads", pl.UInt32(), "kinds of position"),
        Column("functions", pl.UInt32(), "fields of work"),
        Column("place", U64, "place named by the title; 0 = none"),
        Column("code", U64, "code of the position in the title; 0 = none"),
        Column("pay_lo", I32, "lower bound, yuan a month or a day"),
        Column("pay_hi", I32, "upper bound"),
        Column("pay_kind", U8, "0 unknown, 1 month, 2 day"),
        Column("education", pl.Int8(), "rank of the education asked for; -1 = unknown"),
        Column("experience", pl.Int16(), "months of experience asked for; -1 = unknown"),
        Column("first_day", I32, "first day of the live window, days since 1970; -2^31 = unknown"),
        Column("last_day", I32, "last day of the live window"),
        Column("job", U64, "hash of board and the board's own id; 0 = none"),
        Column("url", U64, "hash of the address without its query; 0 = none"),
        Column("address", U64, "hash of the building in the street address; 0 = none"),
        Column("source_key", U64, "hash of the input's own key"),
        Column("text_hash", U64, "hash of the compared text; 0 = none"),
        Column("rate", U8, "sampling rate of the text in bits"),
        Column("grams", GRAMS, "sampled 4-gram hashes, sorted, 32 bits each"),
    ),
)
SKETCH = {"text_hash": "sketch_hash", "rate": "sketch_rate", "grams": "sketch"}  # from clean, as they are
SIGNED = Table(
    "signed", "SIGNATURE without what clean holds.", tuple(c for c in SIGNATURE.columns if c.name not in SKETCH)
)

CLEAN = [
    "source_key", "board", "url", "title", "captured_date", "posted_date", "date_precision", "company",
    "city", "address", "pay_status", "pay_min_fen", "pay_max_fen", "pay_unit", "pay_censored", "education",
    "experience_min_months",
]  # fmt: skip
JUDGED = ("source_key_a", "source_key_b")  # columns of the ledger
LOCATED = ["place_status", "adcode", "places", "place_rule"]
ABROAD = "city.foreign"
"""Rule of a place whose city field names one abroad"""
# hashes do not compress and hold nothing twice
WRITTEN: dict[str, Any] = {
    "compression": {c: "none" if c == "grams" else "lz4" for c in SIGNATURE.polars},
    "use_dictionary": False,
    "write_statistics": False,
}


@dataclass(frozen=True)
class Rules:
    """Compiled definitions: title words, parameters and the ledger of judgements."""

    memo: TitleMemo
    params: npt.NDArray[np.float64]
    stock: int
    window_days: int
    areas: str
    building: str
    abroad: Abroad
    pay_units: dict[str, tuple[int, float]]
    """Kind of pay (1 by the month, 2 by the day) of each unit, and how many of these it lasts"""
    same: tuple[tuple[int, int], ...]
    apart: tuple[tuple[int, int], ...]


def compile_rules(book: Codebook) -> Rules:
    """Rules from definitions/openings.

    Raises:
        ValueError: a judgement has an unknown verdict, or two judgements contradict each other.
    """
    toml = book.toml("openings/match.toml")
    params = [toml[section][key] for section, key in (name.split(".") for name in judging.PARAMS)]
    rows = book.rows("openings/judgements.csv")
    for row in rows:
        if row["verdict"] not in ("same", "apart"):
            raise ValueError(f"openings/judgements.csv {row['id']}: verdict {row['verdict']!r} is not same or apart")
    if wrong := contradiction(rows, *JUDGED):
        raise ValueError(f"openings/judgements.csv: {wrong}")
    one, other = (hash_strings(pl.Series([r[k] for r in rows], dtype=pl.String)).tolist() for k in JUDGED)
    keys = {
        verdict: tuple((a, b) for a, b, r in zip(one, other, rows) if r["verdict"] == verdict)
        for verdict in ("same", "apart")
    }
    return Rules(
        TitleMemo(compile_titles(book)), np.array(params, np.float64), int(toml["hidden"]["stock_employers"]),
        int(toml["spells"]["window_days"]), "|".join((r"[^\p{Han}]", *toml["address"]["areas"])),
        f"^(.{{{toml['address']['named']},}}?(?:{'|'.join(toml['address']['buildings'])}))", compile_abroad(book),
        {unit: (kind, by) for kind, name in enumerate(("months", "days"), 1) for unit, by in toml["pay"][name].items()},
        keys["same"], keys["apart"],
    )  # fmt: skip


def _hash(values: pl.Series) -> npt.NDArray[np.uint64]:
    out = hash_strings(values.fill_null(""))
    out[(values.is_null() | (values == "")).to_numpy()] = 0
    return out


class EmployerKeys:
    """Keys of the employer behind each name as written."""

    def __init__(self, names: pl.DataFrame) -> None:
        """`names`: stage_tables.EMPLOYER_NAMES_STAGE."""
        self.known = Lookup(names["name_raw"])
        anonymous, agency = (names[c].fill_null(False).cast(U8) for c in ("is_anonymous", "is_agency"))
        columns = (_hash(names["employer_id"]), _hash(names["brand_key"]), (anonymous + agency * 2).to_numpy())
        self.employer, self.brand, self.flags = (np.append(c, c.dtype.type(0)) for c in columns)

    def of(self, company: pl.Series) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
        """Hash of employer and brand, and flags, of each name."""
        at = self.known.find(company)
        employer, brand = self.employer[at], self.brand[at]
        flags = np.where(employer == 0, np.uint8(judging.NO_NAME), self.flags[at])
        brand[(flags & judging.ANONYMOUS) != 0] = 0
        return employer, brand, flags


def sign(clean: pl.DataFrame, located: pl.DataFrame, employers: EmployerKeys, rules: Rules) -> pl.DataFrame:
    """SIGNATURE, row j for row j of `clean`.

    Args:
        clean: stage_tables.CLEAN, at least the columns CLEAN, text and sections; `located`: the columns LOCATED of stage_tables.LOCATED,
            row-aligned.
    """
    grams, ends, rate, text_hash = sample_grams(clean["text"], *_drops(clean["sections"]))
    own = signed(clean, located, employers, rules)
    return own.with_columns(text_hash=text_hash, rate=rate, grams=hashes(grams, ends)).select([*SIGNATURE.polars])


def signed(clean: pl.DataFrame, located: pl.DataFrame, employers: EmployerKeys, rules: Rules) -> pl.DataFrame:
    """SIGNED, row j for row j of `clean`: all of a signature but what comes from the text.

    Args:
        clean: at least the columns CLEAN of stage_tables.CLEAN; `located`: the columns LOCATED of stage_tables.LOCATED, row-aligned.
    """
    title = rules.memo.of(clean["title"])
    employer, brand, flags = employers.of(clean["company"])
    source_key = _hash(clean["source_key"])
    return pl.DataFrame(
        {
            "employer": employer,
            "brand": brand,
            "flags": flags,
            "city": _city(located, clean["city"], rules.abroad),
            **title,
            **_pay(clean, rules.pay_units),
            "education": clean["education"].cast(pl.Enum(EDUCATION)).to_physical().cast(pl.Int8).fill_null(-1),
            "experience": clean["experience_min_months"].clip(0, 600).cast(pl.Int16).fill_null(-1),
            **_window(clean),
            "job": np.where(source_key == 0, 0, mix(_hash(clean["board"].fill_null("")), source_key)),
            "url": hash_addresses(clean["url"]),
            "address": _hash(
                clean["address"].str.slice(0, 80).str.replace_all(rules.areas, "").str.extract(rules.building)
            ),
            "source_key": source_key,
        },
        schema=SIGNED.polars,
        strict=False,
    )


def _drops(sections: pl.Series) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    frame = sections.alias("s").to_frame().with_row_index("row").explode("s").drop_nulls("s").unnest("s")
    longest = pl.col("kind").replace_strict(LEFT_OUT, default=0, return_dtype=I32)
    frame = frame.filter(pl.col("end") - pl.col("start") <= longest)
    ptr = np.zeros(len(sections) + 1, np.int64)
    np.cumsum(np.bincount(frame["row"].to_numpy(), minlength=len(sections)), out=ptr[1:])
    return ptr, frame["start"].to_numpy().astype(np.int64), frame["end"].to_numpy().astype(np.int64)


def _city(located: pl.DataFrame, written: pl.Series, names: Abroad) -> npt.NDArray[np.uint64]:
    code = located["adcode"]
    abroad = (located["place_rule"] == ABROAD).fill_null(False).arg_true()
    if len(abroad):
        code = code.scatter(abroad, names.named(written.gather(abroad)))
    several = (located["place_status"] == "multi").fill_null(False)
    if several.any():
        sets = located.filter(several).select(
            pl.col("places").list.eval(pl.element().struct.field("adcode")).list.sort().list.join(",")
        )["places"]
        index = np.flatnonzero(several.to_numpy())
        code = code.scatter(index, sets)
    return _hash(code)


def _pay(clean: pl.DataFrame, units: dict[str, tuple[int, float]]) -> dict[str, pl.Series]:
    kind = pl.col("pay_unit").replace_strict({k: v[0] for k, v in units.items()}, default=0, return_dtype=U8)
    by = pl.col("pay_unit").replace_strict({k: v[1] for k, v in units.items()}, default=1.0, return_dtype=pl.Float64)
    ok = (
        (pl.col("pay_status") == "ok")
        & pl.col("pay_min_fen").is_not_null()
        & pl.col("pay_max_fen").is_not_null()
        & pl.col("pay_censored").is_null()
    )

    def yuan(fen: str) -> pl.Expr:
        return pl.when(ok).then(pl.col(fen) / 100 / by).otherwise(0).fill_null(0).clip(0, 1e8).round().cast(I32)

    bounds = clean.select(
        pay_kind=pl.when(ok).then(kind).otherwise(0).fill_null(0),
        pay_lo=yuan("pay_min_fen"),
        pay_hi=yuan("pay_max_fen"),
    )
    # some boards write the lower bound of a band as 7001 where others write 7000
    bounds = bounds.with_columns((pl.col("pay_lo") - (pl.col("pay_lo") % 500 == 1)).cast(I32))
    return {c: bounds[c] for c in bounds.columns}


def _window(clean: pl.DataFrame) -> dict[str, pl.Series]:
    posted = pl.when(pl.col("date_precision") == "day").then(pl.col("posted_date")).cast(I32)
    seen = pl.col("captured_date").cast(I32)
    days = clean.select(
        pl.min_horizontal(posted, seen).fill_null(NONE_DAY).alias("first_day"),
        pl.max_horizontal(posted, seen).fill_null(NONE_DAY).alias("last_day"),
    )
    return {c: days[c] for c in days.columns}


def match(
    signatures: pl.DataFrame, rules: Rules, *, window_days: int | None = None, threshold: float | None = None
) -> pl.DataFrame:
    """Openings, spells and campaigns of a set of ads.

    Args:
        signatures: SIGNATURE columns with `ad_no` (Int64, position in canonical order) and `ad_id` (UInt64, unique).
        window_days: gap that starts a new spell.
        threshold: replaces opening.same_title of match.toml; the other text thresholds move with it.

    Returns:
        stage_tables.MATCHED columns and `ad_no`, in the order of `signatures`. The result does not depend on that order.
    """
    window = rules.window_days if window_days is None else window_days
    return next(found_in(signatures, tuned(rules, threshold)).finish(signatures["ad_no"].to_numpy(), window))


def found_in(signatures: pl.DataFrame, rules: Rules) -> Openings:
    """Openings of a set of ads, to be finished with any window; `signatures` as in `match`."""
    table = signatures.to_arrow(compat_level=pl.CompatLevel.oldest())
    found = Openings(signatures["ad_id"].to_numpy(), rules.params, rules.stock)
    found.note(table, 0)
    rows = pack(table, np.arange(signatures.height))
    leads = found.cluster(rows)
    found.judge(rules.same, rules.apart)
    found.link(rows.take(leads))
    found.close()
    return found


def tuned(rules: Rules, threshold: float | None) -> Rules:
    """Rules whose text thresholds of an opening are moved so that opening.same_title becomes `threshold`."""
    if threshold is None:
        return rules
    params = rules.params.copy()
    moved = [judging.SAME_TITLE, judging.SAME_TITLE_LOW, judging.NO_PAY_LOW, judging.SHORTER_TITLE]
    moved += [judging.SHORTER_TITLE_PAY, judging.GENERIC_TITLE, judging.LEVEL_TEXT, judging.CITY_UNKNOWN]
    params[moved] = np.clip(params[moved] + threshold - params[judging.SAME_TITLE], 0.0, 0.999)
    return replace(rules, params=params)


def signatures(signed: Path, clean: Path | None) -> Iterator[pa.Table]:
    """SIGNATURE by row group, of a file of SIGNED and the clean part it was made of, or of a file of SIGNATURE."""
    if clean is None:
        yield from read_tables(signed)
        return
    for own, texts in zip(read_tables(signed), read_tables(clean, list(SKETCH.values())), strict=True):
        columns = [*own.columns, *(texts.column(c) for c in SKETCH.values())]
        yield pa.Table.from_arrays(columns, names=[*own.column_names, *SKETCH])


def match_parts(
    paths: Sequence[Path],
    ad_keys: npt.NDArray[np.uint64],
    rules: Rules,
    window_days: int | None = None,
    threshold: float | None = None,
    threads: int = 1,
    seen: Callable[[pa.Table, int], None] | None = None,
    cleans: Sequence[Path] | None = None,
    held: int = 512 << 20,
) -> Iterator[pl.DataFrame]:
    """Match signature files that together hold all ads in canonical order; stage_tables.MATCHED, a frame for each file.

    The files hold SIGNATURE, or SIGNED where `cleans` are the clean parts they were made of.

    Ads are put into boxes of whole employers and clustered box by box, then the representatives into boxes of whole
    cities and linked, `threads` files or boxes at a time; boxes beyond `held` bytes wait in a folder beside the files.
    The result does not depend on the number of boxes or threads. `seen` is called with each table of signatures and the
    position of its first ad, in order.
    """
    rules = tuned(rules, threshold)
    found = Openings(ad_keys, rules.params, rules.stock)
    boxes = min(BOXES, max(1, -(-int(ad_keys.size) // BOX)))
    cuts = np.cumsum([0, *(open_parquet(p).metadata.num_rows for p in paths)])
    window = rules.window_days if window_days is None else window_days
    with (
        tempfile.TemporaryDirectory(prefix=".match-", dir=paths[0].parent if paths else None) as spill,
        ThreadPoolExecutor(threads, thread_name_prefix="gangwei-boxes") as pool,
    ):
        ads, leads = (Shelf(Path(spill), name, boxes, held, pool) for name in ("ads", "leads"))

        def load(part: tuple[Path, Path | None, int]) -> list[tuple[pa.Table, int, list[tuple[int, Packed]]]]:
            path, clean, at = part
            loaded = []
            for table in signatures(path, clean):
                found.note(table, at)
                rows = pack(table, np.arange(at, at + table.num_rows))
                loaded.append((table, at, ads.sort(rows, block_of(rows) % np.uint64(boxes))))
                at += table.num_rows
            return loaded

        def cluster(box: int) -> list[tuple[int, Packed]]:
            rows = ads.take(box)
            made = found.cluster(rows)
            return leads.sort(rows, rows.facts[:, judging.CITY].view(np.uint64) % np.uint64(boxes), made)

        def link(box: int) -> None:
            found.link(leads.take(box))

        parts = zip(paths, cleans or repeat(None), cuts.tolist())
        for loaded in _ahead(pool, threads, load, parts):
            for table, at, pieces in loaded:
                if seen is not None:
                    seen(table, at)
                ads.add(pieces)
        ads.wait()
        for pieces in _ahead(pool, threads, cluster, range(boxes)):
            leads.add(pieces)
        leads.wait()
        found.judge(rules.same, rules.apart)
        for _ in _ahead(pool, threads, link, range(boxes)):
            pass
        found.close()
        for frame in found.finish(np.arange(ad_keys.size), window, cuts, partial(_ahead, pool, threads)):
            yield frame.drop("ad_no")


def _ahead(pool: ThreadPoolExecutor, threads: int, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """What `work` makes of each item, in order; `threads` items at a time, one more read ahead."""
    waiting: deque[Future[T]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > threads:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
