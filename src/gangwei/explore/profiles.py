"""Profiles: a region, an employer, an occupation, a skill; and one ad with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gangwei.explore import charts, marks
from gangwei.explore import rows as explore_rows
from gangwei.explore.ads import Reader
from gangwei.explore.figures import address
from gangwei.explore.query import Asked
from gangwei.explore.site import Missing, Site, View
from gangwei.frame.columns import MUNICIPAL

CARDS = ("openings", "ai-openings", "ai-share", "pay-median")
MIXES = ("role", "subfield", "education", "experience", "tier", "board")
NARROW = ("term", "skill")
"""Dimensions known of AI openings only: counts and shares of all openings say nothing there."""
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
    known_terms = site.words.concepts
    known_skills = {r["id"]: r for r in site.ds.codebook.rows("skills.csv")}

    @site.get("/profiles", "The largest cities, employers, occupations and skills, each with a page of its own.",
              suffixes=("html", "json"))  # fmt: skip
    def directory(asked: Asked) -> View:
        found = [
            (dim, site.figure(m, asked, None if dim == "term" else dim)) for dim, m in DIRECTORY if m in site.known
        ]
        return View("profiles.j2", {"found": found, "home": home}, data=lambda: {d: f.record() for d, f in found})

    @site.get(
        "/regions/{adcode}",
        "One province or city.",
        suffixes=("html", "json"),
        parts={"adcode": {"pattern": r"^\d{6}$"}},
    )
    def region(asked: Asked) -> View:
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

    @site.get("/employers/{employer_id}", "One employer: names, lists, openings.", suffixes=("html", "json"),
              parts={"employer_id": {"pattern": r"^[\w.:-]{1,80}$"}})  # fmt: skip
    def employer(asked: Asked) -> View:
        code = asked.parts["employer_id"]
        found = reader.employer(code)
        name = found["name"] or site.words.speaker(asked.lang).individual
        lists = [("ai-openings", "city"), ("ai-openings", "occupation")]
        return profile(site, asked, "employer", code, name, lists, {"employer": found})

    @site.get(
        "/occupations/{code}",
        "One occupation group.",
        suffixes=("html", "json"),
        parts={"code": {"enum": list(site.ds.open_values["occupation"]) or ["none"]}},
    )
    def occupation(asked: Asked) -> View:
        code = asked.parts["code"]
        if code not in site.ds.open_values["occupation"]:
            raise Missing(f"no occupation {code[:20]!r} in this dataset", code)
        name = site.words.labels[asked.lang].code("occupation", code)
        return profile(
            site, asked, "occupation", code, name, [("ai-openings", "city"), ("employer-rank", "employer")], {}
        )

    @site.get(
        "/skills/{skill_id}",
        "One skill that AI openings ask for.",
        suffixes=("html", "json"),
        parts={"skill_id": {"enum": list(known_skills)}},
    )
    def skill(asked: Asked) -> View:
        code = asked.parts["skill_id"]
        if code not in known_skills:
            raise Missing(f"no skill {code[:40]!r}; /m/ai-skills lists them", code)
        lists = [
            ("ai-openings", "city"),
            ("employer-rank", "employer"),
            ("ai-openings", "occupation"),
            ("ai-skills", "skill"),
        ]
        name = site.words.speaker(asked.lang).group("skill", code)
        return profile(site, asked, "skill", code, name, lists, {"skill": known_skills[code]})

    @site.get(
        "/concepts/{concept}",
        "One AI concept that AI openings name.",
        suffixes=("html", "json"),
        parts={"concept": {"enum": sorted(known_terms)}},
    )
    def concept(asked: Asked) -> View:
        code = asked.parts["concept"]
        if code not in known_terms:
            raise Missing(f"no concept {code[:40]!r}; /m/ai-concepts lists them", code)
        terms = [r for r in site.ds.codebook.rows("ai/terms.csv") if r["concept"] == code]
        lists = [
            ("ai-openings", "city"),
            ("employer-rank", "employer"),
            ("ai-openings", "occupation"),
            ("ai-concepts", None),
        ]
        name = site.words.speaker(asked.lang).labels.concept(code)
        return profile(site, asked, "term", code, name, lists, {"terms": terms})

    @site.get("/ads/{ad_id}", "One ad: highlighted evidence, decisions, duplicates, the original row.", suffixes=("html", "json"),
              parts={"ad_id": {"pattern": r"^\w{1,40}$"}})  # fmt: skip
    def one_ad(asked: Asked) -> View:
        found = reader.ad(asked.parts["ad_id"])
        rules = used(site, found)
        spelt = {r["id"]: r["term"] for _, r in rules}
        return View("ad.j2", {"a": found, "used": rules, "spelt": spelt}, data=lambda: found, name=asked.parts["ad_id"])


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
    cards = [m for m in CARDS if m in site.known and not (dim in NARROW and m in ("openings", "ai-share"))]
    cards = [
        m for m in cards if dim != "employer" or m in ("openings", "ai-openings")
    ]  # one employer is too few for the others
    figures = [site.figure(m, asked, None, where) for m in cards]
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
