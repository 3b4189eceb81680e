"""Web pages that come where ads should be: captcha pages and saved pages, told by patterns that are data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from gangwei.formats.chunk import Unreadable

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

HTML = re.compile(
    r"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|script|meta|table|div)\b",
    re.I | re.S,
)
MHTML = re.compile(r"^(?:From: .*Saved by|MIME-Version:.*multipart/related)", re.I | re.M)
OWN = re.compile(r'<meta name="generator" content="gangwei')


@dataclass(frozen=True)
class Pages:
    """Patterns of captcha pages (whole files) and captcha rows."""

    captcha: re.Pattern[str]
    row: str

    def refuse(self, sample: str) -> Unreadable | None:
        """Why a file that starts with `sample` is a page and not data; None when it is not a page."""
        if sample.startswith(("<?xml", "<feed", "<rss")) and not HTML.search(sample[:4096]):
            return Unreadable("xml_file", "an XML file")
        if not HTML.search(sample[:4096]) and not MHTML.search(sample[:2048]):
            return None
        if OWN.search(sample[:4096]):
            return Unreadable("own_page", "a brief that gangwei wrote, not ads")
        if self.captcha.search(sample[:200_000]):
            return Unreadable("captcha_page", "a captcha or log-in page was saved instead of ads; fetch the ads again")
        return Unreadable(
            "saved_page",
            "a saved web page (search or detail page), not a data export; export the ads as CSV, JSON, Excel or Parquet",
        )


@lru_cache(maxsize=4)
def compile_pages(book: Codebook) -> Pages:
    """Patterns from `sources/pages.csv` (id, scope, pattern, reason)."""
    rows = book.rows("sources/pages.csv")
    whole = [r["pattern"] for r in rows if r["scope"] in ("file", "both")]
    row = [r["pattern"] for r in rows if r["scope"] in ("row", "both")]
    return Pages(re.compile("|".join(whole), re.I), "(?i)" + "|".join(row))
