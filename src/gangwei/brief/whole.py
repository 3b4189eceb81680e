"""The whole brief as plain blocks in one language, before any HTML."""

from __future__ import annotations

from typing import Any

from gangwei import claims
from gangwei.brief.appendix import definitions_table, evidence, inputs
from gangwei.brief.blocks import Brief, Figure, Statement, Table
from gangwei.brief.headlines import headlines, others, sensitivities, statement, tornado_block
from gangwei.brief.quality import missing, repeats
from gangwei.brief.sections import affiliated, over_time, regions, talent, waterfall
from gangwei.brief.writer import Writer
from gangwei.claims import Question
from gangwei.version import __version__

YEARS = 3


def compose(w: Writer) -> Brief:
    """Everything."""
    t, ds = w.t, w.ds
    all_claims = claims.load(ds.codebook)
    openings, ai = w.ask("openings").numerator, w.ask("ai-openings").numerator
    empty = t.text("zero_ads") if openings == 0 else t.text("zero_ai") if ai == 0 else ""
    grains = {x["id"]: x["numerator"] for x in w.ask("ads-per-opening").rows.to_dicts()}
    read = grains["ad"] + float(ds.rows("SELECT count(*) FROM rejects")[0][0])
    said = {s.claim.id: s for c in all_claims if openings and (s := claims.say(c, w.answers, t)) is not None}
    tornados = sensitivities(w, [s.claim for s in said.values()])
    said_by: dict[str, list[Statement]] = {}
    for s in said.values():
        said_by.setdefault(s.claim.section, []).append(statement(w, s, tornados[s.claim.id], bool(ai)))
    figures: dict[str, list[Figure]] = {}
    tables: dict[str, list[Table]] = {"definitions": [definitions_table(w)] if openings else []}
    notes: dict[str, list[str]] = {"regions": []}
    maps: list[tuple[str, str]] = []
    if "few_employers" in w.ask("ai-openings").notes:
        notes["summary"] = [str(t.table["notes"]["few_employers"])]
    if ai:
        maps, figures["regions"], tables["regions"] = regions(w)
        figures["defence"], tables["defence"] = affiliated(w)
        figures["talent"], tables["talent"] = talent(w)
        figures["time"] = over_time(w)
        unplaced = w.ask("province-rank").unplaced
        if unplaced > 0:
            notes["regions"].append(t.agree(t.text("unknown_apart").format(n=t.integer(unplaced))))
        no_city = w.ask("city-rank").unplaced - unplaced
        if no_city >= 0.5:
            notes["regions"].append(t.agree(t.text("no_city_apart").format(n=t.integer(no_city))))
        notes["regions"] += [str(t.table["notes"][n]) for n in w.ask("ai-share", "city").notes if n in t.table["notes"]]
        notes["regions"].append(t.text("scope_used").format(scope=t.code("scope", w.ask("cluster-share").scope)))
        if w.ask("cities-with-ai").value == 1:
            notes["regions"].append(t.text("one_city"))
    for section, found in figures.items():
        notes.setdefault("talent" if section == "time" else section, []).extend(
            dict.fromkeys(c for f in found for c in f.caveats)
        )
    notes["waterfall"] = w.caveats(w.ask("repeat-sensitivity")) if openings else []
    notes = {k: list(dict.fromkeys(v)) for k, v in notes.items()}
    water = waterfall(w)
    figures["waterfall"] = [water] if water else []
    tables["waterfall"] = repeats(w) if openings else []
    tables["inputs"] = [*inputs(w), *(missing(w) if openings else [])]
    rule = w.settings["emerging"]
    words: dict[str, Any] = {
        "replicates": w.settings["replicates"], "minimum": w.settings["minimum_n_eff"], "employers": w.settings["minimum_employers"],
        "openings": rule["min_openings"], "lq": f"{rule['min_lq']:.1f}", "growth": t.share(rule["min_growth"], 0),
    }  # fmt: skip
    versions = [
        (t.text("program_version"), f"gangwei {ds.manifest.get('gangwei_version', __version__)}"),
        (t.text("definitions_version"), ds.definitions_version),
        (t.text("schema_version"), str(ds.package.get("schema_version"))),
        (t.text("scope"), t.code("scope", w.answers.ask(Question("cluster-share")).scope) if ds.scopes else "–"),
    ]
    versions += [(t.text("own_definitions"), own)] if (own := own_definitions(w)) else []
    if openings and (fixed := w.ask("ai-share").corrected) is not None:
        e = fixed.estimate
        said_of = t.corrected(fixed.labels, fixed.readers, fixed.file, e.value, e.low, e.high)
        versions.append(
            (
                t.text("labels"),
                f"{w.ask('ai-share').measure.zh if t.lang == 'zh' else w.ask('ai-share').measure.en}{w.marks[0]}{said_of}",
            )
        )
    day = w.answers.as_of or ds.as_of
    cite = w.name("cite_as" if day else "cite_undated").format(
        version=__version__, kept=t.integer(grains["ad"]), date=day, definitions=ds.definitions_version
    )
    facts = {"read": t.integer(read), "kept": t.integer(grains["ad"]), "openings": t.integer(openings)}
    of = {"openings": t.integer(openings, short=True), "ads": t.integer(grains["ad"], short=True)}
    margin = t.share(w.settings["survive_margin"], 0)
    key = "source" if t.lang == "en" else f"source_{t.lang}"
    sources = [r[key] for r in ds.codebook.rows("published.csv") if r.get(key)]
    return Brief(
        lang="zh-CN" if t.lang == "zh" else "en", date=w.date(), empty=empty,
        facts=t.agree((t.text("dataset_facts") + (t.text("dataset_boards") if ds.boards else "")).format(boards=len(ds.boards), **facts)),
        subtitle=t.agree(claims.close_up(t.text("subtitle").format(**of))),
        headlines=headlines(w, said, tornados, all_claims), said=said_by, figures=figures, tables=tables,
        tornados=[tornado_block(w, x) for x in tornados.values() if x.claim.headline], others=others(w, said, tornados) if tornados else None, evidence=evidence(w, list(said.values())) if ai else [], notes=notes,
        versions=versions, cite=t.agree(cite), sensitivity=t.text("sensitivity_intro").format(margin=margin), verdict_note=t.text("verdict_note").format(margin=margin) if tornados else "",
        published=t.text("published_note").format(source=sources[0]) if sources else "", years=years(w) if ai else "", maps=maps, method=[m.format(**words) for m in t.table["method"]["items"]],
        limits=list(t.table["limits"]["items"]),
    )  # fmt: skip


def own_definitions(w: Writer) -> str:
    """The files that stand in the place of packaged ones, each with how many lines it adds and takes away."""
    parts = [w.t.text("own_file").format(name=n, added=a, gone=g) for n, a, g in w.ds.codebook.own()]
    return str(w.t.forms["semicolon"]).join(parts)


def years(w: Writer) -> str:
    """The years that most AI openings are from: the ads are a pile of several collections, not one moment."""
    rows = w.ask("ai-mix", "year").rows.sort("value", "id", descending=[True, False]).head(YEARS).to_dicts()
    found = [f"{r['label']}{w.marks[0]}{w.t.share(r['value'], 0)}" for r in rows]
    return w.t.text("years_line") + w.marks[0] + " · ".join(found) if found else ""
