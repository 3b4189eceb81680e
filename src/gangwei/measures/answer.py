"""Every number through one door: a measure id, a dimension and filters in; values with intervals and their query out.

Measures are data (`definitions/measures/*.toml`); the estimators of each kind are in `estimators`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import polars as pl

from gangwei import vocabulary as vocab
from gangwei.codebook import Codebook, DefinitionError
from gangwei.frame.dataset import Dataset, open_dataset
from gangwei.labels import Labels
from gangwei.measures.estimators import ESTIMATORS
from gangwei.measures.found import Finding
from gangwei.measures.labelled import Corrected
from gangwei.vocabulary import Query, UnknownParameter

__all__ = ["Dataset", "Measure", "Result", "UnknownParameter", "load", "measure", "open_dataset"]

UNITS = ("share", "openings", "places", "count", "ratio", "index", "days", "cny_month", "cny_year")
COUNTED = ("share", "without_board")  # kinds whose numerator is what `hit` says


@dataclass(frozen=True)
class Measure:
    """A measure as its TOML states it."""

    id: str
    kind: str
    population: Literal["ai", "all"]
    unit: str
    zh: str
    en: str
    caveats: tuple[str, ...] = ()
    default_by: str | None = None
    hit: str | Mapping[str, str] | None = None
    column: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def interval(self) -> str:
        """What the intervals of its rows rest on (`by_` in labels/explore.toml)."""
        return {
            "share": "employer_wilson", "without_board": "employer_wilson", "mix": "employer_wilson", "count": "employer_count", "top": "employer_bootstrap",
            "hhi": "employer_bootstrap", "rank": "employer_rank", "lq": "employer_delta", "median": "woodruff",
            "terms": "employer_wilson", "pairs": "employer_wilson", "premium": "woodruff", "grains": "employer_count", "match_sensitivity": "employer_delta", "spell_sensitivity": "employer_delta", "emerging": "employer_delta", "coverage": "support_range", "duration": "woodruff",
        }.get(self.kind, "none")  # fmt: skip

    @property
    def groups(self) -> tuple[str, ...]:
        """The dimensions to group by: places where the measure ranks places, none where its rows are fixed."""
        if self.kind in ("grains", "pairs", "terms", "without_board", "match_sensitivity", "spell_sensitivity"):
            return ()
        if self.kind == "stock":
            return ("month",)
        if self.kind in ("rank", "top", "hhi", "lq", "coverage", "emerging"):
            return (
                tuple(p for p in vocab.PLACES if p != "cluster" or self.kind in ("rank", "lq"))
                if self.default_by in vocab.PLACES
                else ("employer",)
            )
        if self.kind == "premium":  # what non-AI openings have too, and more than one employer
            apart = ("employer", "skill", "tier", "subfield", "mention", "definition")
            return tuple(b for b in vocab.BY if b not in apart)
        return vocab.BY

    @property
    def of_sample(self) -> bool:
        """True where the figures are of a sample that the matcher counted: no openings of the dataset stand behind them"""
        return self.kind in ("match_sensitivity", "spell_sensitivity")

    @property
    def named_for_units(self) -> bool:
        """True where the name says what units are ranked or counted, which another grouping replaces."""
        return self.kind in ("rank", "top", "hhi", "coverage", "emerging")

    @property
    def head_unit(self) -> str:
        """Unit of the value of the whole: of the four counts it is how many ads there are for each opening."""
        return "ratio" if self.kind == "grains" else self.unit

    @property
    def row_unit(self) -> str:
        """Unit of the values of groups: of emerging cities it is their location quotient."""
        return "ratio" if self.kind == "emerging" else self.unit


@dataclass(frozen=True)
class Result:
    """One figure with all that a reader may ask of it.

    `rows` has one row for each group: id, label, numerator, denominator, value, low, high, n_eff, openings (rows counted),
    employers, suppressed, and for ranks rank, rank_low, rank_high, in_top. The scalar fields are those of the whole; where
    it is suppressed value, low, high and corrected are None.
    """

    measure: Measure
    by: str | None
    where: dict[str, str]
    definition: str
    scope: str
    grain: str
    as_of: dt.date | None
    lists: tuple[str, ...]
    rows: pl.DataFrame
    value: float | None
    low: float | None
    high: float | None
    numerator: float
    denominator: float
    n_eff: float
    interval_method: str
    suppressed: bool
    unplaced: float
    notes: tuple[str, ...]
    sql: str
    params: dict[str, Any]
    corrected: Corrected | None = None
    own_date: bool = False  # affiliations were asked on a day that is not the dataset's
    dataset: dict[str, Any] = field(default_factory=dict)
    """What the figure is of: ads, and the version of program, definitions and build."""

    @property
    def permalink(self) -> str:
        """Path of the figure in the explorer."""
        from urllib.parse import quote, urlencode

        pairs = [(k, v) for k, v in (("by", self.by),) if v]
        pairs += [("where", f"{k}={v}") for k, v in sorted(self.where.items())]
        pairs += self._lists_and_date
        return f"/m/{quote(self.measure.id)}" + (f"?{urlencode(pairs)}" if pairs else "")

    @property
    def command(self) -> str:
        """The command that repeats the figure."""
        from shlex import quote

        parts = ["gangwei measure DIR", self.measure.id]
        parts += [f"--by {self.by}"] if self.by else []
        parts += [f"--where {k}={v}" for k, v in sorted(self.where.items())]
        parts += [f"--{k.replace('_', '-')} {v}" for k, v in self._lists_and_date]
        parts += [f"--labels {quote(self.corrected.file)}"] if self.corrected and self.corrected.file else []
        return " ".join(parts)

    @property
    def _lists_and_date(self) -> list[tuple[str, str]]:
        date = [("as_of", self.as_of.isoformat())] if self.own_date and self.as_of else []
        return date + ([("lists", ",".join(self.lists))] if self.lists else [])

    def polars(self) -> pl.DataFrame:
        """The groups as a Polars frame."""
        return self.rows

    def arrow(self) -> Any:
        """The groups as an Arrow table."""
        return self.rows.to_arrow()

    def pandas(self) -> Any:
        """The groups as a pandas frame (pandas must be installed)."""
        return self.rows.to_pandas()

    def record(self) -> dict[str, Any]:
        """The figure as plain values for JSON; NaN becomes None."""
        head = {
            "measure": self.measure.id, "unit": self.measure.head_unit, "row_unit": self.measure.row_unit, "by": self.by, "where": self.where, "grain": self.grain,
            "definition": self.definition, "scope": self.scope, "as_of": self.as_of.isoformat() if self.as_of else None,
            "lists": list(self.lists), "value": self.value, "low": self.low, "high": self.high,
            "numerator": self.numerator, "denominator": self.denominator, "n_eff": _plain(self.n_eff),
            "interval_method": self.interval_method, "suppressed": self.suppressed, "unplaced": self.unplaced,
            "corrected": self.corrected and {k: _plain(v) for k, v in self.corrected.row().items()} | {"readers": self.corrected.readers, "file": self.corrected.file},
            "notes": list(self.notes), "caveats": list(self.measure.caveats), "permalink": self.permalink, "dataset": self.dataset,
        }  # fmt: skip
        rows = [{k: _plain(v) for k, v in r.items()} for r in self.rows.to_dicts()]
        return head | {
            "rows": rows,
            "sql": self.sql,
            "params": {k: str(v) if isinstance(v, dt.date) else v for k, v in self.params.items()},
        }


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def load(book: Codebook) -> dict[str, Measure]:
    """All measures of the definitions, by id in the order of their files.

    Raises:
        DefinitionError: a measure of an unknown kind, population or unit, or lacking a key.
    """
    out: dict[str, Measure] = {}
    for name in book.names("measures", ".toml"):
        if name == "measures/settings.toml":
            continue
        for id_, spec in book.toml(name).items():
            if wrong := _wrong(spec):
                raise DefinitionError(f"{name} [{id_}]: {wrong}")
            try:
                parts: dict[str, Any] = {k: tuple(v) if k == "caveats" else v for k, v in spec.items()}
                out[id_] = Measure(id=id_, **parts)
            except TypeError as e:
                raise DefinitionError(f"{name} [{id_}]: {e}") from None
    return out


def _wrong(spec: Mapping[str, Any]) -> str | None:
    """What keeps a section of a file from being a measure."""
    if lacking := [k for k in ("kind", "population", "unit", "zh", "en") if k not in spec]:
        return f"lacks {', '.join(lacking)}"
    for key, known in (("kind", tuple(ESTIMATORS)), ("population", ("ai", "all")), ("unit", UNITS)):
        if spec[key] not in known:
            return f"{key} must be one of {', '.join(known)}"
    hit = spec.get("hit")
    if spec["kind"] in COUNTED and hit != "definition" and not isinstance(hit, Mapping):
        return 'hit must be "definition" or a filter such as { state_owned = "yes" }'
    return None


def _find(ds: Dataset, measure_id: str) -> Measure:
    known = load(ds.codebook)
    if measure_id not in known:
        raise UnknownParameter("measure", measure_id, known)
    return known[measure_id]


@dataclass(frozen=True)
class Scope:
    """What a question asks: the measure, its group and filters, resolved against the vocabulary."""

    ds: Dataset
    measure: Measure
    by: str | None
    where: dict[str, str]
    definition: str
    scope: str
    grain: str
    as_of: dt.date | None
    lists: tuple[str, ...]
    settings: Mapping[str, Any]

    def query(self, extra: Mapping[str, str] | None = None) -> Query:
        """A query with the filters of the question and `extra` ones; the population is added by `restrict`."""
        q = Query(self.ds, self.as_of, self.lists or None)
        q.grain, q.scope = self.grain, self.scope
        q.multi_city = self.where.get("multi_city", q.multi_city)
        q.roll_up = self.where.get("roll_up", q.roll_up)
        vocab.apply(q, {**self.measure.where, **self.where, **(extra or {})})
        return q

    def restrict(self, q: Query) -> Query:
        """Keep the population of the measure: AI openings by the definition, or all."""
        if self.measure.population == "ai":
            q.clauses.append(vocab.definition_sql(self.definition))
            q.ai_only = True
        return q

    def hit(self, q: Query) -> str:
        """SQL condition of the numerator."""
        h = self.measure.hit
        if h == "definition":
            return vocab.definition_sql(self.definition)
        if isinstance(h, Mapping):
            before = len(q.clauses)
            vocab.apply(q, h)
            added = q.clauses[before:]
            del q.clauses[before:]
            return " AND ".join(f"coalesce({c}, false)" for c in added)
        return "true"


def ask_of(
    ds: Dataset,
    measure_id: str,
    by: str | None,
    where: Mapping[str, str] | None,
    as_of: dt.date | str | None,
    lists: Sequence[str] | str | None,
) -> Scope:
    """A question checked and completed: defaults of the measure, the settings and the dataset stand where it says nothing.

    Raises:
        UnknownParameter: as `measure`.
    """
    m = _find(ds, measure_id)
    where = {k: str(v) for k, v in (where or {}).items()}
    where = {k: v for k, v in m.where.items() if k in vocab.SWITCHES} | where
    if by is not None and by not in vocab.BY:
        raise UnknownParameter("dimension", by, m.groups or vocab.BY)
    if by and by not in m.groups:
        raise UnknownParameter(f"dimension of {m.id}", by, m.groups)
    by = by or m.default_by
    for key, value in where.items():
        if key not in vocab.WHERE:
            raise UnknownParameter("filter", key, vocab.WHERE)
        if not value:
            raise UnknownParameter(f"value of {key}", value, vocab.allowed(ds, key))
    settings = ds.codebook.toml("measures/settings.toml")
    definition = where.get("definition", settings["default_definition"])
    vocab.definition_sql(definition)
    grain = where.get("grain", "opening")
    for key in ("grain", "multi_city", "roll_up"):
        if key in where:
            vocab.check(ds, key, where[key])
    scope = where.get("scope", settings.get("default_scope") or (ds.scopes[0] if ds.scopes else ""))
    day = as_of
    if isinstance(as_of, str):
        try:
            day = dt.date.fromisoformat(as_of)
        except ValueError:
            raise UnknownParameter("as-of date", as_of, ("YYYY-MM-DD",)) from None
    names = tuple(x.strip() for x in lists.split(",") if x.strip()) if isinstance(lists, str) else tuple(lists or ())
    if names:
        known = vocab.government_lists(ds)
        for n in names:
            if n not in known:
                raise UnknownParameter("list", n, known)
    return Scope(ds, m, by, where, definition, scope, grain, day or ds.as_of, names, settings)  # type: ignore[arg-type]


def measure(
    ds: Dataset,
    measure_id: str,
    by: str | None = None,
    where: Mapping[str, str] | None = None,
    *,
    as_of: dt.date | str | None = None,
    lists: Sequence[str] | str | None = None,
    lang: str = "en",
    replicates: int | None = None,
) -> Result:
    """Compute one measure.

    Args:
        by: a dimension of `vocabulary.BY`; None takes the measure's own, or the whole where it has none.
        where: filters of `vocabulary.WHERE`; several values of one filter are joined by commas.
        as_of: day on which affiliations hold; default: the dataset's. lists: editions of government lists that count.
        replicates: bootstrap draws, for callers that need the value alone; default: the setting.

    Raises:
        UnknownParameter: a measure, dimension, filter or value outside the vocabulary.
    """
    ask = ask_of(ds, measure_id, by, where, as_of, lists)
    if replicates is not None:
        ask = replace(ask, settings={**ask.settings, "replicates": replicates})
    found = _by_definition(ask) if turns_on_definition(ask) else ESTIMATORS[ask.measure.kind](ask)
    labels = Labels(ds, lang)
    rows = found.rows
    value, low, high = (
        None if found.suppressed else _plain(v) for v in (found.total.value, found.total.low, found.total.high)
    )
    of_few = found.total.n_eff < ask.settings["minimum_n_eff"]  # a share of so few is suppressed
    if low is not None and of_few and found.total.method.startswith("employer_"):
        found.notes += ("few_employers",)
    if ask.by and ask.measure.unit == "openings" and {"low", "n_eff"} <= set(rows.columns):
        few = pl.col("low").is_not_null() & (pl.col("n_eff") < ask.settings["minimum_n_eff"])
        found.notes += ("few_in_groups",) if rows.filter(few).height else ()
    if ask.measure.named_for_units and ask.by != ask.measure.default_by:
        found.notes += ("units_of_grouping",)
    if "skill" in {ask.by, *ask.where}:
        found.notes += ("skills_ai_only",)
    if "id" in rows.columns:
        rows = rows.with_columns(
            pl.Series("label", labels.group_values(ask.by or ask.measure.kind, rows["id"].to_list()), dtype=pl.String)
        ).select("id", "label", pl.exclude("id", "label"))
    return Result(
        measure=ask.measure, by=ask.by, where=ask.where, definition=ask.definition, scope=ask.scope, grain=ask.grain,
        as_of=ask.as_of, lists=ask.lists, rows=rows, value=value, low=low, high=high, numerator=found.numerator, denominator=found.denominator, n_eff=found.total.n_eff,
        interval_method=found.total.method, suppressed=found.suppressed, unplaced=found.unplaced, notes=found.notes,
        sql=found.sql, params=found.params, corrected=None if found.suppressed else found.corrected, own_date=ask.as_of != ds.as_of, dataset=ds.told,
    )  # fmt: skip


def turns_on_definition(ask: Scope) -> bool:
    """Whether the groups are definitions, and the figure itself follows from the definition."""
    m = ask.measure
    follows = m.population == "ai" or m.hit == "definition"
    return ask.by == "definition" and follows and m.kind in ("share", "count", "median", "per_opening", "duration")


def defined(ask: Scope, definition: str) -> Scope:
    """The same question by another definition, ungrouped."""
    return replace(ask, by=None, where={**ask.where, "definition": definition}, definition=definition)


def _by_definition(ask: Scope) -> Finding:
    """The figure by each definition in turn, so that a wider one is not cut to the openings of the chosen one."""
    estimate = ESTIMATORS[ask.measure.kind]
    found: Finding = estimate(defined(ask, ask.definition))
    parts = [
        estimate(defined(ask, d)).rows.select(pl.lit(d, pl.String).alias("id"), pl.all()) for d in vocab.DEFINITIONS
    ]
    found.rows = pl.concat(parts, how="diagonal")
    return found
