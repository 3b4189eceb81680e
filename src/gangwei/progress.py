"""What a build shows on the screen: a bar a stage with rate and time left, then a table of files and issues."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from gangwei.pipeline import Report
from gangwei.watch import Watch


class Screen(Watch):
    """Progress bars on a terminal; one line a stage elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars = Progress(
            TextColumn("{task.description:14}"),
            BarColumn(),
            TextColumn("{task.completed:>12,.0f} / {task.total:,.0f}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.tasks: dict[str, TaskID] = {}
        self.begun: dict[str, tuple[float, int]] = {}  # when, and rows to do
        self.notes: dict[str, str] = {}

    def __enter__(self) -> Screen:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def begin(self, stage: str, rows: int, cached: int) -> None:
        """Open the stage's bar, or lengthen it."""
        began, before = self.begun.get(stage, (time.monotonic(), 0))
        self.begun[stage] = began, before + rows
        if os.environ.get("GANGWEI_TRACE"):
            self.console.print(f"begin {stage}", highlight=False)
        if not rows and cached:
            with_clean = stage == "s3_locate" and self.begun.get("s2_clean", (0.0, 0))[1]
            self.notes.setdefault(stage, " (with s2_clean)" if with_clean else " (kept)")
        if stage not in self.tasks:
            self.tasks[stage] = self.bars.add_task(stage + self.notes.get(stage, ""), total=max(rows, 1), rate="")
        else:
            self.bars.update(self.tasks[stage], total=(self.bars.tasks[self.tasks[stage]].total or 0) + rows)

    def advance(self, stage: str, rows: int) -> None:
        """Move the stage's bar."""
        began, _ = self.begun[stage]
        task = self.bars.tasks[self.tasks[stage]]
        rate = (task.completed + rows) / max(time.monotonic() - began, 1e-6)
        unit = "B/s" if stage == "s1_read" else "ads/s"
        self.bars.update(self.tasks[stage], advance=rows, rate=f"{rate:,.0f} {unit}")

    def notice(self, message: str) -> None:
        """Print the message above the bars."""
        self.console.print(message, style="yellow", highlight=False, markup=False)

    def end(self, stage: str) -> None:
        """Close the stage's bar."""
        began, rows = self.begun[stage]
        task = self.bars.tasks[self.tasks[stage]]
        self.bars.update(self.tasks[stage], completed=task.total)
        if not self.console.is_terminal:
            self.console.print(
                f"{stage}: {time.monotonic() - began:.1f} s" + ("" if rows else self.notes.get(stage, "")),
                highlight=False,
            )

    def summary(self, report: Report, reasons: Mapping[str, str], w: Mapping[str, str]) -> None:
        """The table of files, the issues and the counts; `reasons` are the words of reason codes, `w` those around them."""
        table = Table(title=w["files"])
        for name, justify in (
            ("file", "left"),
            ("source", "left"),
            ("encoding", "left"),
            ("read", "right"),
            ("kept", "right"),
            ("rejected", "left"),
        ):
            table.add_column(w[name], justify=justify, overflow="fold")  # type: ignore[arg-type]
        for f in report.files[:60]:
            rejected = ", ".join(f"{k} {v:,}" for k, v in sorted(f["rejected"].items()))
            table.add_row(
                _short(f["file"]),
                f["source_id"] or "",
                f["encoding"] or "",
                f"{f['read']:,}",
                f"{f['kept']:,}",
                rejected,
            )
        if len(report.files) > 60:
            table.add_row(w["more_files"].format(n=f"{len(report.files) - 60:,}"), "", "", "", "", "")
        self.console.print(table)
        for i in report.issues[:20]:
            where = " ".join(str(i[k]) for k in ("file", "row") if i.get(k) is not None) or i.get("source_id")
            times = f" ({i['n']:,})" if (i.get("n") or 0) > 1 else ""
            code = i["reason_id"]
            said = f"{code}: {reasons[code]}" if code in reasons else code
            said = w["with_message"].format(said=said, message=i["message"]) if i["message"] else said
            self.console.print(w["issue"], style="yellow", end=" ")
            self.console.print(f"{where}: {said}{times}" if where else f"{said}{times}", highlight=False)
        if len(report.issues) > 20:
            self.console.print(w["more_issues"].format(n=f"{len(report.issues) - 20:,}"), highlight=False)
        c = report.counts
        self.console.print(
            w["counts"].format(published=report.published, **{k: f"{v:,}" for k, v in c.items()}),
            highlight=False,
            soft_wrap=True,  # a path to copy
        )


def _short(file: str) -> str:
    """The name of a file for a narrow table: an archive alone where the file in it bears its name (`ads.csv.zip#ads.csv`)."""
    archive, _, member = file.rpartition("#")
    return archive if archive and archive.rsplit("/", 1)[-1].rpartition(".")[0] == member else file
