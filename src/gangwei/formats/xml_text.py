"""XML feeds of ads: the element that repeats is an ad, what is inside it are its columns. Entities of the file's own are refused."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO
from xml.parsers import expat

from gangwei.formats.chunk import BadRow, Chunk, Limits, Unreadable
from gangwei.formats.json_records import chunk_of_records

BLOCK = 1 << 20
LOOKED = 4 << 20
CELLS = ("Row", "Cell")
Path = tuple[str, ...]


class _Reader:
    """Calls `done` with the path, the attributes and the text of each element when it ends, and whether it held others."""

    def __init__(self, done: Callable[[Path, dict[str, str], str, bool], None], limits: Limits) -> None:
        self.done, self.limits = done, limits
        self.path: list[str] = []
        self.open: list[tuple[dict[str, str], list[str], list[bool]]] = []
        self.size = 0
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = self._entity
        self.parser = parser

    def _entity(self, *_: Any) -> None:
        raise Unreadable("xml_entities", "an XML file that declares entities of its own; save it without them")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self.open:
            self.open[-1][2][0] = True
        if len(self.path) > 100:
            raise Unreadable("broken_xml", "an XML file nested more than 100 levels deep; it is not a feed of ads")
        self.path.append(name.rpartition(":")[2])
        self.open.append(({k.rpartition(":")[2]: v for k, v in attributes.items()}, [], [False]))
        self.size = 0

    def _text(self, data: str) -> None:
        self.size += len(data)
        if self.size > self.limits.max_cell_chars:
            raise Unreadable("broken_xml", f"a text of more than {self.limits.max_cell_chars >> 20} MB in an XML file")
        if self.open:
            self.open[-1][1].append(data)

    def _end(self, _: str) -> None:
        attributes, text, parent = self.open.pop()
        path = tuple(self.path)
        self.path.pop()
        self.done(path, attributes, "".join(text).strip(), parent[0])

    def feed(self, data: str, last: bool = False) -> None:
        """Parse the next part.

        Raises:
            Unreadable: not XML, or one that declares entities.
        """
        try:
            self.parser.Parse(data.encode("utf-8", "replace"), last)
        except expat.ExpatError as e:
            raise Unreadable("broken_xml", f"XML that is not well-formed ({e}); fetch the file again") from None


def _parts(stream: BinaryIO, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    while data := stream.read(BLOCK):
        yield decoder.decode(data)


def record_path(stream: BinaryIO, encoding: str, limits: Limits) -> Path:
    """Where the ads are: the highest element that repeats and holds others.

    Raises:
        Unreadable: there is none.
    """
    counts: Counter[Path] = Counter()
    leaves: Counter[Path] = Counter()

    def done(path: Path, attributes: dict[str, str], text: str, parent: bool) -> None:
        counts[path] += parent or len(attributes) > 2
        leaves[path[:-1]] += not parent

    reader = _Reader(done, limits)
    seen = 0
    for part in _parts(stream, encoding):
        reader.feed(part)
        seen += len(part)
        if seen > LOOKED:
            break
    rows = [p for p in counts if p[-1] == CELLS[0] and (*p, CELLS[1]) in counts]
    found = rows or [p for p, n in counts.items() if n > 1 and len(p) > 1] or [p for p, n in leaves.items() if n > 2]
    if not found:
        raise Unreadable("no_records", "XML without an element that repeats; export the ads as CSV, JSON or Excel")
    return min(found, key=lambda p: (-(counts[p] * 4 >= max(counts[q] for q in found)), len(p), -counts[p]))


def records(stream: BinaryIO, encoding: str, limits: Limits, path: Path) -> Iterator[Chunk]:
    """The elements at `path`, numbered from 1: attributes and inner elements as columns, 'outer.inner' where nested."""
    now: dict[str, Any] = {}
    out: list[dict[str, Any]] = []
    number = 0
    depth = len(path)

    def done(at: Path, attributes: dict[str, str], text: str, parent: bool) -> None:
        nonlocal now
        if at[:depth] != path:
            return
        name = ".".join(at[depth:])
        for key, value in attributes.items():
            _put(now, f"{name}.{key}" if name else key, value)
        if text:
            _put(now, name or "text", text)
        if len(at) == depth:
            out.append(now)
            now = {}

    reader = _Reader(done, limits)
    for part in _parts(stream, encoding):
        reader.feed(part)
        while len(out) >= limits.batch_rows:
            batch, out[:] = out[: limits.batch_rows], out[limits.batch_rows :]
            yield _chunk(batch, number)
            number += len(batch)
    reader.feed("", last=True)
    yield _chunk(out, number)


def sheet_rows(stream: BinaryIO, encoding: str, path: Path, limits: Limits) -> list[tuple[int, list[str]]]:
    """Numbered rows of cells of a spreadsheet saved as XML; a cell over several rows stands in each."""
    out: list[tuple[int, list[str]]] = []
    row: list[str] = []
    text_of_cell = ""
    held: dict[int, tuple[int, str]] = {}  # column: rows that it goes on for, text

    def done(at: Path, attributes: dict[str, str], text: str, parent: bool) -> None:
        nonlocal row, text_of_cell
        if at == path:
            for column, (more, said) in list(held.items()):
                row += [""] * (column + 1 - len(row))
                row[column] = row[column] or said
                held[column] = more - 1, said
                if more <= 0:
                    del held[column]
            out.append((len(out) + 1, row))
            row = []
        elif at[: len(path)] == path and at[-1] == CELLS[1]:
            index = attributes.get("Index", "")
            if index.isdigit() and len(row) < int(index) <= limits.max_columns:
                row += [""] * (int(index) - 1 - len(row))
            down, across = (_number(attributes.get(k, "")) for k in ("MergeDown", "MergeAcross"))
            if down and not across:
                held[len(row)] = down, text_of_cell
            row += [text_of_cell, *[""] * min(across, limits.max_columns)]
            text_of_cell = ""
        elif at[: len(path)] == path and text:
            text_of_cell = text

    reader = _Reader(done, limits)
    for part in _parts(stream, encoding):
        reader.feed(part)
    reader.feed("", last=True)
    return out


def _number(written: str) -> int:
    return int(written) if written.isdecimal() and len(written) < 8 else 0


def _put(record: dict[str, Any], name: str, value: str) -> None:
    record[name] = f"{record[name]}|{value}" if name in record else value


def _chunk(batch: list[dict[str, Any]], before: int) -> Chunk:
    good = [(i, r) for i, r in enumerate(batch, before + 1) if r]
    bad = [BadRow(i, "empty_row", "") for i, r in enumerate(batch, before + 1) if not r]
    return chunk_of_records([r for _, r in good], [i for i, _ in good], bad)
