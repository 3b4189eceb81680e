"""Delimited text: the quick and the tolerant way give the same rows; repairs join what belongs together."""

from __future__ import annotations

import io
import random
import re
from typing import BinaryIO, cast

import pytest

from gangwei.formats import csv_blocks, delimited, line_ends
from gangwei.formats.chunk import Chunk, Limits
from gangwei.formats.delimited import Shape, align

NAMES = ("a", "b", "c")
PIECES = ["职", "x", ",", '"', '""', "\n", "\r\n", " ", "'", "\\", ";", "", "é", "\u2028", "\t"]


def stream(data: bytes) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(io.BytesIO(data)))  # type: ignore[type-var]


def flat(chunks: list[Chunk]) -> tuple[list[tuple[object, ...]], list[tuple[int, str]]]:
    rows = [(n, *r) for c in chunks for n, r in zip(c.numbers.to_list(), c.rows.rows(), strict=True)]
    return rows, sorted((b.row, b.reason_id) for c in chunks for b in c.bad)


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("seed", range(40))
def test_quick_and_tolerant_agree(seed: int, quote: str) -> None:
    rng = random.Random(seed)
    lines = []
    for _ in range(60):
        fields = []
        for _ in range(3 if rng.random() < 0.97 else 2):
            text = "".join(rng.choices(PIECES, k=rng.randint(0, 5)))
            quoted = quote + text.replace(quote, 2 * quote) + quote
            fields.append(quoted if rng.random() < 0.5 or re.search(f"[,{quote}\r\n]", text) else text)
        lines.append(",".join(fields))
    data = "\n".join(lines).encode()
    shape, limits = Shape(",", 1, NAMES, quote=quote), Limits()
    slow = flat(list(delimited.tolerant(stream(data), "utf-8", shape, limits, delimited._Count())))
    assert flat(list(delimited.chunks(stream(data), "utf-8", shape, limits))) == slow


@pytest.mark.parametrize("seed", range(40))
def test_block_parse_is_the_csv_module_or_nothing(seed: int) -> None:
    rng = random.Random(seed)
    data = "".join(rng.choices([*PIECES, ",", ",", "\n"], k=40)).encode()
    frame = csv_blocks.parse(data, NAMES, ",", "utf-8")
    if frame is None:
        return
    rows, bad = flat(
        list(delimited.tolerant(stream(data), "utf-8", Shape(",", 0, NAMES), Limits(), delimited._Count()))
    )
    assert [r[1:] for r in rows] == frame.rows() and not bad


def test_small_blocks_end_outside_quotes() -> None:
    data = b'a,"x\ny",c\n' * 100 + b"1,2,3\n"
    parts = list(csv_blocks.Blocks(stream(data), 37))
    assert all(isinstance(p, bytes) and p.count(b'"') % 2 == 0 for p in parts)
    assert b"".join(p for p in parts if isinstance(p, bytes)) == data


def test_an_odd_quote_hands_over_the_rest() -> None:
    data = b"a,b,c\n" * 10 + b'5" screen,b,c\n' + b"1,2,3\n" * 3000
    parts = list(csv_blocks.Blocks(stream(data), 64))
    tail = cast(BinaryIO, parts[-1]).read()
    assert b"".join(cast(bytes, p) for p in parts[:-1]) + tail == data
    rows, bad = flat(list(delimited.chunks(stream(data), "utf-8", Shape(",", 1, NAMES), Limits())))
    assert len(rows) == 3010 and not bad and rows[9][1] == '5" screen'


@pytest.mark.parametrize("size", [64, 200, 1000, 5000])
@pytest.mark.parametrize("stray", ['5" screen', '"', "plain"])
def test_a_stray_quote_cuts_no_record_at_the_end_of_a_block(
    monkeypatch: pytest.MonkeyPatch, size: int, stray: str
) -> None:
    monkeypatch.setattr(csv_blocks.Blocks.__init__, "__defaults__", (size, '"'))
    body = [f'{i},"a ""long""\ntext, of\nlines {i}\n\n","b\n{i}"\n' for i in range(300)]
    data = ("a,b,c\n" + "".join(body[:20]) + f"x,y,{stray}z\n" + "".join(body[20:])).encode()
    shape, limits = Shape(",", 1, NAMES), Limits()
    slow = flat(list(delimited.tolerant(stream(data), "utf-8", shape, limits, delimited._Count())))
    assert flat(list(delimited.chunks(stream(data), "utf-8", shape, limits))) == slow


@pytest.mark.parametrize("between", [0, 1, 5])
@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("first", [10, 28])
def test_stray_quotes_in_one_column_join_no_rows(between: int, column: int, first: int) -> None:
    body = [[f"{c}{i}" for c in "xyz"] for i in range(30 + between)]
    for i in (first, first + 1 + between):
        body[i][column] = '"' + body[i][column]
    quoted = ['q,"two\nlines","and ""more"""', 'r,s,"1,2\n3,4"']
    data = ("\n".join(["a,b,c", *quoted, *map(",".join, body)])).encode()
    shape, limits = Shape(",", 1, NAMES), Limits()
    slow = flat(list(delimited.tolerant(stream(data), "utf-8", shape, limits, delimited._Count())))
    assert flat(list(delimited.chunks(stream(data), "utf-8", shape, limits))) == slow
    rows, bad = slow
    assert not bad and rows[1][3] == "1,2\n3,4"
    assert [[str(v).lstrip('"') for v in r[1:]] for r in rows[2:]] == [[v.lstrip('"') for v in r] for r in body]


