"""The appendix: openings behind each figure, boards and inputs, definitions side by side."""

from __future__ import annotations

from collections.abc import Sequence

from gangwei import claims
from gangwei.brief_blocks import Evidence, Table
from gangwei.brief_writer import Writer
from gangwei.measures import ads_behind

EVIDENCE_SHOWN = 5


def evidence(w: Writer, all_claims: Sequence[claims.Claim]) -> list[Evidence]:
    """A few openings of each headline's numerator."""
    t, out = w.t, []
    for c in (c for c in all_claims if c.headline):
        r = w.answers.ask(c.question)
        rows_named = claims.named(r)
        if c.track != "value":
            group = rows_named[0]["id"] if rows_named else None
        else:
            # The numerator of a share inside groups: all the groups it names.
            inside = r.measure.kind in ("mix", "top") and bool(rows_named)
            group = ",".join(x["id"] for x in rows_named) if inside else None
        n, page = ads_behind(
            w.ds,
            c.question.measure,
            c.question.by,
            group,
            c.question.where,
            limit=EVIDENCE_SHOWN,
            as_of=w.answers.as_of,
            lists=w.answers.lists,
        )
        head = [
            t.text("opening"),
            t.text("employer"),
            t.text("city"),
            t.text("board"),
            t.text("date"),
            t.dimension("tier"),
        ]
        rows = [
            [
                x["title"] or t.text("untitled"), x["employer"] or t.text("anonymous_employer"), t.place(x["adcode"]), x["board"] or "–",
                str(x["first_date"] or "–"), t.code("tier", x["ai_tier"] or "unknown"),
            ]
            for x in page.to_dicts()
        ]  # fmt: skip
        label = str(t.table["headline"][c.id]) + (
            f" · {t.group_values(r.by, [group])[0]}" if group and "," not in group else ""
        )
        out.append(Evidence(f"ads-{c.id}", label, t.integer(n), Table(label, head, rows), r.command, r.permalink))
    return out


def inputs(w: Writer) -> list[Table]:
    """Boards and input files."""
    t, mix = w.t, w.ask("ai-share", "board")
    out = [w.ai_shares(mix, w.name("appendix_boards"))] if mix.rows.height else []
    files = [f for f in w.ds.manifest.get("inputs", []) if isinstance(f, dict)]
    rows = []
    for f in files[:200]:
        rejected = f.get("rejected") or {}
        total = sum(rejected.values()) if isinstance(rejected, dict) else rejected
        why = ", ".join(f"{k} {v:,}" for k, v in sorted(rejected.items())) if isinstance(rejected, dict) else ""
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
    for d in ("strict", "related", "broad", "mention"):
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
