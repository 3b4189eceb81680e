"""Pages of figures: the overview, one measure with chart and table, the ads behind a number, two sides compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import polars as pl

from gangwei import measures, vocabulary
from gangwei.explore import affiliated, charts, crossing, marks
from gangwei.explore import rows as explore_rows
from gangwei.explore.marks import SCREENS, Screen
from gangwei.explore.query import MAX_PAGE, QUESTION, Asked, pairs_of
from gangwei.explore.site import Missing, Site, View
from gangwei.frame.dataset import Dataset
from gangwei.measures import Result, UnknownParameter

PAGE_ROWS = 50
DOWNLOADED = 10_000
TABLE_ROWS = 300
OVERVIEW = ("openings", "ai-openings", "ai-share", "defence-share", "surveillance-share", "city-top-share")
LEADING = (("city", "city-rank"), ("employer", "employer-rank"), ("skill", "ai-skills"))
YEARS = 3
LISTED_CHOICES = 80
NEXT = ("province", "role", "education", "tier", "board")
EXTRA = ("rank", "rank_low", "rank_high", "in_top", "growth", "lift")


def add(site: Site, other: Dataset | None = None) -> None:
    """Register the pages; `other` is a second dataset to compare with."""
    known = site.known

    @site.get("/", "Headline figures, a map, and the leading cities, employers and skills.", suffixes=("html", "json"))
    def overview(asked: Asked) -> View:
        figures = [site.figure(m, asked) for m in OVERVIEW if m in known]
        provinces = site.figure("ai-share", asked, "province")
        if not charts.coloured(provinces):
            provinces = site.figure("ai-openings", asked, "province")
        cities = site.figure("ai-openings", asked, "city")
        here = address(site, asked, provinces, region_pages=True)
        chart = charts.map_of(provinces, site.words.labels[asked.lang], here)
        leading = [(dim, site.figure(m, asked, dim)) for dim, m in LEADING if m in known]
        years = site.figure("ai-mix", asked, "year").rows if "ai-mix" in known else None
        values = {
            "figures": figures, "cities": cities, "chart": chart, "mapped": provinces.measure.id, "leading": leading, "home": home,
            "dated": years.sort("value", "id", descending=[True, False]).head(YEARS).to_dicts() if years is not None else [],
        }  # fmt: skip
        found = (*figures, provinces, cities, *(f for _, f in leading))
        return View("overview.j2", values, data=lambda: [f.record() for f in found])

    @site.get("/measures", "All measures.", suffixes=("html", "json"))
    def listing(asked: Asked) -> View:
        named = [{"id": m.id, "kind": m.kind, "unit": m.unit, "en": m.en, "zh": m.zh, "interval": m.interval, "caveats": m.caveats,
                  "permalink": f"/m/{m.id}"} for m in known.values()]  # fmt: skip
        return View("measures.j2", {"groups": grouped(known)}, data=lambda: named)

    @site.get("/m/{measure_id}/ads", "The ads behind a number: pages of 50, or up to 10,000 as JSON or CSV.",
              suffixes=("html", "json", "csv"), query=(*QUESTION, "group", "page"), parts={"measure_id": {"enum": list(known)}})  # fmt: skip
    def behind(asked: Asked) -> View:
        return listed(site, asked, PAGE_ROWS if asked.suffix == "html" else DOWNLOADED)

    @site.get("/m/{measure_id}", "One measure: value, interval, groups, definition and query.", query=QUESTION,
              suffixes=("html", "json", "csv", "parquet", "svg", "vl"), parts={"measure_id": {"enum": list(known)}})  # fmt: skip
    def figure(asked: Asked) -> View:
        m = site.measure(asked)
        by = asked.given.get("by", m.default_by)
        result = site.figure(m.id, asked, by or None)
        labels = site.words.labels[asked.lang]
        href, speaker = address(site, asked, result), site.words.speaker(asked.lang)

        def svg(screen: Screen = SCREENS[0]) -> str:
            return charts.chart(result, labels, href, lambda r: speaker.row(result, r), screen)

        rows = result.rows.head(TABLE_ROWS).to_dicts() if "id" in result.rows.columns else []
        values = {
            "r": result, "rows": rows, "more_rows": max(0, result.rows.height - TABLE_ROWS), "chart": charts.on_every_screen(svg), "given": asked.given,
            "href": href, "extra": [c for c in EXTRA if c in result.rows.columns and result.rows[c].null_count() < result.rows.height], "linked": linked(result),
            "by_options": m.groups, "dates": vocabulary.DATES, "choices": choices(site, result), "definitions": tuple(vocabulary.DEFINITIONS), "across": crossing.second(m, asked, result.by),
            "affiliated": affiliated.shown(site.ds, result, [r["id"] for r in rows]),
        }  # fmt: skip
        return View(
            "measure.j2",
            values,
            data=result.record,
            rows=lambda: result.rows,
            svg=lambda: charts.standalone(
                svg() or marks.sentence(undrawn(site, asked, result), speaker.measure(m)), speaker.caption(result)
            ),
            spec=lambda: charts.spec(result, labels, lambda r: speaker.row(result, r)),
            name=m.id,
        )

    crossing.add(site, choices)
    compared(site, other)


def undrawn(site: Site, asked: Asked, result: Result) -> str:
    """What is said in place of a chart: why there is none, or the single number that the figure is."""
    page, labels, m = site.words.page[asked.lang], site.words.labels[asked.lang], result.measure
    if not result.denominator:
        return page["nothing_counted"]
    if not result.rows.height:
        return page["no_groups"]
    if "id" in result.rows.columns:
        return page["all_suppressed"]
    value = labels.text("too_few") if result.suppressed else labels.quantity(result.value, m.unit)
    return site.words.speaker(asked.lang).measure(m) + page["colon"] + value


def grouped(known: Mapping[str, measures.Measure]) -> list[tuple[str, list[measures.Measure]]]:
    """Measures by what they are about, in the order of their definitions."""
    heads = {
        "about_places": ("cluster-", "cit", "province-", "location-", "emerging-"),
        "about_employers": ("employer-", "defence-", "surveillance-", "state-", "supplier-"),
        "about_work": ("pay-", "education-", "experience-", "seniority-", "ai-skill", "ai-concepts"),
        "about_time": ("ai-flow", "ai-stock", "vacancy-"),
        "about_data": (
            "repeat-",
            "ai-repeat-",
            "missing",
            "spell-",
            "ads-per-",
            "ai-ads-per-",
            "board-mix",
            "ai-share-without-",
            "spells-",
        ),
    }
    out: dict[str, list[measures.Measure]] = {h: [] for h in ("about_demand", *heads)}
    for m in known.values():
        home = next((h for h, starts in heads.items() if m.id.startswith(starts)), "about_demand")
        out[home].append(m)
    return [(h, ms) for h, ms in out.items() if ms]


def linked(result: Result) -> bool:
    """True where a group of the figure can itself be a filter."""
    return result.by in vocabulary.WHERE and result.measure.kind not in ("terms", "pairs", "grains")


def address(site: Site, asked: Asked, result: Result, region_pages: bool = False) -> Callable[[str], str]:
    """Where a click on a group leads: the same measure within that group, seen by the next dimension."""
    where = dict(result.where)
    groups = result.measure.groups
    step = "city" if result.by == "province" else next(
        (d for d in (*NEXT, "county") if d != result.by and d not in where and d in groups and (result.by not in vocabulary.PLACES or d != "province")), None
    )  # fmt: skip
    tail = [("lang", asked.lang)] if asked.lang != "en" else []

    def to(group: str) -> str:
        if result.measure.kind == "stock":
            listed = [("by", "month"), ("group", group), *(("where", p) for p in pairs_of(where))]
            return f"/m/{result.measure.id}/ads?" + urlencode(listed + tail)
        if result.by == "employer" and result.measure.kind in ("rank", "top"):
            return f"/employers/{group}" + (f"?{urlencode(tail)}" if tail else "")
        if region_pages:
            return f"/regions/{group}" + (f"?{urlencode(tail)}" if tail else "")
        if result.measure.kind in ("terms", "pairs"):
            page = "concepts" if result.measure.kind == "terms" else "skills"
            return f"/{page}/{group.split(' + ', maxsplit=1)[0]}" + (f"?{urlencode(tail)}" if tail else "")
        pairs = [] if result.by in vocabulary.DATES or not step else [("by", step)]
        kept = where if not linked(result) or result.by is None else where | {result.by: group}
        pairs += [("where", p) for p in pairs_of(kept)]
        pairs += [(k, asked.given[k]) for k in ("as_of", "lists") if asked.given.get(k)]
        return f"/m/{result.measure.id}?" + urlencode(pairs + tail)

    return to


def home(dim: str, value: str) -> str:
    """The page of its own that a group has, or ''."""
    page = {
        "province": "regions",
        "city": "regions",
        "employer": "employers",
        "occupation": "occupations",
        "skill": "skills",
        "term": "concepts",
    }.get(dim)
    return f"/{page}/{value}" if page and value not in ("unknown", "none", "") else ""


def choices(site: Site, result: Result) -> dict[str, tuple[str, ...]]:
    """Filters that can be added, with their values; long vocabularies are reached by clicking instead."""
    out = {k: vocabulary.allowed(site.ds, k) for k in vocabulary.WHERE} | {"year": vocabulary.years(site.ds)}
    held = {k: vocabulary.several(site.ds, k, v) for k, v in result.where.items()}
    found = {}
    for k, vs in out.items():
        if 0 < len(vs) <= LISTED_CHOICES and (k not in held or k not in vocabulary.SINGLE):
            found[k] = tuple(v for v in vs if v not in held.get(k, ()))
    return found


def listed(site: Site, asked: Asked, limit: int) -> View:
    """The openings behind a figure or one of its groups."""
    m = site.measure(asked)
    given, page = asked.given, asked.page
    by = given.get("by", m.default_by)
    total, rows = explore_rows.behind(
        site.ds, m.id, by or None, given.get("group"), asked.where, limit=limit, offset=(page - 1) * limit,
        as_of=given.get("as_of") or None, lists=given.get("lists") or None,
    )  # fmt: skip
    values: dict[str, Any] = {
        "measure": m, "by": by or None, "total": total, "rows": rows.to_dicts(), "page": page, "given": given,
        "pages": min(MAX_PAGE, max(1, -(-total // PAGE_ROWS))), "where": asked.where, "most": DOWNLOADED, "placed": vocabulary.PLACES,
    }  # fmt: skip
    return View(
        "ads.j2", values, name=f"{m.id}-ads", rows=lambda: rows,
        data=lambda: {"measure": m.id, "total": total, "shown": rows.height, "rows": rows.to_dicts()},
    )  # fmt: skip


def compared(site: Site, other: Dataset | None) -> None:
    """Register the page that sets two definitions, or two datasets, side by side."""

    @site.get("/compare", "Two definitions, or two datasets, side by side.", suffixes=("html", "json", "csv"),
              query=("measure", "left", "right", "what", *QUESTION))  # fmt: skip
    def compare(asked: Asked) -> View:
        given, where = asked.given, asked.where
        if "definition" in where:
            raise UnknownParameter("filter", f"definition={where['definition']}", ("left=…", "right=…"))
        m = site.known[given.get("measure", "ai-share")]
        what = given.get("what", "datasets" if other is not None else "definitions")
        by = given.get("by", m.default_by)
        by = by if not by or by in m.groups else m.default_by  # the form keeps the group when another measure is chosen
        left = given.get("left", "strict" if what == "definitions" else "related")
        right = given.get("right", "related") if what == "definitions" else left
        if what == "datasets" and other is None:
            raise Missing("only one dataset is open: start with `gangwei explore A --compare B`")
        first = site.figure(m.id, asked, by or None, {**where, "definition": left})
        second = (
            measures.measure(
                other,
                m.id,
                by or None,
                {**where, "definition": left},
                lang=asked.lang,
                as_of=given.get("as_of") or None,
                lists=given.get("lists") or None,
            )
            if other is not None and what == "datasets"
            else site.figure(m.id, asked, by or None, {**where, "definition": right})
        )
        rows = beside(first, second)
        speaker = site.words.speaker(asked.lang)
        for r in rows:
            r["label"] = speaker.row(first, r)
        names = (site.ds.directory.name, other.directory.name) if other is not None and what == "datasets" else None
        labels, title = site.words.labels[asked.lang], speaker.measure(m)
        chart = charts.on_every_screen(lambda s: marks.pairs(rows, m.unit, labels, title, s))
        values = {
            "m": m, "found": (first, second), "sides": (left, right), "rows": rows, "chart": chart, "what": what, "names": names,
            "known": site.known, "given": given, "by": by or "", "by_options": m.groups, "two": other is not None,
            "definitions": tuple(vocabulary.DEFINITIONS), "where": where, "choices": choices(site, first),
        }  # fmt: skip
        return View("compare.j2", values, rows=lambda: pl.DataFrame(rows, infer_schema_length=None), name=f"compare-{m.id}", data=lambda: {"measure": m.id, "by": by or None, "what": what, "where": dict(where), "sides": names or (left, right),
                                                        "whole": [first.record(), second.record()], "rows": rows})  # fmt: skip


def beside(first: Result, second: Result, most: int = 60) -> list[dict[str, Any]]:
    """Groups of two figures in the order of the first; `apart` is true when their intervals do not meet."""
    if "id" not in first.rows.columns or "id" not in second.rows.columns:
        return []
    left, right = ({r["id"]: r for r in x.rows.to_dicts()} for x in (first, second))
    out = []
    for id_ in list(dict.fromkeys([*left, *right]))[:most]:
        a, b = left.get(id_), right.get(id_)
        va, vb = (r["value"] if r and not r["suppressed"] else None for r in (a, b))
        ends = [_end(r, k) for r in (a, b) for k in ("low", "high")]
        bounds = [e for e in ends if e is not None]
        apart = bounds[0] > bounds[3] or bounds[2] > bounds[1] if len(bounds) == 4 and None not in (va, vb) else None
        out.append({
            "id": id_, "label": (a or b or {}).get("label", id_), "left": va, "left_low": ends[0], "left_high": ends[1], "right": vb,
            "right_low": ends[2], "right_high": ends[3], "difference": vb - va if va is not None and vb is not None else None,
            "apart": apart,
        })  # fmt: skip
    return out


def _end(row: dict[str, Any] | None, key: str) -> float | None:
    value = row[key] if row else None
    return float(value) if value is not None else None
