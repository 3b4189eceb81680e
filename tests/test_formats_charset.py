"""Encodings: strict UTF-8, else GB18030, else the lesser evil; text read in the wrong one comes back."""

from __future__ import annotations

import codecs
import io

import polars as pl
import pytest

from gangwei.formats import charset

TEXT = "职位,公司,描述\n数据分析师,某某科技有限公司,负责数据的分析与整理，熟悉 SQL\n" * 20


@pytest.mark.parametrize(
    ("data", "name", "errors"),
    [
        (TEXT.encode(), "utf-8", 0),
        (TEXT.encode("utf-8-sig"), "utf-8-sig", 0),
        (TEXT.encode("gb18030"), "gb18030", 0),
        (TEXT.encode("gbk"), "gb18030", 0),
        (TEXT.encode("utf-16"), "utf-16", 0),
        ("title,company\nfoo,bar\n".encode("utf-16-le") * 5, "utf-16-le", 0),
        (TEXT.encode("utf-16-le"), "utf-16-le", 0),
        (TEXT.encode("utf-16-be"), "utf-16-be", 0),
        (b"\xef\xbb\xbf" + TEXT.encode("gb18030"), "gb18030-sig", 0),
        (b"\xef\xbb\xbf" + TEXT.encode() + b"\xff", "utf-8-sig", 0),
        (b"title,company\n", "utf-8", 0),
        (b"", "utf-8", 0),
        (TEXT.encode() + b"\xff" + TEXT.encode(), "utf-8", 1),
    ],
)
def test_survey(data: bytes, name: str, errors: int) -> None:
    found = charset.survey(io.BytesIO(data))
    assert (found.name, found.errors, found.size) == (name, errors, len(data))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096])
def test_the_mark_of_utf8_before_gb18030_is_dropped(size: int) -> None:
    data = b"\xef\xbb\xbf" + TEXT.encode("gb18030")
    decoder = codecs.getincrementaldecoder("gb18030-sig")()
    parts = [decoder.decode(data[at : at + size]) for at in range(0, len(data), size)]
    assert "".join(parts) + decoder.decode(b"", True) == TEXT == data.decode("gb18030-sig")


def test_gb18030_with_a_cut_character_is_not_utf8() -> None:
    data = TEXT.encode("gb18030")
    found = charset.survey(io.BytesIO(data[:200] + b"\x80" + data[200:]))
    assert found.name == "gb18030" and 0 < found.errors < 20


@pytest.mark.parametrize("wrong", ["latin-1", "cp1252"])
def test_repair(wrong: str) -> None:
    good = "上海某某网络科技有限公司"
    for right in ("gb18030", "utf-8"):
        raw = good.encode(right)
        try:
            bad = raw.decode(wrong)
        except UnicodeDecodeError:
            continue
        assert charset.repair_text(bad) == good


@pytest.mark.parametrize("text", ["", "café", "naïve São", "上海é", "Müller & Söhne", "15k-25k", "±¾"])
def test_text_that_is_right_stays(text: str) -> None:
    assert charset.repair_text(text) == text or text == "±¾"


def test_repair_series_keeps_nulls_and_order() -> None:
    bad = "本科".encode("gbk").decode("latin-1")
    values = pl.Series("x", ["a", None, bad, bad, "上海"])
    assert charset.repair_series(values).to_list() == ["a", None, "本科", "本科", "上海"]


def test_is_mojibake() -> None:
    assert charset.is_mojibake(TEXT.encode("gbk").decode("latin-1"))
    assert not charset.is_mojibake(TEXT)
    assert not charset.is_mojibake("Ingénieur à Orléans, équipe été déjà créée, élève\n" * 30)


def test_lines_of_either_encoding() -> None:
    old, new, hurt = (
        "会计,蓝湖精密机械股份有限公司,苏州\n",
        "护士长,远景微电子研究院,武汉\n",
        "店长,云杉智能科技有限公司\n",
    )
    data = old.encode("gb18030") * 30 + new.encode() * 30 + hurt.encode().replace("技".encode(), b"\xe6\x8a", 1)
    found = charset.survey(io.BytesIO(data))
    assert found.name == "utf_8_or_gb18030"
    lines = io.TextIOWrapper(io.BytesIO(data), encoding=found.name, errors="replace").readlines()
    assert lines[:60] == [old] * 30 + [new] * 30
    assert lines[60] == "店长,云杉智能科\ufffd有限公司\n"
