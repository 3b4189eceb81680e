"""The eight headline figures beside the published ones, and the tornado of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gangwei import charts, claims
from gangwei.brief import sensitivity
from gangwei.brief.blocks import Headline, Statement, Table
from gangwei.brief.sensitivity import Tornado
from gangwei.brief.writer import Writer
from gangwei.claims import Said
from gangwei.measures import Result


def headlines(
    w: Writer, said: Mapping[str, Said], tornados: Mapping[str, Tornado], all_claims: Sequence[claims.Claim]
) -> list[Headline]:
    """The eight figures beside the published ones."""
    published = {r["id"]: r for r in w.ds.codebook.rows("published.csv")}
    out = []
    for c in sorted((c for c in all_claims if c.headline), key=lambda c: c.headline):
        p = published.get(c.id, {})
        value, parts, interval = headline_value(w, c)
        tornado = tornados.get(c.id)
        survives = tornado.survives if tornado else None
        shown = p.get(f"value_{w.t.lang}") or w.t.text("not_published")
        out.append(
            Headline(
                c.id,
                str(w.t.table["headline"][c.id]),
                value,
                parts,
                interval,
                shown,
                p.get(f"compares_{w.t.lang}", ""),
                verdict(w, survives),
                survives,
            )
        )
    return out


Value = tuple[str, list[tuple[str, str]], str]
"""The value, the parts and the interval of a headline, in words."""


def headline_value(w: Writer, c: claims.Claim) -> Value:
    """What a headline says."""
    t, r = w.t, w.answers.ask(c.question)
    if c.id == "ai_openings":
        return by_definition(w, r)
    if c.id == "affiliated":
        return by_evidence(w, r)
    if c.track != "value":
        return leading(w, c, r)
    value = t.integer(r.value) if r.measure.unit in ("places", "openings") else t.quantity(r.value, r.measure.unit)
    interval = t.interval(r.low, r.high, r.measure.unit)
    return value, [], f"{t.text('range')} {interval}" if r.interval_method == "support_range" else interval


def by_definition(w: Writer, r: Result) -> Value:
    """AI openings, and their number and share by each definition that the tiers make."""
    t, parts = w.t, []
    for d in ("strict", "related", "broad"):
        n, s = w.ask("ai-openings", definition=d), w.ask("ai-share", definition=d)
        parts.append((w.name(d), w.bracketed(t.integer(n.numerator), t.share(s.value))))
    share = w.ask("ai-share")
    if share.corrected is not None:
        name = t.agree(w.name("corrected").format(n=t.integer(share.corrected.labels)))
        parts.append((name, w.corrected(share.corrected.row())))
    interval = t.interval(share.low, share.high, "share")
    return t.integer(r.value), parts, interval if share.value is None else f"{interval} {t.text('of_openings')}"


def by_evidence(w: Writer, r: Result) -> Value:
    """The affiliated share, with what evidence of other kinds says beside it; without names only what the work itself says."""
    t, tiers = w.t, {x["id"]: x for x in w.ask("defence-tiers").rows.to_dicts()}

    def tier(id_: str) -> str:
        x = tiers.get(id_)
        return told(x["value"], x["numerator"]) if x else "0"

    def whole(x: Result) -> str:
        return told(x.value, x.numerator)

    def told(share: float | None, count: float) -> str:
        return t.integer(count) if share is None else w.bracketed(t.share(share), t.integer(count))

    beside = (
        ("supplier", "supplier-share"),
        ("surveillance", "surveillance-share"),
        ("content", "surveillance-job-share"),
    )
    parts = [
        (w.name("defence"), whole(r)),
        (w.name("tiers"), tier("T1-T4")),
        *((w.name(key), whole(w.ask(m))) for key, m in beside),
        (w.name("signal"), tier("T5")),
    ]
    if not w.ask("ai-openings").value:
        return w.name("no_ai"), [], "–"
    if not w.ask("employer-rank").denominator:
        return w.name("no_employer"), parts[-2:], "–"
    return t.share(r.value), parts, t.interval(r.low, r.high, "share")


def leading(w: Writer, c: claims.Claim, r: Result) -> Value:
    """The places that a claim names, each with its part, and how sure their ranks are."""
    t, named = w.t, claims.named(r)
    rows = named[: 5 if c.track == "all" else 3]
    comma = str(t.forms["list"])
    emerging = r.measure.kind == "emerging"

    def part(x: Mapping[str, Any]) -> str:
        return t.integer(x["numerator"]) if emerging else t.share(x["numerator"] / r.denominator)

    parts = [(x["label"], part(x)) for x in rows] if r.denominator else []
    more = f" +{len(named) - len(rows)}" if c.track == "all" and len(named) > len(rows) else ""
    ranks = comma.join(rank_range(x) for x in rows if "rank_low" in x)
    known = t.text("rank") + w.marks[0] + ranks if ranks else "–"
    if emerging and rows:
        found = claims.facts(r, t)[0]
        known = w.name("quotient_sure").format(n=f"{found['sure']:.0f}", of=f"{found['n']:.0f}")
    none = w.name("none_found" if w.ask("city-rank").denominator else "no_place")
    return comma.join(x["label"] for x in rows) + more or none, parts, known


def rank_range(x: Mapping[str, Any]) -> str:
    """'2' or '2–3'."""
    low, high = x["rank_low"], x["rank_high"]
    return str(low) if low == high else f"{low}–{high}"


def sensitivities(w: Writer, all_claims: Sequence[claims.Claim]) -> dict[str, Tornado]:
    """Sensitivity of each claim."""
    return {c.id: sensitivity.tornado(w.answers, w.t, c, w.settings) for c in all_claims}


def verdict(w: Writer, survives: bool | None) -> str:
    """The verdict in words."""
    return w.t.text({True: "survives", False: "does_not", None: "not_tested"}[survives])


def spread(w: Writer, x: Tornado) -> str:
    """The lowest and highest value of any variant; of several places their joint share."""
    if x.low is None or x.high is None or x.claim.track == "all":
        return ""
    found = w.t.interval(x.low, x.high, x.unit)
    return found + w.marks[2] + w.t.text("together") + w.marks[3] if len(x.base_names) > 1 else found


def statement(w: Writer, said: Said, x: Tornado, evidence: bool) -> Statement:
    """A claim as the page shows it."""
    c, unit = said.claim, said.result.measure.unit
    none = said.interval in ("–", "") or (unit in ("openings", "count") and c.headline == 0)
    colon, comma, before, after = w.marks
    known = (
        said.interval if said.interval.startswith(w.t.text("range")) else w.t.text("interval") + colon + said.interval
    )
    if x.base_names and not none:
        known += before + claims.named(said.result)[0]["label"] + after
        known = w.t.text("lq") + comma + known if said.result.measure.kind == "emerging" else known
    return Statement(
        c.id, said.text, "" if none else known, spread(w, x), verdict(w, x.survives), x.survives,
        "" if not x.variants else f"tor-{c.id}" if c.headline else f"sens-{c.id}", f"ads-{c.id}" if evidence else "",
    )  # fmt: skip


def others(w: Writer, said: Mapping[str, Said], tornados: Mapping[str, Tornado]) -> Table:
    """The claims that are no headline: base, range of the variants, which one moves it most, verdict."""
    t, rows, ids = w.t, [], []
    for c in (s.claim for s in said.values() if not s.claim.headline):
        x = tornados[c.id]
        if not x.variants:
            continue
        known = [v for v in x.variants if v.value is not None and x.base and v.kind != "joint"]
        far = max(known, key=lambda v: (abs((v.value or 0) - (x.base or 0)), v.label), default=None)
        moved = "–" if far is None or far.value == x.base else far.label
        cells = [t.quantity(v, x.unit) for v in (x.base, x.low, x.high)]
        rows.append([t.table["claims"].get(c.id, c.id), *cells, moved, verdict(w, x.survives)])
        ids.append(f"sens-{c.id}")
    head = [t.text(k) for k in ("claim", "base", "lowest", "highest", "farthest", "verdict")]
    return Table(t.text("other_claims"), head, rows, (1, 2, 3), ids)


def margin(w: Writer, x: Tornado) -> float:
    """How far a variant may move a claim before it counts as not surviving; 0 where the places it names decide."""
    return 0.0 if x.base is None or x.base_names else float(w.settings["survive_margin"]) * abs(x.base)


def tornado_block(w: Writer, x: Tornado) -> tuple[Tornado, str, str, Table]:
    """(tornado, title, SVG, table)."""
    t, title = w.t, str(w.t.table["headline"][x.claim.id])
    comma = str(t.forms["list"])

    def places(ids: Sequence[str]) -> str:
        shown = t.group_values("city", list(ids)[:6])
        return comma.join(shown) + (" …" if len(ids) > 6 else "")

    rows, chart = [], []
    for v in x.variants:
        change = "–" if v.value is None or not x.base else w.change(v.value / x.base - 1)
        rows.append(
            [
                v.label,
                t.quantity(v.value, x.unit),
                change,
                *([places(v.names)] if x.base_names else []),
                verdict(w, v.survives),
            ]
        )
        if v.value is not None:
            chart.append({"label": v.label, "value": v.value, "kind": v.kind, "text": t.quantity(v.value, x.unit)})
    svg = (
        charts.svg(
            charts.tornado(chart, x.base, share=x.unit == "share", band=margin(w, x)), title, f"tor-{x.claim.id}"
        )
        if chart and x.base is not None
        else ""
    )
    head = [
        t.text("variant"),
        w.name("places_kept" if x.unit == "places" else "places_share") if x.base_names else t.text("label_value"),
        t.text("change"),
        *([t.text("place")] if x.base_names else []),
        t.text("verdict"),
    ]
    base = [
        t.text("base"),
        t.quantity(x.base, x.unit),
        "",
        *([places(x.base_names)] if x.base_names else []),
        "",
    ]
    return x, title, svg, Table(title, head, [base, *rows], (1, 2))
