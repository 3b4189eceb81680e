"""gangwei (岗位): raw job ads in; openings, AI jobs with evidence, places, employers and an auditable brief out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gangwei.version import __version__

if TYPE_CHECKING:
    from gangwei.api import Opened


__all__ = ["__version__", "open"]


def open(directory: Path | str, labels: Path | str | None = None) -> Opened:
    """Open a dataset directory for measuring: `gangwei.open("work").measure("ai-share", by="province").polars()`.

    `labels` is a file of labels that corrects AI shares; default: those that `gangwei label` left in the directory.
    """
    from gangwei.api import Opened

    return Opened(directory, labels)
