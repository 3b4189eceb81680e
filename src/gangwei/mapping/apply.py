"""Map a chunk of a file to the raw table with the rules of its source, column by column (no loop over rows)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from gangwei import schema, stage_tables
from gangwei.formats.charset import repair_series, written_series
from gangwei.formats.chunk import RAW_CHARS, Chunk, Limits
from gangwei.mapping.guess import Knowledge
from gangwei.mapping.learned import learn
from gangwei.mapping.mixed import mended, unwrapped
from gangwei.mapping.source import TEXT_FIELDS, FieldSpec, Source

SUB = "_sub"
CAPTCHA_BYTES = 600
LEARNED_FROM = 200
WIDE, FILLED_IN_NOTES = 4, 2
LETTER = r"[\p{L}\p{N}]"
TYPES: dict[str, pl.DataType] = {
    n: stage_tables.RAW.polars[n] for n in ("pay_scale_hint", "year_hint", "occupation_is_code")
}


@dataclass
class Audit:
    """What the mapping met in one file: unknown lookup values, sub-sources, filled cells, rules learned for new sub-sources."""

    lookups: dict[str, Counter[str]] = field(default_factory=dict)
    subs: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    learned: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    rows: int = 0


@dataclass(frozen=True)
class Mapped:
    """Kept rows (schema RAW) and rejected rows (schema REJECTS) of one chunk."""

    raw: pl.DataFrame
    rejects: pl.DataFrame


def _column(frame: pl.DataFrame, name: str) -> pl.Expr:
    if name not in frame.columns:
        return pl.lit(None, pl.String)
    return pl.when(pl.col(name) != "").then(pl.col(name))


def _value(frame: pl.DataFrame, spec: FieldSpec) -> pl.Expr:
    columns = [_column(frame, c) for c in spec.columns]
    if len(columns) == 1:
        return columns[0]
    if spec.mode == "first":
        return pl.coalesce(columns)
    if spec.mode == "list":
        return pl.concat_str(columns, separator=spec.separator, ignore_nulls=True).pipe(
            lambda e: pl.when(e != "").then(e)
        )
    joined = pl.concat_str([c.fill_null("") for c in columns], separator=spec.separator)
    return pl.when(pl.any_horizontal([c.is_not_null() for c in columns])).then(joined)


def _where(frame: pl.DataFrame, rule: dict[str, Any]) -> pl.Expr | None:
    """The rows a rule is for, or None when the chunk has none of them."""
    subs = rule.get("subs")
    if not subs:
        return pl.lit(True)
    return pl.col(SUB).is_in(subs) if SUB in frame.columns and frame[SUB].is_in(subs).any() else None


def _apply(frame: pl.DataFrame, name: str, where: pl.Expr, new: pl.Expr) -> pl.DataFrame:
    return frame.with_columns(pl.when(where).then(new).otherwise(pl.col(name)).alias(name))


def _fields(frame: pl.DataFrame, rule: dict[str, Any], default: tuple[str, ...]) -> list[str]:
    return [f for f in rule.get("fields", default) if f in frame.columns]


def _mojibake(frame: pl.DataFrame, rule: dict[str, Any]) -> pl.DataFrame:
    where = _where(frame, rule)
    for name in _fields(frame, rule, TEXT_FIELDS) if where is not None else []:
        frame = _apply(frame, name, where, pl.lit(repair_series(frame[name]))) if frame.height else frame  # type: ignore[arg-type]
    return frame


def _nulls(frame: pl.DataFrame, rule: dict[str, Any]) -> pl.DataFrame:
    where = _where(frame, rule)
    for name in _fields(frame, rule, TEXT_FIELDS) if where is not None else []:
        frame = _apply(frame, name, where, pl.when(~pl.col(name).is_in(rule["values"])).then(pl.col(name)))  # type: ignore[arg-type]
    return frame


def _unwrap_columns(rows: pl.DataFrame, source: Source) -> pl.DataFrame:
    """File columns that hold Python lists, unwrapped before fields are joined from them."""
    for rule in source.rules["unwrap"]:
        names = [n for n in rule.get("columns", ()) if n in rows.columns]
        rows = rows.with_columns(written_series(rows[n]) for n in names)
        new = [unwrapped(pl.col(n), rule.get("item"), rule.get("separator", "|")).alias(n) for n in names]
        rows = rows.with_columns(new) if new else rows
    return rows


def _recode(frame: pl.DataFrame, rule: dict[str, Any]) -> pl.DataFrame:
    where = _where(frame, rule)
    if where is None or rule["field"] not in frame.columns:
        return frame
    if boards := rule.get("boards"):
        table = {v: b for v in frame[rule["field"]].drop_nulls().unique() if (b := boards.named(v)) is not None}
    else:
        table = rule["values"]
    return _apply(frame, rule["field"], where, pl.col(rule["field"]).replace(list(table), list(table.values())))


def _unwrap(frame: pl.DataFrame, rule: dict[str, Any]) -> pl.DataFrame:
    where = _where(frame, rule) if "fields" in rule or "columns" not in rule else None
    for name in _fields(frame, rule, TEXT_FIELDS) if where is not None else []:
        new = unwrapped(pl.col(name), rule.get("item"), rule.get("separator", "|"))
        frame = _apply(frame, name, where, new)  # type: ignore[arg-type]
    return frame


def _split(frame: pl.DataFrame, rule: dict[str, Any]) -> pl.DataFrame:
    """Give each part of the `from` fields to the first field whose pattern it fits; the rest where the rule says."""
    where = _where(frame, rule)
    if where is None:
        return frame
    origin = [n for n in rule["from"] if n in frame.columns]
    separator = rule.get("separator")
    text = pl.concat_str([pl.col(n) for n in origin], separator="\x1f", ignore_nulls=True)
    if separator:
        text = text.str.replace_all(separator, "\x1f")
    clean = pl.element().str.strip_chars(" \t\r\n\u00a0\u3000")
    parts = text.str.split("\x1f").list.eval(clean).list.eval(pl.element().filter(pl.element() != ""))
    work = frame.select(where.alias("w"), parts.alias("rest"))
    out: dict[str, pl.Series] = {n: pl.Series(n, [None] * frame.height, dtype=pl.String) for n in origin}
    seen: set[str] = set()
    for step in rule["into"]:
        name = step["field"]
        fits = pl.col("rest").list.eval(pl.element().filter(pl.element().str.contains(step["pattern"])))
        leaves = pl.col("rest").list.eval(pl.element().filter(~pl.element().str.contains(step["pattern"])))
        hit = fits.list.first()
        if name in seen:  # a further pattern of a field fills what the first ones left empty, with one part: 不限/不限
            free, fit = pl.lit(out[name]).is_null(), pl.element().str.contains(step["pattern"])
            others = pl.col("rest").list.eval(pl.element().filter(~fit | (fit.cast(pl.Int32).cum_sum() > 1)))
            hit, leaves = (
                pl.when(free).then(hit).otherwise(pl.lit(out[name])),
                pl.when(free).then(others).otherwise("rest"),
            )
        seen.add(name)
        work = work.with_columns(hit.alias("hit"), leaves.alias("rest"))
        out[name] = work["hit"]
    if order := rule.get("order"):
        out = _by_place(out, frame.select(parts.alias("p"))["p"], order)
    if first := rule.get("first"):
        out[first] = work["rest"].list.first()
        work = work.with_columns(pl.col("rest").list.slice(1))
    if last := rule.get("last"):
        out[last] = work["rest"].list.last()
        work = work.with_columns(pl.col("rest").list.head(pl.col("rest").list.len().cast(pl.Int64).sub(1).clip(0)))
    if rest := rule.get("rest"):
        joined = work["rest"].list.join("|")
        out[rest] = joined.set(joined == "", None)
    missing = [pl.lit(None, pl.String).alias(n) for n in out if n not in frame.columns]
    frame = frame.with_columns(missing)
    return frame.with_columns(
        pl.when(work["w"])
        .then(pl.lit(v) if n in origin else pl.coalesce(pl.lit(v), pl.col(n)))
        .otherwise(pl.col(n))
        .alias(n)
        for n, v in out.items()
    )


def _by_place(out: dict[str, pl.Series], parts: pl.Series, order: list[str]) -> dict[str, pl.Series]:
    """Fields that found no part, and titles, from the place where theirs stands in values of as many parts as `order`."""
    whole = parts.list.len() == len(order)
    for at, name in enumerate(order):
        part = parts.list.get(at, null_on_oob=True)
        out[name] = part.zip_with(whole & (out[name].is_null() | (name == "title")), out[name])
    return out


def _lookup(frame: pl.DataFrame, name: str, table: dict[str, str], audit: Audit) -> pl.DataFrame:
    if name not in frame.columns:
        return frame
    values = frame[name]
    unknown = values.filter(values.is_not_null() & ~values.is_in(list(table)))
    if unknown.len():
        audit.lookups.setdefault(name, Counter()).update(unknown.to_list())
    return frame.with_columns(pl.col(name).replace(list(table), list(table.values())))


def _hints(frame: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Fields that a rule sets ('' = nothing): the first rule that fits wins, then the column's own value, then the constant."""
    rules: dict[str, list[tuple[pl.Expr, Any]]] = {}
    for rule in source.rules["hints"]:
        where = _where(frame, rule)
        if where is None:
            continue
        if rule.get("field"):
            if rule["field"] not in frame.columns:
                continue
            where = where & pl.col(rule["field"]).str.contains(rule["pattern"]).fill_null(False)
        for name, value in rule["set"].items():
            rules.setdefault(name, []).append((where, value))
    out = []
    for name in dict.fromkeys([*source.constants, *rules]):
        kind = TYPES.get(name, pl.String())
        default = pl.lit(source.constants.get(name), kind)
        final = pl.coalesce(pl.col(name), default) if name in frame.columns else default
        chain: Any = pl
        for where, value in rules.get(name, []):
            chain = chain.when(where).then(pl.lit(None if value == "" else value, kind))
        out.append((chain.otherwise(final) if rules.get(name) else final).alias(name))
    return frame.with_columns(out)


