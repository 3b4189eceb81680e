"""Marks of the explorer's charts: points with intervals, lines over time, two sides; each for a wide and a narrow screen."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

from gangwei.labels import Labels
from gangwei.measures import Result
from gangwei.text_width import em, wrapped
from gangwei.tongue import tongue

SHOWN = 40
SIZE, SMALL, LINE = 13, 11, 16
INK, SOFT, RULE, MARK, SECOND = "#1b1f24", "#57606a", "#d8dee4", "#0b5cad", "#b35900"
FONT = "system-ui, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"
LEAST, MOST = 120, 330
COUNTED = ("openings", "count", "places")
"""Units of whole things."""

Href = Callable[[str], str]


@dataclass(frozen=True)
class Screen:
    """A width to draw for; on a narrow one names stand above their marks."""

    name: str
    width: int
    narrow: bool


SCREENS = (Screen("wide", 860, False), Screen("narrow", 358, True))


@dataclass(frozen=True)
class Line:
    """Where one group stands: its name in lines, the top of its band and the height of its marks."""

    said: list[str]
    top: float
    height: float
    mark: float


@dataclass(frozen=True)
class Layout:
    """Where everything of a chart of groups stands: names of any length fit, wrapped where the margin is full."""

    screen: Screen
    left: float
    right: float
    head: int
    lines: list[Line]
    top: float

    @classmethod
    def of(cls, screen: Screen, names: Sequence[str], values: Sequence[str], top: float) -> Layout:
        """The layout for names and the values written behind their marks; `top` is the end of the axis."""
        right = max((em(v) for v in values), default=0.0) * 12 + 24
        longest = max((em(n) for n in names), default=0.0) * SIZE
        left = 8.0 if screen.narrow else min(max(longest + 14, LEAST), MOST)
        room = (screen.width - 12 if screen.narrow else left - 14) / SIZE
        lines, y = [], 32.0
        for n in names:
            said = wrapped(n, room)
            height = LINE * len(said) + (24 if screen.narrow else 10)
            lines.append(Line(said, y, height, y + height - 14 if screen.narrow else y + height / 2))
            y += height
        return cls(screen, left, right, 32, lines, top)

    @property
    def height(self) -> float:
        """Of the whole drawing."""
        return (self.lines[-1].top + self.lines[-1].height if self.lines else self.head) + 8

    def x(self, value: float) -> float:
        """Position of a value on the axis."""
        inside = max(0.0, min(value, self.top)) / self.top
        return round(self.left + (self.screen.width - self.left - self.right) * inside, 1)

    def names(self, n: int) -> str:
        """The name of a group as text."""
        line = self.lines[n]
        x, anchor = (0, "start") if self.screen.narrow else (self.left - 12, "end")
        first = line.top + 13 if self.screen.narrow else line.mark + 4.5 - LINE * (len(line.said) - 1) / 2
        return "".join(
            f'<text x="{x}" y="{first + LINE * i:g}" text-anchor="{anchor}" fill="{INK}">{escape(said)}</text>'
            for i, said in enumerate(line.said)
        )

    def grid(self, labels: Labels, unit: str) -> list[str]:
        """Lines and numbers of the axis."""
        out, steps = [], ticks(self.top, 3 if self.screen.narrow else 5, whole=unit in COUNTED)
        for t, said in zip(steps, spelt(steps, labels, unit)):
            x = self.x(t)
            out.append(f'<line x1="{x}" x2="{x}" y1="{self.head - 8}" y2="{self.height - 6:g}" stroke="{RULE}"/>')
            anchor = "start" if self.screen.narrow and t == 0 else "middle"
            out.append(_small(x, self.head - 14, anchor, said))
        return out


def _small(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{SMALL}" fill="{SOFT}">{escape(text)}</text>'


def opened(screen: Screen, height: float, title: str) -> str:
    """The head of a drawing."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{screen.name}" viewBox="0 0 {screen.width} {height:g}" width="{screen.width}" '
        f'height="{height:g}" role="group" aria-label="{escape(title)}" font-family="{escape(FONT)}" font-size="{SIZE}">'
    )


def sentence(text: str, title: str, screen: Screen = SCREENS[0]) -> str:
    """A drawing that is one sentence."""
    lines = wrapped(text, (screen.width - 24) / SIZE)
    said = "".join(
        f'<text x="12" y="{24 + LINE * i:g}" fill="{SOFT}">{escape(line)}</text>' for i, line in enumerate(lines)
    )
    return opened(screen, 20 + LINE * len(lines), title) + said + "</svg>"


