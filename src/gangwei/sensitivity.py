"""Does a headline survive another definition, another way of counting, other clusters, or the loss of a board?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gangwei.claims import Answers, Claim, named
from gangwei.frame import UNIT
from gangwei.labels import Labels
from gangwei.measures import Result
from gangwei.vocabulary import DEFINITIONS, GRAINS, MULTI_CITY, PLACES

MAX_BOARDS = 12


@dataclass(frozen=True)
class Variant:
    """One other way to compute a headline."""

    kind: str
    label: str
    where: Mapping[str, str]
    value: float | None
    names: tuple[str, ...]
    survives: bool | None


@dataclass(frozen=True)
class Tornado:
    """All variants of a headline; `survives` is None when there was nothing to test."""

    claim: Claim
    unit: str
    base: float | None
    base_names: tuple[str, ...]
    variants: tuple[Variant, ...]
    survives: bool | None

    @property
    def low(self) -> float | None:
        """Smallest value of any variant or the base."""
        return min((v.value for v in self.variants if v.value is not None), default=self.base)

    @property
    def high(self) -> float | None:
        """Largest value of any variant or the base."""
        return max((v.value for v in self.variants if v.value is not None), default=self.base)


def _names(claim: Claim, result: Result) -> tuple[str, ...]:
    if claim.track == "value":
        return ()
    k = len(named(result)) if claim.track == "all" else int(claim.track.removeprefix("top"))
    return tuple(r["id"] for r in named(result)[:k])


def _tracked(claim: Claim, result: Result, base_names: tuple[str, ...]) -> float | None:
    """The value that the tornado draws: the figure, or the joint share of the places that the headline names."""
    if claim.track == "value":
        return result.value
    if not base_names:
        return None
    shares = {r["id"]: r for r in result.rows.to_dicts()}
    if claim.track == "all":
        return float(sum(1 for n in base_names if n in shares))
    total = result.denominator
    return sum(shares[n]["numerator"] for n in base_names if n in shares) / total if total else None


def variants(answers: Answers, labels: Labels, claim: Claim) -> list[tuple[str, str, dict[str, str]]]:
    """(kind, label, filters) of every variant that the vocabulary allows for a claim."""
    ds, base = answers.ds, answers.ask(claim.question)
    out = []
    if "definition" not in claim.skip:
        out += [
            ("definition", labels.code("definition", d), {"definition": d}) for d in DEFINITIONS if d != base.definition
        ]
    if "grain" not in claim.skip:
        out += [("grain", labels.code("grain", g), {"grain": g}) for g in GRAINS if g != base.grain]
    if base.by in PLACES and ds.rows(f"SELECT count(*) FROM fact f WHERE f.w > 0 AND f.w < {UNIT}")[0][0]:
        out += [("place", labels.code("multi_city", r), {"multi_city": r}) for r in MULTI_CITY[1:]]
    if base.by == "city" and ds.rows("SELECT count(*) FROM fact f WHERE f.county % 100 > 80")[0][0]:
        out.append(("place", labels.code("roll_up", "county"), {"roll_up": "county"}))
    if base.by == "cluster" or "cluster" in base.where:
        out += [("scope", labels.code("scope", s), {"scope": s}) for s in ds.scopes if s not in {base.scope, "five"}]
    if len(ds.boards) > 1 and "board" not in claim.skip:
        sizes = ds.rows("SELECT board, count(*) FROM ads WHERE board IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1")
        largest = sorted(b for b, _ in sizes[:MAX_BOARDS])
        out += [("board", labels.text("without").format(board=b), {"without_board": b}) for b in largest]
    return out


def tornado(answers: Answers, labels: Labels, claim: Claim, settings: Mapping[str, Any]) -> Tornado:
    """Compute every variant of a headline and its verdict by the stated margins."""
    base = answers.ask(claim.question)
    names = _names(claim, base)
    value = _tracked(claim, base, names)
    unit = "places" if claim.track == "all" else "share" if claim.track != "value" else base.measure.unit
    found = []
    for kind, label, where in variants(answers, labels, claim):
        r = answers.ask(claim.question, where)
        other, other_names = _tracked(claim, r, names), _names(claim, r)
        found.append(
            Variant(
                kind, label, where, other, other_names, _same(claim, unit, value, other, names, other_names, settings)
            )
        )
    tested = [v.survives for v in found if v.survives is not None]
    nothing = value is None or not math.isfinite(value) or base.numerator == 0
    return Tornado(claim, unit, value, names, tuple(found), None if nothing or not tested else all(tested))


def _same(
    claim: Claim, unit: str, base: float | None, other: float | None, names: tuple[str, ...], other_names: tuple[str, ...],
    settings: Mapping[str, Any],
) -> bool | None:  # fmt: skip
    if base is None:
        return None
    if claim.track != "value":
        return set(names) == set(other_names)
    if other is None:
        return False
    gap = abs(other - base)
    if gap <= settings["survive_margin"] * abs(base):
        return True
    return unit == "share" and gap <= settings["survive_points"]
