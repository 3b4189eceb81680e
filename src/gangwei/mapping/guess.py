"""A mapping for a table that no definition describes: which row is the header, which column is which field, what is packed in it.

Headers speak first, values check them: a column whose values do not look like its field loses to one whose values do, and
columns without a telling header are placed by their values alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gangwei.formats.charset import repair_text
from gangwei.formats.headers import EXACT, NAMES, WORDS, Headers, load_headers
from gangwei.formats.table import Table
from gangwei.mapping import by_values, counties, legends, objects, prefixed
from gangwei.mapping.at_word import at_their_word, plain_columns
from gangwei.mapping.corrected import corrected, short_address, short_names
from gangwei.mapping.header_rows import HEADER_DEPTH, candidates, rows_of_data
from gangwei.mapping.no_ads import of_counts, of_persons
from gangwei.mapping.packed import PAY_PARTS, Packed, load_packed, plain
from gangwei.mapping.placing import MANY, RESAMPLED, beside, by_header, lower_bound, share_of
from gangwei.mapping.ragged import anchors_of
from gangwei.mapping.source import RULES, FieldSpec, Source
from gangwei.mapping.told import constants_of
from gangwei.mapping.unpacking import unpack
from gangwei.mapping.values import Values, load_values

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

SAMPLE = 60
HEADER_CHARS = 60
SHORT_HEADER = 10
AROUND = ("province", "experience_max")
WIDEST = ("province", "city", "district", "address")
ASIDE = ("ignore", "source_key", "pay_unit", "pay_currency", "experience_max")
BARRED = {
    "occupation": ("industry",),
    "employment_type": ("industry", "title"),
    "company": ("industry",),
    "headcount": ("company_size",),
}
"""Fields that a column is not by its values where its header asks for another."""
NONE: Mapping[str, str] = {}


@dataclass(frozen=True)
class Knowledge:
    """Header words and patterns of values, compiled once."""

    headers: Headers
    values: Values
    packed: Packed


@dataclass(frozen=True)
class Guess:
    """Rows before the data, column names, column to field, columns placed by values alone, and rules for packed values."""

    skip: int
    header: bool
    names: tuple[str, ...]
    placed: dict[str, str]
    by_value: frozenset[str] = frozenset()
    rules: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    """Fields that are read from the column of another field, and that column."""
    anchors: dict[str, re.Pattern[str]] = field(default_factory=dict)
    """What the values of a column fit, to mend rows with more cells than columns."""

    @property
    def fields(self) -> set[str]:
        """Fields of ads that are placed; a second name of the employer makes no mapping a better one."""
        inside = {i["field"] for r in self.rules.get("split", ()) for i in r["into"]}
        return (inside | {*self.shared} | {f for f in self.placed.values() if f not in ASIDE}) - {"company_other"}

    @property
    def unplaced(self) -> tuple[str, ...]:
        """Columns that are not placed."""
        return tuple(n for n in self.names if n not in self.placed and n not in self.shared.values())


@lru_cache(maxsize=4)
def load_knowledge(book: Codebook) -> Knowledge:
    """Header words (see `headers`), `sources/values.csv` (id, field, share, pattern, reason) and `packed.toml`."""
    return Knowledge(load_headers(book), load_values(book), load_packed(book))


def guess(table: Table, know: Knowledge) -> Guess | None:
    """The best mapping of a table; None when neither a title nor a text can be found."""
    if table.mojibake:
        table = replace(table, head=[[repair_text(c) for c in r] for r in table.head])
    more = [[repair_text(c) for c in r] for r in table.sample()] if table.mojibake else table.sample()
    rows = [] if table.columns is not None else table.top(HEADER_DEPTH)
    sure = next((i for i, row in rows if _sure_header(row, know)), -1)
    best: tuple[tuple[int, int, int], Guess] | None = None
    for skip, header, names in candidates(table, know.headers):
        if skip <= sure:  # the header would be a row of data
            continue
        if header and of_persons(names, table.remarks, know):
            return None
        found = _place(skip, header, names, table.head[skip:], more, know, table.remarks)
        if found is None:
            continue
        if header and of_counts(found, [*table.head[skip:], *more], know):
            return None
        above = table.head[sure + 1 : max(skip - 1, 0)]
        if header and rows_of_data(above, names, found.placed, know.headers, know.values):
            continue
        named = sum(
            c is not None and c.strength < WORDS and (c.strength == EXACT or c.field == f)
            for n, f in found.placed.items() for c in [know.headers.claim(n)]
        )  # fmt: skip
        score = (2 * len(found.fields) + (named if header else 0), int(header), -skip)
        if best is None or score > best[0]:
            best = (score, found)
    return _narrower(table, best[1], more, know) if best else None


def _narrower(table: Table, found: Guess, more: list[list[str]], know: Knowledge) -> Guess:
    """The guess for the rows with the fewest cells of a table without a header, where it tells how to mend the others."""
    widths = Counter(len(r) for r in table.head)
    least = min((w for w, n in widths.items() if n >= know.values.cut.few_rows), default=len(found.names))
    if found.header or found.anchors or least >= len(found.names):
        return found
    rows = [r[:least] for r in (*table.head, *more) if len(r) >= least]
    tried = _place(0, False, tuple(f"column{i}" for i in range(least)), rows, [], know)
    return tried if tried is not None and tried.anchors and tried.fields >= found.fields else found


def _sure_header(row: list[str], know: Knowledge) -> bool:
    """Short cells without a digit, of which three of five ask for a field, several fields in all: no row of data. Or columns that a
    program counts, all others asking for a field."""
    filled = [c.strip() for c in row if c.strip()]
    counted = {f for f in filled if know.headers.tells.no_name.search(f)}
    if len(counted) >= know.values.cut.few_values and all(f in counted or know.headers.claim(f) for f in filled):
        return True
    asked = [c.field for f in filled if (c := know.headers.claim(f)) is not None]
    short = all(len(f) <= SHORT_HEADER and not any(map(str.isdigit, f)) for f in filled)
    return short and len(set(asked)) >= know.values.cut.few_values and len(asked) / len(filled) >= know.values.cut.clear


def _place(
    skip: int,
    header: bool,
    names: tuple[str, ...],
    rows: list[list[str]],
    more: list[list[str]],
    know: Knowledge,
    remarks: Mapping[str, str] = NONE,
) -> Guess | None:
    """The mapping of a table whose data begin behind `skip` rows; None where it tells too little or the header is a row of data.

    Args:
        names: the header's, or column0, column1, ...
        rows: the first rows of data, the header's own among them where it may be repeated. more: rows from further on.
        remarks: what a dump remarks on its columns.
    """
    if header and any(len(n) > HEADER_CHARS for n in names):
        return None
    if header and (prefixed.is_row(names, rows) or (len(names) == 1 and _prose(names[0], rows, know))):
        return None
    if header and rows and _is_header(rows[0], know):
        skip, rows = skip + 1, rows[1:]
    own = [n.strip() for n in names]
    again = (
        [r for r in more if len(r) == len(names) and [c.strip() for c in r] != own] if len(rows) >= RESAMPLED else []
    )
    rows = [r for r in rows if len(r) == len(names)][:SAMPLE] + again
    cells = {n: [v for r in rows if (v := r[i]).strip() and v not in know.packed.nulls] for i, n in enumerate(names)}
    coded = legends.legends_of(cells, remarks, know.values)
    cells |= {n: legends.spelled(legend, cells[n]) for n, legend in coded.items()}
    remarks = legends.named(coded, remarks)
    shown = {n: [plain(v) for v in mine] for n, mine in cells.items()}
    keys = objects.keys_of(names, cells, know.packed.labels)
    shown |= {n: [] for n, *_ in keys.values()} | {n: k.held for n, k in keys.items()}
    labels = prefixed.labels_of(names, shown, know.headers)
    shown |= {n: prefixed.bare(label, shown[n]) for n, label in labels.items()}
    asked = [*(names if header else labels), *keys]
    stems = {**know.headers.stems(names), **know.headers.remarked(remarks)} if header else {}
    told = {n: key for n, (own, key, *_) in keys.items() if not header or know.headers.claim(own) is None}
    placed = by_header(asked, shown, know.headers, know.values, {**stems, **labels, **told})
    placed = (
        corrected(names, rows, placed, shown, know.headers, know.values, know.packed)
        if header
        else short_address(placed, shown, know.values)
    )
    if header:
        placed |= lower_bound(placed, {n: shown[n] for n in names}, know.headers)
        placed |= beside(names, rows, shown, placed, know.headers, know.values)
    pictures = {n for n, mine in shown.items() if share_of(know.packed.picture, mine) >= know.values.cut.half}
    placed = {n: f for n, f in placed.items() if f != "url" or n not in pictures}
    lists = _lists(names, cells, know)
    barred = _barred(names if header else (), shown, lists, know) | {(n, "url") for n in pictures}
    placed, by_value = _by_values(header, names, rows, shown, placed, lists, barred, know)
    plain_table = plain_columns(names, know.headers) if header else {}
    by_value = {n: f for n, f in by_value.items() if n not in plain_table and f not in plain_table.values()}
    placed = at_their_word(plain_table, placed)
    written = {f for n, f in {**placed, **by_value}.items() if n not in keys and cells[n]} & {"description"}
    inner, rewrites = objects.rules_of(
        {n: f for n, f in placed.items() if n in keys and f not in written}, keys, know.packed.labels
    )
    mapped = {
        n: f for n, f in {**placed, **by_value}.items() if n not in keys and (n not in inner.values() or f != "ignore")
    }
    found = Guess(skip, header, names, mapped, frozenset(by_value))
    if header and _is_data(found, know):
        return None
    found = _unpacked(found, {n: mine for n, mine in cells.items() if n in mapped or n not in inner.values()}, know)
    rewrites += [*prefixed.rules_of(labels, found.placed), *_completed(found, cells, know)]
    if recodes := legends.rules_of(coded, found.placed):
        found = replace(found, rules={**found.rules, "recode": [*recodes, *found.rules.get("recode", ())]})
    if rewrites:
        rules = {**found.rules, "rewrite": [*rewrites, *found.rules.get("rewrite", ())]}
        found = replace(found, rules=rules, shared={**found.shared, **inner})
    real = found.fields - {"board"}
    alone = len(names) <= 3 and all(n in found.placed for n in names if cells[n])
    enough = len(real) >= 2 or (len(real) == 1 and alone and bool(placed))
    if not real & {"title", "description"} or not enough or (not placed and len(real) < 3):
        return None
    return replace(found, anchors=anchors_of(names, found.placed, cells, know.values))


def _lists(names: Sequence[str], cells: dict[str, list[str]], know: Knowledge) -> list[str]:
    """Columns of words in written-out lists beside plain values; none where most columns are such."""
    lists = [n for n in names if share_of(know.packed.list, cells[n]) >= know.values.cut.most]
    return lists if 2 * len(lists) < len(names) else []


def _barred(
    headers: Sequence[str], shown: dict[str, list[str]], lists: list[str], know: Knowledge
) -> set[tuple[str, str]]:
    """Columns with the fields that they cannot be whatever their values look like, by what their headers ask for."""
    out = {(n, f) for n in headers if (c := know.headers.claim(n)) for f in BARRED.get(c.field, ())}
    few = know.values.cut.few_rows
    out |= {(n, "tags") for n, mine in shown.items() if headers and len(mine) >= few and len(set(mine)) == 1}
    bare = re.compile(know.packed.bare["pattern"])
    out |= {(n, f) for n, mine in shown.items() if all(map(bare.search, mine)) for f in know.packed.bare}
    return out | {(n, f) for n in lists for f in NAMES}


def _by_values(
    header: bool,
    names: tuple[str, ...],
    rows: list[list[str]],
    shown: dict[str, list[str]],
    placed: dict[str, str],
    lists: list[str],
    barred: set[tuple[str, str]],
    know: Knowledge,
) -> tuple[dict[str, str], dict[str, str]]:
    """Columns placed by their headers, as their values complete them, and those placed by values alone."""
    values = know.values
    by_value = by_values.columns(names, rows, shown, placed, values, barred, know.packed.intro)
    even = {n for n, f in placed.items() if f == "pay" and n not in names and len(set(shown[n])) == 1}
    bounds = by_values.amounts(names, rows, {n: f for n, f in {**placed, **by_value}.items() if n not in even}, values)
    if bounds:  # a basic pay in an object is the same in all ads
        placed = {n: f for n, f in placed.items() if n not in even}
    by_value |= bounds
    by_value |= by_values.addresses(names, rows, {**placed, **by_value}, values)
    by_value |= by_values.codes(shown, {**placed, **by_value}, values)
    bare = {n: mine for n, mine in shown.items() if not header or know.headers.tells.no_name.search(n)}
    second = {n: mine for n, mine in shown.items() if n in bare or _second_name(n, mine, know)}
    short = short_names({**placed, **by_value}, second, len(rows), values, know.packed)
    by_value |= short
    if bare:
        placed = {**placed, **{n: "tags" for n in lists if short and n in bare and n not in by_value}}
        bare |= {n: shown[n] for n in (*placed, *by_value)}
        by_value |= by_values.texts(bare, {**placed, **by_value}, values)
        by_value |= by_values.districts(bare, {**placed, **by_value}, know.packed.county, values)
        by_value |= by_values.captures(bare, {**placed, **by_value}, values)
    by_value |= by_values.titles_aside(shown, {**placed, **by_value}, values)
    return by_values.trade_for_title(placed, by_value, shown, values), by_value


def _prose(name: str, rows: list[list[str]], know: Knowledge) -> bool:
    """Lines of a page rather than one column of titles: no header that is listed, and few lines that may be titles."""
    titles = [r[0] for r in rows if r and r[0].strip()]
    return know.headers.listed(name) is None and know.values.like("title", titles) < know.values.cut.some


def _second_name(name: str, mine: list[str], know: Knowledge) -> bool:
    """A header of names that may be those of jobs, over values that do not look so (`name` beside `job_name`)."""
    claim = know.headers.claim(name)
    return claim is not None and claim.field == "title" and know.values.like("title", mine) < know.values.cut.some


def _completed(found: Guess, cells: dict[str, list[str]], know: Knowledge) -> list[dict[str, Any]]:
    """Rewrites for the widest column of places, where it names counties of one city."""
    told = next((f for f in WIDEST if f in found.fields), "")
    name = next((n for n, f in found.placed.items() if f == told), "")
    rule = counties.of_one_city(cells.get(name, []), know.values)
    return [{"field": told, **rule}] if rule else []


def _unpacked(found: Guess, cells: dict[str, list[str]], know: Knowledge) -> Guess:
    """The guess with rules for packed values and what a whole column tells."""
    placed, by_value, rules, shared = unpack(found.placed, found.by_value, cells, know.values, know.packed)
    constants = constants_of(placed, cells, know.packed)
    return Guess(found.skip, found.header, found.names, placed, by_value, rules, constants, shared)


def _is_header(row: Sequence[str], know: Knowledge) -> bool:
    """A second row of header words under the first (职位名称 / job_name)."""
    filled = [c for c in row if c.strip()]
    listed = sum(know.headers.listed(c) is not None for c in filled)
    return listed >= 3 and 2 * listed > len(filled)


def _is_data(found: Guess, know: Knowledge) -> bool:
    """The supposed header is a row like the rows below it."""
    like = sum(
        bool(know.values.share(f, [n]))
        for n, f in found.placed.items()
        if know.values.tells.legal.search(n) or know.headers.claim(n) is None
    )
    alone = len(found.names) == like  # one column
    return like >= 2 or alone or (found.skip > 1 and found.by_value.issuperset(found.placed))


def source_of(found: Guess, source_id: str) -> Source:
    """A source from a guess."""
    fields: dict[str, FieldSpec] = {}
    placed = found.placed
    for target in dict.fromkeys(placed.values()):
        columns = tuple(c for c, f in placed.items() if f == target)
        if target in ("ignore", "pay_unit", "pay_currency") or target in PAY_PARTS or target in AROUND:
            continue
        if target in MANY:
            fields[target] = FieldSpec(columns, "list", "\n" if target == "description" else "|")
        else:
            fields[target] = FieldSpec(columns)
    parts = [next((c for c, f in placed.items() if f == p), "") for p in PAY_PARTS]
    if (parts[0] or parts[1]) and "pay" not in placed.values():
        fields["pay"] = FieldSpec(tuple(p for p in parts), "join")
    if parts[2] and "pay" in placed.values():
        fields["pay"] = FieldSpec((*fields["pay"].columns, parts[2]), "list", "·")
    province = tuple(c for c, f in placed.items() if f == "province")
    if province:
        city = fields["city"].columns if "city" in fields else ()
        fields["city"] = FieldSpec((*province, *city), "list", " ")
    most = tuple(c for c, f in placed.items() if f == "experience_max")
    if most and "experience" in fields:
        fields["experience"] = FieldSpec((*fields["experience"].columns, *most), "list", "-")
    for target, column in found.shared.items():
        fields.setdefault(target, FieldSpec((column,)))
    money = tuple(c for c, f in placed.items() if f == "pay_currency")
    if money and "pay" in fields:
        fields["pay"] = FieldSpec((*fields["pay"].columns, *money), "join")
    unit = tuple(c for c, f in placed.items() if f == "pay_unit")
    if unit and "pay" in fields:
        fields["pay_unit_hint"] = FieldSpec(unit)
    return Source(
        id=source_id, title="Plain table", boards=(), formats=("csv", "json", "excel", "sql", "parquet"), headers=frozenset(), files=(),
        columns=None, patterns={}, table=None, header=True, names=(), anchors=found.anchors, fields=fields,
        ignore={c: "by name" for c, f in placed.items() if f == "ignore"}, constants=found.constants, lookups={}, subsource=None,
        known_subs=frozenset(), rules={k: tuple(found.rules.get(k, ())) for k in RULES},
        guessed=True,
    )  # fmt: skip
