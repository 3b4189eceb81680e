"""The content of the brief as plain blocks: figures, tables and sentences in one language, before any HTML."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gangwei import charts, choropleth, claims, sensitivity
from gangwei.claims import Answers, Question, Said
from gangwei.frame import Dataset
from gangwei.geo import load_map
from gangwei.labels import Labels
from gangwei.measures import Result, ads_behind
from gangwei.sensitivity import Tornado

SIZES = {True: {"width": charts.WIDE, "label": charts.LABEL}, False: {"width": charts.NARROW, "label": charts.NARROW_LABEL}}
CITIES_SHOWN, EMPLOYERS_SHOWN, EVIDENCE_SHOWN = 30, 15, 5


@dataclass
class Table:
    """A table: headers, rows of ready words, which columns are numbers, anchors of rows."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int] = ()
    anchors: Sequence[str] = ()


@dataclass
class Figure:
    """A chart (trusted SVG) with its caption, table and caveats."""

    id: str
    title: str
    svg: str
    table: Table
    caveats: Sequence[str] = ()
    wide: bool = False


@dataclass
class Headline:
    """One of the eight figures."""

    id: str
    label: str
    value: str
    parts: Sequence[tuple[str, str]]
    interval: str
    published: str
    compares: str
    verdict: str
    survives: bool | None


@dataclass
class Evidence:
    """A sample of the openings of a claim's numerator, and how to get all of them."""

    id: str
    label: str
    n: str
    table: Table
    command: str
    permalink: str


@dataclass
class Brief:
    """All blocks, in order."""

    lang: str
    date: str
    empty: str
    facts: str
    subtitle: str
    headlines: list[Headline]
    said: dict[str, list[tuple[Said, str, bool | None]]]
    figures: dict[str, list[Figure]]
    tables: dict[str, list[Table]]
    tornados: list[tuple[Tornado, str, str, Table]]
    evidence: list[Evidence]
    notes: dict[str, list[str]]
    versions: list[tuple[str, str]]
    cite: str
    sensitivity: str
    map_svg: str = ""
    method: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)


