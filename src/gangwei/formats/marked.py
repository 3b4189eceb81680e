"""A codec for GB18030 behind the byte order mark of UTF-8, as some editors and scripts write it; the mark is dropped."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

NAME = "gb18030-sig"


def _decode(data: Buffer, errors: str = "strict", /) -> tuple[str, int]:
    raw = bytes(data)
    return raw.removeprefix(codecs.BOM_UTF8).decode("gb18030", errors), len(raw)


class _Decoder(codecs.IncrementalDecoder):
    """Drops the mark from the first bytes."""

    def __init__(self, errors: str = "strict") -> None:
        super().__init__(errors)
        self.inner = codecs.getincrementaldecoder("gb18030")(errors)
        self.head: bytes | None = b""

    def decode(self, data: Buffer, final: bool = False) -> str:
        """The text of further bytes."""
        raw = bytes(data)
        if self.head is not None:
            raw = self.head + raw
            if len(raw) < len(codecs.BOM_UTF8) and not final:
                self.head = raw
                return ""
            raw, self.head = raw.removeprefix(codecs.BOM_UTF8), None
        return self.inner.decode(raw, final)

    def reset(self) -> None:
        """Back to the start of a text."""
        self.inner.reset()
        self.head = b""


def is_marked(head: bytes) -> bool:
    """True when a text behind the mark of UTF-8 is GB18030: it has errors as UTF-8 and hardly one as that."""
    text = head.removeprefix(codecs.BOM_UTF8)
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(text)
    except UnicodeDecodeError:
        wrong = text.decode("utf-8", "replace").count("\ufffd")
        return text.decode("gb18030", "replace").count("\ufffd") * 20 < wrong
    return False


def _find(name: str) -> codecs.CodecInfo | None:
    if name != NAME.replace("-", "_"):
        return None
    encoder = codecs.getincrementalencoder("utf-8")
    return codecs.CodecInfo(
        codecs.utf_8_encode, _decode, incrementalencoder=encoder, incrementaldecoder=_Decoder, name=NAME
    )


codecs.register(_find)
