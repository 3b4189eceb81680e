"""SQL dumps: the rows of INSERT statements and COPY blocks, table by table, read as text and never run."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from gangwei.formats.chunk import RAW_CHARS, BadRow, Chunk, Limits, Unreadable, chunk_of
from gangwei.formats.sampling import Thin

BLOCK = 1 << 20
NAME = r"(?:[`\"\[]?[^\s`\"\[\](),;]+[`\"\]]?\s*\.\s*)?[`\"\[]?(?P<table>[^`\"\[\](),;\s]+)[`\"\]]?"
INSERT = re.compile(
    rf"(?:INSERT|REPLACE)\s+(?:IGNORE\s+|LOW_PRIORITY\s+|DELAYED\s+)?(?:INTO\s+)?{NAME}\s*(?:\((?P<columns>[^()]*)\))?\s*VALUES?\s*",
    re.I,
)
CREATE = re.compile(rf"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{NAME}\s*\(", re.I)
COLUMN = re.compile(
    r"^\s*(?:`([^`]+)`|\"([^\"]+)\"|\[([^\]]+)\]|(?!PRIMARY|KEY|UNIQUE|CONSTRAINT|INDEX|FOREIGN|FULLTEXT|\))(\w+))\s+\w",
    re.I,
)
ALTER = re.compile(rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?{NAME}\s+ADD\b", re.I)
REFERENCES = rf"REFERENCES\s+{NAME}\s*(?:\(\s*[`\"\[]?(?P<key>[^`\"\[\](),\s]+)[`\"\]]?\s*\))?"
REFERS = re.compile(REFERENCES, re.I)
FOREIGN = re.compile(
    rf"FOREIGN\s+KEY\s*(?:[`\"]?\w+[`\"]?\s*)?\(\s*[`\"\[]?(?P<column>[^`\"\[\](),\s]+)[`\"\]]?\s*\)\s*{REFERENCES}",
    re.I,
)
COMMENT = re.compile(r"\bCOMMENT\s*=?\s*'((?:[^'\\]|\\.|'')+)'", re.I)
DEFINED = re.compile(r";|^[ \t]{0,20}GO[ \t]*+\r?$|^[ \t]{0,20}(?:SET[ \t]+IDENTITY_)?INSERT\s", re.I | re.M)
FLAT = r"(?:[^()']++|'[^']*+')*+"
NESTED = rf"(?:[^()']++|'[^']*+'|\((?:[^()']++|'[^']*+'|\({FLAT}\))*+\))*+"
VALUE = re.compile(
    r"\s*(?:(?:[NBXE]|_[a-z0-9]+\s*)?'((?:[^'\\]++|\\.|'')*+)'|\"((?:[^\"\\]++|\\.|\"\")*+)\"|\w+\(\s*N?'([^']*)'(?:[^()']|'[^']*')*\)"
    rf"|(\(\s*SELECT\s{NESTED}\)"
    rf"|[^\s',()\"][^,()']*+(?:\([^()']*+\))?|\w+\({NESTED}\)))\s*([,)])",
    re.S | re.I,
)
BETWEEN = re.compile(r"(?:[\s,]++|(?:--|#)[^\n]*\n|/\*.*?\*/)*+", re.S)
UNFINISHED = re.compile(r"--[^\n]*|#[^\n]*|/\*.*|-", re.S)
ESCAPE = re.compile(r"\\(.)|''", re.S)
ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}
OPENING = re.compile(
    r"(?:\s++|(?:--|REM\s|PROMPT\s)[^\n]*(?:\n|$)|\\[a-z]+[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|/\*.*?\*/;?|(?:BEGIN|COMMIT|ROLLBACK|UNLOCK\s+TABLES)\s*;)*+"
    r"(?:SET|DROP|CREATE|INSERT|REPLACE|COPY|SELECT|USE|BEGIN|START|LOCK|PRAGMA|ALTER|DELIMITER|TRUNCATE)\s+[`\"\[\w@]",
    re.I | re.S,
)
LATER = re.compile(
    r"^[ \t]{0,20}(?:CREATE\s{1,9}TABLE|INSERT\s{1,9}(?:IGNORE\s{1,9})?INTO)\s{1,9}(?:IF NOT EXISTS )?[\w.`\"\[\]]{1,200}\s{0,9}(?:\(|VALUES)",
    re.I | re.M,
)
PRINTED = re.compile(r"(?:[^\n;{}<>`]{0,120}\n){1,3}(?=INSERT\s)", re.I)
STARTS = re.compile(r"\b(?:INSERT|REPLACE|CREATE|COPY|ALTER)\s", re.I)
COPY = re.compile(rf"COPY\s+{NAME}\s*(?:\((?P<columns>[^()]*)\))?\s*FROM\s+stdin\b[^;\n]*;[^\n]*\n", re.I)
COPY_END = "\\."


def is_dump(sample: str) -> bool:
    """Statements from the first line on, below comments, whatever stands between, or below up to three lines that a program
    printed before its statement."""
    below = sample.lstrip().startswith(("--", "/*")) and LATER.search(sample) is not None
    printed = (said := PRINTED.match(sample)) is not None and LATER.match(sample, said.end()) is not None
    return below or printed or OPENING.match(sample) is not None


def _unescape(m: re.Match[str]) -> str:
    ch = m.group(1)
    return "'" if ch is None else ESCAPED.get(ch, ch)


class Dump:
    """Rows of a dump in order, as (row number, table, columns named by the statement or None, values or a BadRow)."""

    def __init__(self, stream: BinaryIO, encoding: str, limits: Limits) -> None:
        self.stream, self.limits = stream, limits
        self.decoder = codecs.getincrementaldecoder(encoding)("replace")
        self.text, self.at, self.ended = "", 0, False
        self.created: dict[str, dict[str, str]] = {}
        """Columns of the tables that are defined, with what is remarked on each."""
        self.keys: dict[str, dict[str, tuple[str, str]]] = {}
        """Of each table the columns that refer to another one: its name and its column, '' where none is named."""

    def _more(self) -> bool:
        if self.ended:
            return False
        data = self.stream.read(max(BLOCK, len(self.text) - self.at))
        self.ended = not data
        self.text = self.text[self.at :] + self.decoder.decode(data, self.ended)
        self.at = 0
        if len(self.text) > 4 * self.limits.max_line_bytes:
            raise Unreadable(
                "line_too_long", f"one SQL value or statement head of more than {self.limits.max_line_bytes >> 20} MB"
            )
        return not self.ended or bool(data)

    def rows(self) -> Iterator[tuple[int, str, list[str] | None, list[str | None] | BadRow]]:
        """All rows of all INSERT statements."""
        number = 0
        while True:
            start = STARTS.search(self.text, self.at)
            if start is None:
                self.at = max(self.at, len(self.text) - 32)
                if not self._more():
                    return
                continue
            self.at = start.start()
            if CREATE.match(self.text, self.at) or ALTER.match(self.text, self.at):
                self._define()
                continue
            copy = COPY.match(self.text, self.at)
            if copy is not None:
                self.at = copy.end()
                for values in self._copied():
                    number += 1
                    yield number, copy["table"], _named(copy), values
                continue
            insert = INSERT.match(self.text, self.at)
            if insert is None or insert.end() == len(self.text):
                if len(self.text) - self.at < 65_536 and self._more():
                    continue
                self.at += 6
                continue
            table = insert["table"]
            columns = _named(insert)
            self.at = insert.end()
            while True:
                found = self._tuple()
                if found is None:
                    break
                number += 1
                yield number, table, columns, BadRow(number, "broken_row", found) if isinstance(found, str) else found

    def _define(self) -> None:
        """The definition of a table, or what is added to it, up to its end: in scripts of SQL Server a line with GO or the first rows."""
        while (found := DEFINED.search(self.text, self.at)) is None and self._more():
            pass
        end = len(self.text) if found is None else found.start()
        create = CREATE.match(self.text, self.at)
        if (statement := create or ALTER.match(self.text, self.at)) is not None:
            body = self.text[statement.end() : end]
            if create is not None:
                self.created[create["table"]] = _columns(body)
            self.keys.setdefault(statement["table"], {}).update(_keys(body))
        self.at = end

    def _copied(self) -> Iterator[list[str | None]]:
        """The lines of a COPY block: fields between tabs, up to the line that ends it."""
        while True:
            end = self.text.find("\n", self.at)
            if end < 0 and self._more():
                continue
            line = self.text[self.at : end if end >= 0 else len(self.text)].rstrip("\r")
            self.at = end + 1 if end >= 0 else len(self.text)
            if line == COPY_END or (end < 0 and not line):
                return
            yield [None if v == "\\N" else ESCAPE.sub(_unescape, v) if "\\" in v else v for v in line.split("\t")]

    def _tuple(self) -> list[str | None] | str | None:
        """The next '(…)' of the statement below comments, its text when it is broken, or None at the end of the statement."""
        while True:
            text = self.text
            at = BETWEEN.match(text, self.at).end()  # type: ignore[union-attr]
            if at >= len(text) or UNFINISHED.fullmatch(text, at):
                if self._more():
                    continue
                return None
            if text[at] != "(":
                return None
            values: list[str | None] = []
            at += 1
            while True:
                m = VALUE.match(text, at)
                if m is None:
                    break
                quoted, double, inside, bare, closer = m.groups()
                if quoted is not None:
                    values.append(ESCAPE.sub(_unescape, quoted) if "\\" in quoted or "''" in quoted else quoted)
                elif double is not None:
                    values.append(ESCAPE.sub(_unescape, double) if "\\" in double else double.replace('""', '"'))
                elif inside is not None:  # to_date('2024-05-06', 'YYYY-MM-DD'), CAST(N'2024-05-06' AS date)
                    values.append(inside)
                else:
                    bare = bare.rstrip()
                    values.append(None if bare.upper() == "NULL" or bare[:1] == "(" or bare.count("(") > 1 else bare)
                at = m.end()
                if closer == ")":
                    self.at = at
                    return values
            if not self.ended and len(text) - self.at < self.limits.max_line_bytes:
                self._more()
                continue
            broken = text[self.at : self.at + RAW_CHARS].strip()
            end = text.find("\n", self.at + 1)
            self.at = len(text) if end < 0 else end
            return broken


def _named(statement: re.Match[str]) -> list[str] | None:
    """Columns that a statement names."""
    listed = statement["columns"]
    return [c.strip().strip('`"[]') for c in listed.split(",")] if listed else None


def _lines(body: str) -> list[str]:
    """The parts of a definition, mostly one a column."""
    if "\n" not in body.strip():
        return _listed(body.rpartition(")")[0])
    return [part for line in re.split(r",\s*\n|\n", body) for part in _listed(line)]


def _keys(body: str) -> dict[str, tuple[str, str]]:
    """Columns that refer to another table, as the columns say or what stands below them."""
    if REFERS.search(body) is None:
        return {}
    said = [(m, r) for line in _lines(body) if (m := COLUMN.match(line)) and (r := REFERS.search(line))]
    out = {next(g for g in m.groups() if g): (r["table"], r["key"] or "") for m, r in said}
    return out | {m["column"]: (m["table"], m["key"] or "") for m in FOREIGN.finditer(body)}


def _columns(body: str) -> dict[str, str]:
    out = {}
    for line in _lines(body):
        m = COLUMN.match(line)
        if m:
            said = COMMENT.search(line)
            out[next(g for g in m.groups() if g)] = said[1] if said else ""
    return out


def _listed(body: str) -> list[str]:
    """The parts of a list between commas outside brackets and quotation marks."""
    depth, start, out = 0, 0, []
    for m in re.finditer(r"'(?:[^'\\]|\\.|'')*'|[(),]", body):
        depth += {"(": 1, ")": -1}.get(m[0], 0)
        if m[0] == "," and depth <= 0:
            out.append(body[start : m.start()])
            start = m.end()
    return [*out, body[start:]]


def heads(
    stream: BinaryIO,
    encoding: str,
    limits: Limits,
    remarks: dict[str, dict[str, str]],
    keys: dict[str, dict[str, tuple[str, str]]],
    rows: int = 60,
) -> dict[str, tuple[list[str], list[list[str]], Thin[list[str]]]]:
    """For each table with rows: its column names (statement, else CREATE TABLE, else positions), its first rows and rows
    from all over it. `remarks` is filled with what the definitions of the tables say of their columns, `keys` with the columns
    that refer to another table."""
    dump = Dump(stream, encoding, limits)
    out: dict[str, tuple[list[str], list[list[str]], Thin[list[str]]]] = {}
    for _, table, columns, values in dump.rows():
        if isinstance(values, BadRow):
            continue
        if table not in out:
            made = columns or list(dump.created.get(table, ()))
            out[table] = (made if len(made) == len(values) else [str(i) for i in range(len(values))], [], Thin())
        _, head, more = out[table]
        row = [v or "" for v in values]
        if len(head) < rows:
            head.append(row)
        more.add(row)
    remarks.update(dump.created)
    keys.update(dump.keys)
    return out


def chunks(stream: BinaryIO, encoding: str, table: str, names: Sequence[str], limits: Limits) -> Iterator[Chunk]:
    """Rows of one table. Row numbers count the rows of all INSERTs of the dump from 1."""
    rows: list[list[str | None]] = []
    numbers: list[int] = []
    bad: list[BadRow] = []
    for number, name, _, values in Dump(stream, encoding, limits).rows():
        if name != table:
            continue
        if isinstance(values, BadRow):
            bad.append(values)
        elif len(values) != len(names):
            bad.append(BadRow(number, "field_count", ",".join(v or "" for v in values)[:RAW_CHARS]))
        else:
            rows.append(values)
            numbers.append(number)
        if len(rows) + len(bad) >= limits.batch_rows:
            yield chunk_of(names, rows, numbers, bad)
            rows, numbers, bad = [], [], []
    yield chunk_of(names, rows, numbers, bad)
