"""How good the data are: repeats by board and at other settings of the matcher, and what ads leave unsaid."""

from __future__ import annotations

from gangwei.brief.blocks import Table
from gangwei.brief.writer import Writer

BOARDS_SHOWN = 20


def repeats(w: Writer) -> list[Table]:
    """Repeats by board, at other thresholds, and spells at other windows."""
    t, out = w.t, []
    rate = w.ask("repeat-rate", "board")
    if rate.rows.height:
        rows = [w.counted_share(x) for x in rate.rows.head(BOARDS_SHOWN).to_dicts()]
        head = [t.dimension("board"), t.text("ads_head"), w.name("repeats"), t.text("share"), t.text("interval")]
        out.append(Table(w.name("repeats_by_board"), head, rows, (1, 2, 3, 4)))
    again, spells = w.ask("repeat-sensitivity"), w.ask("spell-sensitivity")
    lines = [
        [x["label"], t.share(x["value"], 2), t.interval(x["low"], x["high"], "share"), "–"]
        for x in again.rows.to_dicts()
    ]
    lines += [[x["label"], "–", "–", f"{x['value']:.4f}"] for x in spells.rows.to_dicts() if x["value"] is not None]
    if lines:
        head = [t.text("variant"), w.name("repeat_share"), t.text("interval"), w.name("spells_per_opening")]
        out.append(Table(w.name("repeats_again"), head, lines, (1, 2, 3)))
    return out


def missing(w: Writer) -> list[Table]:
    """What the ads of each board leave unsaid."""
    t = w.t
    whole = {x["id"]: x for x in w.ask("missing").rows.to_dicts()}
    if not whole:
        return []
    kinds = [k for k in t.table["values"]["missing"] if k in whole]
    sizes = w.ask("ai-share", "board", grain="ad").rows.sort("denominator", "id", descending=[True, False])
    rows = [
        [t.text("all_boards"), t.integer(w.ask("missing").denominator), *(t.share(whole[k]["value"], 0) for k in kinds)]
    ]
    for board, label, ads in sizes.select("id", "label", "denominator").head(BOARDS_SHOWN).rows():
        mine = {x["id"]: x["value"] for x in w.ask("missing", board=board).rows.to_dicts()}
        rows.append([label, t.integer(ads), *(t.share(mine.get(k, 0.0), 0) for k in kinds)])
    head = [t.dimension("board"), t.text("ads_head"), *(t.code("missing", k) for k in kinds)]
    return [Table(w.name("missing_by_board"), head, rows, tuple(range(1, len(head))))]