ANCHORS = ((1, re.compile(r"^\d{4}-\d\d-\d\d$")), (3, re.compile(r"^\[.*\]$")))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("t;2024-01-02;x;['a']", ["t", "2024-01-02", "x", "['a']"]),
        ("t&amp;u;2024-01-02;x;['a']", ["t&amp;u", "2024-01-02", "x", "['a']"]),
        ("t;2024-01-02;x;y;['a']", ["t", "2024-01-02", "x;y", "['a']"]),
        ("t;2024-01-02;x;['a';'b']", ["t", "2024-01-02", "x", "['a';'b']"]),
        ("t;u;x;y;z", None),
        ("t;2024-01-02", None),
        ("t;2024-01-02;x;['a'];;", ["t", "2024-01-02", "x", "['a']"]),
    ],
)
def test_align(text: str, wanted: list[str] | None) -> None:
    assert align(text.split(";"), 4, ";", ANCHORS) == wanted


def test_without_anchors_nothing_is_guessed() -> None:
    assert align(["a", "b", "c", "d"], 3, ",", ()) is None
    assert align(["a", "b", "c", " "], 3, ",", ()) == ["a", "b", "c"]


@pytest.mark.parametrize("d", [",", "\t", ";", "|", "\x01"])
def test_delimiter(d: str) -> None:
    lines = [d.join(["职位", "公司", "a,b;c" if d not in ",;" else "abc", "2024"]) + "\n"] * 9
    assert delimited.guess_delimiter(lines) == d


@pytest.mark.parametrize(
    ("lines", "quote"),
    [
        (["'职位','城市'\n", "'工程师','北京'\n", "'会计','上海'\n"], "'"),
        (["职位,月薪\n", "'工程师',9000\n", "'会计',8000\n"], "'"),
        (["职位,城市\n", "'工程师',北京\n", "会计,上海\n"], '"'),
        (["职位,城市\n", "'90后'招聘,北京\n", "'会计',上海\n"], '"'),
        (['职位,城市\n', '"工程师",\'北京\'\n', '"会计",\'上海\'\n'], '"'),
        (["职位,城市\n", "'工程师',北京\n"], '"'),
    ],
)  # fmt: skip
def test_single_quotes_count_where_a_whole_column_has_them(lines: list[str], quote: str) -> None:
    assert delimited.guess_quote(lines, ",") == quote


def test_empty_lines_before_a_block_that_is_read_quickly_count(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"a,b,c\n1,2,3\n\n\n" + b"4,5,6\n" * 20 + b"\n\n"
    monkeypatch.setattr(csv_blocks.Blocks.__init__, "__defaults__", (16, '"'))
    rows, bad = flat(list(delimited.chunks(stream(data), "utf-8", Shape(",", 1, NAMES), Limits())))
    assert len(rows) == 21 and [row for row, _ in bad] == [3, 4]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1 << 20])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_line_ends_written_twice_are_single_whatever_is_read_at_once(size: int, encoding: str) -> None:
    text = "a\r\r\nb\r\r\r\n\r\r\n中\r文\r\r\n\r"
    mended = line_ends.Mended(stream(text.encode(encoding)))
    out = b"".join(iter(lambda: mended.read(size), b""))
    assert out.decode(encoding) == "a\r\nb\r\n\r\n中\r文\r\n\r"


def test_too_many_empty_rows_stop_the_file() -> None:
    data = b"a,b,c\n1,2,3\n" + b"\n" * 500 + b"4,5,6\n"
    chunks = list(delimited.chunks(stream(data), "utf-8", Shape(",", 1, NAMES), Limits(max_empty_rows=100)))
    rows, bad = flat(chunks)
    assert len(rows) == 1 and len(bad) == 101
    assert [n.reason_id for c in chunks for n in c.notes] == ["too_many_empty_rows"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_surplus_line_ends_go_wherever_a_read_ends(encoding: str) -> None:
    rng = random.Random(7)
    for _ in range(300):
        text = "".join(rng.choice("\r\r\r\na,") for _ in range(rng.randrange(40)))
        want = re.sub(r"\r+(?=\r\n)", "", text).encode(encoding)
        for size in (1, 3, 7, 1000):
            stream = line_ends.Mended(io.BytesIO(text.encode(encoding)))
            assert b"".join(iter(lambda: stream.read(size), b"")) == want, (text, size)  # noqa: B023


@pytest.mark.parametrize("unit", [b"\r", b"\r\0", b"a\r", b"\r\r\n"])
def test_a_text_of_line_ends_alone_is_read_in_linear_time(unit: bytes) -> None:
    data = unit * 400_000
    assert len(line_ends.Mended(io.BytesIO(data)).read()) == len(data.replace(b"\r\r\n", b"\r\n"))
