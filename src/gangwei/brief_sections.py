"""The findings, section by section: regions, affiliation, talent, time, waterfall."""

from __future__ import annotations

from typing import Any

from gangwei import charts, choropleth
from gangwei.brief_blocks import Figure, Table
from gangwei.brief_writer import SIZES, Writer
from gangwei.geo import load_map

CITIES_SHOWN, EMPLOYERS_SHOWN, SHARES_SHOWN = 30, 15, 15


def regions(w: Writer) -> tuple[str, list[Figure], list[Table]]:
    """Province map, city ranks and the tables they link to."""
    t = w.t
    provinces, quotients = (
        w.ask("province-rank"),
        {x["id"]: x for x in w.ask("location-quotient", "province").rows.to_dicts()},
    )
    regions = {
        int(x["id"]): choropleth.Region(
            f"#prov-{x['id']}",
            f"{x['label']}: {t.integer(x['numerator'])} {t.text('count')}, {t.share(x['value'])}",
            x["value"],
        )
        for x in provinces.rows.to_dicts()
    }
    svg = (
        choropleth.svg(load_map(), regions, title=t.text("map_title"), no_data=t.text("no_data"), words=t.share)
        if regions
        else ""
    )
    rows = []
    for x in provinces.rows.to_dicts():
        q = quotients.get(x["id"])
        lq = "–" if q is None else t.text("suppressed") if q["suppressed"] else t.ratio(q["value"])
        rows.append(
            [
                str(x["rank"]),
                x["label"],
                t.integer(x["numerator"]),
                t.share(x["value"]),
                t.interval(x["low"], x["high"], "share"),
                lq,
            ]
        )
    head = [
        t.text("rank"),
        t.dimension("province"),
        t.text("count"),
        t.text("share"),
        t.text("interval"),
        t.text("lq"),
    ]
    table = Table(
        t.text("province_table"),
        head,
        rows,
        (0, 2, 3, 4, 5),
        [f"prov-{x['id']}" for x in provinces.rows.to_dicts()],
    )
    cities = w.ask("city-rank")
    shown = cities.rows.head(CITIES_SHOWN).to_dicts()
    head = [
        t.text("rank"),
        t.dimension("city"),
        t.text("count"),
        t.text("share"),
        t.text("interval"),
        t.text("rank_interval"),
        t.text("in_top"),
    ]
    city_rows = [
        [
            str(x["rank"]),
            x["label"],
            t.integer(x["numerator"]),
            t.share(x["value"]),
            t.interval(x["low"], x["high"], "share"),
            f"{x['rank_low']}–{x['rank_high']}",
            t.share(x["in_top"], 0),
        ]
        for x in shown
    ]
    city_table = Table(t.text("city_table"), head, city_rows, (0, 2, 3, 4, 5, 6), [f"city-{x['id']}" for x in shown])
    figures = []
    chart = [r for r in w.share_rows(cities, 15) if r["low"] is not None]
    if chart:
        spec = charts.intervals(chart, share=True, **SIZES[True])
        figures.append(
            Figure(
                "city-chart",
                w.name("city_chart"),
                charts.svg(spec, w.name("city_chart"), "city-chart"),
                city_table,
                w.caveats(cities),
                True,
            )
        )
    mix = w.bars("cluster-mix", w.ask("cluster-share"), w.name("cluster_mix"))
    if mix:
        figures.append(mix)
    scopes = by_scope(w)
    if scopes:
        figures.append(scopes)
    tables = [table] if rows else []
    if rows:
        tables.append(w.ai_shares(w.ask("ai-share", "cluster"), w.name("ai_share_clusters")))
        tables.append(w.ai_shares(w.ask("ai-share", "city"), w.name("ai_share_cities"), SHARES_SHOWN))
    emerging = w.ask("emerging-cities")
    if emerging.rows.height:
        head = [t.dimension("city"), t.text("count"), t.text("lq"), t.text("interval"), w.name("growth")]
        body = [
            [
                x["label"],
                t.integer(x["numerator"]),
                t.ratio(x["value"]),
                f"{t.ratio(x['low'])} – {t.ratio(x['high'])}",
                "–" if x["growth"] is None else f"{x['growth'] * 100:+.0f}%",
            ]
            for x in emerging.rows.head(20).to_dicts()
        ]
        tables.append(Table(w.name("emerging_table"), head, body, (1, 2, 3, 4)))
    return svg, figures, tables


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
    svg = charts.svg(charts.bars(rows, share=True, width=440, label=440), title, "scopes")
    return Figure("scopes", title, svg, table, w.caveats(found[0][1]), True)


