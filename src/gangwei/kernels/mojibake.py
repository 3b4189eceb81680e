"""Chinese in GBK that was read as Latin-1: `±±¾©` is 北京."""

from __future__ import annotations

import re

GARBLED = re.compile(r"[\x00-\x9f\xa1-\xff]*[\xa1-\xff]{2}[\x00-\x9f\xa1-\xff]*")
"""Latin-1 with two high letters in a row, as each character of GB 2312 makes; Ürümqi and 10K·bonus have none."""


def unmojibake(text: str) -> str:
    """The text as it was written; the text itself when it is not garbled."""
    if text.isascii() or not GARBLED.fullmatch(text):
        return text
    try:
        fixed = text.encode("latin-1").decode("gb18030")
    except UnicodeDecodeError:
        return text
    return fixed if any("\u4e00" <= c <= "\u9fff" for c in fixed) else text
