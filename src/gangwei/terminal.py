"""What both halves of the command line share: consoles, errors in one line, JSON."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.text import Text

OUT = Console(markup=False)  # what an ad, a file name or a path holds in brackets is text
LOG = Console(stderr=True, markup=False)


def show_any_text() -> None:
    """Let a terminal or a file that cannot hold Chinese (cp1252, ASCII) get question marks in place of a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


class _Named(click.Path):
    """A path; nothing at all (an unset variable of a shell) is none, though pathlib takes it for the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path.

        Raises:
            click.BadParameter: it is empty.
        """
        if value == "":
            self.fail("an empty path; '.' is the current folder", param, ctx)
        return super().convert(value, param, ctx)


PATH = _Named(path_type=Path)


class _Terminated(KeyboardInterrupt):
    """SIGTERM, as `kill`, a container or a time limit sends it."""


@contextmanager
def _terminating() -> Iterator[None]:
    """Take SIGTERM as Ctrl-C is taken: what is half written is removed, and the user is told."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> NoReturn:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def spoken(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the errors a user can mend into one line and an exit code; a traceback only with GANGWEI_DEBUG=1."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            with _terminating():
                return command(*args, **kwargs)
        except KeyboardInterrupt as e:
            _stopped(e)
        except Exception as e:
            if (stop := _interrupt(e)) is not None:
                _stopped(stop)
            from gangwei.errors import MENDABLE  # loads half of the package

            if os.environ.get("GANGWEI_DEBUG"):
                raise
            if isinstance(e, MENDABLE):
                _refuse(str(e))
            if isinstance(e, OSError) and e.errno:
                _refuse(f"{e.filename}: {e.strerror}" if e.filename else os.strerror(e.errno).lower())
            raise

    return run


def _interrupt(e: BaseException | None) -> KeyboardInterrupt | None:
    """What stopped the command behind an error: DuckDB raises one of its own where a signal ends a query."""
    while e is not None and not isinstance(e, KeyboardInterrupt):
        e = e.__context__
    return e


def _stopped(e: KeyboardInterrupt) -> NoReturn:
    LOG.print("stopped; the same command goes on where it was")
    sys.exit(143 if isinstance(e, _Terminated) else 130)


def _refuse(message: str) -> NoReturn:
    LOG.print("error:", style="red", end=" ")
    LOG.print(click.unstyle(message), highlight=False, soft_wrap=True)
    sys.exit(1)


def words_of(lang: str) -> dict[str, str]:
    """What the command line says beside the words of the pages."""
    from gangwei.codebook import Codebook

    return {k: str(v[lang == "zh"]) for k, v in Codebook().toml("labels/terminal.toml").items()}


def say(text: str | Text) -> None:
    """Print to standard output; long lines are left whole, so that commands and paths can be copied."""
    OUT.print(text, highlight=False, soft_wrap=True)


def show_json(value: Any) -> None:
    """Print JSON to standard output; letters beyond ASCII are escaped where it cannot hold them all."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    click.echo(json.dumps(value, ensure_ascii=not unicode, indent=1, default=str))


def headlines(rows: list[dict[str, Any]], lang: str) -> None:
    """The headline figures of a brief, under the headings that it has."""
    from rich.table import Table

    from gangwei.codebook import Codebook

    words = Codebook().toml(f"labels/{lang}.toml")["text"]
    table = Table(title=words["headlines"], show_lines=False)
    for name in ("figure", "here", "interval", "published"):
        table.add_column(words[name], overflow="fold")
    for r in rows:
        table.add_row(str(r["label"]), str(r["value"]), str(r.get("interval") or ""), str(r.get("published") or ""))
    OUT.print(table)
