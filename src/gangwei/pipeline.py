"""The data flow: which stage reads what, under which key its output is kept, and in what order they run.

Every stage output is content-addressed: its key hashes the keys it was made from, the code, the definitions and the
parameters. A part that exists under its key is not made again, so a killed run resumes and added files cost only
themselves.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gangwei import opinions, schema, stage_tables, steps
from gangwei.allocator import collecting_rarely
from gangwei.config import Settings
from gangwei.engines import Engine, Task, ahead, start
from gangwei.engines.early import Early
from gangwei.kernels.identity import ad_keys
from gangwei.kernels.last_day import last_day
from gangwei.parts import Part, gathered
from gangwei.stage_keys import STAGES, Keys
from gangwei.stages import (
    s1_read,
    s4_employers,
    s4_names,
    s5_match,
    s5_sensitivity,
    s7_publish,
    s7_sizes,
    s7_source,
)
from gangwei.store import (
    StoreError,
    digest,
    locked,
    open_parquet,
    read_frame,
    read_json,
    record,
    write_frames,
    write_json,
)
from gangwei.watch import Watch


class NothingPublished(Exception):
    """No ad could be read; the message says why and what to do."""


@dataclass
class Report:
    """What a build did, for the screen and for `--json`."""

    files: list[dict[str, Any]]
    counts: dict[str, int]
    issues: list[dict[str, Any]]
    published: Path


WARM = ("match", "classify")  # stages whose kernels are compiled beside the first ones (see warm.py)


class Build:
    """One build of one directory."""

    def __init__(self, settings: Settings, watch: Watch | None = None) -> None:
        self.settings, self.watch = settings, watch or Watch()
        self.book = settings.book
        self.stages = settings.out / "stages"
        self.engine: Engine = start(settings, settings.out / "stages" / "spill")
        self.keys = Keys(self.book)
        self.parts: list[Part] = []
        self.files: list[dict[str, Any]] = []
        self.log: list[dict[str, Any]] = []
        self.early: Early | None = None

    def _forced(self, stage: str) -> bool:
        start_at = self.settings.from_stage
        return start_at is not None and STAGES.index(stage) >= STAGES.index(start_at)

    def _run(self, stage: str, tasks: list[tuple[Task, Path]], total: int, ends: bool = True) -> None:
        """Run the tasks whose output is missing (or all, when the stage is forced); `ends`: the stage is done with them."""
        todo = [t for t, out in tasks if self._forced(stage) or not out.exists()]
        rows = sum(t.rows for t in todo)
        self.watch.begin(stage, rows, total - rows)
        self.engine.map(todo, lambda task, _: self.watch.advance(stage, task.rows))
        if ends:
            self.watch.end(stage)

    def inputs(self) -> list[tuple[s1_read.Input | None, str]]:
        """(input or None when it was read by an earlier build, key) in canonical order."""
        found, issues = s1_read.discover(self.settings.inputs, s1_read.Limits()) if self.settings.inputs else ([], [])
        self.log += [{"stage": "s1_read", **i.as_dict()} for i in issues]
        chosen: dict[str, tuple[str, str, s1_read.Input | None]] = {}
        for item in found:
            key = digest(self.keys.of("s1_read", None), item.name, item.sha256)
            chosen.setdefault(key, (item.name, item.sha256, item))
        if self.settings.add:
            self._refuse_other_version()
            again = {(name, sha256) for name, sha256, _ in chosen.values()}  # read anew where its reader has changed
            for f in read_json(self.settings.out / "build.json")["files"]:
                if (f["file"], f["sha256"]) not in again:
                    chosen.setdefault(f["key"], (f["file"], f["sha256"], None))
        ordered = sorted(chosen.items(), key=lambda kv: (kv[1][0], kv[1][1], kv[0]))
        return [(item, key) for key, (_, _, item) in ordered]

    def _refuse_other_version(self) -> None:
        """A dataset of another schema is not gone on with.

        Raises:
            StoreError: it is one.
        """
        package = self.settings.out / "published" / "datapackage.json"
        version = read_json(package).get("schema_version") if package.exists() else schema.SCHEMA_VERSION
        if version != schema.SCHEMA_VERSION:
            raise StoreError(
                f"{self.settings.out}: has schema_version {version}, this program writes {schema.SCHEMA_VERSION}; "
                "build all files again without --add"
            )

    def read(self) -> None:
        """s1: every input file becomes raw parts, rejects and a report."""
        items = self.inputs()
        tasks: list[tuple[Task, Path]] = []
        for item, key in items:
            done = self.stages / "raw" / f"{key}.json"
            if item is None:
                if not done.exists():
                    raise StoreError(f"{self.settings.out}: a file of an earlier build is gone; build without --add")
                first = self.stages / "raw" / f"{key}-{0:05}.parquet"
                if first.exists() and open_parquet(first).schema_arrow.names != list(stage_tables.RAW.polars):
                    raise StoreError(
                        f"{self.settings.out}: {read_json(done)['file']} was read by another version of this program; "
                        "build all files again without --add"
                    )
                continue
            tasks.append((Task(steps.read_task, (item, self.stages, key, self.settings.definitions), item.size), done))
        if (early := self.early) is not None:
            tasks = [
                (t if out.exists() else replace(t, fn=early.reading(t.fn), args=(*t.args, self._clean_early)), out)
                for t, out in tasks
            ]
        needed = s1_read.disk_needed([t.args[0] for t, out in tasks if not out.exists()])
        if needed > (free := shutil.disk_usage(self.settings.out).free):
            self.watch.notice(
                f"disk: about {needed / 1e9:,.1f} GB needed, {free / 1e9:,.1f} GB free; the build may stop"
            )
        self._run("s1_read", tasks, sum(t.rows for t, _ in tasks))
        for item, key in items:
            report = read_json(self.stages / "raw" / f"{key}.json")
            report["sha256"] = report.get("sha256") or (item.sha256 if item else "")
            self.files.append(report)
            self.log += [{"stage": "s1_read", "source_id": report["source_id"], **i} for i in report["issues"]]
            for n, rows in enumerate(report["parts"]):
                raw = self.stages / "raw" / f"{key}-{n:05}.parquet"
                self.parts.append(Part(rows, digest(key, n), {"raw": raw}))
        if not self.parts:
            refused = [f"{n} rows rejected: {reason}" for f in self.files for reason, n in f["rejected"].items()]
            names = dict.fromkeys(f["file"] for f in (*self.files, *self.log) if f["file"])
            raise NothingPublished(
                "no ad could be read from "
                + (", ".join([*names][:5]) or "the input")
                + "; "
                + ("; ".join(dict.fromkeys([i["message"] for i in self.log] + refused)) or "the files hold no rows")
            )
        self._gather()

    def _gather(self) -> None:
        """Put neighbouring small parts together, so that what a part costs is not paid for each small file."""
        self.parts, missing = gathered(self.parts, self.stages / "gathered")
        tasks = [Task(steps.gather_task, (pieces, out), rows) for pieces, out, rows in missing]
        self.engine.map(tasks, lambda *_: None)

    def per_part(
        self, stage: str, table: str, task: Callable[..., int], sources: list[str], upstream: list[str], **extra: Path
    ) -> None:
        """Run one row-aligned stage over all parts."""
        tasks = []
        for p in self.parts:
            key = self.keys.of(stage, [p.paths[u].stem for u in upstream] + [x.stem for x in extra.values()])
            out = self.stages / table / f"{key}.parquet"
            p.paths[table] = out
            args = (*(p.paths[s] for s in sources), *extra.values(), out, self.settings.definitions)
            tasks.append((Task(task, args, p.rows), out))
        self._run(stage, tasks, self.rows, stage != "s5_match")  # the openings follow the signatures

    def _cleaned(self, raw: Path, key: Callable[[str, object], str]) -> tuple[Path, Path]:
        """Where the clean and the located rows of a raw part are kept."""
        clean = self.stages / "clean" / f"{key('s2_clean', [raw.stem])}.parquet"
        return clean, self.stages / "located" / f"{key('s3_locate', [clean.stem])}.parquet"

    def _clean_early(self, raw: Path, rows: pl.DataFrame) -> None:
        """Clean and locate a part of a file that is still being read."""
        clean, located = self._cleaned(raw, self.keys.untold)
        if self.early is None or (clean.exists() and located.exists()):
            return

        def work() -> None:
            self.watch.begin("s2_clean", rows.height, 0)
            steps.clean_and_locate_task(raw, clean, located, self.settings.definitions, rows)
            self.watch.advance("s2_clean", rows.height)

        self.early.begin(raw, work)

    def clean_and_locate(self) -> None:
        """s2 and s3; with several threads parts that miss both are cleaned and located in one go."""
        for p in self.parts:
            p.paths["clean"], p.paths["located"] = self._cleaned(p.paths["raw"], self.keys.of)
        if self.settings.threads == 1:
            self.per_part("s2_clean", "clean", steps.clean_task, ["raw"], ["raw"])
        else:
            begun = self.early.begun if self.early is not None else {}
            forced = self._forced("s2_clean")
            fresh = [p for p in self.parts if forced or not (p.paths["raw"] in begun or p.paths["clean"].exists())]
            rows = sum(p.rows for p in fresh)
            self.watch.begin("s2_clean", rows, self.rows - rows)
            tasks = []
            for p in fresh:
                paths = (*(p.paths[t] for t in ("raw", "clean", "located")), self.settings.definitions)
                tasks.append(Task(steps.clean_and_locate_task, paths, p.rows))
            self.engine.map(tasks, lambda task, _: self.watch.advance("s2_clean", task.rows))
            for done in begun.values():
                done.result()
            self.watch.end("s2_clean")
            if forced:  # all parts were located with it
                self.watch.begin("s3_locate", 0, self.rows)
                self.watch.end("s3_locate")
                return
        self.per_part("s3_locate", "located", steps.locate_task, ["clean"], ["clean"])

    @property
    def rows(self) -> int:
        """Kept ads."""
        return sum(p.rows for p in self.parts)

    def employers(self) -> dict[str, Path]:
        """s4: distinct names once, for the whole dataset."""
        clean = [p.paths["clean"] for p in self.parts]
        dated = s4_names.days(self.engine, clean)
        last, beyond = last_day(dated, self.book.toml("dates.toml")["last_day"])
        self.log += beyond
        day = dt.date.fromisoformat(self.settings.as_of) if self.settings.as_of else last
        self.as_of = day.isoformat() if day else None
        key = self.keys.of("s4_employers", [c.stem for c in clean], as_of=self.as_of)
        outs = {t: self.stages / t / f"{key}.parquet" for t in ("names", "employers", "affiliations")}
        todo = self._forced("s4_employers") or not all(o.exists() for o in outs.values())
        self.watch.begin("s4_employers", self.rows if todo else 0, 0 if todo else self.rows)
        if todo:
            stated, seconds = s4_names.names(self.engine, clean)
            names = stated.group_by("name_raw").agg(pl.col("n_ads").sum()).sort("name_raw")
            frames = s4_employers.run(
                names,
                steps.rules_of("s4_employers", self.settings.definitions),
                day,
                stated.drop_nulls("company_nature"),
                seconds,
            )
            tables = (stage_tables.EMPLOYER_NAMES_STAGE, schema.EMPLOYERS, schema.AFFILIATIONS)
            for out, table, frame in zip(outs.values(), tables, frames):
                write_frames(out, table, [frame])
            self.watch.advance("s4_employers", self.rows)
        self.watch.end("s4_employers")
        return outs

    def sign(self, names: Path) -> None:
        """s5, first half: signatures part by part, and the keys of all ads."""
        self.per_part("s5_match", "signed", steps.sign_task, ["clean", "located"], ["clean", "located"], names=names)
        hashes = [read_frame(p.paths["clean"], ["content_hash"])["content_hash"].to_numpy() for p in self.parts]
        self.ad_keys = ad_keys(np.concatenate(hashes))

    def match(self) -> Path:
        """s5, second half: openings over the whole dataset."""
        parameters = {"window": self.settings.window_days, "threshold": self.settings.threshold}
        key = self.keys.of("s5_match", ["match", *(p.paths["signed"].stem for p in self.parts)], **parameters)
        out, self.sampled = (self.stages / name / f"{key}.parquet" for name in ("matched", "sampled"))
        if self._forced("s5_match") or not (out.exists() and self.sampled.exists()):
            self.watch.begin("s5_match", self.rows, 0)
            sample = s5_sensitivity.Sample(self.ad_keys)
            matched = s5_match.match_parts(
                [p.paths["signed"] for p in self.parts],
                self.ad_keys,
                steps.rules_of("s5_match", self.settings.definitions),
                self.settings.window_days,
                self.settings.threshold,
                self.settings.threads,
                sample.add,
                [p.paths["clean"] for p in self.parts],
                self.settings.memory_limit // 8,
            )
            write_frames(out, stage_tables.MATCHED, matched)
            write_frames(self.sampled, s5_sensitivity.SAMPLED, [sample.frame()], **s5_match.WRITTEN)
            self.watch.advance("s5_match", self.rows)
        self.watch.end("s5_match")
        return out

    def match_sensitivity(self) -> pl.DataFrame:
        """The counts of s5 at other thresholds and windows."""
        rules = steps.rules_of("s5_match", self.settings.definitions)
        asked = self.settings.window_days, self.settings.threshold
        return s5_sensitivity.sensitivity(read_frame(self.sampled), self.rows, rules, *asked)

    def sizes(self, names: Path) -> pl.DataFrame:
        """Staff of the employers that state it."""
        return s7_sizes.sizes([p.paths["raw"] for p in self.parts], read_frame(names), self.book)

    def run(self) -> Report:
        """The whole job; the directory is locked, and `published/` changes at once at the end or not at all."""
        local = self.settings.engine == "local" and self.settings.threads > 1
        if local and ahead.missing(WARM):
            self.watch.notice("First run of this version: its kernels are compiled once, in about a minute.")
        for name in self.settings.book.unread():
            self.watch.notice(f"definitions: nothing reads {name}; no packaged file has this name")
        with (
            collecting_rarely(),
            locked(self.settings.out),
            ahead.compiling("gangwei.warm", WARM, local) as ready,
            Early(self.settings.threads) as early,
        ):
            self.early = early if local and self.settings.from_stage is None else None
            return self._locked_run(ready)

    def _locked_run(self, ready: Callable[[str], None]) -> Report:
        self.read()
        if not (self.settings.out / "published" / "manifest.json").exists():  # what is published is told until the swap
            write_json(self.settings.out / "build.json", {"files": self.files, "definitions": self.book.version})
        self.clean_and_locate()
        if self.settings.threads == 1 or self.settings.engine != "local":  # one driver, one job at a time
            outs, matched = self.openings(ready)
            self.classify()
        else:  # employers and the reading of signatures are one thread's work; classifying needs nothing of them
            with ThreadPoolExecutor(1, thread_name_prefix="gangwei-match") as side:
                pending = side.submit(self.openings, ready)
                ready("classify")
                self.classify()
                outs, matched = pending.result()
        return self.publish(outs, matched)

    def openings(self, ready: Callable[[str], None]) -> tuple[dict[str, Path], Path]:
        """s4 and s5: employers, signatures, openings."""
        outs = self.employers()
        ready("match")
        self.sign(outs["names"])
        return outs, self.match()

    def classify(self) -> None:
        """s6: tiers of all ads, with the second opinions of the directory's ledger."""
        second = opinions.freeze(self.settings.out / opinions.LEDGER, self.stages / "opinions")
        self.per_part("s6_classify", "classified", steps.classify_task, ["clean"], ["clean"], second=second)

    def publish(self, outs: dict[str, Path], matched: Path) -> Report:
        """s7: the tables of the contract, checked and then swapped in."""
        made = [[p.paths[t].stem for t in ("clean", "located", "classified")] for p in self.parts]
        told = [[f["key"] for f in self.files], self.log]  # files without an ad and what was said of files count too
        sources = [made, matched.stem, *(o.stem for o in outs.values()), *told]
        key = self.keys.of("s7_publish", sources, texts=self.settings.texts)
        manifest = self.settings.out / "published" / "manifest.json"
        done = manifest.exists() and not self._forced("s7_publish") and read_json(manifest).get("build_key") == key
        self.watch.begin("s7_publish", 0 if done else self.rows, self.rows if done else 0)
        source = s7_source.Source(
            parts=[p.paths for p in self.parts],
            rejects=[self.stages / "rejects" / f"{f['key']}.parquet" for f in self.files],
            matched=matched,
            names=outs["names"],
            employers=outs["employers"],
            affiliations=outs["affiliations"],
            ad_keys=self.ad_keys,
            files=self.files,
            issues=self.log,
            parameters={
                "window_days": self.settings.window_days,
                "threshold": self.settings.threshold,
                "texts": self.settings.texts,
                "as_of": self.as_of,
            },
            definitions_version=self.book.version,
            keys=self.keys.told,
            build_key=key,
            book=self.book,
            sizes=lambda: self.sizes(outs["names"]),
            sensitivity=self.match_sensitivity,
            previous=manifest.parent if self.settings.add and manifest.exists() else None,
        )
        plan = {
            "files": self.files,
            "definitions": self.book.version,
            "keys": self.keys.told,
            "parts": [p.rows for p in self.parts],
            "build_key": key,
        }

        def publish() -> None:
            if not done:
                s7_publish.publish(
                    source, self.settings.out, self.engine, lambda n: self.watch.advance("s7_publish", n)
                )

        record(self.settings.out, plan, publish)
        self.watch.end("s7_publish")
        facts = read_json(manifest)
        return Report(self.files, facts["counts"], facts["issues"], self.settings.out / "published")
