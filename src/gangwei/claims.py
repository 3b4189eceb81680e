"""The ledger of claims: every sentence of the brief that carries a number, each with its measure and its condition.

A claim lists ways to say itself; the first whose conditions hold on this data is said, and when none holds the claim is
dropped. Conditions are comparisons of facts (`value >= 0.5`, `row1.value > 2 * row2.value` is not possible: two operands).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gangwei import vocabulary as vocab
from gangwei.codebook import Codebook, DefinitionError
from gangwei.frame.dataset import Dataset
from gangwei.labels import Labels
from gangwei.measures import Result, measure
from gangwei.measures import load as load_measures

_CONDITION = re.compile(r"^\s*([a-z_][\w.]*)\s*(<=|>=|==|!=|<|>)\s*(-?\d+(?:\.\d+)?|[a-z_][\w.]*)\s*$")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b, ">": lambda a, b: a > b,
}  # fmt: skip
ROUGH = 2
SECTIONS = ("summary", "regions", "defence", "talent", "time", "waterfall")  # of the brief, where sentences stand
_SLOT = re.compile(r"\{([a-z_][\w.]*)\}")
_WAN = re.compile(r"(?<=[万亿]) (?=[\u4e00-\u9fff])")


@dataclass(frozen=True)
class Question:
    """A measure with its group and filters, as a claim asks it."""

    measure: str
    by: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """One row of claims.toml."""

    id: str
    section: str
    question: Question
    extra: Mapping[str, Question]
    say: tuple[Mapping[str, Any], ...]
    headline: int = 0
    track: str = "value"
    skip: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """A claim as it stands on this data."""

    claim: Claim
    text: str
    variant: int
    result: Result
    facts: Mapping[str, float]
    interval: str = ""


def load(book: Codebook) -> list[Claim]:
    """All claims in the order of the file.

    Raises:
        DefinitionError: a claim without a sentence in either language, or with a condition that cannot be read.
    """
    out = []
    for c in book.toml("claims.toml")["claim"]:
        say = tuple(c.get("say", ()))
        for s in say:
            if not (s.get("zh") and s.get("en")):
                raise DefinitionError(f"claims.toml {c['id']}: a sentence lacks zh or en")
            for condition in s.get("if", ()):
                if not _CONDITION.match(condition):
                    raise DefinitionError(f"claims.toml {c['id']}: cannot read the condition {condition!r}")
        extra = {k: Question(v["measure"], v.get("by"), v.get("where", {})) for k, v in c.get("with", {}).items()}
        question = Question(c["measure"], c.get("by"), c.get("where", {}))
        out.append(
            Claim(
                c["id"],
                c["section"],
                question,
                extra,
                say,
                int(c.get("headline", 0)),
                c.get("track", "value"),
                tuple(c.get("skip", ())),
            )
        )
    return out


def problems(book: Codebook) -> list[str]:
    """What is wrong with the measures and with the claims that ask for them."""
    try:
        known, claims = load_measures(book), load(book)
    except DefinitionError as e:
        return [str(e)]
    except KeyError as e:
        return [f"claims.toml: a claim lacks {e}"]
    found = []
    for m in known.values():
        asked = {*m.where, *(m.hit if isinstance(m.hit, Mapping) else ())}
        found += [f"measures/ [{m.id}]: {f!r} is no filter" for f in sorted(asked - set(vocab.WHERE))]
        if m.default_by is not None and m.default_by not in vocab.BY:
            found.append(f"measures/ [{m.id}]: {m.default_by!r} is no dimension")
    for c in claims:
        if c.section not in SECTIONS:
            found.append(f"claims.toml {c.id}: section {c.section!r} is none of {', '.join(SECTIONS)}")
        for q in (c.question, *c.extra.values()):
            if q.measure not in known:
                found.append(f"claims.toml {c.id}: there is no measure {q.measure!r}")
            elif q.by is not None and q.by not in known[q.measure].groups:
                found.append(f"claims.toml {c.id}: {q.by!r} is no dimension of {q.measure}")
            found += [f"claims.toml {c.id}: {f!r} is no filter" for f in sorted(set(q.where) - set(vocab.WHERE))]
    return found


class Answers:
    """Answers to questions over one dataset, each asked once."""

    def __init__(self, ds: Dataset, lang: str, as_of: Any = None, lists: Any = None) -> None:
        self.ds, self.lang, self.as_of, self.lists = ds, lang, as_of, lists
        self._rough: set[tuple[str, str | None, tuple[tuple[str, str], ...]]] = set()
        self._known: dict[tuple[str, str | None, tuple[tuple[str, str], ...]], Result] = {}

    def ask(self, q: Question, where: Mapping[str, str] | None = None) -> Result:
        """The result of a question; with further filters only its values are meant to be read, its intervals are rough."""
        filters = {**q.where, **(where or {})}
        key = (q.measure, q.by, tuple(sorted(filters.items())))
        if key not in self._known or (where is None and key in self._rough):
            self._known[key] = measure(
                self.ds, q.measure, q.by, filters, as_of=self.as_of, lists=self.lists, lang=self.lang,
                replicates=None if where is None else ROUGH,
            )  # fmt: skip
            (self._rough.discard if where is None else self._rough.add)(key)
        return self._known[key]


def named(result: Result) -> list[dict[str, Any]]:
    """Rows that a sentence may name: known and not suppressed."""
    return [
        r for r in result.rows.to_dicts() if r.get("id") not in (None, "unknown", "outside") and not r["suppressed"]
    ]


def fact_key(id_: Any) -> str:
    """The id of a group as the names of its facts write it."""
    return re.sub(r"\W", "_", str(id_))


def facts(result: Result, labels: Labels, prefix: str = "") -> tuple[dict[str, float], dict[str, str]]:
    """Numbers for conditions and words for templates of one result: `value`, `low`, `row1.label`, `list3`, ..."""
    numbers: dict[str, float] = {}
    words: dict[str, str] = {}
    unit, row_unit = result.measure.unit, result.measure.row_unit

    def put(name: str, value: float | None, word: str) -> None:
        if value is not None and math.isfinite(value):
            numbers[prefix + name] = float(value)
        words[prefix + name] = word

    put(
        "value",
        result.value,
        labels.integer(result.value, short=True)
        if unit in ("openings", "places", "count")
        else labels.quantity(result.value, unit),
    )
    put("low", result.low, labels.quantity(result.low, unit))
    put("high", result.high, labels.quantity(result.high, unit))
    put("numerator", result.numerator, labels.integer(result.numerator, short=True))
    put("denominator", result.denominator, labels.integer(result.denominator, short=True))
    words[prefix + "interval"] = labels.interval(result.low, result.high, unit)
    rows = named(result)
    put("n", float(len(rows)), labels.integer(len(rows)))
    if result.measure.kind == "hhi" and result.value:
        put("equal", 1 / result.value, f"{1 / result.value:.1f}")
    for note in result.notes:
        numbers[f"{prefix}note.{note}"] = 1.0
    if "id" in result.rows.columns:
        sure = sum(1 for r in rows if r["low"] is not None and r["low"] > 1) if row_unit == "ratio" else 0
        put("sure", float(sure), labels.integer(sure))
        for i, r in enumerate(rows[:10], 1):
            put(f"row{i}.value", r["value"], labels.quantity(r["value"], row_unit))
            put(f"row{i}.count", r["numerator"], labels.integer(r["numerator"], short=True))
            put(f"row{i}.low", r["low"], labels.quantity(r["low"], row_unit))
            words[f"{prefix}row{i}.label"] = r["label"]
            words[f"{prefix}row{i}.interval"] = labels.interval(r["low"], r["high"], row_unit)
        for r in result.rows.to_dicts():
            key = fact_key(r["id"])
            put(f"is_{key}.value", r["value"], labels.quantity(r["value"], row_unit))
            put(f"is_{key}.count", r["numerator"], labels.integer(r["numerator"], short=True))
            put(f"is_{key}.of", r["denominator"], labels.integer(r["denominator"], short=True))
            words[f"{prefix}is_{key}.interval"] = labels.interval(r["low"], r["high"], row_unit)
        for k in (3, 5):
            words[f"{prefix}list{k}"] = labels.listed([r["label"] for r in rows[:k]])
    return numbers, words


def close_up(text: str) -> str:
    """A sentence without the space between 万 or 亿 and the Chinese word it counts."""
    return _WAN.sub("", text)


def holds(condition: str, numbers: Mapping[str, float]) -> bool:
    """Whether a comparison holds; a fact that this data lacks makes it false."""
    m = _CONDITION.match(condition)
    if m is None:
        raise DefinitionError(f"cannot read the condition {condition!r}")
    name, op, other = m.groups()
    right = float(other) if re.match(r"-?\d", other) else numbers.get(other)
    left = numbers.get(name)
    return left is not None and right is not None and _COMPARE[op](left, right)


def choose(claim: Claim, numbers: Mapping[str, float]) -> int | None:
    """The first way to say the claim whose conditions all hold."""
    for i, s in enumerate(claim.say):
        if all(holds(c, numbers) for c in s.get("if", ())):
            return i
    return None


def say(claim: Claim, answers: Answers, labels: Labels) -> Said | None:
    """The claim in words on this data, or None when it has nothing true to say."""
    result = answers.ask(claim.question)
    numbers, words = facts(result, labels)
    for name, q in claim.extra.items():
        more_numbers, more_words = facts(answers.ask(q), labels, f"{name}.")
        numbers |= more_numbers
        words |= more_words
    i = choose(claim, numbers)
    if i is None:
        return None
    template = str(claim.say[i][labels.lang])
    missing = [m for m in _SLOT.findall(template) if m not in words]
    if missing:
        return None
    of = {"value": "interval"}.get(claim.track, f"{claim.track.rpartition('.')[0]}.interval")
    places = claim.track == "all" or claim.track.startswith("top")
    interval = words.get("row1.interval" if places else of, "–")
    if result.interval_method == "support_range":
        interval = f"{labels.text('range')} {interval}" if interval != "–" else interval
    text = labels.agree(close_up(_SLOT.sub(lambda m: words[m.group(1)], template)))
    return Said(claim, text, i, result, numbers, interval)
