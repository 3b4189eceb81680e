"""The tables laid over a dataset for counting: small ones of employers, boards and clusters, and the fact tables.

A fact table has one row for each opening (or ad) and place, sorted by employer, so that sums by employer are runs of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb

from gangwei import schema
from gangwei.frame.columns import (
    CODES,
    FLAGS,
    LABEL_CLASS_SQL,
    LABEL_CLASSES,
    MISSING,
    MUNICIPAL,
    OPEN_CODES,
    SECTORS,
    UNIT,
)

TEXT_BIT = 1 << list(MISSING).index("text")
Clusters = Mapping[str, Mapping[str, frozenset[int]]]

_MID = (
    "CASE WHEN a.pay_status = 'ok' AND a.pay_min_fen IS NOT NULL AND a.pay_max_fen IS NOT NULL "
    "THEN (a.pay_min_fen + a.pay_max_fen) // 2 END"
)
_MONTH = f"CASE WHEN a.pay_unit = 'month' THEN {_MID} END"
_DAY = "CASE WHEN a.date_precision = 'day' THEN a.posted_date END"
_IN_MONTH = "CASE WHEN a.date_precision = 'month' THEN a.posted_date END"
_IN_YEAR = "CASE WHEN a.date_precision IN ('month', 'year') THEN a.posted_date END"
_YEAR = f"CASE WHEN a.pay_unit = 'month' THEN ({_MID}) * coalesce(a.pay_months, 12) WHEN a.pay_unit = 'year' THEN {_MID} END"
# The one city of an ad stands in its row; what `ad_places` adds are places that share an ad, and provinces.
_NEEDED = f"weight < 1 OR (adcode LIKE '%0000' AND CAST(adcode AS INTEGER) NOT IN {MUNICIPAL})"
_SECTOR_SQL = {
    "defence": "e.defence IN ('group', 'subsidiary', 'university', 'institute')",
    "supplier": "e.defence = 'supplier_known'",
    "surveillance": "e.surveillance_company",
    "state_owned": "e.state_owned",
    "university": "e.kind = 'university'",
    "agency": "e.is_agency",
    "anonymous": "e.is_anonymous",
}


def sql_type(column: schema.Column) -> str:
    """The SQL type of a declared column."""
    name = str(column.type)
    simple = {
        "String": "VARCHAR",
        "Boolean": "BOOLEAN",
        "Int64": "BIGINT",
        "Int32": "INTEGER",
        "Float64": "DOUBLE",
        "Date": "DATE",
    }
    return simple.get(name, "VARCHAR[]" if name == "List(String)" else "VARCHAR")


def learn_codes(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, ...]]:
    """Make the enumerations of closed and learned codes; returns the values of the learned ones."""
    enums = {k: v for k, (_, v) in CODES.items()} | {"label_class": LABEL_CLASSES}
    for name, values in enums.items():
        con.execute(f"CREATE TYPE e_{name} AS ENUM ({', '.join(repr(v) for v in values)})")
    nothing = "SELECT '-'"
    some = con.execute("SELECT count(*) FROM board_no").fetchall()[0][0]
    con.execute(f"CREATE TYPE e_board AS ENUM ({'SELECT board FROM board_no ORDER BY board' if some else nothing})")
    out: dict[str, tuple[str, ...]] = {}
    for name, sql in OPEN_CODES.items():
        alias, column = sql.split(".")
        table = {"a": "ads", "e": "employers"}[alias]
        learned = f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY 1 LIMIT 5000"
        out[name] = tuple(r[0] for r in con.execute(learned).fetchall())
        con.execute(f"CREATE TYPE e_{name} AS ENUM ({learned if out[name] else nothing})")
    return out


def lay_out(con: duckdb.DuckDBPyConnection, bits: Mapping[str, int], clusters: Clusters) -> dict[str, tuple[str, ...]]:
    """Make the small tables: employers and pay by number, boards and their bits, clusters, affiliations."""
    con.execute(
        "CREATE TABLE employer_no AS SELECT CAST(row_number() OVER (ORDER BY employer_id) - 1 AS INTEGER) AS emp_no, employer_id FROM employers"
    )
    con.execute("CREATE TABLE board_no (board VARCHAR, bit BIGINT)")
    if bits:
        con.execute("INSERT INTO board_no SELECT unnest($1), unnest($2)", [list(bits), list(bits.values())])
    learned = learn_codes(con)
    con.execute("CREATE TABLE cluster_member (scope VARCHAR, cluster VARCHAR, adcode INTEGER, no SMALLINT)")
    names = cluster_names(clusters)
    members = [
        [s, c, a, names.index(c)] for s, cs in clusters.items() for c, codes in cs.items() for a in sorted(codes)
    ]
    if members:
        con.execute(
            "INSERT INTO cluster_member SELECT unnest($1), unnest($2), unnest($3), unnest($4)",
            [list(x) for x in zip(*members)],
        )
    con.execute(
        "CREATE TABLE affiliation AS SELECT n.emp_no, a.tier, CASE a.tier WHEN 'T1' THEN 1 WHEN 'T2' THEN 2 "
        "WHEN 'T3' THEN 4 WHEN 'T4' THEN 8 WHEN 'T5' THEN 16 ELSE 0 END AS bit, a.list_id, a.valid_from, a.valid_to "
        "FROM affiliations a JOIN employer_no n ON n.employer_id = a.employer_id"
    )
    con.execute(
        f"CREATE TABLE pay_no AS SELECT fen, CAST(row_number() OVER (ORDER BY fen) - 1 AS INTEGER) AS no FROM "
        f"(SELECT DISTINCT {_MONTH} AS fen FROM ads a UNION SELECT DISTINCT {_YEAR} FROM ads a) WHERE fen IS NOT NULL"
    )
    return learned


def cluster_names(clusters: Clusters) -> list[str]:
    """Clusters of all scopes by their number."""
    return sorted({c for cs in clusters.values() for c in cs})


# What two ads of one opening have in common when one is an exact copy of the other, beside their text.
_ALIKE = "a.opening_id, a.employer_id, a.title, a.adcode, a.county_adcode, a.pay_min_fen, a.pay_max_fen, a.pay_unit, a.pay_months"


@dataclass(frozen=True)
class _Grain:
    """What a fact table has of its own, as SQL: how openings are joined, some columns, and further joins."""

    openings: str
    board_mask: str
    dates: str
    text_bit: str
    is_exact_copy: str
    joins: str


# Which of them have a text takes reading the texts: that is left to the question. An opening none of whose ads has a full
# date stands in the first month, or the first year, that one of them names.
_OPENINGS = _Grain(
    openings="JOIN",
    board_mask="coalesce(m.mask, b.bit, 0)",
    dates="o.first_date, o.last_date, CAST(o.n_ads AS INTEGER) AS n_ads, r.in_month, r.in_year",
    text_bit="",
    is_exact_copy="false",
    joins=f"""
          LEFT JOIN (SELECT x.opening_id, bit_or(y.bit) AS mask FROM ads x JOIN board_no y ON y.board = x.board
            WHERE x.opening_id IN (SELECT opening_id FROM openings WHERE n_ads > 1) GROUP BY 1) m ON m.opening_id = o.opening_id
          LEFT JOIN (SELECT a.opening_id, min({_IN_MONTH}) AS in_month, min({_IN_YEAR}) AS in_year FROM ads a
            WHERE a.date_precision IN ('month', 'year') GROUP BY 1) r ON r.opening_id = o.opening_id""",
)


def _ads(texts: bool) -> _Grain:
    text = "x.shape" if texts else "a.match_score"
    return _Grain(
        openings="LEFT JOIN",
        board_mask="coalesce(b.bit, 0)",
        dates=f"coalesce({_DAY}, a.captured_date) AS first_date, coalesce(a.captured_date, {_DAY}) AS last_date, 1 AS n_ads, "
        f"{_IN_MONTH} AS in_month, {_IN_YEAR} AS in_year",
        text_bit=f" | CASE WHEN x.row_no IS NULL THEN {TEXT_BIT} ELSE 0 END",
        is_exact_copy=f"row_number() OVER (PARTITION BY {_ALIKE}, {text} ORDER BY a.ad_id) > 1",
        joins="LEFT JOIN has_text x ON x.row_no = a.file_row_number",
    )


def _mask(conditions: Iterable[str]) -> str:
    """One bit for each condition, the first the lowest."""
    return " + ".join(f"CASE WHEN {sql} THEN {1 << i} ELSE 0 END" for i, sql in enumerate(conditions))


def _base(grain: _Grain) -> str:
    """One row for each opening or ad: all columns but those of its places."""
    coded = {c: sql for c, (sql, _) in CODES.items()} | OPEN_CODES
    codes = ", ".join(f"TRY_CAST({sql} AS e_{c}) AS {c}" for c, sql in coded.items())
    flags = ", ".join(f"{sql} AS {c}" for c, sql in FLAGS.items())
    subfields = _mask(f"list_contains(a.ai_subfields, '{s}')" for s in schema.AI_SUBFIELDS)
    return f"""
          SELECT CAST(a.file_row_number AS INTEGER) AS row_no, a.ad_id, CAST(coalesce(e.emp_no, -1 - a.file_row_number) AS INTEGER) AS emp_no,
            TRY_CAST(a.board AS e_board) AS board, {grain.board_mask} AS board_mask, {codes}, {flags},
            CAST({LABEL_CLASS_SQL} AS e_label_class) AS label_class, CAST(round(coalesce(a.ai_score, 0) * 10000) AS SMALLINT) AS label_score,
            ({_mask(MISSING.values())}){grain.text_bit} AS missing_mask, coalesce(k.first_ad <> a.ad_id, false) AS is_campaign_copy,
            CASE WHEN len(a.ai_subfields) > 0 THEN {subfields} ELSE 0 END AS subfield_mask,
            {_mask(_SECTOR_SQL[s] for s in SECTORS)} AS sector_mask, {grain.dates},
            CAST(coalesce(s.n_spells, 1) AS INTEGER) AS n_spells, o.first_date IS NOT NULL AS has_spell,
            {grain.is_exact_copy} AS is_exact_copy,
            {_MONTH} AS pay_month_fen, {_YEAR} AS pay_year_fen,
            TRY_CAST(a.adcode AS INTEGER) AS own_adcode,
            CASE WHEN a.place_status = 'ok' AND a.county_adcode <> a.adcode THEN TRY_CAST(a.county_adcode AS INTEGER) END AS county
          FROM ads a {grain.openings} openings o ON o.ad_id = a.ad_id
          LEFT JOIN (SELECT e.*, z.size_band, n.emp_no FROM employers e JOIN employer_no n ON n.employer_id = e.employer_id
            LEFT JOIN employer_sizes z ON z.employer_id = e.employer_id) e ON e.employer_id = a.employer_id
          LEFT JOIN board_no b ON b.board = a.board
          {grain.joins}
          LEFT JOIN (SELECT x.campaign_id, min(x.ad_id) AS first_ad FROM ads x JOIN openings y ON y.ad_id = x.ad_id
            WHERE x.campaign_id IS NOT NULL GROUP BY 1) k ON k.campaign_id = a.campaign_id
          LEFT JOIN (SELECT opening_id, max(ordinal) AS n_spells FROM spells WHERE ordinal > 1 GROUP BY 1) s ON s.opening_id = o.opening_id"""


_PLACES = f"""
          SELECT ad_id, TRY_CAST(adcode AS INTEGER) AS adcode, CAST(round(weight * {UNIT}) AS INTEGER) AS w,
            row_number() OVER (PARTITION BY ad_id ORDER BY file_row_number) AS ordinal
          FROM ad_places WHERE TRY_CAST(adcode AS INTEGER) IS NOT NULL AND ({_NEEDED})"""


def make_fact(con: duckdb.DuckDBPyConnection, name: str, *, every_ad: bool, texts: bool = True) -> None:
    """Make one fact table: of the representatives of openings, or of every ad (needs `has_text`).

    `texts`: the dataset holds texts; without them two texts are taken as one when they share as much with their match.
    """
    con.execute(
        f"""
        CREATE TABLE {name} AS
        WITH base AS ({_base(_ads(texts) if every_ad else _OPENINGS)}), places AS ({_PLACES})
        SELECT base.* EXCLUDE (ad_id, own_adcode, in_month, in_year),
          CAST(year(coalesce(base.first_date, base.in_month)) * 12 + month(coalesce(base.first_date, base.in_month)) - 1 AS SMALLINT) AS month_no,
          CAST(year(coalesce(base.first_date, base.in_year)) AS SMALLINT) AS year_no,
          pm.no AS pay_month_no, py.no AS pay_year_no, coalesce(p.adcode, base.own_adcode) AS adcode,
          (coalesce(p.adcode, base.own_adcode) // 10000) * 10000 AS province,
          CASE WHEN p.adcode IS NULL AND base.own_adcode IS NULL THEN 0 ELSE coalesce(p.w, {UNIT}) END AS w,
          coalesce(p.ordinal, 1) = 1 AS is_first
        FROM base LEFT JOIN places p ON p.ad_id = base.ad_id
        LEFT JOIN pay_no pm ON pm.fen = base.pay_month_fen LEFT JOIN pay_no py ON py.fen = base.pay_year_fen
        ORDER BY base.emp_no, base.row_no, coalesce(p.ordinal, 1)
        """
    )
