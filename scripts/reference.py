"""Write docs/reference/*.md from the code: commands, tables, definitions, measures, reason codes.

python scripts/reference.py            # write
python scripts/reference.py --check    # exit 1 when a page is not what the code says
"""

from __future__ import annotations

import csv
import itertools
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click

from gangwei import measures, schema, vocabulary
from gangwei.cli import main
from gangwei.codebook import Codebook

PAGES = Path(__file__).resolve().parents[1] / "docs" / "reference"


def commands(group: click.Group, prefix: str = "gangwei") -> Iterator[tuple[str, click.Command]]:
    """(full name, command) of every command, depth first."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def cli_page() -> str:
    """Every command with its help."""
    out = [
        "# Commands",
        "",
        "Exit codes: 0 done; 1 nothing could be published or the run failed; 2 usage; 3 with `--strict` or a `check` verb.",
        "",
    ]
    for name, command in commands(main):
        context = click.Context(
            command, info_name=name, help_option_names=["-h", "--help"], max_content_width=100, terminal_width=100
        )
        out += [f"## {name}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(out)


def tables_page() -> str:
    """Every published table and column."""
    out = ["# Published tables", "", "One Parquet file each in `DIR/published/`. Booleans: null means unknown.", ""]
    for t in schema.PUBLISHED_TABLES:
        out += [f"## {t.name}", "", t.doc, "", "| column | type | meaning |", "|---|---|---|"]
        for c in t.columns:
            values = f" One of: {', '.join(c.enum)}." if c.enum else ""
            out.append(f"| `{c.name}` | {cell(pa_name(t, c.name))} | {cell(c.doc)}.{values} |")
        out.append("")
    return "\n".join(out)


def pa_name(table: schema.Table, column: str) -> object:
    """Arrow type of a column."""
    return table.arrow.field(column).type


def cell(value: object) -> str:
    """Text that a table of Markdown can hold."""
    return str(value).replace("|", "\\|")


ANSWER = {
    "id": "group: a code, an id, a month; absent where nothing is grouped",
    "label": "its name in the language of `--lang`",
    "numerator": "what was counted; an opening in several cities counts in parts, so it need not be whole",
    "denominator": "out of what: of a share all that could have been counted, of a location quotient the other openings of the place, of the pay premium the openings compared with, else the count itself",
    "value": "the figure, in the unit of the measure: shares from 0 to 1, pay in yuan; null where suppressed",
    "low, high": "95 % interval of `value`; null where suppressed or where nothing, such as one employer, tells a spread",
    "n_eff": "effective sample size: openings of employers of equal size that tell as much",
    "openings": "openings counted, each once; the list of ads behind the figure has as many rows",
    "employers": "employers of the openings of the group (of a share, of all that could have been counted); an opening whose ad names none counts as one of its own",
    "suppressed": "true where too few employers or too small an effective size stand behind the group",
    "rank, rank_low, rank_high": "of ranks: place and its 95 % range",
    "in_top": "of ranks: chance to be among the first ten, 0 to 1",
    "corrected, corrected_low, corrected_high, corrected_n_eff": "of AI shares with labels: the share corrected by them, its 95 % interval and effective sample size",
    "labels, borrowed": "openings of the group that were labelled; for what part of its openings the labels of all groups stand in, 0 to 1 (a star on the screen)",
    "YEAR, YEAR_label": "with `--across year` (or any other dimension, under its name): group of the second dimension and its name",
}  # fmt: skip


def measures_page() -> str:
    """Every measure, and every dimension that groups or filters one."""
    book = Codebook()
    names = {lang: book.toml(f"labels/{lang}.toml")["dimensions"] for lang in ("en", "zh")}
    out = [
        "# Measures, dimensions and filters",
        "",
        "`gangwei measure DIR MEASURE --by DIMENSION --where FILTER=VALUE`; a value outside the vocabulary is refused with the list",
        "of those allowed. A measure without a grouping of its own is one figure for the whole until `--by` is given.",
        "",
        "| measure | what it is | | unit | grouped by itself |",
        "|---|---|---|---|---|",
    ]
    for m in measures.load(book).values():
        out.append(f"| `{m.id}` | {cell(m.en)} | {cell(m.zh)} | {m.unit} | {m.default_by or ''} |")
    out += ["", "| dimension | what it is | | groups | filters |", "|---|---|---|---|---|"]
    for d in dict.fromkeys((*vocabulary.BY, *vocabulary.WHERE)):
        uses = " | ".join("yes" if d in v else "" for v in (vocabulary.BY, vocabulary.WHERE))
        out.append(f"| `{d}` | {names['en'].get(d, d)} | {names['zh'].get(d, d)} | {uses} |")
    out += ["", "Columns of an answer (`--csv`; `rows` of `--json`, of the explorer and of the Python interface):", ""]
    out += ["| column | meaning |", "|---|---|"]
    out += [f"| {', '.join(f'`{c}`' for c in names.split(', '))} | {said} |" for names, said in ANSWER.items()]
    out += ["", *CROSSED]
    return "\n".join([*out, ""])


CROSSED = """`--across` (in Python `crossed`) gives a table by two dimensions. One by more is one grouping for each value of the others:

