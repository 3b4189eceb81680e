"""What a dataset directory holds, and what a build would do: nothing here changes a file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from gangwei.codebook import OWN, Codebook, carried_by
from gangwei.config import Settings
from gangwei.stage_keys import CODE, DEFINITIONS, STAGES, UPSTREAM
from gangwei.stages import s1_read
from gangwei.store import StoreError, code_digest, read_json

WHOLE = ("s4_employers", "s5_match", "s7_publish")  # stages over all ads at once


def _why(stage: str, then: dict[str, str] | None, book: Codebook) -> list[str]:
    if then is None:
        return ["never run"]
    now = {"code": code_digest(*CODE[stage]), "definitions": book.digest(*DEFINITIONS[stage])}
    return [f"{k} changed" for k, v in now.items() if then.get(k) != v]


def status(directory: Path, book: Codebook | None = None) -> dict[str, Any]:
    """Counts, and for each stage the reasons why it would run again on the files that are held, under the definitions of `book`
    (those that the dataset was built with)."""
    plan = read_json(directory / "build.json")
    book = book or carried_by(directory / "published")
    stages: dict[str, list[str]] = {}
    for stage in STAGES:
        dirty = [u for u in UPSTREAM[stage] if stages[u]]
        why = _why(stage, plan.get("keys", {}).get(stage), book)
        stages[stage] = why or [f"{u} would run" for u in dirty[:1]]
    if not (directory / "stages" / "raw").is_dir():
        stages = {s: why or ["intermediate files were removed"] for s, why in stages.items()}
    manifest = directory / "published" / "manifest.json"
    counts = read_json(manifest)["counts"] if manifest.exists() else None
    lines = [f"{directory}: " + ("published" if counts else "not published yet")]
    if counts:
        lines.append(", ".join(f"{k} {v:,}" for k, v in counts.items()))
    lines += [f"{s:12} " + ("up to date" if not w else "dirty: " + "; ".join(w)) for s, w in stages.items()]
    return {"counts": counts, "stages": stages, "files": plan["files"], "text": "\n".join(lines)}


def earlier(directory: Path) -> dict[str, Any]:
    """The manifest of what is published there; empty where there is none that can be read."""
    try:
        found = dict(read_json(directory / "published" / "manifest.json"))
    except (StoreError, OSError):
        return {}
    return found | {"own": (directory / "published" / OWN).is_dir()}


def options_of(parameters: dict[str, Any], own: bool) -> list[str]:
    """What a build was told beyond its files and the day of affiliations, as on the command line."""
    window, threshold = parameters.get("window_days", Settings.window_days), parameters.get("threshold")
    return [
        *([f"--window {window}"] if window != Settings.window_days else []),
        *([f"--threshold {threshold}"] if threshold is not None else []),
        *([] if parameters.get("texts", True) else ["--no-texts"]),
        *([f"--definitions {OWN}"] if own else []),
    ]


def forgotten(before: dict[str, Any], now: Settings) -> list[str]:
    """Options that a build was given which an addition to it leaves at their defaults."""
    given = {"window_days": now.window_days, "threshold": now.threshold, "texts": now.texts}
    repeated = {o.split()[0] for o in options_of(given, now.definitions is not None)}
    told = [o.split()[0] if OWN in o else o for o in options_of(before.get("parameters", {}), before.get("own", False))]
    return [o for o in told if o.split()[0] not in repeated] if now.add else []


def namesakes(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[str]:
    """Names that a file added now shares with another one, of other content, that was held before and still is."""
    old = {(f["file"], f["sha256"]) for f in before}
    kept = {f["file"] for f in now if (f["file"], f["sha256"]) in old}
    return sorted({f["file"] for f in now if f["file"] in kept and (f["file"], f["sha256"]) not in old})


def left_out(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[str]:
    """Names of the files of an earlier build that stand in this one neither as they were nor under their name."""
    given = {f[k] for f in now for k in ("file", "sha256")}
    return [f["file"] for f in before if given.isdisjoint((f["file"], f["sha256"]))]


def _moved(
    stages: dict[str, list[str]], files: list[dict[str, Any]], found: list[s1_read.Input], options: dict[str, Any]
) -> dict[str, list[str]]:
    """Why each stage would run when these files are given: code and definitions, other files, or because it is asked for."""
    known, given = {(f["file"], f["sha256"]) for f in files}, {(i.name, i.sha256) for i in found}
    new, left = given - known, set() if options.get("add") else known - given
    start = options.get("from_stage")
    out = {}
    for n, (stage, reasons) in enumerate(stages.items()):
        why = list(reasons)
        if new:
            why.append(f"{len(new)} files not read before")
        if left and stage in WHOLE:
            why.append(f"{len(left)} files left out")
        if start is not None and n >= STAGES.index(start):
            why.append("asked for by --from")
        out[stage] = why
    return out


def plan(inputs: tuple[str, ...], out: Path, options: dict[str, Any]) -> dict[str, Any]:
    """What `build` would read and write; `needed` and `free` are bytes of disk.

    Raises:
        StoreError: files are to be added to a directory that holds no build.
    """
    found, issues = s1_read.discover(inputs, s1_read.Limits())
    size = sum(i.size for i in found)
    root = next(p for p in (out, *out.resolve().parents) if p.exists())
    free = shutil.disk_usage(root).free
    try:
        before = status(out, Codebook(options.get("definitions")))
        stages = _moved(before["stages"], before["files"], found, options)
    except StoreError:
        if options.get("add"):
            raise
        stages = {s: ["never run"] for s in STAGES}
    needed = s1_read.disk_needed(found)
    lines = [
        f"{len(found)} files, {size / 1e6:,.1f} MB to read; about {needed / 1e6:,.0f} MB of disk needed, {free / 1e6:,.0f} MB free"
    ]
    lines += [f"  {i.name} {i.size / 1e6:,.2f} MB" for i in found[:50]]
    lines += [f"issue: {i.message}" for i in issues]
    lines += [f"{s:12} " + ("up to date" if not w else "would run: " + "; ".join(w)) for s, w in stages.items()]
    return {
        "files": [{"name": i.name, "size": i.size} for i in found],
        "issues": [i.message for i in issues],
        "needed": needed,
        "free": free,
        "stages": stages,
        "text": "\n".join(lines),
    }
