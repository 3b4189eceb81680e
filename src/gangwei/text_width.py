"""How wide a text stands in a drawing, without a font at hand: a Chinese character takes an em, a Latin one a good half."""

from __future__ import annotations

WIDE, LATIN = 1.0, 0.55
CJK = "\u2e80"


def em(text: str) -> float:
    """Width in ems."""
    return sum(WIDE if c >= CJK else LATIN for c in text)


def wrapped(text: str, room: float, lines: int = 2) -> list[str]:
    """`text` in at most `lines` lines of `room` ems; what does not fit ends in an ellipsis.

    Lines break at spaces, within a word only where a Chinese character ends or the word is wider than a line.
    """
    out: list[str] = []
    rest = text.strip()
    while rest:
        if em(rest) <= room:
            return [*out, rest]
        if len(out) == lines - 1:
            return [*out, rest[: _fits(rest, room - WIDE)].rstrip() + "…"]
        cut = _fits(rest, room)
        space = rest.rfind(" ", 0, cut + 1)
        if rest[cut : cut + 1] != " " and rest[cut - 1] < CJK and space > cut // 3:
            cut = space
        out.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return out


def _fits(text: str, room: float) -> int:
    """How many characters from the start stand in `room` ems; at least one."""
    used = 0.0
    for n, c in enumerate(text):
        used += WIDE if c >= CJK else LATIN
        if used > room:
            return max(n, 1)
    return len(text)
