"""What every section of the brief needs: answers, words, tables and bar figures in one language."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from typing import Any

from gangwei import charts
from gangwei.brief.blocks import Figure, Table
from gangwei.claims import Answers, Question
from gangwei.frame.dataset import Dataset
from gangwei.labels import Labels
from gangwei.measures import Result

SIZES: dict[bool, dict[str, Any]] = {
    True: {"width": charts.WIDE, "label": charts.LABEL},
    False: {"width": charts.NARROW, "label": charts.NARROW_LABEL},
}


TABLE_ROWS = 60  # of a data table behind a chart; the command of the figure lists all


class Writer:
    """Answers, words and small blocks of one brief."""

    def __init__(self, ds: Dataset, lang: str, as_of: Any = None, lists: Any = None) -> None:
        self.ds = ds
        self.t = Labels(ds, lang)
        self.answers = Answers(ds, lang, as_of, lists)
        self.settings = ds.codebook.toml("measures/settings.toml")

    @property
    def marks(self) -> tuple[str, str, str, str]:
        """Colon, comma and round brackets of the language."""
        colon, comma, before, after = (str(self.t.forms[k]) for k in ("colon", "comma", "before", "after"))
        return colon, comma, before, after

    def bracketed(self, first: str, second: str) -> str:
        """'first (second)' in the brackets of the language; what is suppressed or unknown is not said."""
        if second == self.t.share(None):
            return first
        return f"{first}{self.marks[2]}{second}{self.marks[3]}"

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
            day = dt.datetime.fromtimestamp(int(epoch), dt.UTC).date()
        if day is None:
            return self.t.text("no_date")
        return f"{self.t.text('as_of')} {day}"

    def corrected(self, x: Mapping[str, Any]) -> str:
        """A share corrected by labels with its interval; a star where labels of other groups stand in."""
        if x.get("corrected") is None:
            return "–"
        spread = self.t.interval(x["corrected_low"], x["corrected_high"], "share")
        return f"{self.t.share(x['corrected'])}{'*' if x['borrowed'] else ''} ({spread})"

    def change(self, by: float, digits: int = 1) -> str:
        """A relative change with its sign; one that rounds to nothing has none."""
        if round(abs(by) * 100, digits) == 0:
            return self.t.share(0.0)
        return ("+" if by > 0 else "−") + self.t.share(abs(by), digits)

    def caveats(self, *results: Result) -> list[str]:
        """Caveats and notes of results, each once."""
        table, notes = self.t.table["caveats"], self.t.table["notes"]
        keys = dict.fromkeys(c for r in results for c in r.measure.caveats)
        return [table[k] for k in keys if k in table] + [
            notes[n] for n in dict.fromkeys(n for r in results for n in r.notes) if n in notes
        ]

    def share_rows(self, r: Result, limit: int | None = None) -> list[dict[str, Any]]:
        """Rows of a mix, rank or share for a bar chart."""
        rows = [x for x in r.rows.to_dicts() if x["value"] is not None]
        return [
            {
                "label": x["label"],
                "value": x["value"],
                "low": x["low"],
                "high": x["high"],
                "text": self.t.quantity(x["value"], r.measure.unit),
            }
            for x in rows[:limit]
        ]

    def table(self, r: Result, title: str, limit: int | None = None) -> Table:
        """Group, count, share or value, and interval."""
        t, kind = self.t, r.measure.kind
        counted = t.text("count") if r.measure.population == "ai" else t.text("openings_head")
        head = [
            t.dimension(r.by or ""),
            self.name("count_paid") if kind == "median" else counted,
            t.text("share")
            if r.measure.unit == "share"
            else self.name("median")
            if kind == "median"
            else t.text("label_value"),
            t.text("interval"),
        ]
        rows = []
        for x in r.rows.head(limit or r.rows.height).to_dicts():
            value = t.text("suppressed") if x["suppressed"] else t.quantity(x["value"], r.measure.unit)
            rows.append([x["label"], t.integer(x["numerator"]), value, t.interval(x["low"], x["high"], r.measure.unit)])
        keep = [
            i
            for i in range(4)
            if (i != 3 or any(x[3] != "–" for x in rows)) and (i != 2 or r.measure.unit != "openings")
        ]
        head, rows = [head[i] for i in keep], [[x[i] for i in keep] for x in rows]
        return Table(title, head, rows, (1, 2, 3))

    def counted_share(self, x: Mapping[str, Any]) -> list[str]:
        """Label, denominator, numerator, share (or that it is suppressed) and interval of a row of a share."""
        t = self.t
        share = t.text("suppressed") if x["suppressed"] else t.share(x["value"])
        counts = t.integer(x["denominator"]), t.integer(x["numerator"])
        return [x["label"], *counts, share, t.interval(x["low"], x["high"], "share")]

    def ai_shares(self, r: Result, title: str, limit: int | None = None) -> Table:
        """The share of AI openings by group, with the corrected share where labels exist."""
        t, fixed = self.t, "corrected" in r.rows.columns
        head = [
            t.dimension(r.by or ""),
            t.text("openings_head"),
            t.text("count"),
            self.name("ai_share"),
            t.text("interval"),
        ]
        rows = [
            [*self.counted_share(x), *([self.corrected(x), t.integer(x["labels"] or 0)] if fixed else [])]
            for x in r.rows.head(limit or r.rows.height).to_dicts()
        ]
        more = [self.name("corrected_share"), t.text("labels")] if fixed else []
        return Table(title, [*head, *more], rows, (1, 2, 3, 4, 5, 6))

    def bars(self, id_: str, r: Result, title: str, limit: int | None = None, *, wide: bool = False) -> Figure | None:
        """A bar figure of a mix; None when it would be empty."""
        rows = self.share_rows(r, limit)
        if not rows:
            return None
        svg = charts.svg(charts.bars(rows, share=r.measure.unit == "share", **SIZES[wide]), title, id_)
        return Figure(id_, title, svg, self.table(r, title, TABLE_ROWS), self.caveats(r), wide)