def ticks(top: float, most: int = 5, *, whole: bool = False) -> list[float]:
    """Round positions of an axis from 0 to `top`, `most` steps at most; `whole`: of what is counted, none between two numbers."""
    if top <= 0:
        return [0.0]
    step = 10 ** math.floor(math.log10(top / most))
    step = next(m * step for m in (1, 2, 2.5, 5, 10, 20) if top / (m * step) <= most)
    step = math.ceil(step) if whole else step
    return [i * step for i in range(math.floor(top / step * 1.0000001) + 1)]


def spelt(steps: Sequence[float], labels: Labels, unit: str) -> list[str]:
    """The numbers of an axis; of shares with no more digits than tell them apart."""
    for digits in range(7) if unit == "share" else ():
        if all(abs(t * 100 - round(t * 100, digits)) < 1e-9 for t in steps):
            return [labels.share(t, digits) for t in steps]
    return [labels.quantity(t, unit) for t in steps]


def finite(value: float | None, instead: float) -> float:
    """`value`, or `instead` where it is none."""
    return value if value is not None and math.isfinite(value) else instead


def dots(
    result: Result, labels: Labels, href: Href, name: Callable[[dict[str, Any]], str], screen: Screen = SCREENS[0]
) -> str:
    """Points with their 95 % interval, one line a group, in the order of the figure; each line is a link."""
    unit = result.measure.row_unit
    rows = [r for r in result.rows.to_dicts() if not r.get("suppressed") and r["value"] is not None][:SHOWN]
    if not rows:
        return ""
    ends = [finite(r["high"], r["value"]) for r in rows]
    # One group with a wide interval must not press all others into the margin.
    top = min(max(*ends, 1e-12), max(r["value"] for r in rows) * 2.5) or max(*ends, 1e-12)
    said, values = [name(r) for r in rows], [labels.quantity(r["value"], unit) for r in rows]
    at = Layout.of(screen, said, values, top)
    out = [
        opened(screen, at.height, result.measure.zh if labels.lang == "zh" else result.measure.en),
        *at.grid(labels, unit),
    ]
    for n, (r, end) in enumerate(zip(rows, ends)):
        line, low = at.lines[n], finite(r["low"], r["value"])
        shown = f"{said[n]}: {values[n]}"
        out.append(
            f'<a href="{escape(href(r["id"]))}" aria-label="{escape(shown)}"{tongue(said[n])}><title>{escape(shown)} '
            f'({escape(labels.interval(r["low"], r["high"], unit))})</title><rect x="0" y="{line.top:g}" width="{screen.width}" height="{line.height:g}" fill="transparent"/>'
            f'{at.names(n)}<line x1="{at.x(low)}" x2="{at.x(end)}" y1="{line.mark:g}" y2="{line.mark:g}" stroke="{MARK}" stroke-width="3" opacity=".35"/>'
            f"{_beyond(at, line.mark) if end > top * 1.0001 else ''}"
            f'<circle cx="{at.x(r["value"])}" cy="{line.mark:g}" r="5" fill="{MARK}"/>'
            f'<text x="{at.x(end) + 10:g}" y="{line.mark + 4.5:g}" font-size="12" fill="{SOFT}">{escape(values[n])}</text></a>'
        )
    return "".join([*out, "</svg>"])


def _beyond(at: Layout, y: float) -> str:
    """The tip of an interval that goes on beyond the axis."""
    x = at.x(at.top)
    return f'<path d="M{x:g} {y - 5:g} l7 5 l-7 5" fill="none" stroke="{MARK}" stroke-width="2" opacity=".5"/>'


def pairs(rows: Sequence[Mapping[str, Any]], unit: str, labels: Labels, title: str, screen: Screen = SCREENS[0]) -> str:
    """Two values a group: a filled circle for the first side, an open square for the second, a line between."""
    shown = [r for r in rows if r["left"] is not None or r["right"] is not None][:SHOWN]
    if not shown:
        return ""
    top = max((v for r in shown for v in (r["left"], r["right"]) if v is not None), default=0.0) or 1.0
    at = Layout.of(screen, [str(r["label"]) for r in shown], [labels.quantity(top, unit)], top)
    out = [opened(screen, at.height, title), *at.grid(labels, unit)]
    for n, r in enumerate(shown):
        y, a, b = at.lines[n].mark, r["left"], r["right"]
        said = f"{r['label']}: {labels.quantity(a, unit)} / {labels.quantity(b, unit)}"
        out.append(f'<g role="img" aria-label="{escape(said)}"><title>{escape(said)}</title>{at.names(n)}')
        if a is not None and b is not None:
            out.append(f'<line x1="{at.x(a)}" x2="{at.x(b)}" y1="{y:g}" y2="{y:g}" stroke="#8c959f" stroke-width="2"/>')
        if b is not None:
            out.append(
                f'<rect x="{at.x(b) - 4.5:g}" y="{y - 4.5:g}" width="9" height="9" fill="#fff" stroke="{SECOND}" stroke-width="2"/>'
            )
        if a is not None:
            out.append(f'<circle cx="{at.x(a)}" cy="{y:g}" r="5" fill="{MARK}"/>')
        out.append("</g>")
    return "".join([*out, "</svg>"])


