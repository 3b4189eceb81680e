"""The findings, section by section: regions, affiliation, talent, time, waterfall."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gangwei import charts, choropleth
from gangwei.brief.blocks import Figure, Table
from gangwei.brief.headlines import rank_range
from gangwei.brief.writer import SIZES, Writer
from gangwei.geo import load_map
from gangwei.measures import Result

CITIES_SHOWN, EMPLOYERS_SHOWN, SHARES_SHOWN, SKILLS_SHOWN, PAIRS_SHOWN, MONTHS_SHOWN = 30, 15, 15, 12, 10, 120


def regions(w: Writer) -> tuple[list[tuple[str, str]], list[Figure], list[Table]]:
    """Maps of provinces and prefectures as (title, SVG), city ranks and the tables they link to."""
    t = w.t
    provinces, cities = w.ask("province-rank"), w.ask("city-rank")
    maps = [(t.text(k) + w.marks[0] + t.text("map_share"), m) for k, m in (
        ("map_title", region_map(w, provinces, "provinces", "prov", provinces.rows.height)),
        ("prefecture_map", region_map(w, cities, "prefectures", "city", CITIES_SHOWN)),
    ) if m]  # fmt: skip
    mix = w.bars("cluster-mix", w.ask("cluster-share"), w.name("cluster_mix"))
    figures = [f for f in (city_chart(w, cities), mix, by_scope(w)) if f]
    tables = []
    if provinces.rows.height:
        tables = [
            province_table(w, provinces),
            w.ai_shares(w.ask("ai-share", "cluster"), w.name("ai_share_clusters")),
            w.ai_shares(w.ask("ai-share", "city"), w.name("ai_share_cities"), SHARES_SHOWN),
        ]
    emerging = w.ask("emerging-cities")
    if emerging.rows.height:
        tables.append(emerging_table(w, emerging))
    return maps, figures, tables


def province_table(w: Writer, provinces: Result) -> Table:
    """Rank, AI openings, share of all with its interval, and location quotient of each province."""
    t = w.t
    quotients = {x["id"]: x for x in w.ask("location-quotient", "province").rows.to_dicts()}
    rows = []
    for x in provinces.rows.to_dicts():
        q = quotients.get(x["id"])
        lq = "–" if q is None else t.text("suppressed") if q["suppressed"] else t.ratio(q["value"])
        rows.append([*ranked(w, x), lq])
    head = [t.text("rank"), t.dimension("province"), *(t.text(k) for k in ("count", "share", "interval", "lq"))]
    anchors = [f"prov-{x['id']}" for x in provinces.rows.to_dicts()]
    return Table(t.text("province_table"), head, rows, (0, 2, 3, 4, 5), anchors)


def ranked(w: Writer, x: dict[str, Any]) -> list[str]:
    """Rank, name, count, share and interval of a row of a ranking."""
    t = w.t
    share = t.share(x["value"]), t.interval(x["low"], x["high"], "share")
    return [str(x["rank"]), x["label"], t.integer(x["numerator"]), *share]


def city_chart(w: Writer, cities: Result) -> Figure | None:
    """Shares of the largest cities with intervals, over the table of ranks; None where no city has an interval."""
    t = w.t
    chart = [r for r in w.share_rows(cities, 15) if r["low"] is not None]
    if not chart:
        return None
    shown = cities.rows.head(CITIES_SHOWN).to_dicts()
    keys = ("count", "share", "interval", "rank_interval", "in_top")
    head = [t.text("rank"), t.dimension("city"), *(t.text(k) for k in keys)]
    rows = [[*ranked(w, x), rank_range(x), t.share(x["in_top"], 0)] for x in shown]
    table = Table(t.text("city_table"), head, rows, (0, 2, 3, 4, 5, 6), [f"city-{x['id']}" for x in shown])
    drawn = charts.svg(charts.intervals(chart, share=True, **SIZES[True]), w.name("city_chart"), "city-chart")
    return Figure("city-chart", w.name("city_chart"), drawn, table, w.caveats(cities), True)


def emerging_table(w: Writer, emerging: Result) -> Table:
    """AI openings, location quotient and growth of the cities that emerge."""
    t = w.t
    head = [t.dimension("city"), t.text("count"), t.text("lq"), t.text("interval"), w.name("growth")]
    rows = [
        [
            x["label"],
            t.integer(x["numerator"]),
            t.ratio(x["value"]),
            f"{t.ratio(x['low'])} – {t.ratio(x['high'])}",
            "–" if x["growth"] is None else w.change(x["growth"], 0),
        ]
        for x in emerging.rows.head(20).to_dicts()
    ]
    return Table(w.name("emerging_table"), head, rows, (1, 2, 3, 4))


def region_map(w: Writer, r: Result, layer: str, anchor: str, linked: int) -> str:
    """A map of shares; the first `linked` units link to their row in the table. Empty without any unit."""
    t = w.t
    found = {}
    for i, x in enumerate(r.rows.to_dicts()):
        words = t.agree(t.text("counted_in").format(t.integer(x["numerator"])))
        words = f"{x['label']}{w.marks[0]}{words}{w.marks[1]}{t.share(x['value'])}"
        found[int(x["id"])] = choropleth.Region(f"#{anchor}-{x['id']}" if i < linked else "", words, x["value"])
    title = t.text("map_title" if layer == "provinces" else "prefecture_map")
    if not found:
        return ""
    return choropleth.svg(load_map(), found, layer=layer, title=title, no_data=t.text("no_data"), words=t.share)


def by_scope(w: Writer) -> Figure | None:
    """Share in the clusters under every official scope."""
    t, found = w.t, [(s, w.ask("cluster-share", scope=s)) for s in w.ds.scopes]
    rows: list[dict[str, Any]] = [
        {"label": t.code("scope", s), "value": r.value, "low": r.low, "high": r.high, "text": t.share(r.value)}
        for s, r in found
        if r.value is not None
    ]
    if not rows:
        return None
    title = w.name("cluster_scopes")
    table = Table(
        title,
        [t.dimension("scope"), t.text("share"), t.text("interval")],
        [[x["label"], x["text"], t.interval(x["low"], x["high"], "share")] for x in rows],
        (1, 2),
    )
    svg = charts.svg(charts.bars(rows, share=True, width=340, label=540), title, "scopes")
    return Figure("scopes", title, svg, table, w.caveats(found[0][1]), True)


def affiliated(w: Writer) -> tuple[list[Figure], list[Table]]:
    """Tiers of evidence, and surveillance employer against surveillance work."""
    figures = [f for f in [w.bars("defence-chart", w.ask("defence-tiers"), w.name("defence_chart"), wide=True)] if f]
    tables = []
    groups = w.ask("defence-groups")
    if groups.rows.height:
        tables.append(w.table(groups, w.name("defence_groups")))
    cross = w.ask("surveillance-cross", "surveillance_company")
    if cross.rows.height:
        t = w.t
        head = [
            t.dimension("surveillance_company"),
            t.text("count"),
            t.dimension("surveillance_job"),
            t.text("share"),
            t.text("interval"),
        ]
        body = [w.counted_share(x) for x in cross.rows.to_dicts()]
        tables.append(Table(w.name("cross"), head, body, (1, 2, 3, 4)))
    return figures, tables


def talent(w: Writer) -> tuple[list[Figure], list[Table]]:
    """Role, subfield, skills, education, experience, level, pay, employers."""
    asked = [
        ("role-mix", w.ask("ai-mix", "role")), ("subfield-mix", w.ask("ai-mix", "subfield")), ("education-mix", w.ask("education-mix")),
        ("experience-mix", w.ask("experience-mix")), ("seniority-mix", w.ask("seniority-mix")),
    ]  # fmt: skip
    figures = [f for id_, r in asked if (f := w.bars(id_, r, w.name(id_.replace("-", "_"))))]
    for id_, measure in (("skills", "ai-skills"), ("sectors", "employer-sectors"), ("sizes", "employer-sizes")):
        if found := w.bars(id_, w.ask(measure), w.name(f"{id_}_chart"), SKILLS_SHOWN if id_ == "skills" else None):
            figures.append(found)
    pay = w.ask("pay-median", "role")
    rows = [
        {"label": x["label"], "value": x["value"], "low": x["low"], "high": x["high"], "text": w.t.quantity(x["value"], "cny_month")}
        for x in pay.rows.to_dicts() if x["value"] is not None and x["id"] != "unknown"
    ]  # fmt: skip
    if rows:
        title = w.name("pay_by_role")
        figures.append(
            Figure(
                "pay-role",
                title,
                charts.svg(charts.intervals(rows, share=False), title, "pay-role"),
                w.table(pay, title),
                w.caveats(pay),
            )
        )
    employers = w.ask("employer-rank")
    tables = [w.table(employers, w.name("employer_rank"), EMPLOYERS_SHOWN)] if employers.rows.height else []
    pairs = w.ask("ai-skill-pairs").rows.head(PAIRS_SHOWN).to_dicts()
    if pairs:
        t = w.t
        head = [w.name("skills"), t.text("count"), t.text("share"), w.name("lift")]
        body = [[x["label"], t.integer(x["numerator"]), t.share(x["value"]), t.ratio(x["lift"])] for x in pairs]
        tables.append(Table(w.name("skill_pairs"), head, body, (1, 2, 3)))
    return figures, tables


def over_time(w: Writer) -> list[Figure]:
    """AI openings by month first seen, and live in each month, where most openings carry a month."""
    out = []
    for id_, measure in (("flow", "ai-flow"), ("stock", "ai-stock")):
        r = w.ask(measure, "month")
        seen = {x["id"]: x["numerator"] for x in r.rows.to_dicts() if x["id"] != "unknown"}
        rows = [{"label": m, "value": seen.get(m, 0)} for m in months(seen)[-MONTHS_SHOWN:]]
        if len(rows) < 2:
            continue
        title = w.name(id_)
        svg = charts.svg(charts.series(rows), title, id_)
        out.append(Figure(id_, title, svg, w.table(r, title), w.caveats(r), True))
    return out


def months(seen: Iterable[str]) -> list[str]:
    """Every month from the first to the last of `seen` (YYYY-MM), those without a value too."""
    ends = sorted(seen)
    if not ends:
        return []
    first, last = (int(m[:4]) * 12 + int(m[5:]) - 1 for m in (ends[0], ends[-1]))
    return [f"{m // 12:04}-{m % 12 + 1:02}" for m in range(first, last + 1)]


def waterfall(w: Writer) -> Figure | None:
    """From raw rows to AI openings, with reject reasons."""
    t = w.t
    why = {r["id"]: r[t.lang] for r in w.ds.codebook.rows("reasons.csv")}
    rejects = w.ds.rows("SELECT coalesce(reason_id, '?'), count(*) FROM rejects GROUP BY 1 ORDER BY 2 DESC, 1")
    grains = {x["id"]: x["numerator"] for x in w.ask("ads-per-opening").rows.to_dicts()}
    ads, openings, ai = grains["ad"], grains["opening"], w.ask("ai-openings").numerator
    rejected = float(sum(n for _, n in rejects))
    if ads + rejected == 0:
        return None
    steps: list[tuple[str, float, float, str]] = [(t.text("read"), 0, ads + rejected, "total")]
    level = ads + rejected
    for reason, n in [*rejects[:6], *([("…", sum(n for _, n in rejects[6:]))] if len(rejects) > 6 else [])]:
        steps.append((f"{t.text('rejected')}{w.marks[0]}{why.get(str(reason), str(reason))}", level, level - n, "loss"))
        level -= n
    steps += [
        (t.text("kept"), 0, ads, "total"),
        (t.text("exact_copy"), ads, grains["exact"], "loss"),
        (t.text("near_copy"), grains["exact"], openings, "loss"),
    ]
    steps += [
        (t.text("openings"), 0, openings, "total"),
        (t.text("not_ai"), openings, ai, "loss"),
        (t.text("ai"), 0, ai, "total"),
    ]
    rows: list[dict[str, Any]] = [
        {
            "label": a,
            "start": b,
            "end": c,
            "kind": k,
            "text": t.integer(c if k == "total" else c - b).replace("-", "−"),
        }
        for a, b, c, k in steps
    ]
    title = t.text("waterfall")
    table = Table(title, [t.text("step"), t.text("rows")], [[r["label"], r["text"]] for r in rows], (1,))
    return Figure("waterfall", title, charts.svg(charts.waterfall(rows), title, "waterfall"), table, (), True)
