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
    return "\n".join([*out, ""])


def reasons_page() -> str:
    """Every reason code."""
    out = [
        "# Reason codes",
        "",
        "What `decisions`, `rejects` and `issues` give as a reason, by the stage that gives it.",
        "",
        "| reason | stage | in words | |",
        "|---|---|---|---|",
    ]
    for r in Codebook().rows("reasons.csv"):
        out.append(f"| `{r['id']}` | {r['stage']} | {cell(r['en'])} | {cell(r['zh'])} |")
    return "\n".join([*out, ""])


def comment_of(text: str) -> str:
    """The lines of comment a file begins with, as one, cut after the sentence that passes 240 characters."""
    lines = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    out = ""
    for sentence in re.split(r"(?<=[.;]) ", " ".join(line.lstrip("# ").strip() for line in lines)):
        out += f" {sentence}"
        if len(out) > 240:
            break
    return cell(out.strip())


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
        comment = comment_of(text)
        if name.endswith(".csv"):
            rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))
            out.append(f"| `{name}` | {max(len(rows) - 1, 0)} | {', '.join(rows[0]) if rows else ''} | {comment} |")
        elif name.endswith(".toml"):
            out.append(f"| `{name}` | | {', '.join(list(tomllib.loads(text))[:12])} | {comment} |")
        else:
            out.append(f"| `{name}` | | | |")
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
