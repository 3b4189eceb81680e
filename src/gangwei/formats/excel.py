"""Excel and OpenDocument sheets through calamine, with a look at the cell addresses first: a sparse sheet is refused."""

from __future__ import annotations

import datetime as dt
import itertools
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import python_calamine as calamine

from gangwei.formats.archive import BROKEN, is_office
from gangwei.formats.chunk import EXACT, RAW_CHARS, BadRow, Chunk, Limits, Note, Unreadable, chunk_of
from gangwei.formats.sampling import Thin

ADDRESS = re.compile(rb'<(?:\w+:)?c\b[^>]{0,80}?\br="([A-Z]{1,3})(\d{1,7})"')
SAMPLED_ROWS = 20_000


def text(value: Any) -> str:
    """A cell as text: whole numbers without '.0', dates in ISO form."""
    if value.__class__ is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    return str(value)


def guard(source: Path | BinaryIO, packed: int, limits: Limits) -> None:
    """Refuse a workbook that would fill the memory.

    Raises:
        Unreadable: it is none, it expands too far, or one cell far away makes the sheet huge.
    """
    try:
        with zipfile.ZipFile(source) as z:
            infos = z.infolist()
            names = [i.filename for i in infos]
            if not is_office(names):
                raise Unreadable("nested_archive", "a zip archive inside another archive; unpack it first")
            if "word/document.xml" in names:
                raise Unreadable("not_a_data_file", "a Word document; save it as a web page (.htm), which is read")
            total = sum(i.file_size for i in infos)
            if total > limits.max_expanded_bytes or (
                total > limits.ratio_from_bytes and total > packed * limits.max_ratio
            ):
                raise Unreadable(
                    "zip_bomb", f"the workbook says it expands to {total / 1e6:,.0f} MB from {packed / 1e6:,.2f} MB"
                )
            for info in infos:
                if re.search(r"worksheets/[^/]+\.xml$", info.filename):
                    with z.open(info) as f:
                        _measure(f, info.filename, limits)  # type: ignore[arg-type]
    except (*BROKEN, RuntimeError) as e:
        raise Unreadable(
            "broken_workbook", f"the workbook is damaged ({e}); open it in Excel and save it again"
        ) from None


def _measure(stream: BinaryIO, name: str, limits: Limits) -> None:
    rows = columns = 0
    tail = b""
    while block := stream.read(4 << 20):
        data = tail + block
        found = ADDRESS.findall(data)
        widest = max({letters for letters, _ in found}, key=lambda x: (len(x), x), default=b"")
        lowest = max(map(int, {digits for _, digits in found}), default=0)
        tail = data[-128:]
        n = 0
        for c in widest:
            n = n * 26 + c - 64
        columns, rows = max(columns, n), max(rows, lowest)
        if rows * columns > limits.max_sheet_cells:
            raise Unreadable(
                "sheet_too_large",
                f"{name} reaches from A1 to row {rows:,}, column {columns:,}: more than {limits.max_sheet_cells / 1e6:.0f}"
                " million cells; delete the empty rows and columns and save it again, or save it as CSV",
            )


class Workbook:
    """An open workbook. Sheets without a cell are left out."""

    def __init__(self, source: Path | BinaryIO) -> None:
        try:
            self.book = calamine.CalamineWorkbook.from_object(source)
        except calamine.PasswordError:
            raise Unreadable("encrypted", "the workbook needs a password; save it without") from None
        except (calamine.CalamineError, ValueError, OSError) as e:
            raise Unreadable(
                "broken_workbook",
                f"not a readable workbook ({str(e)[:80]}); save it again from Excel, or as a web page (.htm) if it is a text",
            ) from None
        self.sheets: dict[str, Any] = {}
        for name in self.book.sheet_names:
            try:
                sheet = self.book.get_sheet_by_name(name)
            except calamine.CalamineError:
                continue
            if sheet.height and sheet.width:
                self.sheets[name] = sheet

    def head(self, name: str, rows: int = 60) -> list[list[str]]:
        """First rows of a sheet: those at its top that hold nothing, and `rows` more."""
        found: list[list[str]] = []
        blank = 0
        for row in itertools.islice(self._filled(name), SAMPLED_ROWS):
            found.append([text(v) for v in row])
            blank += blank == len(found) - 1 and not any(c.strip() for c in found[-1])
            if len(found) >= rows + blank:
                break
        return found

    def _filled(self, name: str) -> Iterator[list[Any]]:
        """Rows of a sheet; a cell that is merged over several rows of its column stands in each of them."""
        sheet = self.sheets[name]
        tops: dict[int, list[tuple[int, int]]] = {}
        first = (sheet.start or (0, 0))[1]  # rows begin with the first column that holds anything
        for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
            if bottom > top and left == right >= first:
                tops.setdefault(top, []).append((left - first, bottom))
        if not tops:
            yield from sheet.iter_rows()
            return
        held: dict[int, tuple[int, Any]] = {}
        for number, row in enumerate(sheet.iter_rows()):
            for column, (bottom, value) in list(held.items()):
                if number > bottom:
                    del held[column]
                elif column < len(row):
                    row[column] = value
            for column, bottom in tops.get(number, ()):
                if column < len(row):
                    held[column] = bottom, row[column]
            yield row

    def sample(self, name: str) -> list[list[str]]:
        """Rows from all over the first rows of a sheet that are quickly read."""
        thin: Thin[list[str]] = Thin()
        thin.extend([text(v) for v in row] for row in itertools.islice(self._filled(name), SAMPLED_ROWS))
        return thin.kept

    def chunks(self, name: str, names: Sequence[str], skip: int, limits: Limits) -> Iterator[Chunk]:
        """Rows of a sheet, without the empty ones below all others. Row numbers are those Excel shows."""
        rows: list[list[str]] = []
        numbers: list[int] = []
        bad: list[BadRow] = []
        notes: list[Note] = []
        n, empty = len(names), list[BadRow]()
        for number, row in enumerate(self._filled(name), 1):
            if number <= skip:
                continue
            cells = [v if v.__class__ is str else text(v) for v in row]
            if not "".join(cells).strip():
                empty.append(BadRow(number, "empty_row", ""))
                if len(empty) > limits.max_empty_rows:
                    bad += empty
                    notes.append(
                        Note(
                            "too_many_empty_rows",
                            f"more than {limits.max_empty_rows:,} empty rows in a row; the rest was not read",
                            number,
                        )
                    )
                    break
            else:
                bad += empty
                empty = []
                if len(cells) > n and any(c for c in cells[n:]):
                    bad.append(BadRow(number, "field_count", "|".join(cells)[:RAW_CHARS]))
                else:
                    rows.append(cells[:n] if len(cells) >= n else cells + [""] * (n - len(cells)))
                    numbers.append(number)
            if len(rows) + len(bad) >= limits.batch_rows:
                yield chunk_of(names, rows, numbers, bad, notes)
                rows, numbers, bad, notes = [], [], [], []
        yield chunk_of(names, rows, numbers, bad, notes)
