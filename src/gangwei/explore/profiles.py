"""Profiles: a region, an employer, an occupation, a skill; and one ad with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gangwei.explore import charts, marks
from gangwei.explore import rows as explore_rows
from gangwei.explore.ads import Reader
from gangwei.explore.figures import address, home
from gangwei.explore.query import Asked
from gangwei.explore.site import Missing, Site, View
from gangwei.frame.columns import MUNICIPAL

CARDS = ("openings", "ai-openings", "ai-share", "pay-median")
MIXES = ("role", "subfield", "education", "experience", "tier", "board")
NARROW = ("term", "skill")
"""Dimensions known of AI openings only: counts and shares of all openings say nothing there; one employer is too few for
shares and medians."""
ADS_SHOWN = 20
DIRECTORY = (
    ("city", "ai-openings"),
    ("employer", "employer-rank"),
    ("occupation", "ai-openings"),
    ("skill", "ai-skills"),
    ("term", "ai-concepts"),
)


def add(site: Site, reader: Reader) -> None:
    """Register the pages."""
    leaders: list[tuple[str, str | None]] = [("ai-openings", "city"), ("employer-rank", "employer")]
    book = site.ds.codebook
    directory(site)
    regions(site)
    employers(site, reader)
    occupations = {code: dict[str, Any]() for code in site.ds.open_values["occupation"]}
    listed(site, "/occupations/{code}", "One occupation group.", "occupation", occupations, leaders, " in this dataset")
    leaders = [*leaders, ("ai-openings", "occupation")]
    skills = {r["id"]: {"skill": r} for r in book.rows("skills.csv")}
    listed(site, "/skills/{skill_id}", "One skill that AI openings ask for.", "skill", skills,
           [*leaders, ("ai-skills", "skill")], "; /m/ai-skills lists them")  # fmt: skip
    concepts: dict[str, dict[str, Any]] = {code: {"terms": []} for code in site.words.concepts}
    for r in book.rows("ai/terms.csv") if concepts else ():
        concepts[r["concept"]]["terms"].append(r)
    listed(site, "/concepts/{concept}", "One AI concept that AI openings name.", "term", concepts,
           [*leaders, ("ai-concepts", None)], "; /m/ai-concepts lists them")  # fmt: skip
    ads(site, reader)


def directory(site: Site) -> None:
    """Register the page that leads to the others."""

    @site.get("/profiles", "The largest cities, employers, occupations and skills, each with a page of its own.",
              suffixes=("html", "json"))  # fmt: skip
    def page(asked: Asked) -> View:
        found = [
            (dim, site.figure(m, asked, None if dim == "term" else dim)) for dim, m in DIRECTORY if m in site.known
        ]
        return View("profiles.j2", {"found": found, "home": home}, data=lambda: {d: f.record() for d, f in found})


def regions(site: Site) -> None:
    """Register the pages of provinces, cities and counties."""

    @site.get(
        "/regions/{adcode}",
        "One province or city.",
        suffixes=("html", "json"),
        parts={"adcode": {"pattern": r"^\d{6}$"}},
    )
    def page(asked: Asked) -> View:
        code = asked.parts["adcode"]
        if not (code.isascii() and code.isdigit() and len(code) == 6 and int(code) in site.ds.places):
            raise Missing(f"no region {code[:20]!r}", code)
        place = site.ds.places[int(code)]
        dim = {1: "province", 2: "city", 3: "county"}[2 if int(code) in MUNICIPAL else place.level]
        lists = [("employer-rank", "employer"), ("ai-openings", "occupation")]
        if dim == "province":
            lists.insert(0, ("ai-openings", "city"))
        names = (place.zh, place.en) if asked.lang == "zh" else (place.en, place.zh)
        extra = ("location-quotient", dim) if dim != "county" else None
        return profile(site, asked, dim, code, names[0], lists, {"also": names[1], "compared_with": extra})


def employers(site: Site, reader: Reader) -> None:
    """Register the pages of employers."""

    @site.get("/employers/{employer_id}", "One employer: names, lists, openings.", suffixes=("html", "json"),
              parts={"employer_id": {"pattern": r"^[\w.:-]{1,80}$"}})  # fmt: skip
    def page(asked: Asked) -> View:
        code = asked.parts["employer_id"]
        found = reader.employer(code)
        name = found["name"] or site.words.speaker(asked.lang).individual
        lists = [("ai-openings", "city"), ("ai-openings", "occupation")]
        return profile(site, asked, "employer", code, name, lists, {"employer": found})


def listed(
    site: Site, path: str, said: str, dim: str, known: Mapping[str, dict[str, Any]],
    lists: Sequence[tuple[str, str | None]], else_: str,
) -> None:  # fmt: skip
    """Register the pages of a dimension whose values are listed: `known` holds each with what its page shows besides.

    `path` ends in the one part that is the value; `else_` is added to the words for a value that is not among them.
    """
    part = path.rpartition("{")[2].rstrip("}")
    what = "concept" if dim == "term" else dim

    @site.get(path, said, suffixes=("html", "json"), parts={part: {"enum": sorted(known) or ["none"]}})
    def page(asked: Asked) -> View:
        code = asked.parts[part]
        if code not in known:
            raise Missing(f"no {what} {code[:40]!r}{else_}", code)
        name = site.words.speaker(asked.lang).group(dim, code)
        return profile(site, asked, dim, code, name, lists, known[code])


def ads(site: Site, reader: Reader) -> None:
    """Register the pages of ads."""

    @site.get("/ads/{ad_id}", "One ad: highlighted evidence, decisions, duplicates, the original row.", suffixes=("html", "json"),
              parts={"ad_id": {"pattern": r"^\w{1,40}$"}})  # fmt: skip
    def page(asked: Asked) -> View:
        found = reader.ad(asked.parts["ad_id"])
        rules = used(site, found)
        spelt = {r["id"]: r["term"] for _, r in rules}
        return View("ad.j2", {"a": found, "used": rules, "spelt": spelt}, data=lambda: found, name=asked.parts["ad_id"])


def used(site: Site, ad: Mapping[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """The rules that decided on an ad, as their definition files state them."""
    wanted = {d["rule_id"] for d in ad["decisions"] if d["rule_id"]}
    rows = [("ai/terms.csv", r) for r in site.ds.codebook.rows("ai/terms.csv") if r["id"] in wanted]
    return rows[:30]


def profile(
    site: Site, asked: Asked, dim: str, value: str, name: str, lists: Sequence[tuple[str, str | None]], extra: dict[str, Any]
) -> View:  # fmt: skip
    """Cards, mixes, leading groups, months and openings within one group of a dimension."""
    where = {dim: value}
    left_out = ("openings", "ai-share") if dim in NARROW else ("ai-share", "pay-median") if dim == "employer" else ()
    figures = [site.figure(m, asked, None, where) for m in CARDS if m in site.known and m not in left_out]
    mixes = [
        site.figure("ai-mix", asked, by, where) for by in MIXES if by != dim and not (dim in NARROW and by == "tier")
    ]
    leading = [site.figure(m, asked, by, where) for m, by in lists]
    flow = site.figure("ai-flow", asked, "month", where)
    total, rows = explore_rows.behind(site.ds, "ai-openings", None, None, where, limit=ADS_SHOWN)
    quotient = None
    if extra.get("compared_with"):
        measure_id, by = extra["compared_with"]
        found = site.figure(measure_id, asked, by, {})
        quotient = next((r for r in found.rows.to_dicts() if r["id"] == value), None)
    labels, href = site.words.labels[asked.lang], address(site, asked, flow)
    chart = charts.on_every_screen(lambda s: marks.line(flow, labels, href, s))
    values = {
        "dim": dim, "value": value, "name": name, "figures": figures, "mixes": mixes, "leading": leading, "chart": chart, "flow": flow,
        "total": total, "rows": rows.to_dicts(), "employer": extra.get("employer"), "terms": extra.get("terms"), "skill": extra.get("skill"),
        "also": extra.get("also"), "quotient": quotient, "home": home,
    }  # fmt: skip
    return View(
        "profile.j2", values, name=f"{dim}-{value}",
        data=lambda: {dim: value, "name": name, "figures": [f.record() for f in (*figures, *mixes, *leading, flow)], "ai_openings": total,
                      **{k: extra[k] for k in ("employer",) if k in extra}},
    )  # fmt: skip
