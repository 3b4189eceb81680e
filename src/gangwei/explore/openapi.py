"""The OpenAPI description of the explorer, made from the same routes and vocabulary that check every request."""

from __future__ import annotations

import re
from typing import Any

from gangwei.explore.query import Grammar
from gangwei.explore.site import FORMATS, Route, Site

NUMBER = {"type": ["number", "null"]}
FIGURE: dict[str, Any] = {
    "type": "object",
    "required": ["measure", "unit", "by", "where", "definition", "value", "low", "high", "numerator", "denominator", "rows", "permalink"],
    "properties": {
        "measure": {"type": "string"}, "unit": {"type": "string"}, "by": {"type": ["string", "null"]}, "where": {"type": "object"},
        "grain": {"type": "string"}, "definition": {"type": "string"}, "scope": {"type": "string"}, "as_of": {"type": ["string", "null"]},
        "lists": {"type": "array"}, "value": NUMBER, "low": NUMBER, "high": NUMBER, "numerator": NUMBER, "denominator": NUMBER,
        "n_eff": NUMBER, "interval_method": {"type": "string"}, "suppressed": {"type": "boolean"}, "unplaced": {"type": "number"},
        "notes": {"type": "array"}, "caveats": {"type": "array"}, "permalink": {"type": "string"}, "sql": {"type": "string"},
        "params": {"type": "object"}, "dataset": {"type": "object"}, "rows": {"type": "array", "items": {"type": "object"}},
    },
}  # fmt: skip
LISTED: dict[str, Any] = {
    "type": "object", "required": ["total", "rows"],
    "properties": {"total": {"type": "integer"}, "rows": {"type": "array", "items": {"type": "object"}}},
}  # fmt: skip
REFUSED: dict[str, Any] = {
    "type": "object", "required": ["error"],
    "properties": {"error": {"type": "string"}, "allowed": {"type": "array", "items": {"type": "string"}}},
}  # fmt: skip
ANSWERS: dict[str, dict[str, Any]] = {
    "/m/{measure_id}": FIGURE, "/m/{measure_id}/ads": LISTED, "/search": LISTED, "/": {"type": "array", "items": FIGURE},
    "/measures": {"type": "array", "items": {"type": "object"}},
}  # fmt: skip
TROUBLE = {
    "400": "A name or value outside the vocabulary; the answer lists what is allowed.",
    "404": "Nothing of that name in this dataset.",
    "503": "Too many questions at once, or one that was stopped at the time limit.",
}


def document(site: Site) -> dict[str, Any]:
    """The whole description."""
    paths: dict[str, Any] = {}
    for route in site.routes:
        for suffix in route.suffixes:
            if suffix == "html":
                path = route.path
            else:
                path = f"{route.path}.{suffix}" if route.path != "/" else f"/overview.{suffix}"
            paths[path] = {"get": operation(route, suffix, site.grammar)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "gangwei explorer", "version": str(site.ds.manifest.get("gangwei_version", "")),
                 "description": "Figures of one published dataset with their intervals, and the ads behind each. The suffix is the format."},
        "paths": paths,
    }  # fmt: skip


def operation(route: Route, suffix: str, grammar: Grammar) -> dict[str, Any]:
    """One path in one format."""
    named = re.findall(r"\{(\w+)\}", route.path)
    parts = [
        {"name": n, "in": "path", "required": True, "schema": {"type": "string", **route.parts.get(n, {})}}
        for n in named
    ]
    # A last part may itself end in a format ("ai-share.json" under /m/{measure_id}): the answer is then in that format.
    asked = route.suffixes if suffix == "html" and route.path.endswith("}") else (suffix,)
    media = {
        FORMATS[s].split(";")[0]: {"schema": ANSWERS.get(route.path, {"type": "object"})} if s == "json" else {}
        for s in asked
    }
    refused: dict[str, Any] = {}
    for s in asked:
        if s == "html":
            refused["text/html"] = {"schema": {"type": "string"}}
        else:
            refused["application/json"] = {"schema": REFUSED}
    return {
        "summary": route.said,
        "operationId": re.sub(r"\W+", "_", f"{route.path}_{suffix}").strip("_"),
        "parameters": [*parts, *grammar.describe(route.query)],
        "responses": {
            "200": {"description": route.said, "content": media},
            **{code: {"description": said, "content": refused} for code, said in TROUBLE.items()},
        },
    }
