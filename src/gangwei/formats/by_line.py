"""A codec for text of which some lines are UTF-8 and others GB18030, as after one export was appended to another."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

NAME = "utf_8_or_gb18030"
ASCII = bytes(range(128))


def _line(raw: bytes, errors: str) -> str:
    """A line that is no UTF-8 in a quarter of its bytes above 127 is GB18030 where it has fewer errors in it."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
    wrong, high = text.count("\ufffd"), len(raw.translate(None, ASCII))
    other = raw.decode("gb18030", "replace")
    if wrong * 4 >= high and other.count("\ufffd") < wrong:
        return other
    return text if errors == "replace" else raw.decode("utf-8", errors)


def _decode(data: Buffer, errors: str = "strict", /) -> tuple[str, int]:
    raw = bytes(data)
    return "".join(_line(line, errors) for line in raw.splitlines(keepends=True)), len(raw)


def errors_in(block: bytes) -> int:
    """Characters of the whole lines of a block that are of neither encoding."""
    whole = block[block.find(b"\n") + 1 : block.rfind(b"\n") + 1]
    return _decode(whole or block, "replace")[0].count("\ufffd")


class _Decoder(codecs.BufferedIncrementalDecoder):
    """Whole lines; the last one waits for its end."""

    def _buffer_decode(self, data: Buffer, errors: str, final: bool) -> tuple[str, int]:
        whole = bytes(data)
        return _decode(whole if final else whole[: whole.rfind(b"\n") + 1], errors)


def _find(name: str) -> codecs.CodecInfo | None:
    if name != NAME:
        return None
    return codecs.CodecInfo(
        codecs.utf_8_encode,
        _decode,
        incrementalencoder=codecs.getincrementalencoder("utf-8"),
        incrementaldecoder=_Decoder,
        name=NAME,
    )


codecs.register(_find)