def when(id_: str) -> float | None:
    """A month or year as years since 0."""
    try:
        day = dt.date.fromisoformat(f"{id_}-01" if len(id_) == 7 else f"{id_}-01-01")
    except ValueError:
        return None
    return day.year + (day.month - 1) / 12


Dated = tuple[float, dict[str, Any]]


def unbroken(rows: Sequence[Dated]) -> list[list[Dated]]:
    """Months that follow each other: nothing was collected between two runs, so no line joins them."""
    step = 1.01 if len(str(rows[0][1]["id"])) == 4 else 0.09
    out = [[rows[0]]]
    for before, now in pairwise(rows):
        if now[0] - before[0] > step:
            out.append([])
        out[-1].append(now)
    return out


def _bulk(rows: list[Dated]) -> list[Dated]:
    """Without the empty months before the bulk of the ads."""
    counted, run = sum(r["openings"] for _, r in rows), 0
    for start, (_, r) in enumerate(rows):
        run += r["openings"]
        if run >= 0.005 * counted:
            return rows[start:]
    return rows


def line(result: Result, labels: Labels, href: Href, screen: Screen = SCREENS[0]) -> str:
    """A line over months or years with its interval as a band; each month is a link."""
    unit = result.measure.row_unit
    rows = [(w, r) for r in result.rows.to_dicts() if (w := when(str(r["id"]))) is not None and r["value"] is not None]
    if not rows:
        return ""
    rows = _bulk(rows)
    first, last = rows[0][0], rows[-1][0]
    top = max(*(finite(r["high"], r["value"]) for _, r in rows), 1e-12)
    top = min(top, max(r["value"] for _, r in rows) * 2.5) or top
    steps = ticks(top, whole=unit in COUNTED)
    shown = list(zip(steps, spelt(steps, labels, unit)))
    height, right, foot = (240 if screen.narrow else 320), 20, 34
    left = max(em(s) for _, s in shown) * SMALL + 18

    def x(at: float) -> float:
        return round(left + (screen.width - left - right) * ((at - first) / (last - first) if last > first else 0.5), 1)

    def y(value: float) -> float:
        return round(height - foot - (height - foot - 16) * max(0.0, min(value, top)) / top, 1)

    out = [opened(screen, height, result.measure.zh if labels.lang == "zh" else result.measure.en)]
    for t, said in shown:
        out.append(f'<line x1="{left:g}" x2="{screen.width - right}" y1="{y(t)}" y2="{y(t)}" stroke="{RULE}"/>')
        out.append(_small(left - 8, y(t) + 4, "end", said))
    years = list(range(math.ceil(first), math.floor(last) + 1))
    named = [(x(rows[i][0]), str(rows[i][1]["id"])) for i in sorted({0, len(rows) - 1})] if len(years) < 2 else []
    for year in years[:: max(1, len(years) // (5 if screen.narrow else 12))] if not named else []:
        named.append((x(year), str(year)))
    named = [n for i, n in enumerate(named) if i == 0 or n[0] - named[i - 1][0] >= 40]
    for at, word in named:
        anchor = "start" if at < left + 24 else "end" if at > screen.width - right - 24 else "middle"
        out.append(_small(at, height - 12, anchor, word))
    runs = unbroken(rows)
    for part in [p for p in runs if all(r["low"] is not None for _, r in p)]:
        edge = [f"{x(w)},{y(finite(r['high'], r['value']))}" for w, r in part]
        edge += [f"{x(w)},{y(finite(r['low'], r['value']))}" for w, r in reversed(part)]
        out.append(f'<polygon points="{" ".join(edge)}" fill="{MARK}" opacity=".15"/>')
    for part in runs:
        path = " ".join(f"{x(w)},{y(r['value'])}" for w, r in part)
        out.append(f'<polyline points="{path}" fill="none" stroke="{MARK}" stroke-width="2"/>')
    wide = max(4.0, (screen.width - left - right) / max(1, len(rows)))
    for w, r in rows:
        said = f"{r['label']}: {labels.quantity(r['value'], unit)}"
        out.append(
            f'<a href="{escape(href(str(r["id"])))}" aria-label="{escape(said)}"><title>{escape(said)}</title>'
            f'<rect x="{x(w) - wide / 2:.1f}" y="10" width="{wide:.1f}" height="{height - foot - 10}" fill="transparent"/>'
            f'<circle cx="{x(w)}" cy="{y(r["value"])}" r="3" fill="{MARK}"/></a>'
        )
    return "".join([*out, "</svg>"])
