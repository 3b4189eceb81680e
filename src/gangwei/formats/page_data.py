"""Ads in the data that a saved page holds for its own program: an object that a script sets, or linked data (JSON-LD)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from gangwei.formats.json_records import BROKEN, mended, records_in

SCRIPT, END = re.compile(r"<script\b[^<>]*>", re.I), re.compile(r"</script", re.I)
SET = re.compile(r"(?:^|[;\s])[\w$.]+\s*=\s*(?=[{\[])")
POSTING = "JobPosting"
LEAST = 3
HAN = re.compile(r"[\"'`][^\"'`\n]{0,40}[\u4e00-\u9fff]")
PROGRAM = 1 << 20
TRIES = 200  # places of a script where a value may begin


def records(page: str) -> list[dict[str, Any]]:
    """The longest list of objects with three keys or more in the scripts of a page, or its job postings, each once, from all of
    them; [] without any."""
    lists = [r for script in _scripts(page) for doc in _values(script) for r in _lists(doc)]
    postings = {repr(r): r for ads in lists if _posting(ads[0]) for r in ads}
    return max((*lists, list(postings.values())), key=len)


def programs(page: str) -> Iterator[str]:
    """The scripts that may write ads down: none of more than `PROGRAM` characters, and several values with Han characters."""
    return (s for s in _scripts(page) if len(s) <= PROGRAM and len(list(islice(HAN.finditer(s), LEAST))) == LEAST)


def _scripts(page: str) -> Iterator[str]:
    """What stands between the marks of a script; one without an end is left out."""
    at = 0
    while (opening := SCRIPT.search(page, at)) is not None:
        if (end := END.search(page, opening.end())) is None:
            return
        yield page[opening.end() : end.start()]
        at = end.end()


def _values(script: str) -> list[Any]:
    """The values that a script is or sets."""
    body = script.strip()
    starts = [0] if body[:1] in ("{", "[") else [m.end() for m in islice(SET.finditer(body), TRIES)]
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


def _posting(value: Any) -> bool:
    """Linked data on a job."""
    return isinstance(value, dict) and value.get("@type") in (POSTING, [POSTING])


def _lists(doc: Any) -> list[list[dict[str, Any]]]:
    """Lists of objects in a value."""
    graph = doc.get("@graph", [doc]) if isinstance(doc, dict) else doc
    if isinstance(graph, list) and (ads := [r for r in graph if _posting(r)]):
        return [ads]
    found = records_in(doc, 5) if isinstance(doc, (dict, list)) else None
    if found is None or found[0] is not None:
        return []
    wide = [r for r in found[1] if isinstance(r, dict) and len(r) >= LEAST]
    return [wide] if len(wide) == len(found[1]) else []