def _rewrite(frame: pl.DataFrame, rule: dict[str, Any]) -> pl.DataFrame:
    where = _where(frame, rule)
    if where is None or rule["field"] not in frame.columns:
        return frame
    own = pl.col(rule["field"])
    if rule.get("take"):
        groups = own.str.extract_groups(rule["pattern"])
        new = pl.coalesce(groups.struct.field(str(i + 1)) for i in range(re.compile(rule["pattern"]).groups))
    elif rule.get("all"):
        new = own.str.replace_all(rule["pattern"], rule.get("replace", ""))
    else:
        new = own.str.replace(rule["pattern"], rule.get("replace", ""))
    return _apply(frame, rule["field"], where, pl.when(new != "").then(new))


def _learned(frame: pl.DataFrame, source: Source, know: Knowledge, audit: Audit) -> Source:
    """The source with rules for the sub-sources that it does not know and that this file has shown so far."""
    for sub in sorted(set(frame[SUB].drop_nulls().unique()) - source.known_subs):
        if audit.subs[sub] < LEARNED_FROM:  # rows of it before this chunk
            rows = frame.filter(pl.col(SUB) == sub)
            if sub not in audit.learned or rows.height > audit.subs[sub]:
                audit.learned[sub] = learn(sub, rows, know)
    if not audit.learned:
        return source
    rules = {
        kind: (*found, *(r for new in audit.learned.values() for r in new.get(kind, ())))
        for kind, found in source.rules.items()
    }
    return replace(source, rules=rules)