class Writer:
    """Builds the blocks of one brief."""

    def __init__(self, ds: Dataset, lang: str, as_of: Any = None, lists: Any = None) -> None:
        self.ds = ds
        self.t = Labels(ds, lang)
        self.answers = Answers(ds, lang, as_of, lists)
        self.settings = ds.codebook.toml("measures/settings.toml")

    def ask(self, measure: str, by: str | None = None, **where: str) -> Result:
        """One result."""
        return self.answers.ask(Question(measure, by, where))

    def name(self, key: str) -> str:
        """A phrase of the section [names]."""
        return str(self.t.table["names"].get(key, key))

    def date(self) -> str:
        """The data's date, else SOURCE_DATE_EPOCH, else words."""
        day = self.answers.as_of or self.ds.as_of
        if day is None and (epoch := os.environ.get("SOURCE_DATE_EPOCH", "")).isdigit():
            day = dt.datetime.fromtimestamp(int(epoch), dt.timezone.utc).date()
        if day is None:
            return self.t.text("no_date")
        return f"{self.t.text('as_of')} {day}"

    def caveats(self, *results: Result) -> list[str]:
        """Caveats and notes of results, each once."""
        table, notes = self.t.table["caveats"], self.t.table["notes"]
        keys = dict.fromkeys(c for r in results for c in r.measure.caveats)
        return [table[k] for k in keys if k in table] + [notes[n] for n in dict.fromkeys(n for r in results for n in r.notes) if n in notes]

    def share_rows(self, r: Result, limit: int | None = None, *, drop_unknown: bool = False) -> list[dict[str, Any]]:
        """Rows of a mix, rank or share for a bar chart."""
        rows = [x for x in r.rows.to_dicts() if x["value"] is not None and not (drop_unknown and x["id"] == "unknown")]
        return [
            {"label": x["label"], "value": x["value"], "low": x["low"], "high": x["high"], "text": self.t.quantity(x["value"], r.measure.unit)}
            for x in rows[:limit]
        ]

    def table(self, r: Result, title: str, limit: int | None = None, anchors: str = "") -> Table:
        """Group, count, share or value, and interval."""
        t = self.t
        head = [t.dimension(r.by or ""), t.text("count") if r.measure.population == "ai" else t.text("openings"), t.text("share") if r.measure.unit == "share" else t.text("label_value"), t.text("interval")]
        rows, ids = [], []
        for x in r.rows.head(limit or r.rows.height).to_dicts():
            value = t.text("suppressed") if x["suppressed"] else t.quantity(x["value"], r.measure.unit)
            rows.append([x["label"], t.integer(x["numerator"]), value, t.interval(x["low"], x["high"], r.measure.unit)])
            ids.append(f"{anchors}{x['id']}" if anchors else "")
        return Table(title, head, rows, (1, 2, 3), ids)

    def bars(self, id_: str, r: Result, title: str, limit: int | None = None, *, wide: bool = False) -> Figure | None:
        """A bar figure of a mix; None when it would be empty."""
        rows = self.share_rows(r, limit)
        if not rows:
            return None
        svg = charts.svg(charts.bars(rows, share=r.measure.unit == "share", **SIZES[wide]), title, id_)
        return Figure(id_, title, svg, self.table(r, title), self.caveats(r), wide)

    def headlines(self, said: Mapping[str, Said], tornados: Mapping[str, Tornado], all_claims: Sequence[claims.Claim]) -> list[Headline]:
        """The eight figures beside the published ones."""
        published = {r["id"]: r for r in self.ds.codebook.rows("published.csv")}
        out = []
        for c in sorted((c for c in all_claims if c.headline), key=lambda c: c.headline):
            p = published.get(c.id, {})
            value, parts, interval = self.headline_value(c)
            tornado = tornados.get(c.id)
            survives = tornado.survives if tornado else None
            verdict = self.t.text({True: "survives", False: "does_not", None: "not_tested"}[survives])
            shown = p.get(f"value_{self.t.lang}") or self.t.text("not_published")
            out.append(Headline(c.id, str(self.t.table["headline"][c.id]), value, parts, interval, shown, p.get(f"compares_{self.t.lang}", ""), verdict, survives))
        return out

    def headline_value(self, c: claims.Claim) -> tuple[str, list[tuple[str, str]], str]:
        """(value, parts, interval) of a headline in words."""
        t, r = self.t, self.answers.ask(c.question)
        if c.id == "ai_openings":
            parts = []
            for d in ("strict", "related", "broad"):
                n, s = self.ask("ai-openings", definition=d), self.ask("ai-share", definition=d)
                parts.append((self.name(d), f"{t.integer(n.numerator)} ({t.share(s.value)})"))
            share = self.ask("ai-share")
            return t.integer(r.value), parts, f"{t.interval(share.low, share.high, 'share')} {t.text('of_openings')}"
        if c.id == "affiliated":
            tiers = {x["id"]: x for x in self.ask("defence-tiers").rows.to_dicts()}
            parts = [(self.name("defence"), f"{t.share(r.value)} ({t.integer(r.numerator)})")]
            together = tiers.get("T1-T4")
            parts.append((self.name("tiers"), f"{t.share(together['value'])} ({t.integer(together['numerator'])})" if together else "0"))
            for key, m in (("surveillance", "surveillance-share"), ("content", "surveillance-job-share")):
                x = self.ask(m)
                parts.append((self.name(key), f"{t.share(x.value)} ({t.integer(x.numerator)})"))
            signal = tiers.get("T5")
            parts.append((self.name("signal"), f"{t.share(signal['value'])} ({t.integer(signal['numerator'])})" if signal else "0"))
            return t.share(r.value), parts, t.interval(r.low, r.high, "share")
        if c.track != "value":
            rows = claims.named(r)[: 3 if c.track != "all" else 5]
            comma = "、" if t.lang == "zh" else ", "
            parts = [(x["label"], t.share(x["numerator"] / r.denominator) if c.id != "emerging_cities" else t.integer(x["numerator"])) for x in rows] if r.denominator else []
            more = f" +{len(claims.named(r)) - len(rows)}" if c.track == "all" and len(claims.named(r)) > len(rows) else ""
            spread = comma.join(f"{x['rank_low']}–{x['rank_high']}" for x in rows if "rank_low" in x)
            return comma.join(x["label"] for x in rows) + more or self.name("none_found"), parts, f"{t.text('rank')}: {spread}" if spread else "–"
        value = t.integer(r.value) if r.measure.unit in ("places", "openings") else t.quantity(r.value, r.measure.unit)
        return value, [], t.interval(r.low, r.high, r.measure.unit)

    def tornados(self, all_claims: Sequence[claims.Claim]) -> dict[str, Tornado]:
        """Sensitivity of each headline."""
        heads = sorted((c for c in all_claims if c.headline), key=lambda c: c.headline)
        return {c.id: sensitivity.tornado(self.answers, self.t, c, self.settings) for c in heads}

    def margin(self, x: Tornado) -> float:
        """How far a variant may move a headline before it counts as not surviving."""
        if x.base is None or x.claim.track != "value":
            return 0.0
        share = float(self.settings["survive_points"]) if x.unit == "share" else 0.0
        return max(float(self.settings["survive_margin"]) * abs(x.base), share)

    def tornado_block(self, x: Tornado) -> tuple[Tornado, str, str, Table]:
        """(tornado, title, SVG, table)."""
        t, title = self.t, str(self.t.table["headline"][x.claim.id])
        comma = "、" if t.lang == "zh" else ", "

        def places(ids: Sequence[str]) -> str:
            shown = t.group_values("city", list(ids)[:6])
            return comma.join(shown) + (" …" if len(ids) > 6 else "")

        rows, chart = [], []
        for v in x.variants:
            change = "–" if v.value is None or not x.base else f"{(v.value / x.base - 1) * 100:+.1f}%"
            verdict = t.text({True: "survives", False: "does_not", None: "not_tested"}[v.survives])
            rows.append([v.label, t.quantity(v.value, x.unit), change, *([places(v.names)] if x.claim.track != "value" else []), verdict])
            if v.value is not None:
                chart.append({"label": v.label, "value": v.value, "kind": v.kind, "text": t.quantity(v.value, x.unit)})
        svg = charts.svg(charts.tornado(chart, x.base, share=x.unit == "share", band=self.margin(x)), title, f"tor-{x.claim.id}") if chart and x.base is not None else ""
        head = [t.text("variant"), t.text("label_value"), t.text("change"), *([t.text("place")] if x.claim.track != "value" else []), t.text("verdict")]
        base = [t.text("base"), t.quantity(x.base, x.unit), "", *([places(x.base_names)] if x.claim.track != "value" else []), ""]
        return x, title, svg, Table(title, head, [base, *rows], (1, 2))

    def regions(self) -> tuple[str, list[Figure], list[Table]]:
        """Province map, city ranks and the tables they link to."""
        t = self.t
        provinces, quotients = self.ask("province-rank"), {x["id"]: x for x in self.ask("location-quotient", "province").rows.to_dicts()}
        regions = {
            int(x["id"]): choropleth.Region(f"#prov-{x['id']}", f"{x['label']}: {t.integer(x['numerator'])} {t.text('count')}, {t.share(x['value'])}", x["value"])
            for x in provinces.rows.to_dicts()
        }
        svg = choropleth.svg(load_map(), regions, title=t.text("map_title"), no_data=t.text("no_data"), words=t.share) if regions else ""
        rows = []
        for x in provinces.rows.to_dicts():
            q = quotients.get(x["id"])
            lq = "–" if q is None else t.text("suppressed") if q["suppressed"] else t.ratio(q["value"])
            rows.append([str(x["rank"]), x["label"], t.integer(x["numerator"]), t.share(x["value"]), t.interval(x["low"], x["high"], "share"), lq])
        head = [t.text("rank"), t.dimension("province"), t.text("count"), t.text("share"), t.text("interval"), t.text("lq")]
        table = Table(t.text("province_table"), head, rows, (0, 2, 3, 4, 5), [f"prov-{x['id']}" for x in provinces.rows.to_dicts()])
        cities = self.ask("city-rank")
        shown = cities.rows.head(CITIES_SHOWN).to_dicts()
        head = [t.text("rank"), t.dimension("city"), t.text("count"), t.text("share"), t.text("interval"), t.text("rank_interval"), t.text("in_top")]
        city_rows = [
            [str(x["rank"]), x["label"], t.integer(x["numerator"]), t.share(x["value"]), t.interval(x["low"], x["high"], "share"), f"{x['rank_low']}–{x['rank_high']}", t.share(x["in_top"], 0)]
            for x in shown
        ]
        city_table = Table(t.text("city_table"), head, city_rows, (0, 2, 3, 4, 5, 6), [f"city-{x['id']}" for x in shown])
        figures = []
        chart = [r for r in self.share_rows(cities, 15) if r["low"] is not None]
        if chart:
            spec = charts.intervals(chart, share=True, **SIZES[True])
            figures.append(Figure("city-chart", self.name("city_chart"), charts.svg(spec, self.name("city_chart"), "city-chart"), city_table, self.caveats(cities), True))
        mix = self.bars("cluster-mix", self.ask("cluster-share"), self.name("cluster_mix"))
        if mix:
            figures.append(mix)
        scopes = self.scopes()
        if scopes:
            figures.append(scopes)
        tables = [table] if rows else []
        emerging = self.ask("emerging-cities")
        if emerging.rows.height:
            head = [t.dimension("city"), t.text("count"), t.text("lq"), t.text("interval"), self.name("growth")]
            body = [
                [x["label"], t.integer(x["numerator"]), t.ratio(x["value"]), f"{t.ratio(x['low'])} – {t.ratio(x['high'])}", "–" if x["growth"] is None else f"{x['growth'] * 100:+.0f}%"]
                for x in emerging.rows.head(20).to_dicts()
            ]
            tables.append(Table(self.name("emerging_table"), head, body, (1, 2, 3, 4)))
        return svg, figures, tables

    def scopes(self) -> Figure | None:
        """Share in the clusters under every official scope."""
        t, found = self.t, [(s, self.ask("cluster-share", scope=s)) for s in self.ds.scopes]
        rows = [{"label": t.code("scope", s), "value": r.value, "low": r.low, "high": r.high, "text": t.share(r.value)} for s, r in found if r.value is not None]
        if not rows:
            return None
        title = self.name("cluster_scopes")
        table = Table(title, [t.dimension("scope"), t.text("share"), t.text("interval")], [[x["label"], x["text"], t.interval(x["low"], x["high"], "share")] for x in rows], (1, 2))
        svg = charts.svg(charts.bars(rows, share=True, width=440, label=440), title, "scopes")
        return Figure("scopes", title, svg, table, self.caveats(found[0][1]), True)

    def affiliated(self) -> tuple[list[Figure], list[Table]]:
        """Tiers of evidence, and surveillance employer against surveillance work."""
        figures = [f for f in [self.bars("defence-chart", self.ask("defence-tiers"), self.name("defence_chart"), wide=True)] if f]
        cross = self.ask("surveillance-cross", "surveillance_company")
        return figures, [self.table(cross, self.name("cross"))] if cross.rows.height else []

    def talent(self) -> tuple[list[Figure], list[Table]]:
        """Role, subfield, education, experience, level, pay, employers."""
        asked = [
            ("role-mix", self.ask("ai-mix", "role")), ("subfield-mix", self.ask("ai-mix", "subfield")), ("education-mix", self.ask("education-mix")),
            ("experience-mix", self.ask("experience-mix")), ("seniority-mix", self.ask("seniority-mix")),
        ]  # fmt: skip
        figures = [f for id_, r in asked if (f := self.bars(id_, r, self.name(id_.replace("-", "_"))))]
        pay = self.ask("pay-median", "role")
        rows = [
            {"label": x["label"], "value": x["value"] / 100, "low": x["low"] / 100, "high": x["high"] / 100, "text": self.t.money(x["value"])}
            for x in pay.rows.to_dicts() if x["value"] is not None and x["id"] != "unknown"
        ]  # fmt: skip
        if rows:
            title = self.name("pay_by_role")
            figures.append(Figure("pay-role", title, charts.svg(charts.intervals(rows, share=False), title, "pay-role"), self.table(pay, title), self.caveats(pay)))
        employers = self.ask("employer-rank")
        return figures, [self.table(employers, self.name("employer_rank"), EMPLOYERS_SHOWN)] if employers.rows.height else []

    def over_time(self) -> list[Figure]:
        """AI openings by month, where most openings carry one."""
        flow = self.ask("ai-flow", "month")
        rows = [{"label": x["id"], "value": x["numerator"]} for x in flow.rows.to_dicts() if x["id"] != "unknown"]
        if len(rows) < 2:
            return []
        title = self.name("flow")
        return [Figure("flow", title, charts.svg(charts.series(rows[-72:]), title, "flow"), self.table(flow, title), self.caveats(flow), True)]

    def waterfall(self) -> Figure | None:
        """From raw rows to AI openings, with reject reasons."""
        t = self.t
        rejects = self.ds.rows("SELECT coalesce(reason_id, '?'), count(*) FROM rejects GROUP BY 1 ORDER BY 2 DESC, 1")
        grains = {x["id"]: x["numerator"] for x in self.ask("ads-per-opening").rows.to_dicts()}
        ads, openings, ai = grains["ad"], grains["opening"], self.ask("ai-openings").numerator
        rejected = float(sum(n for _, n in rejects))
        if ads + rejected == 0:
            return None
        steps: list[tuple[str, float, float, str]] = [(t.text("read"), 0, ads + rejected, "total")]
        level = ads + rejected
        for reason, n in [*rejects[:6], *([("…", sum(n for _, n in rejects[6:]))] if len(rejects) > 6 else [])]:
            steps.append((f"{t.text('rejected')}: {t.code('reason', str(reason)).replace('_', ' ')}", level, level - n, "loss"))
            level -= n
        exact = ads - grains["exact"]
        steps += [(t.text("kept"), 0, ads, "total"), (t.text("exact_copy"), ads, ads - exact, "loss"), (t.text("near_copy"), ads - exact, openings, "loss")]
        steps += [(t.text("openings"), 0, openings, "total"), (t.text("not_ai"), openings, ai, "loss"), (t.text("ai"), 0, ai, "total")]
        rows = [{"label": a, "start": b, "end": c, "kind": k, "text": t.integer(c if k == "total" else c - b).replace("-", "−")} for a, b, c, k in steps]
        title = t.text("waterfall")
        table = Table(title, [t.text("step"), t.text("rows")], [[r["label"], r["text"]] for r in rows], (1,))
        return Figure("waterfall", title, charts.svg(charts.waterfall(rows), title, "waterfall"), table, (), True)

    def evidence(self, all_claims: Sequence[claims.Claim]) -> list[Evidence]:
        """A few openings of each headline's numerator."""
        t, out = self.t, []
        for c in (c for c in all_claims if c.headline):
            r = self.answers.ask(c.question)
            group = claims.named(r)[0]["id"] if c.track != "value" and claims.named(r) else None
            n, page = ads_behind(
                self.ds, c.question.measure, c.question.by, group, c.question.where, limit=EVIDENCE_SHOWN, as_of=self.answers.as_of, lists=self.answers.lists
            )
            head = [t.text("opening"), t.text("employer"), t.text("city"), t.text("board"), t.text("date"), t.text("ads" if False else "tier")]
            rows = [
                [
                    x["title"] or t.text("untitled"), x["employer"] or t.text("anonymous_employer"), t.place(x["adcode"]), x["board"] or "–",
                    str(x["first_date"] or "–"), t.code("tier", x["ai_tier"] or "unknown"),
                ]
                for x in page.to_dicts()
            ]  # fmt: skip
            label = str(t.table["headline"][c.id]) + (f" · {t.group_values(r.by, [group])[0]}" if group else "")
            out.append(Evidence(f"ads-{c.id}", label, t.integer(n), Table(label, head, rows), r.command, r.permalink))
        return out

    def inputs(self) -> list[Table]:
        """Boards and input files."""
        t, mix = self.t, self.ask("ai-share", "board")
        out = [
            Table(
                self.name("appendix_boards"), [t.dimension("board"), t.text("openings"), t.text("count"), self.name("ai_share"), t.text("interval")],
                [[x["label"], t.integer(x["denominator"]), t.integer(x["numerator"]), t.share(x["value"]), t.interval(x["low"], x["high"], "share")] for x in mix.rows.to_dicts()],
                (1, 2, 3, 4),
            )
        ] if mix.rows.height else []  # fmt: skip
        files = [f for f in self.ds.manifest.get("inputs", []) if isinstance(f, dict)]
        rows = []
        for f in files[:200]:
            rejected = f.get("rejected") or {}
            total = sum(rejected.values()) if isinstance(rejected, dict) else rejected
            why = ", ".join(f"{k} {v:,}" for k, v in sorted(rejected.items())) if isinstance(rejected, dict) else ""
            rows.append([str(f.get("file", "")), t.integer(float(f.get("read", 0))), t.integer(float(f.get("kept", 0))), t.integer(float(total or 0)), str(f.get("encoding") or "–"), why])
        if rows:
            head = [t.text("file"), t.text("read"), t.text("kept"), t.text("rejected"), t.text("encoding"), t.text("reasons")]
            out.append(Table(self.name("appendix_inputs"), head, rows, (1, 2, 3)))
        return out

    def definitions_table(self) -> Table:
        """The four definitions side by side."""
        t, rows = self.t, []
        for d in ("strict", "related", "broad", "mention"):
            n, s = self.ask("ai-openings", definition=d), self.ask("ai-share", definition=d)
            rows.append([t.code("definition", d), t.integer(n.numerator), t.share(s.value), t.interval(s.low, s.high, "share")])
        return Table(self.name("definitions_table"), [t.text("definition"), t.text("count"), t.text("of_openings"), t.text("interval")], rows, (1, 2, 3))

    def brief(self) -> Brief:
        """Everything."""
        from gangwei import __version__

        t, ds = self.t, self.ds
        all_claims = claims.load(ds)
        openings, ai = self.ask("openings").numerator, self.ask("ai-openings").numerator
        empty = t.text("zero_ads") if openings == 0 else t.text("zero_ai") if ai == 0 else ""
        grains = {x["id"]: x["numerator"] for x in self.ask("ads-per-opening").rows.to_dicts()}
        read = grains["ad"] + float(ds.rows("SELECT count(*) FROM rejects")[0][0])
        tornados = self.tornados(all_claims) if openings else {}
        said_by: dict[str, list[tuple[Said, str, bool | None]]] = {}
        said: dict[str, Said] = {}
        for c in all_claims:
            s = claims.say(c, self.answers, t) if openings else None
            if s is None:
                continue
            said[c.id] = s
            survives = tornados[c.id].survives if c.id in tornados else None
            said_by.setdefault(c.section, []).append((s, t.text({True: "survives", False: "does_not", None: "not_tested"}[survives]) if c.headline else "", survives))
        figures: dict[str, list[Figure]] = {}
        tables: dict[str, list[Table]] = {"definitions": [self.definitions_table()] if openings else []}
        notes: dict[str, list[str]] = {"regions": []}
        words: dict[str, Any]
        map_svg = ""
        if ai:
            map_svg, figures["regions"], tables["regions"] = self.regions()
            figures["defence"], tables["defence"] = self.affiliated()
            figures["talent"], tables["talent"] = self.talent()
            figures["time"] = self.over_time()
            unplaced = self.ask("province-rank").unplaced
            if unplaced > 0:
                notes["regions"].append(t.text("unknown_apart").format(n=t.integer(unplaced)))
            notes["regions"].append(t.text("scope_used").format(scope=t.code("scope", self.ask("cluster-share").scope)))
            if self.ask("cities-with-ai").value == 1:
                notes["regions"].append(t.text("one_city"))
        for section, found in figures.items():
            notes.setdefault("talent" if section == "time" else section, []).extend(dict.fromkeys(c for f in found for c in f.caveats))
        notes = {k: list(dict.fromkeys(v)) for k, v in notes.items()}
        water = self.waterfall()
        figures["waterfall"] = [water] if water else []
        tables["inputs"] = self.inputs()
        rule = self.settings["emerging"]
        words = {
            "replicates": self.settings["replicates"], "minimum": self.settings["minimum_n_eff"], "employers": self.settings["minimum_employers"],
            "openings": rule["min_openings"], "lq": f"{rule['min_lq']:.1f}", "growth": t.share(rule["min_growth"], 0),
        }  # fmt: skip
        versions = [
            (t.text("program_version"), f"gangwei {ds.manifest.get('gangwei_version', __version__)}"),
            (t.text("definitions_version"), ds.definitions_version),
            (t.text("schema_version"), str(ds.package.get("schema_version"))),
            (t.text("scope"), t.code("scope", self.answers.ask(Question("cluster-share")).scope) if ds.scopes else "–"),
        ]
        day = self.answers.as_of or ds.as_of
        cite = self.name("cite_as").format(version=__version__, kept=t.integer(grains["ad"]), date=day or "–", definitions=ds.definitions_version)
        return Brief(
            lang="zh-CN" if t.lang == "zh" else "en", date=self.date(), empty=empty,
            facts=t.text("dataset_facts").format(read=t.integer(read), kept=t.integer(grains["ad"]), openings=t.integer(openings), boards=len(ds.boards)),
            subtitle=t.text("subtitle").format(openings=t.integer(openings, short=True), ads=t.integer(grains["ad"], short=True)),
            headlines=self.headlines(said, tornados, all_claims), said=said_by, figures=figures, tables=tables,
            tornados=[self.tornado_block(x) for x in tornados.values()], evidence=self.evidence(all_claims) if ai else [], notes=notes,
            versions=versions, cite=cite, sensitivity=t.text("sensitivity_intro").format(margin=t.share(self.settings["survive_margin"], 0), points=f"{self.settings['survive_points'] * 100:g}"), map_svg=map_svg, method=[m.format(**words) for m in t.table["method"]["items"]],
            limits=list(t.table["limits"]["items"]),
        )  # fmt: skip
