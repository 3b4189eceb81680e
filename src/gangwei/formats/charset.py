"""Character sets: strict UTF-8, else GB18030, else the one with fewer errors or, where that helps, each line its own; and repair of text read in the wrong one."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

import polars as pl

from gangwei.formats import by_line, marked
from gangwei.formats.sampling import SLICES, Thin, slices

CHUNK = 4 << 20
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LATIN = "[\u00a1-\u00ff\u0152-\u0178\u0192\u02c6\u02dc\u2018-\u203a\u20ac\u2122]"
HAN = re.compile("[\u3400-\u9fff]")
PAIR = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]")
BIG5_SAMPLE = 1 << 18
OTHERS = bytes(b for b in range(256) if b not in (0, 0x20, 0x30, 0xFF) and not 0x4E <= b <= 0x9F)
MIXED = 10  # line by line one in so many errors is left
SUSPECT = re.compile(f"{LATIN}{{2}}")
ESCAPED = re.compile(r"\\u([0-9abcefABCEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2})")  # no half of a pair


@dataclass(frozen=True)
class Charset:
    """Encoding of a whole file; `errors` = characters that it cannot decode; `nul` = NUL characters."""

    name: str
    errors: int = 0
    nul: int = 0
    size: int = 0
    slices: tuple[bytes, ...] = ()
    """Parts from all over the file."""


def survey(stream: BinaryIO) -> Charset:
    """Read a stream from its start and say how to decode it: once, or twice where neither UTF-8 nor GB18030 is without error
    and the stream can go back. Memory: a few chunks of 4 MiB."""
    back = stream.seekable()
    parts: Thin[bytes] = Thin(SLICES)
    found = _survey(stream, parts, count_utf8=not back)
    if found is None:
        stream.seek(0)
        parts = Thin(SLICES)
        found = _survey(stream, parts, count_utf8=True)
    assert found is not None
    return replace(found, slices=tuple(parts.kept))


def _survey(stream: BinaryIO, parts: Thin[bytes], count_utf8: bool) -> Charset | None:
    """The charset; None where the errors of UTF-8 decide and were not counted (which takes as long as all the rest)."""
    head = stream.read(CHUNK)
    parts.extend(slices(head))
    for bom, name in BOMS:
        if head.startswith(bom):
            size = len(head)
            while more := stream.read(CHUNK):
                size += len(more)
                parts.extend(slices(more))
            return Charset(marked.NAME if name == "utf-8-sig" and marked.is_marked(head) else name, 0, 0, size)
    guess = _utf16_without_bom(head)
    counted = ("utf-8", "gb18030") if count_utf8 else ("gb18030",)
    decoders = {n: codecs.getincrementaldecoder(n)("replace") for n in counted}
    strict: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")("strict")
    errors = dict.fromkeys(counted, 0)
    nul = size = mixed = 0
    block = head
    while block:
        size += len(block)
        nul += block.count(0)
        if strict is not None:
            try:
                strict.decode(block)
            except UnicodeDecodeError:
                strict = None
                errors["gb18030"] += _valid_prefix(size - len(block))
        if strict is None:
            wrong = {n: d.decode(block).count("\ufffd") for n, d in decoders.items()}
            errors = {n: e + wrong[n] for n, e in errors.items()}
            if count_utf8 and min(wrong.values()):  # where one of them has no error, neither have its lines
                mixed += by_line.errors_in(block)
            if errors["gb18030"] and not count_utf8:
                return None
        block = stream.read(CHUNK)
        parts.extend(slices(block))
    if guess and (nul * 3 > size or strict is None):
        return Charset(guess, 0, 0, size)
    if strict is not None:
        try:
            strict.decode(b"", True)
            return Charset("utf-8", 0, nul, size)
        except UnicodeDecodeError:
            return Charset("utf-8", 1, nul, size)
    if big5 := _as_big5(head[:BIG5_SAMPLE]):
        return Charset("big5hkscs", big5.count("\ufffd"), nul, size)
    best = min(errors, key=lambda n: (errors[n], n != "utf-8"))
    if count_utf8 and mixed * MIXED < errors[best]:
        return Charset(by_line.NAME, mixed, nul, size)
    if best == "gb18030" and count_utf8 and errors["utf-8"] * 200 < size and errors["gb18030"] * 2 > errors["utf-8"]:
        best = "utf-8"
    return Charset(best, errors[best], nul, size)


def _as_big5(head: bytes) -> str | None:
    """The text, when nearly all its pairs of bytes are frequent characters of Big5 and clearly fewer are of GB 2312."""
    pairs = PAIR.findall(head)
    if len(pairs) < 20:
        return None
    big5 = sum(0xA1 <= p[0] <= 0xC6 for p in pairs)
    gb = sum(p[1] >= 0xA1 and (0xA1 <= p[0] <= 0xA3 or 0xB0 <= p[0] <= 0xD7) for p in pairs)
    if big5 < 0.95 * len(pairs) or gb > 0.75 * len(pairs):
        return None
    text = head.decode("big5hkscs", "replace")
    return text if text.count("\ufffd") * 100 <= len(pairs) else None


def _valid_prefix(size: int) -> int:
    """Weight against GB18030 when this many bytes were already valid UTF-8 (a valid prefix is no accident)."""
    return size // 64


def _utf16_without_bom(head: bytes) -> str | None:
    sample = head[:4096]
    if len(sample) < 8:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd * 4 > len(sample) and even * 8 < odd:
        return "utf-16-le"
    if even * 4 > len(sample) and odd * 8 < even:
        return "utf-16-be"
    return next((n for n, high in (("utf-16-le", 1), ("utf-16-be", 0)) if _han_utf16(sample, n, high)), None)


def _han_utf16(sample: bytes, name: str, high: int) -> bool:
    """Chinese text in UTF-16: one byte of nearly every pair is that of a block of Han, of punctuation or of Latin letters, and
    some are NUL, which text in other encodings does not have."""
    share = [len(sample[at::2].translate(None, OTHERS)) * 2 / len(sample) for at in (high, 1 - high)]
    if share[0] < 0.95 or share[1] > 0.85 or sample[high::2].count(0) * 100 < len(sample):
        return False
    try:
        return bool(HAN.search(codecs.getincrementaldecoder(name)("strict").decode(sample)))
    except UnicodeDecodeError:
        return False


def repair_text(text: str) -> str:
    """Undo GBK (or UTF-8) bytes read as Latin-1 or Windows-1252; text that is not such a case comes back unchanged.

    >>> repair_text("\\u00c9\\u00cf\\u00ba\\u00a3")
    '上海'
    """
    if not SUSPECT.search(text) or HAN.search(text):
        return text
    raw = bytearray()
    for ch in text:
        code = ord(ch)
        if code < 256:
            raw.append(code)
            continue
        try:
            raw += ch.encode("cp1252")
        except UnicodeEncodeError:
            return text
    for name in ("utf-8", "gb18030"):
        try:
            out = raw.decode(name)
        except UnicodeDecodeError:
            continue
        if HAN.search(out) or re.search("[\u3000-\u303f\uff00-\uffef]", out):
            return out
    return text


def is_mojibake(sample: str) -> bool:
    """True when a sample of a file is Chinese text read as Latin-1: many Latin pairs, hardly any Han, and it repairs."""
    latin = len(re.findall(LATIN, sample))
    paired = sum(map(len, re.findall(f"{LATIN}{{2,}}", sample)))
    if latin < 20 or paired * 10 < latin * 8 or len(HAN.findall(sample)) * 20 > latin:
        return False
    words = re.findall(r"[^\s,;|\"'\[\]]+", sample)
    suspect = [w for w in words if SUSPECT.search(w)][:2000]
    if not suspect:
        return False
    repaired: int = sum(repair_text(w) != w for w in suspect)
    return repaired * 10 >= len(suspect) * 9


def written_out(text: str) -> str:
    """Characters that a program wrote by their numbers, as themselves.

    >>> written_out("\\\\u4e0a\\\\u6d77")
    '上海'
    """
    return ESCAPED.sub(lambda m: chr(int(m[1], 16)), text) if "\\u" in text else text


def repair_series(values: pl.Series) -> pl.Series:
    """`repair_text` for each value of a String series; only distinct suspect values are looked at."""
    return _replaced(values, f"{LATIN}{{2}}", repair_text)


def written_series(values: pl.Series) -> pl.Series:
    """`written_out` for each value of a String series."""
    return _replaced(values, ESCAPED.pattern, written_out)


def _replaced(values: pl.Series, suspect: str, new: Callable[[str], str]) -> pl.Series:
    odd = values.filter(values.str.contains(suspect).fill_null(False)).unique().to_list()
    changed = {v: said for v in odd if (said := new(v)) != v}
    if not changed:
        return values
    return values.replace(pl.Series(list(changed), dtype=pl.String), pl.Series(list(changed.values()), dtype=pl.String))
