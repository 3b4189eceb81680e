"""What a build tells whoever watches it."""

from __future__ import annotations


class Watch:
    """What the edge shows; the default shows nothing."""

    def begin(self, stage: str, rows: int, cached: int) -> None:
        """A stage starts, or is found to have more to do: rows to do, rows found done."""

    def advance(self, stage: str, rows: int) -> None:
        """Rows of the stage are done."""

    def end(self, stage: str) -> None:
        """The stage is done."""

    def notice(self, message: str) -> None:
        """Something a person should read."""
