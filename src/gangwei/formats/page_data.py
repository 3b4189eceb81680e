"""Ads in the data that a saved page holds for its own program: an object that a script sets, or linked data (JSON-LD)."""

from __future__ import annotations

import json
import re
from typing import Any

from gangwei.formats.json_records import BROKEN, mended, records_in

SCRIPT = re.compile(r"<script\b[^>]*>(.*?)</script>", re.I | re.S)
SET = re.compile(r"(?:^|[;\s])[\w$.]+\s*=\s*(?=[{\[])")
POSTING = "JobPosting"
LEAST = 3


def records(page: str) -> list[dict[str, Any]]:
    """The longest list of objects with three keys or more in the scripts of a page, or its job postings; [] without any."""
    lists = [r for script in SCRIPT.findall(page) for doc in _values(script) for r in _lists(doc)]
    return max(lists, key=len, default=[])


def _values(script: str) -> list[Any]:
    """The values that a script is or sets."""
    body = script.strip()
    starts = [0] if body[:1] in ("{", "[") else [m.end() for m in SET.finditer(body)]
    decoder, found, end = json.JSONDecoder(strict=False), list[Any](), 0
    for at in starts:
        if at < end:
            continue
        try:
            value, end = decoder.raw_decode(body, at)
        except BROKEN:
            continue
        found.append(mended(value))
    return found


def _lists(doc: Any) -> list[list[dict[str, Any]]]:
    """Lists of objects in a value."""
    graph = doc.get("@graph", [doc]) if isinstance(doc, dict) else doc
    if isinstance(graph, list) and (ads := [r for r in graph if isinstance(r, dict) and r.get("@type") == POSTING]):
        return [ads]
    found = records_in(doc, 5) if isinstance(doc, (dict, list)) else None
    if found is None or found[0] is not None:
        return []
    wide = [r for r in found[1] if isinstance(r, dict) and len(r) >= LEAST]
    return [wide] if len(wide) == len(found[1]) else []
