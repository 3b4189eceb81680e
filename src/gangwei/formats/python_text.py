"""Ads that a program in Python writes down (JOBS = [{"title": "会计", …}]): its text is read as a tree and never run."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any

from gangwei.formats import literals
from gangwei.formats.headers import Headers
from gangwei.formats.json_records import mended

OPENING = re.compile(
    r"\s*(?:#[^\n]*\n\s*)*(?:\"\"\"|'''|from\s+[\w.]+\s+import\b|import\s+[\w.]+(?:\s+as\s+\w+)?\s*[\n,#])"
)
NO_PROGRAM = (SyntaxError, ValueError, RecursionError, MemoryError)


def records(text: str, headers: Headers) -> literals.Ads:
    """The longest list of ads in a program, with the lists like it; [] without any, and for what is no program."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        values = [_value(node) for node in ast.walk(tree) if isinstance(node, ast.List)]
    except NO_PROGRAM:
        return []
    return literals.longest([ads for v in values if (ads := literals.ads_of(mended(v), headers))], headers)


def _value(node: ast.AST) -> Any:
    """The value of an expression; what is no plain value is None."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, (str, int, float)) else None
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(v) for v in node.elts]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values)
        return {k.value: _value(v) for k, v in pairs if isinstance(k, ast.Constant) and isinstance(k.value, str)}
    return None
