"""What both halves of the command line share: consoles, errors in one line, JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console

OUT = Console()
LOG = Console(stderr=True)
PATH = click.Path(path_type=Path)


def spoken(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the errors a user can mend into one line and an exit code; a traceback only with GANGWEI_DEBUG=1."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        from gangwei.errors import MENDABLE

        try:
            return command(*args, **kwargs)
        except MENDABLE as e:
            if os.environ.get("GANGWEI_DEBUG"):
                raise
            LOG.print(f"[red]error:[/] {click.unstyle(str(e))}", markup=True, highlight=False, soft_wrap=True)
            sys.exit(1)
        except KeyboardInterrupt:
            LOG.print("stopped; the same command goes on where it was")
            sys.exit(130)

    return run


def show_json(value: Any) -> None:
    """Print JSON to standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def headlines(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(title="Headline figures", show_lines=False)
    for name in ("figure", "value", "95 % interval", "published"):
        table.add_column(name, overflow="fold")
    for r in rows:
        table.add_row(str(r["label"]), str(r["value"]), str(r.get("interval") or ""), str(r.get("published") or ""))
    OUT.print(table)
