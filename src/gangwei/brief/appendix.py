"""The appendix: openings behind each figure, boards and inputs, definitions side by side."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from gangwei import claims
from gangwei.brief.blocks import Evidence, Table
from gangwei.brief.writer import Writer
from gangwei.claims import Said
from gangwei.labels import LANGS
from gangwei.measures import Result, ads_behind
from gangwei.vocabulary import DEFINITIONS

EVIDENCE_SHOWN, EVIDENCE_FEWER = 5, 3


def evidence(w: Writer, said: Sequence[Said]) -> list[Evidence]:
    """A few openings of each claim's numerator."""
    t, out = w.t, []
    for s in said:
        c = s.claim
        r = w.answers.ask(c.question)
        group = evidence_group(c, r)
        n, page = ads_behind(
            w.ds, c.question.measure, c.question.by, group, c.question.where,
            limit=EVIDENCE_SHOWN if c.headline else EVIDENCE_FEWER, as_of=w.answers.as_of, lists=w.answers.lists, drawn=True,
        )  # fmt: skip
        head = [
            t.text("opening"),
            t.text("employer"),
            t.text("city"),
            t.text("board"),
            t.text("date"),
            t.dimension("tier"),
            "ad_id",
        ]
        rows = [
            [
                x["title"] or t.text("untitled"), x["employer"] or t.text("anonymous_employer"), t.place(x["adcode"]), t.code("board", x["board"]) if x["board"] else "–",
                str(x["first_date"] or "–"), t.code("tier", x["ai_tier"] or "unknown"), x["ad_id"],
            ]
            for x in page.to_dicts()
        ]  # fmt: skip
        label = str(t.table["headline"].get(c.id) or t.table["claims"].get(c.id, c.id)) + (
            f" · {t.group_values(r.by, [group])[0]}" if group and "," not in group else ""
        )
        table = Table(label, head, rows, codes=(len(head) - 1,))
        out.append(
            Evidence(
                f"ads-{c.id}", label, t.integer(n), table, listing(r, group, t.lang), spoken(r.permalink, t.lang), others(w, s),
            )
        )  # fmt: skip
    return out


def others(w: Writer, s: Said) -> list[tuple[str, str, str]]:
    """The other figures that the sentence of a claim names: (name and value, command, path), each once."""
    t, out, c = w.t, list[tuple[str, str, str]](), s.claim
    sentence = str(c.say[s.variant][t.lang])
    for key, q in c.extra.items():
        r = w.answers.ask(q)
        if f"{{{key}." not in sentence or r.suppressed or r.value is None or q == c.question:
            continue
        name = r.measure.zh if t.lang == "zh" else r.measure.en
        told = str(t.forms["list"]).join(t.code(k, v) for k, v in q.where.items() if "," not in v)
        value = t.quantity(r.value, r.measure.head_unit)
        if r.measure.unit == "share":
            value = w.bracketed(value, t.integer(r.numerator))
        label = (w.bracketed(name, told) if told else name) + w.marks[0] + value
        command = r.command if r.measure.of_sample else listing(r, None, t.lang)
        out.append((label, command, spoken(r.permalink, t.lang)))
    return list(dict.fromkeys(out))


def listing(r: Result, group: str | None, lang: str = LANGS[0]) -> str:
    """The command that lists all openings of a figure, or of one group, in the language of the brief."""
    listed = f"{r.command} --ads" + (f" --group {shlex.quote(group)}" if group is not None else "")
    return listed if lang == LANGS[0] else f"{listed} --lang {lang}"


def spoken(permalink: str, lang: str) -> str:
    """The path of a figure in the explorer, in the language of the brief."""
    return permalink if lang == LANGS[0] else f"{permalink}{'&' if '?' in permalink else '?'}lang={lang}"


def evidence_group(c: claims.Claim, r: Result) -> str | None:
    """The group whose openings a claim rests on: the one it follows, the first it names, or all inside a share of groups."""
    rows = claims.named(r)
    if c.track.startswith("is_"):
        key = c.track.removeprefix("is_").rpartition(".")[0]
        return next((x["id"] for x in r.rows.to_dicts() if claims.fact_key(x["id"]) == key), None)
    if c.track != "value":
        return rows[0]["id"] if rows else None
    inside = r.measure.kind in ("mix", "top") and bool(rows)
    return ",".join(x["id"] for x in rows) if inside else None


def inputs(w: Writer) -> list[Table]:
    """Boards and input files."""
    t, mix = w.t, w.ask("ai-share", "board")
    out = [w.ai_shares(mix, w.name("appendix_boards"))] if mix.rows.height else []
    files = [f for f in w.ds.manifest.get("inputs", []) if isinstance(f, dict)]
    said = {r["id"]: r[t.lang] for r in w.ds.codebook.rows("reasons.csv")}
    rows = []
    for f in files[:200]:
        rejected = f.get("rejected") or {}
        total = sum(rejected.values()) if isinstance(rejected, dict) else rejected
        why = (
            str(t.forms["semicolon"]).join(f"{said.get(k, k)}{w.marks[0]}{v:,}" for k, v in sorted(rejected.items()))
            if isinstance(rejected, dict)
            else ""
        )
        rows.append(
            [
                str(f.get("file", "")),
                t.integer(float(f.get("read", 0))),
                t.integer(float(f.get("kept", 0))),
                t.integer(float(total or 0)),
                str(f.get("encoding") or "–"),
                why,
            ]
        )
    if rows:
        head = [
            t.text("file"),
            t.text("read"),
            t.text("kept"),
            t.text("rejected"),
            t.text("encoding"),
            t.text("reasons"),
        ]
        out.append(Table(w.name("appendix_inputs"), head, rows, (1, 2, 3)))
    return out


def definitions_table(w: Writer) -> Table:
    """The four definitions side by side, with the corrected shares where labels exist."""
    t, rows = w.t, []
    fixed = w.ask("ai-share").corrected is not None
    for d in DEFINITIONS:
        n, s = w.ask("ai-openings", definition=d), w.ask("ai-share", definition=d)
        more = [w.corrected(s.corrected.row() if s.corrected else {})] if fixed else []
        rows.append(
            [
                t.code("definition", d),
                t.integer(n.numerator),
                t.share(s.value),
                t.interval(s.low, s.high, "share"),
                *more,
            ]
        )
    head = [t.text("definition"), t.text("count"), t.text("of_openings"), t.text("interval")]
    return Table(
        w.name("definitions_table"), [*head, *([w.name("corrected_share")] if fixed else [])], rows, (1, 2, 3, 4)
    )