```python
import itertools

import gangwei
import polars as pl

work = gangwei.open("work")
months = work.measure("openings", by="month").polars()["id"].drop_nulls().to_list()
cells = [
    work.measure("openings", by="city", where={"month": m, "tier": t})
    .polars()
    .with_columns(month=pl.lit(m), tier=pl.lit(t))
    for m, t in itertools.product(months, ("builder", "adjacent", "user", "none"))
]
pl.concat(cells).write_csv("cells.csv")
```""".splitlines()


def reasons_page() -> str:
    """Every reason code."""
    out = [
        "# Reason codes",
        "",
        "What `decisions`, `rejects` and `issues` give as a reason, and the stage that gives it. In `decisions` the reason of an AI term",
        "also says context and section (`builder_weak/duty@duties`; contexts: duty, asked, preferred, negated, plain), that of a signal",
        "word its section (`word@title`).",
        "",
        "| reason | stage | in words | |",
        "|---|---|---|---|",
    ]
    for r in Codebook().rows("reasons.csv"):
        out.append(f"| `{r['id']}` | {r['stage']} | {cell(r['en'])} | {cell(r['zh'])} |")
    return "\n".join([*out, ""])


def comment_of(text: str) -> str:
    """The comment at the top of a file (of a list also right below its header), as one line of whole sentences up to 560 characters."""
    lines = text.splitlines()
    start = 0 if lines and lines[0].startswith("#") else 1
    comment = itertools.takewhile(lambda line: line.startswith("#"), lines[start:])
    out = ""
    for sentence in re.split(r"(?<=[\w)][\w)][.]) ", " ".join(line.lstrip("# ").strip() for line in comment)):
        if out and len(out) + len(sentence) > 560:
            break
        out += f" {sentence}"
    return cell(out.strip())


NOT_IN_THE_FILE = {
    "ai/model.npz": "The weights of the AI model, as `ai/model_card.md` describes them.",
    "places/units.csv": "All units of province, prefecture and county level since 1980 (columns: `places/README.md`).",
    "places/traditional.csv": "Traditional characters of place names and the simplified ones.",
}


def definitions_page() -> str:
    """Every definition file with its columns and size."""
    book = Codebook()
    out = [
        "# Definition files",
        "",
        "Put a file of the same name into a folder and pass `--definitions FOLDER` to replace it.",
        "",
        "| file | rows | columns or keys | what it holds |",
        "|---|---:|---|---|",
    ]
    for name, data in book.files():
        text = data.decode("utf-8", "replace") if name.endswith((".csv", ".toml", ".md")) else ""
        comment = comment_of(text) or NOT_IN_THE_FILE.get(name, "")
        if name.endswith(".csv"):
            rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))
            out.append(f"| `{name}` | {max(len(rows) - 1, 0)} | {', '.join(rows[0]) if rows else ''} | {comment} |")
        elif name.endswith(".toml"):
            keys = tomllib.loads(text)
            out.append(f"| `{name}` | | {', '.join(list(keys)[:12])} | {comment or cell(str(keys.get('title', '')))} |")
        else:
            out.append(f"| `{name}` | | | {comment if name.endswith('.npz') else text.splitlines()[0].lstrip('# ')} |")
    return "\n".join([*out, ""])


PAGE = {
    "commands.md": cli_page, "measures.md": measures_page, "tables.md": tables_page, "definitions.md": definitions_page,
    "reasons.md": reasons_page,
}  # fmt: skip


def stale() -> list[str]:
    """Names of the pages that are not what the code says."""
    return [n for n, make in PAGE.items() if not (PAGES / n).exists() or (PAGES / n).read_text("utf-8") != make()]


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(f"stale: {', '.join(stale())}; run python scripts/reference.py" if stale() else 0)
    PAGES.mkdir(parents=True, exist_ok=True)
    for page, make in PAGE.items():
        (PAGES / page).write_text(make(), "utf-8")