def map_chunk(
    chunk: Chunk,
    source: Source,
    file: str,
    captcha_row: str,
    limits: Limits,
    mojibake: bool,
    audit: Audit,
    know: Knowledge | None = None,
) -> Mapped:
    """Raw rows and rejects of a chunk; every row of `chunk.rows` is in one of them. With `know`, sub-sources that the
    definition does not know are read by what their first values look like."""
    rows = chunk.rows
    if not rows.height:
        return Mapped(stage_tables.RAW.empty(), schema.REJECTS.empty())
    if mojibake:
        rows = rows.with_columns(repair_series(rows[c]) for c in rows.columns)
    lists = _unwrap_columns(rows, source)
    values = [_value(lists, s).alias(n) for n, s in source.fields.items()]
    if source.subsource:
        values.append(_column(rows, source.subsource).alias(SUB))
    frame = lists.select(values)
    if source.known_subs and know is not None:
        source = _learned(frame, source, know, audit)
    if source.guessed:
        frame = mended(frame)
    for rule in source.rules["mojibake"]:
        frame = _mojibake(frame, rule)
    for rule in source.rules["nulls"]:
        frame = _nulls(frame, rule)
    for rule in source.rules["unwrap"]:
        frame = _unwrap(frame, rule)
    for rule in source.rules["split"]:
        frame = _split(frame, rule)
    for rule in source.rules["recode"]:
        frame = _recode(frame, rule)
    for name, table in source.lookups.items():
        frame = _lookup(frame, name, table, audit)
    frame = _hints(frame, source)
    for rule in source.rules["rewrite"]:
        frame = _rewrite(frame, rule)
    source_id = pl.lit(source.id)
    if source.subsource:
        audit.subs.update(
            frame[SUB].fill_null("").to_list()
            if frame[SUB].n_unique() > 1
            else {frame[SUB][0] or "": frame.height}
            if frame.height
            else {}
        )
        source_id = (
            pl.when(pl.col(SUB).is_null())
            .then(source_id)
            .otherwise(pl.concat_str([source_id, pl.lit("."), pl.col(SUB)]))
        )
    frame = frame.with_columns(source_id.alias("source_id"), pl.lit(file).alias("file"), chunk.numbers.alias("row"))
    if SUB in frame.columns:
        frame = frame.drop(SUB)
    reason = _reasons(rows, frame, source, captcha_row, limits)
    if know is not None:
        reason = _set(reason, reason.is_null() & _notes(rows, frame, know), "table_note")
    bad = reason.is_not_null()
    if bad.any():
        text = pl.concat_str([pl.col(c).fill_null("") for c in rows.columns], separator="|").str.slice(0, RAW_CHARS)
        raws = rows.filter(bad).select(text.alias("raw"))["raw"]
        rejects = (
            frame.filter(bad)
            .select("source_id", "file", "row")
            .with_columns(reason.filter(bad).alias("reason_id"), raws)
        )
        frame = frame.filter(~bad)
    else:
        rejects = schema.REJECTS.empty()
    audit.rows += frame.height
    for name in source.bounds.get("fill", {}):
        if name in frame.columns:
            audit.filled[name] += frame.height - frame[name].null_count()
    return Mapped(stage_tables.RAW.conform(frame), schema.REJECTS.conform(rejects))


