"""The language of a piece of text on a page in another one, marked so that a screen reader changes its voice."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

CHINESE, ENGLISH = "zh-CN", "en"
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_ANY = re.compile(f"[{_HAN}]")
_RUN = re.compile(rf"[{_HAN}](?:[{_HAN}\u3000-\u303f\uff00-\uffef·()\-]*[{_HAN}\uff08\uff09])?")
_WORDS = re.compile(r"[A-Za-z]{2,}[\s,;:]+[A-Za-z]{2,}")


def tongue(text: object) -> Markup:
    """The `lang` attribute, with a space before it, of a name or title that holds Chinese; else empty."""
    return Markup(f' lang="{CHINESE}"' if _ANY.search(str(text or "")) else "")


def bdi(text: object) -> Markup:
    """A name or title as found, apart from the direction and the language of the text around it."""
    return Markup("<bdi{}>{}</bdi>").format(tongue(text), text)


def tongues(text: object, page: str) -> Markup:
    """A sentence on a page in the language `page`: Chinese names in it are marked, or the whole where it is English."""
    said = str(escape(text))
    if not page.startswith("zh"):
        return Markup(_RUN.sub(rf'<span lang="{CHINESE}">\g<0></span>', said))
    return Markup(f'<span lang="{ENGLISH}">{said}</span>' if _WORDS.search(said) and not _ANY.search(said) else said)
