"""A data package others can cite: Parquet and CSV, descriptors, checksums, a licence note per board, and a diff."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from gangwei import measures, schema
from gangwei.codebook import OWN
from gangwei.frame.dataset import Dataset
from gangwei.kernels.clean import contacts
from gangwei.opinions import LEDGER
from gangwei.spreadsheet import neutral
from gangwei.status import options_of
from gangwei.store import StoreError, read_groups, read_json, swapped, write_frames, write_json, write_text

NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,40}")
PERSON = "person"  # kind of an employer that is shown without a name
CROISSANT_TYPES = {"String": "sc:Text", "Boolean": "sc:Boolean", "Date": "sc:Date", "List": "sc:Text"}


def _write_csv(source: Path, target: Path) -> int:
    rows = 0
    with target.open("wb") as f:
        f.write(b"\xef\xbb\xbf")
        for n, frame in enumerate(read_groups(source)):
            neutral(frame).write_csv(f, include_header=n == 0)
            rows += frame.height
        if not rows:
            names = pl.scan_parquet(source, glob=False).collect_schema().names()
            f.write((",".join(names) + "\n").encode())
    return rows


def _resource(r: dict[str, Any], t: schema.Table, kind: str, path: Path, digest: str) -> dict[str, Any]:
    """The descriptor of a table's file of one kind, from that of the published table; a CSV has joined what was a list."""
    made = r | {"path": f"data/{path.name}", "format": kind, "hash": f"sha256:{digest}", "bytes": path.stat().st_size}
    if kind != "csv":
        return made
    joined = {c.name for c in t.columns if c.type == schema.STRS}
    fields = [
        f | {"type": "string", "description": f"{f['description']} (joined by ;)"} if f["name"] in joined else f
        for f in r["schema"]["fields"]
    ]
    return made | {
        "name": f"{r['name']}-csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": {**r["schema"], "fields": fields},
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def croissant(version: str, tables: list[schema.Table], sums: dict[str, str]) -> dict[str, Any]:
    """A Croissant 1.1 descriptor of the released tables."""
    return {
        "@context": {
            "@vocab": "https://schema.org/", "sc": "https://schema.org/", "cr": "http://mlcommons.org/croissant/",
            "dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo", "recordSet": "cr:recordSet",
            "field": "cr:field", "source": "cr:source", "fileObject": "cr:fileObject", "extract": "cr:extract",
            "column": "cr:column", "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        },
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": "gangwei-dataset",
        "version": version,
        "description": "Job ads, openings, places, employers and AI tiers with their evidence.",
        "license": "https://creativecommons.org/licenses/by/4.0/",
        "usageInfo": "LICENCES.md: derived facts are under the licence; texts and titles belong to employers and boards.",
        "citeAs": f"gangwei dataset, release {version}",
        "url": "datapackage.json",
        "distribution": [
            {
                "@type": "cr:FileObject", "@id": f"{t.name}.parquet", "name": f"{t.name}.parquet",
                "contentUrl": f"data/{t.name}.parquet", "encodingFormat": "application/vnd.apache.parquet",
                "sha256": sums[f"data/{t.name}.parquet"],
            }
            for t in tables
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet", "@id": t.name, "name": t.name, "description": t.doc,
                "field": [
                    {
                        "@type": "cr:Field", "@id": f"{t.name}/{c.name}", "name": c.name, "description": c.doc,
                        "dataType": CROISSANT_TYPES.get(type(c.type).__name__, "sc:Float" if c.type.is_float() else "sc:Integer"),
                        "source": {"fileObject": {"@id": f"{t.name}.parquet"}, "extract": {"column": c.name}},
                    }
                    for c in t.columns
                ],
            }
            for t in tables
        ],
    }  # fmt: skip


def _diff(before: Path | None, tmp: Path, version: str) -> str:
    """What changed since the release in `before`: counts, figures, versions, inputs, and ads one by one."""
    lines = [f"# What changed in {version}", ""]
    if before is None:
        return "\n".join([*lines, "The first release of this dataset.", ""])
    was, now = read_json(before / "manifest.json"), read_json(tmp / "manifest.json")
    lines += [f"Against release {before.name}.", "", "| figure | before | now |", "|---|---:|---:|"]
    head = len(lines)
    for key in sorted(set(was["counts"]) | set(now["counts"])):
        a, b = was["counts"].get(key), now["counts"].get(key)
        if a != b:
            lines.append(f"| {key} | {_number(a)} | {_number(b)} |")
    old, new = (read_json(d / "figures.json") if (d / "figures.json").exists() else {} for d in (before, tmp))
    for key in sorted(set(old) | set(new)):
        a, b = (f.get(key, {}).get("value") for f in (old, new))
        if a != b:
            lines.append(f"| {key} | {_number(a)} | {_number(b)} |")
    for key in ("definitions_version", "as_of", "schema_version", "gangwei_version"):
        if was.get(key) != now.get(key):
            lines.append(f"| {key} | {was.get(key)} | {now.get(key)} |")
    if len(lines) == head:
        lines[head - 2 :] = ["No figure changed."]
    lines += ["", *_ads_diff(before / "data" / "ads.parquet", tmp / "data" / "ads.parquet")]
    had, has = ({p.stem for p in (d / "data").glob("*.parquet")} for d in (before, tmp))
    lines += [
        *(f"- table added: {t}" for t in sorted(has - had)),
        *(f"- table left out: {t}" for t in sorted(had - has)),
    ]
    gone, came = ({i["file"] for i in m["inputs"]} for m in (was, now))
    lines += [
        *(f"- input added: {f}" for f in sorted(came - gone)),
        *(f"- input removed: {f}" for f in sorted(gone - came)),
    ]
    return "\n".join([*lines, ""])


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def _ads_diff(before: Path, now: Path) -> list[str]:
    if not before.is_file():
        return []
    columns = ["ad_id", "ai_tier", "opening_id", "adcode"]
    a, b = (pl.scan_parquet(p, glob=False).select(columns) for p in (before, now))
    both = a.join(b, on="ad_id", suffix="_now")
    # An opening that holds the same of these ads is the same, whatever its name: a build of all files names it by its first ad.
    alike = [
        pl.col(x).n_unique().over(y) == 1
        for x, y in (("opening_id", "opening_id_now"), ("opening_id_now", "opening_id"))
    ]
    changed = [(~pl.col(c).eq_missing(pl.col(f"{c}_now"))).sum().alias(c) for c in ("ai_tier", "adcode")]
    changed += [
        (~(alike[0] & alike[1])).sum().alias("opening_id"),
        (pl.col("opening_id") != pl.col("opening_id_now")).sum().alias("renamed"),
    ]
    moved = both.select(pl.len().alias("both"), *changed).collect().row(0, named=True)
    sizes = [f.select(pl.len()).collect().item() for f in (a, b)]
    return [
        f"- ads added: {sizes[1] - moved['both']:,}; removed: {sizes[0] - moved['both']:,}",
        f"- of {moved['both']:,} ads in both: {moved['ai_tier']:,} changed tier, {moved['opening_id']:,} changed opening "
        f"({moved['renamed']:,} bear another opening_id), {moved['adcode']:,} changed city",
    ]


def figures(ds: Dataset) -> dict[str, dict[str, Any]]:
    """Every measure over the whole dataset: value, interval, counts and how to ask for it again."""
    keep = (
        "value",
        "low",
        "high",
        "numerator",
        "denominator",
        "unit",
        "interval_method",
        "definition",
        "grain",
        "permalink",
    )
    return {k: {c: r[c] for c in keep} for k in measures.load(ds.codebook) for r in (measures.measure(ds, k).record(),)}


def _persons(employers: Path) -> pl.Series:
    """Ids of employers who are persons (sole traders): their names stay with the one who built the dataset."""
    ids = [g.filter(pl.col("kind") == PERSON)["employer_id"] for g in read_groups(employers)]
    return pl.concat(ids) if ids else pl.Series([], dtype=pl.String)


def _licences(manifest: dict[str, Any]) -> str:
    boards = sorted({b for i in manifest["inputs"] for b in (i.get("boards") or {})})
    lines = [
        "# What may be passed on",
        "",
        "Derived facts (codes, dates, counts, tiers) are released under CC-BY-4.0. Texts belong to employers and boards:",
        "before you pass them on, check each board's terms, or release with `--no-texts`, which leaves out the texts and",
        "the raw rejected rows. Titles, names of employers and addresses of pages stay, so that a row can be checked;",
        "names of sole traders, which often name a person, are left out.",
        "",
        "| board | licence of its texts |",
        "|---|---|",
        *(f"| {b} | none known; all rights presumed reserved |" for b in boards),
        "",
    ]
    return "\n".join(lines)


def readme(version: str, manifest: dict[str, Any], cite: str, texts: bool, own: bool, ledger: bool) -> str:
    """What the package holds, how to cite it, and the commands that make it again from the input files."""
    asked = manifest.get("parameters", {})
    options = options_of(asked, own)
    options += [f"--as-of {asked['as_of']}"] if asked.get("as_of") else []
    lines = [
        f"# Release {version}",
        "",
        f"{cite} Release {version}.",
        "",
        "`data/` holds each table as Parquet and CSV (columns: `datapackage.json`), `figures.json` each measure over the whole",
        "dataset, `CHANGES.md` what is new against the release before, `LICENCES.md` what may be passed on, `manifest.json`",
        "versions, parameters and counts"
        + (f", `{OWN}/` the definitions in place of the packaged ones." if own else "."),
        "",
        "## Make it again",
        "",
        f"With gangwei {manifest.get('gangwei_version')} and the input files below in one folder, started in this folder:",
        "",
        f"    gangwei build INPUTS/* --out again {' '.join(options)}".rstrip(),
        f"    gangwei release again {version}" + ("" if texts else " --no-texts"),
        f"    cd again/releases/{version} && sha256sum -c ../../../SHA256SUMS",
        "",
        "Every file is the same byte for byte, but for `CHANGES.md` where there was a release before this one"
        + (f"; the build also read `{LEDGER}`, which must lie in `again/` first." if ledger else "."),
        "",
        "| input file | rows read | SHA-256 |",
        "|---|---:|---|",
        *(f"| {i['file']} | {i['read']:,} | `{i['sha256']}` |" for i in manifest["inputs"]),
        "",
    ]
    return "\n".join(lines)


def write(directory: Path, version: str, texts: bool = True) -> Path:
    """Write `directory/releases/<version>/` whole or not at all; returns it. Without texts, raw rejected rows go too.

    Raises:
        StoreError: a bad version name, a release of that name, or a damaged table.
        DatasetError: no build there, half built, of another schema version, or corrupted.
    """
    if not NAME.fullmatch(version):
        raise StoreError(f"{version!r} is not a version name: letters, digits, dot, dash and underscore")
    target = directory / "releases" / version
    if target.exists():
        raise StoreError(f"{target}: exists; a release is never overwritten, choose another version")
    ds = Dataset.open(directory)
    ds.need_build()
    published, manifest = ds.published, ds.manifest
    earlier = sorted((directory / "releases").glob("[!.]*/manifest.json"), key=lambda p: p.stat().st_mtime_ns)
    before = earlier[-1].parent if earlier else None
    tables = [
        t
        for t in schema.PUBLISHED_TABLES
        if (published / f"{t.name}.parquet").exists() and (texts or t.name != "texts")
    ]
    rules = contacts.compile_contacts(ds.codebook)
    persons = _persons(published / "employers.parquet")
    changed: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
        "employers": lambda g: g.with_columns(name=pl.when(pl.col("kind").ne_missing(PERSON)).then("name")),
        "employer_names": lambda g: g.with_columns(contacts.strip_raw(g["name_raw"], rules)).filter(
            pl.col("employer_id").is_in(persons.implode()).fill_null(False).not_()
        ),
    }
    if not texts:
        changed["rejects"] = lambda g: g.with_columns(raw=pl.lit(None, pl.String))
    target.parent.mkdir(parents=True, exist_ok=True)
    with swapped(target) as tmp:
        (tmp / "data").mkdir()
        for t in tables:
            out = tmp / "data" / f"{t.name}.parquet"
            if t.name in changed:
                write_frames(out, t, (changed[t.name](g) for g in read_groups(published / out.name)))
            else:
                shutil.copy(published / out.name, out)
            _write_csv(out, out.with_suffix(".csv"))
        sums = {p.relative_to(tmp).as_posix(): _sha256(p) for p in sorted((tmp / "data").iterdir())}
        package = read_json(published / "datapackage.json")
        package["version"] = version
        named = {t.name: t for t in tables}
        package["resources"] = [
            _resource(r, named[r["name"]], kind, p, sums[f"data/{p.name}"])
            for r in package["resources"] if r["name"] in named
            for kind in ("parquet", "csv") for p in (tmp / "data" / f"{r['name']}.{kind}",)
        ]  # fmt: skip
        write_json(tmp / "datapackage.json", package)
        write_json(tmp / "croissant.json", croissant(version, tables, sums))
        write_json(tmp / "manifest.json", manifest)
        if (published / OWN).is_dir():
            shutil.copytree(published / OWN, tmp / OWN)
        write_text(tmp / "LICENCES.md", _licences(manifest))
        cite = str(ds.codebook.toml("labels/en.toml")["names"]["cite_as"]).format(
            version=manifest.get("gangwei_version"), kept=f"{manifest['counts']['kept']:,}",
            date=manifest.get("as_of") or "–", definitions=ds.definitions_version,
        )  # fmt: skip
        write_text(
            tmp / "README.md",
            readme(version, manifest, cite, texts, (tmp / OWN).is_dir(), (directory / LEDGER).exists()),
        )
        write_json(tmp / "figures.json", figures(ds))
        write_text(tmp / "CHANGES.md", _diff(before, tmp, version))
        every = [p for p in sorted(tmp.rglob("*")) if p.is_file() and not p.name.startswith(".")]
        write_text(tmp / "SHA256SUMS", "".join(f"{_sha256(p)}  {p.relative_to(tmp).as_posix()}\n" for p in every))
    return target