def _reasons(rows: pl.DataFrame, frame: pl.DataFrame, source: Source, captcha_row: str, limits: Limits) -> pl.Series:
    """Why each row is rejected; null = kept."""
    nothing = pl.lit(None, pl.String)
    title = pl.col("title") if "title" in frame.columns else nothing
    texts = [c for c in TEXT_FIELDS if c in frame.columns]
    checks = frame.select(
        title.str.contains(LETTER).fill_null(False).alias("title"),
        pl.any_horizontal([pl.col(c).str.len_bytes() > limits.max_cell_chars for c in texts])
        .fill_null(False)
        .alias("long"),
        title.str.contains(captcha_row).fill_null(False).alias("captcha"),
    )
    reason = pl.Series("reason_id", [None], dtype=pl.String).new_from_index(0, frame.height)
    blank = ~checks["title"]
    if "description" in frame.columns:
        text = pl.col("description")
        short = pl.when(text.str.len_bytes() <= CAPTCHA_BYTES).then(text)
        odd = frame.select(short.str.contains(captcha_row).fill_null(False).alias("x"))["x"]
        checks = checks.with_columns((checks["captcha"] | odd).alias("captcha"))
        if blank.any():
            blank &= ~frame["description"].str.contains(LETTER).fill_null(False)
    if blank.any():
        reason = _set(reason, blank, "no_title_no_description")
        filled = rows.select(
            pl.any_horizontal([pl.col(c).str.contains(r"\S").fill_null(False) for c in rows.columns]).alias("x")
        )["x"]
        reason = _set(reason, ~filled, "empty_row")
    reason = _set(reason, checks["captcha"], "captcha_text")
    reason = _set(reason, checks["long"], "cell_too_long")
    name = source.fields["title"].columns[0] if "title" in source.fields else None
    if name in rows.columns:
        again = (rows[name] == name).fill_null(False)
        if again.any():
            same = rows.select(
                pl.sum_horizontal([(pl.col(c) == c).fill_null(False).cast(pl.Int32) for c in rows.columns]).alias("n")
            )["n"]
            reason = _set(reason, again & (same >= min(2, rows.width)), "repeated_header")
    return reason


def _notes(rows: pl.DataFrame, frame: pl.DataFrame, know: Knowledge) -> pl.Series:
    """Rows of a wide table that hold a total, a note or a heading within it and little else, or a town and nothing else."""
    said = pl.col("title") if "title" in frame.columns else pl.lit(None, pl.String)
    note, town = know.headers.tells.note.pattern if rows.width >= WIDE else "$^", know.packed.town
    found = frame.select(said.str.contains(p).fill_null(False).alias(n) for n, p in (("note", note), ("town", town)))
    if rows.width < WIDE - 1 or not found.select(pl.any_horizontal("note", "town").any()).item():
        return pl.Series([False]).new_from_index(0, frame.height)
    filled = [pl.col(c).str.contains(r"\S").fill_null(False).cast(pl.Int32) for c in rows.columns]
    count = rows.select(pl.sum_horizontal(filled).alias("x"))["x"]
    return (found["note"] & (count <= FILLED_IN_NOTES)) | (found["town"] & (count == 1))


def _set(reason: pl.Series, where: pl.Series, value: str) -> pl.Series:
    return reason if not where.any() else reason.set(where, value)
