"""Tables within documents: saved pages, programs, Markdown, XML."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from functools import partial
from io import BytesIO

from gangwei.formats import archive, attributes, cards, charset, html_table, literals, page_data, python_text, xml_text
from gangwei.formats import markdown as marked_text
from gangwei.formats.chunk import Limits
from gangwei.formats.headers import Headers
from gangwei.formats.json_records import chunk_of_records
from gangwei.formats.pages import MHTML
from gangwei.formats.table import Table, of_records, of_rows

HEADERS = 3  # that a table of ads has
COMMENTS = 20  # without an end
WHOLE = 16 << 20  # bytes; programs and Markdown up to this size are looked through for ads


def html(blob: archive.Blob, limits: Limits, encoding: str, headers: Headers) -> list[Table]:
    """Tables of a saved page, then its ads as data of a script or, where no table has headers of ads, as cards."""
    with blob.stream() as f:
        data = f.read(limits.max_line_bytes + 1)
    if len(data) > limits.max_line_bytes:
        return []
    page = _page(data, encoding)
    tables, above = html_table.page(page, limits)
    found = [replace(of_rows(f"table{i}", list(enumerate(rows, 1))), above=above) for i, rows in enumerate(tables, 1)]
    written = (ads for script in page_data.programs(page) if (ads := literals.records(script, headers)))
    held = page_data.records(page) or attributes.records(page)
    tabled = any(sum(headers.listed(c) is not None for c in t.head[0]) >= HEADERS for t in found)
    if ads := held or next(written, []) or ([] if tabled else cards.records(page, headers)):
        found.append(_of_ads(blob, limits, encoding, ads))
    return found


def _page(data: bytes, encoding: str) -> str:
    """The text of a saved page; of one in parts (MHTML) its longest page, the others are frames."""
    if MHTML.search(data[:2048].decode("latin-1")):
        try:
            parts = [p for p in message_from_bytes(data).walk() if p.get_content_type() == "text/html"]
        except RecursionError:  # parts within parts within parts
            parts = []
        if texts := [text for p in parts if isinstance(text := p.get_payload(decode=True), bytes)]:
            data = max(texts, key=len)
            encoding = charset.survey(BytesIO(data)).name
    return _ended(data.decode(encoding, "replace"))


def _ended(page: str) -> str:
    """A page without a tag at its end that was cut off, nor comments without an end: the parser would look for the end of each. A
    few such comments stay: they may be of a script."""
    behind = page.rfind("-->") + 1
    if page.count("<!--", behind) > COMMENTS:
        page = page[: page.find("<!--", behind)]
    tag_at = page.find("<", page.rfind(">") + 1)
    return page[:tag_at] if tag_at >= 0 else page


def program(
    blob: archive.Blob, limits: Limits, encoding: str, headers: Headers, of_python: bool = False
) -> list[Table]:
    """Ads, else rows, that a program of JavaScript or Python holds."""
    text = _whole(blob, encoding)
    if text is None:
        return []
    if ads := (python_text if of_python else literals).records(text, headers):
        return [_of_ads(blob, limits, encoding, ads)]
    return [] if of_python else [of_rows("", list(enumerate(rows, 1)))] if (rows := literals.rows(text)) else []


def markdown(blob: archive.Blob, limits: Limits, encoding: str, headers: Headers) -> list[Table]:
    """Tables of a Markdown text, of HTML within it, of delimited text between fences and of data that it quotes."""
    text = _whole(blob, encoding)
    if text is None:
        return []
    found = [marked_text.told_apart(rows, headers) for rows in marked_text.tables(text)]
    if "<table" in text.casefold():
        found += [list(enumerate(rows, 1)) for rows in html_table.tables(text, limits)]
    found += marked_text.delimited_tables(text, headers)
    lists = (ads for block in marked_text.quoted(text) if (ads := literals.records(block, headers)))
    quoted = [_of_ads(blob, limits, encoding, ads) for ads in lists]
    written = [of_rows(f"table{i}", rows) for i, rows in enumerate(found, 1)]
    return [*written, *(replace(t, label=f"block{i}") for i, t in enumerate(quoted, 1))]


def _whole(blob: archive.Blob, encoding: str) -> str | None:
    """The text of a file up to the size of `WHOLE`; None for a larger one."""
    with blob.stream() as f:
        data = f.read(WHOLE + 1)
    return data.decode(encoding, "replace") if len(data) <= WHOLE else None


def _of_ads(blob: archive.Blob, limits: Limits, encoding: str, ads: list[dict[str, str]]) -> Table:
    chunk = chunk_of_records(ads, range(1, len(ads) + 1), [])
    return of_records(blob, limits, lambda *_: iter([chunk]), encoding)[0]


def xml(blob: archive.Blob, limits: Limits, encoding: str) -> list[Table]:
    """The records of a feed, or the rows of a sheet."""
    with blob.stream() as f:
        path = xml_text.record_path(f, encoding, limits)
    if path[-1] == xml_text.CELLS[0]:
        with blob.stream() as f:
            return [of_rows("", xml_text.sheet_rows(f, encoding, path, limits))]

    return of_records(blob, limits, partial(xml_text.records, path=path), encoding)
