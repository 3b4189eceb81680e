"""Figures on the screen: a figure and its groups, two dimensions, the openings behind it, and why a question is refused."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from gangwei.terminal import OUT, say, show_json

if TYPE_CHECKING:
    import polars as pl

    from gangwei.labels import Labels
    from gangwei.measures import Measure, Result
    from gangwei.vocabulary import UnknownParameter

SHOWN = 60  # groups or openings that the screen shows


def show_figure(words: Labels, result: Result, directory: Path, labels: Path | None) -> None:
    """One figure with its interval, notes and groups, and the command as it is to be given here."""
    from rich.table import Table

    title = result.measure.zh if words.lang == "zh" else result.measure.en
    say(_headline(title, result, words))
    if (c := result.corrected) is not None:
        e = c.estimate
        say(words.corrected(c.labels, c.readers, c.file, e.value, e.low, e.high))
    for note in result.notes:
        OUT.print(str(words.table["notes"].get(note, note)), highlight=False, soft_wrap=True, style="dim")
    if "id" in result.rows.columns and not result.rows.is_empty():
        table = Table()
        fixed_too = ["column_corrected", "95 %"] if "corrected" in result.rows.columns else []
        columns = ("column_value", "95 %", *fixed_too, "column_counted", "column_of")
        for name in (words.dimension(result.by) if result.by else "", *map(words.text, columns)):
            table.add_column(name, overflow="fold")
        for r in result.rows.head(SHOWN).to_dicts():
            shown: tuple[str, ...] = (
                ("–", "–")
                if r.get("suppressed")
                else (
                    words.quantity(r["value"], result.measure.row_unit),
                    words.interval(r["low"], r["high"], result.measure.row_unit),
                )
            )
            if fixed_too:
                mark = "*" if r["borrowed"] else ""
                spread = words.interval(r["corrected_low"], r["corrected_high"], "share")
                shown = (*shown, words.share(r["corrected"]) + mark, spread)
            table.add_row(str(r["label"]), *shown, words.part(r.get("numerator")), words.integer(r.get("denominator")))
        OUT.print(table)
        if (more := result.rows.height - SHOWN) > 0:
            say(words.text("more_groups").format(n=words.integer(more)))
    command = result.command.replace(" DIR ", f" {quote(str(directory))} ", 1)
    say(command.replace(f"--labels {quote(labels.name)}", f"--labels {quote(str(labels))}") if labels else command)


def show_csv(rows: pl.DataFrame) -> None:
    """Print rows as CSV, in UTF-8 whatever the terminal has, whose cells no spreadsheet runs."""
    from gangwei.spreadsheet import neutral

    click.echo(neutral(rows).write_csv().encode(), nl=False)


def _headline(title: str, result: Result, words: Labels) -> str:
    """The figure of the whole, of a ranking that of the first; of groups that have no whole the title alone."""
    if result.suppressed:
        return f"{title}: {words.text('suppressed')}"
    if result.value is None:
        return title
    first = result.rows.head(1).to_dicts() if result.measure.kind == "rank" else []
    said = words.quantity(result.value, result.measure.head_unit)
    within = f" ({words.interval(result.low, result.high, result.measure.unit)})" if result.low is not None else ""
    return f"{title}: " + "".join(f"{r['label']} " for r in first) + said + within


def refusal(e: UnknownParameter, words: Labels, group: str | None = None) -> str:
    """Why a question is refused; where a filter or --group is given a name, the codes of that name instead of all codes."""
    kind, _, key = e.what.partition(" of ")
    codes = words.coded(key, e.given, e.allowed) if kind == "value" else []
    if not codes:
        return str(e)
    named = [f" ({n})" if key == "employer" else "" for n in words.group_values(key, codes)]
    option, said = (
        ("--group ", "") if group is not None and e.given in group.split(",") else (f"--where {key}=", f"{key}=")
    )
    return f"{option}{e.given[:80]}: write the code, {' or '.join(f'{said}{c}{n}' for c, n in zip(codes, named))}"


def show_crossed(
    words: Labels, asked: Measure, by: str, across: str, rows: pl.DataFrame, as_json: bool, as_csv: bool
) -> None:
    """A figure by two dimensions: one row for each pair of values."""
    if as_json:
        show_json({"measure": asked.id, "by": by, "across": across, "rows": rows.to_dicts()})
        return
    if as_csv:
        show_csv(rows)
        return
    from rich.table import Table

    table = Table()
    for name in (words.dimension(across), words.dimension(by), words.text("column_value"), "95 %", words.text("column_counted"), words.text("column_of")):  # fmt: skip
        table.add_column(name, overflow="fold")
    for r in rows.head(SHOWN).to_dicts():
        value = "–" if r["suppressed"] else words.quantity(r["value"], asked.row_unit)
        within = "–" if r["suppressed"] else words.interval(r["low"], r["high"], asked.row_unit)
        counts = words.part(r["numerator"]), words.integer(r["denominator"])
        table.add_row(str(r[f"{across}_label"]), str(r["label"]), value, within, *counts)
    OUT.print(table)
    if (more := rows.height - SHOWN) > 0:
        say(words.text("more_groups").format(n=words.integer(more)))


def show_openings(words: Labels, n: int, page: pl.DataFrame, as_json: bool, as_csv: bool) -> None:
    """Openings behind a figure, `n` in all."""
    from gangwei.explore.rows import clean

    page = clean(page)
    if as_json:
        show_json({"n": n, "openings": page.to_dicts()})
        return
    if as_csv:
        show_csv(page)
        return
    from rich.table import Table

    table = Table()
    for pair in (("opening", "employer"), ("city", "board"), ("date", "tier")):
        head = (words.dimension(name) if name == "tier" else words.text(name) for name in pair)
        table.add_column("\n".join(head), overflow="fold")
    table.add_column("ad_id", no_wrap=True)
    for x in page.to_dicts():
        named = x["title"] or words.text("untitled"), x["employer"] or words.text("anonymous_employer")
        where = words.place(x["adcode"]), words.code("board", x["board"]) if x["board"] else "–"
        facts = str(x["first_date"] or "–"), words.code("tier", x["ai_tier"] or "unknown")
        table.add_row(*("\n".join(pair) for pair in (named, where, facts)), x["ad_id"])
    OUT.print(table)
    if (more := n - page.height) > 0:
        say(words.text("more_openings").format(n=words.integer(more)))