def affiliated(w: Writer) -> tuple[list[Figure], list[Table]]:
    """Tiers of evidence, and surveillance employer against surveillance work."""
    figures = [f for f in [w.bars("defence-chart", w.ask("defence-tiers"), w.name("defence_chart"), wide=True)] if f]
    cross = w.ask("surveillance-cross", "surveillance_company")
    return figures, [w.table(cross, w.name("cross"))] if cross.rows.height else []


def talent(w: Writer) -> tuple[list[Figure], list[Table]]:
    """Role, subfield, education, experience, level, pay, employers."""
    asked = [
        ("role-mix", w.ask("ai-mix", "role")), ("subfield-mix", w.ask("ai-mix", "subfield")), ("education-mix", w.ask("education-mix")),
        ("experience-mix", w.ask("experience-mix")), ("seniority-mix", w.ask("seniority-mix")),
    ]  # fmt: skip
    figures = [f for id_, r in asked if (f := w.bars(id_, r, w.name(id_.replace("-", "_"))))]
    pay = w.ask("pay-median", "role")
    rows = [
        {"label": x["label"], "value": x["value"] / 100, "low": x["low"] / 100, "high": x["high"] / 100, "text": w.t.money(x["value"])}
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
    return figures, [w.table(employers, w.name("employer_rank"), EMPLOYERS_SHOWN)] if employers.rows.height else []


def over_time(w: Writer) -> list[Figure]:
    """AI openings by month, where most openings carry one."""
    flow = w.ask("ai-flow", "month")
    rows = [{"label": x["id"], "value": x["numerator"]} for x in flow.rows.to_dicts() if x["id"] != "unknown"]
    if len(rows) < 2:
        return []
    title = w.name("flow")
    return [
        Figure(
            "flow",
            title,
            charts.svg(charts.series(rows[-72:]), title, "flow"),
            w.table(flow, title),
            w.caveats(flow),
            True,
        )
    ]


def waterfall(w: Writer) -> Figure | None:
    """From raw rows to AI openings, with reject reasons."""
    t = w.t
    rejects = w.ds.rows("SELECT coalesce(reason_id, '?'), count(*) FROM rejects GROUP BY 1 ORDER BY 2 DESC, 1")
    grains = {x["id"]: x["numerator"] for x in w.ask("ads-per-opening").rows.to_dicts()}
    ads, openings, ai = grains["ad"], grains["opening"], w.ask("ai-openings").numerator
    rejected = float(sum(n for _, n in rejects))
    if ads + rejected == 0:
        return None
    steps: list[tuple[str, float, float, str]] = [(t.text("read"), 0, ads + rejected, "total")]
    level = ads + rejected
    for reason, n in [*rejects[:6], *([("…", sum(n for _, n in rejects[6:]))] if len(rejects) > 6 else [])]:
        steps.append(
            (f"{t.text('rejected')}: {t.code('reason', str(reason)).replace('_', ' ')}", level, level - n, "loss")
        )
        level -= n
    exact = ads - grains["exact"]
    steps += [
        (t.text("kept"), 0, ads, "total"),
        (t.text("exact_copy"), ads, ads - exact, "loss"),
        (t.text("near_copy"), ads - exact, openings, "loss"),
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
