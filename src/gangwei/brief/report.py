"""The brief: one self-contained HTML file, in English or Chinese, from a published dataset.

The file asks for nothing and needs no script. The same dataset gives the same bytes.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gangwei.brief.blocks import Brief
from gangwei.brief.whole import compose
from gangwei.brief.writer import Writer
from gangwei.codebook import PACKAGED
from gangwei.frame.check import DatasetError
from gangwei.frame.dataset import Dataset
from gangwei.store import write_text
from gangwei.tongue import tongues
from gangwei.vocabulary import UnknownParameter

_CONTACT = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?:https?://|www\.)\S+|(?<!\d)(?:\+?86[\s-]?)?1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}(?!\d)|(?<!\d)[04]\d{2,3}[\s-]?\d{3,4}[\s-]?\d{3,4}(?!\d)|\d{9,}"
)
_PERCENT = re.compile(r"(?<=\d) %")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def public(text: object, limit: int = 120) -> str:
    """A string of an ad as it may be shown: one line, no control or direction marks, no contact data, bounded."""
    line = " ".join(_CONTROL.sub("", str(text)[:2000]).split())
    line = _CONTACT.sub("…", line)
    line = _PERCENT.sub("\u202f%", line)  # a figure and its sign stay on one line
    return line if len(line) <= limit else line[: limit - 1] + "…"


def render(brief: Brief, words: dict[str, str]) -> str:
    """The brief as HTML."""
    env = Environment(
        loader=PackageLoader("gangwei", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["svg"] = Markup  # only for markup that charts and mapshapes made
    env.filters["public"], env.filters["tongues"] = public, tongues
    style = (PACKAGED.parent / "static" / "report.css").read_text("utf-8")
    return env.get_template("report.html.j2").render(b=brief, w=words, style=Markup(style))


def write(
    ds: Dataset,
    out: Path,
    lang: str = "en",
    as_of: dt.date | str | None = None,
    lists: Sequence[str] | str | None = None,
) -> list[dict[str, Any]]:
    """Write the brief to `out`; returns the headline figures as label, value, interval, published, compares, verdict.

    Raises:
        DatasetError, StoreError: `out` cannot be written.
        UnknownParameter: a list or date that the dataset does not know.
    """
    try:
        day = dt.date.fromisoformat(as_of) if isinstance(as_of, str) else as_of
    except ValueError:
        raise UnknownParameter("as-of date", str(as_of), ("YYYY-MM-DD",)) from None
    if out.is_dir():
        raise DatasetError(f"{out}: is a folder; name the HTML file to write")
    writer = Writer(ds, lang, day, lists)
    brief = compose(writer)
    page = render(brief, {k: str(v) for k, v in writer.t.table["text"].items()})
    try:
        write_text(out, page)
    except OSError as e:
        raise DatasetError(f"{out}: cannot write the brief ({e.strerror})") from None
    between = writer.t.forms["semicolon"]
    return [
        {
            "id": h.id, "label": h.label, "value": between.join(f"{a} {b}" for a, b in h.parts) if h.parts else h.value, "interval": h.interval,
            "published": h.published, "compares": h.compares, "verdict": h.verdict,
        }
        for h in brief.headlines
    ]  # fmt: skip


def write_from(
    directory: Path,
    out: Path,
    *,
    lang: str = "en",
    as_of: str | None = None,
    lists: str | None = None,
    labels: Path | None = None,
) -> list[dict[str, Any]]:
    """Open `directory` and write its brief to `out`; see `write`."""
    return write(Dataset.open(directory, labels=labels), out, lang, as_of, lists)


def to_pdf(page: Path) -> Path:
    """Print a brief to PDF beside it through Chromium.

    Raises:
        DatasetError: no Chromium is installed, or it failed.
    """
    browser = next(
        (b for b in map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome")) if b), None
    )
    if browser is None:
        raise DatasetError("no Chromium found; install it, or print the HTML file from any browser")
    out = page.with_suffix(".pdf")
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-pdf-header-footer",
        f"--print-to-pdf={out}",
        page.resolve().as_uri(),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=180)
    except (subprocess.SubprocessError, OSError) as e:
        raise DatasetError(f"Chromium could not print {page.name}: {type(e).__name__}") from None
    return out
