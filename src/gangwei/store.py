"""Files of a dataset directory: content-addressed stage parts, written to a temporary name and then renamed.

DIR/stages/<table>/<key>.parquet    one part; the key is a hash of everything it was made from
DIR/published/<table>.parquet       the dataset
DIR/build.json                      the inputs and parameters of the last build
DIR/.build.json                     those of a build whose published/ is about to take its place
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from gangwei.schema import ADS, TEXTS, Column, Table

PART_ROWS = 32_768
PACKAGE = Path(__file__).parent
FULL = ("No space left", "Disk quota exceeded", "File too large")


class StoreError(Exception):
    """One line: which file, what is wrong, what to do."""


def digest(*parts: object) -> str:
    """16 hex digits over the JSON form of `parts`."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


@cache
def code_digest(*patterns: str) -> str:
    """Hash of the package source files that the patterns name: a module, `formats/*.py`, `kernels/**/*.py`."""
    h = hashlib.sha256()
    for pattern in patterns:
        for f in sorted(PACKAGE.glob(pattern)):
            h.update(f.relative_to(PACKAGE).as_posix().encode() + f.read_bytes())
    return h.hexdigest()[:16]


def arrow_table(frame: pl.DataFrame, table: Table) -> pa.Table:
    """`frame` as an Arrow table of exactly the declared schema."""
    return table.conform(frame).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(table.arrow)


@contextmanager
def _spoken(path: Path) -> Iterator[None]:
    """Turn a full disk or a refused write into one line."""
    try:
        yield
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or any(m in str(e) for m in FULL):
            raise StoreError(
                f"{path.name}: no space left on the disk; free some and run the same command again"
            ) from None
        if e.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StoreError(f"{path}: no permission to write here; choose another --out") from None
        raise


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary sibling of `path` that takes its name when the block ends well and vanishes when it does not.

    Raises:
        StoreError: no space or no permission.
    """
    tmp = path.with_name(f".{path.name}.{uuid4().hex[:12]}.tmp")
    try:
        with _spoken(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield tmp
            os.replace(tmp, path)
    finally:
        tmp.unlink(missing_ok=True)


@contextmanager
def swapped(folder: Path) -> Iterator[Path]:
    """An empty temporary folder that replaces `folder` when the block ends well and vanishes when it does not.

    What was there before is put back when anything stops the two renames halfway.
    """
    tmp, old = (folder.with_name(f".{folder.name}.{x}.tmp") for x in ("new", "old"))
    shutil.rmtree(tmp, ignore_errors=True)
    try:
        with _spoken(folder):
            tmp.mkdir(parents=True)
            yield tmp
            if folder.exists():
                os.replace(folder, old)
            os.replace(tmp, folder)
    finally:
        _put_back(old, folder)
        shutil.rmtree(tmp, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _put_back(old: Path, folder: Path) -> None:
    """The folder that was moved aside for another that never came."""
    if old.is_dir() and not folder.exists():
        os.replace(old, folder)


class Writer:
    """A Parquet file in the making: one row group for each frame written."""

    def __init__(self, path: Path, table: Table, options: dict[str, Any]) -> None:
        self.table, self.rows = table, 0
        self.file = pq.ParquetWriter(path, table.arrow, **options)

    def write(self, frame: pl.DataFrame) -> None:
        """Append a frame."""
        if frame.height:
            self.file.write_table(arrow_table(frame, self.table), row_group_size=frame.height)
            self.rows += frame.height


@contextmanager
def writing(path: Path, table: Table, compression: str | dict[str, str] = "lz4", **options: Any) -> Iterator[Writer]:
    """A writer whose file appears when the block ends well; `options` are those of pyarrow's writer. Stage files (lz4) go
    without statistics, and with dictionaries only where values repeat; hashes are not compressed. Columns that are published
    as they lie there are written like published ones."""
    stage: dict[str, Any] = {"write_statistics": True}
    if compression == "lz4":
        compression = {c: "none" if c in _HASHES else "lz4" for c in _leaves(table, lambda _: True, frozenset())}
        stage = {"use_dictionary": _leaves(table, pa.types.is_string, _STAGE_DISTINCT), "write_statistics": False}
        if kept := copied(table):
            like = published(Table("", "", kept))
            leaves = _leaves(Table("", "", kept), lambda _: True, frozenset())
            compression |= dict.fromkeys(leaves, like["compression"])
            repeated = {*stage["use_dictionary"], *like["use_dictionary"]}
            stage = {
                "use_dictionary": sorted(repeated),
                "write_statistics": like["write_statistics"] or False,
                "compression_level": dict.fromkeys(leaves, like["compression_level"]),
            }
    with atomic(path) as tmp:
        writer = Writer(tmp, table, {"compression": compression, **stage, **options})
        with writer.file:
            yield writer


def write_frames(path: Path, table: Table, frames: Iterable[pl.DataFrame], **options: Any) -> int:
    """Write `frames`, one row group each, and return the number of rows; `options` are those of `writing`."""
    with writing(path, table, **options) as writer:
        for frame in frames:
            writer.write(frame)
    return writer.rows


# columns whose values hardly repeat: a dictionary or least and greatest values of them cost time and tell nothing
_DISTINCT = frozenset(
    ("ad_id", "source_key", "url", "title", "opening_id", "spell_id", "matched_ad_id", "ai_score", "text", "name_raw")
)
_STAGE_DISTINCT = _DISTINCT | {"description", "company", "address", "tags"}
_HASHES = ("sketch", "sketch_hash", "content_hash", "text_hash")


def copied(table: Table) -> tuple[Column, ...]:
    """Columns of a stage table whose bytes go to published ads and texts (see chunks)."""
    names = {*ADS.polars, *TEXTS.polars} if table.name in ("clean", "located", "classified") else set()
    return tuple(c for c in table.columns if c.name in names)


def _leaves(table: Table, wanted: Callable[[pa.DataType], bool], distinct: frozenset[str]) -> list[str]:
    """Parquet names of the columns that are `wanted`, inside of lists and structs too, but for the `distinct` ones."""

    def leaves(name: str, kind: pa.DataType) -> list[str]:
        if pa.types.is_list(kind):
            return leaves(f"{name}.list.element", kind.value_type)
        if pa.types.is_struct(kind):
            return [leaf for f in kind for leaf in leaves(f"{name}.{f.name}", f.type)]
        return [name] if wanted(kind) else []

    return [leaf for f in table.arrow if f.name not in distinct for leaf in leaves(f.name, f.type)]


def published(table: Table) -> dict[str, Any]:
    """Options of pyarrow's writer for a published table."""
    repeated = _leaves(table, lambda _: True, _DISTINCT)
    return {"compression": "zstd", "compression_level": 1, "use_dictionary": repeated, "write_statistics": repeated}


def write_text(path: Path, text: str) -> None:
    """Write a small text file whole or not at all."""
    with atomic(path) as tmp:
        tmp.write_text(text, "utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys, so that equal values are equal bytes."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def read_lines(path: Path) -> pl.DataFrame:
    """A table that a person wrote, in UTF-8, UTF-16 or GB18030: a CSV by its name (comma, semicolon or tab; every cell is text, so
    that 007 stays 007), else JSON lines or one JSON array.

    Raises:
        StoreError: it is not there, empty or not of that form.
    """
    if not path.is_file():
        raise StoreError(f"{path}: is a folder, not a file" if path.is_dir() else f"{path}: no such file")
    table = path.suffix.lower() in (".csv", ".tsv", ".txt")
    form = "CSV" if table else "JSON lines"
    try:
        text = _decoded(path.read_bytes()).strip("\n\r ")
        if not text:
            raise StoreError(f"{path.name}: cannot be read as {form} (it holds no line)")
        if table:
            head = text.split("\n", 1)[0]
            separator = max(",;\t", key=head.count)
            return pl.read_csv(text.encode(), separator=separator, infer_schema=False)
        read = pl.read_json if text.startswith("[") else pl.read_ndjson
        return read(text.encode(), infer_schema_length=None)
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as e:
        raise StoreError(f"{path.name}: cannot be read as {form} ({str(e).splitlines()[0]})") from None


def _decoded(data: bytes) -> str:
    """Text of a file as editors and spreadsheets save it."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def read_json(path: Path) -> Any:
    """Read JSON; a broken file is a StoreError that names it."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{path}: not there; run `gangwei build` first") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise StoreError(f"{path}: broken; remove it and run the build again") from None


def _damaged(path: Path, e: BaseException) -> StoreError:
    return StoreError(f"{path}: damaged ({str(e).splitlines()[0][:120]}); delete it and run the build again")


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a stage or published file; a damaged one is a StoreError that says what to do."""
    try:
        return pq.ParquetFile(path)
    except FileNotFoundError:
        raise StoreError(f"{path.name}: not there; run the build again") from None
    except (pa.ArrowInvalid, OSError) as e:
        raise _damaged(path, e) from None


def read_tables(path: Path, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The row groups of a part as Arrow tables, in order."""
    f = open_parquet(path)
    try:
        for i in range(f.num_row_groups):
            yield f.read_row_group(i, columns=columns, use_threads=False)
    except (pa.ArrowInvalid, OSError) as e:
        raise _damaged(path, e) from None


def read_groups(path: Path, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
    """The row groups of a part as frames, in order."""
    if open_parquet(path).num_row_groups == 1:  # Polars takes half of the time, but reads files as a whole
        try:
            yield pl.read_parquet(path, columns=columns, use_statistics=False, parallel="none", glob=False)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as e:
            raise _damaged(path, e) from None
        return
    for table in read_tables(path, columns):
        yield pl.DataFrame(table)


def read_frame(path: Path, columns: list[str] | None = None) -> pl.DataFrame:
    """A whole part as one frame."""
    frames = list(read_groups(path, columns))
    if frames:
        return pl.concat(frames)
    empty = pl.DataFrame(open_parquet(path).schema_arrow.empty_table())
    return empty.select(columns) if columns else empty


def rechunk(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The same rows in frames of exactly `rows` (the last one may be shorter)."""
    held: list[pl.DataFrame] = []
    n = 0
    for frame in frames:
        held.append(frame)
        n += frame.height
        while n >= rows:
            whole = pl.concat(held)
            yield whole[:rows]
            held, n = [whole[rows:]], n - rows
    if n:
        yield pl.concat(held)


def map_part(
    sources: list[Path], out: Path, table: Table, fn: Callable[..., pl.DataFrame], columns: list[list[str] | None]
) -> int:
    """Run `fn` over the row groups of row-aligned parts and write its result, row-aligned again; returns the rows.

    Raises:
        StoreError: `fn` changed the number of rows, or a source is damaged.
    """

    def frames() -> Iterator[pl.DataFrame]:
        for group in zip(*(read_groups(s, c) for s, c in zip(sources, columns)), strict=True):
            result = fn(*group)
            if result.height != group[0].height:
                raise StoreError(f"{table.name}: {group[0].height} rows in, {result.height} out")
            yield result

    return write_frames(out, table, frames())


def record(root: Path, plan: dict[str, Any], publish: Callable[[], None]) -> None:
    """Run `publish`, which puts a new `published/` in its place, and make `plan` the build.json that goes with it.

    `plan` has the build_key of the manifest: when the process is killed in between, the next build finishes the step.
    """
    write_json(root / PENDING, plan)
    publish()
    os.replace(root / PENDING, root / "build.json")


def _settle(root: Path) -> None:
    """Finish, or undo, the last step of a build that was killed in the midst of it."""
    _put_back(root / ".published.old.tmp", root / "published")
    if (root / PENDING).exists():
        manifest = root / "published" / "manifest.json"
        done = manifest.exists() and read_json(manifest).get("build_key") == read_json(root / PENDING)["build_key"]
        os.replace(root / PENDING, root / "build.json") if done else (root / PENDING).unlink()


PENDING = ".build.json"
# folders that a build replaces, and the files that tell that a build made them
MINE = {"published": ("published/manifest.json",), "stages": (".lock", "build.json")}


def _lock(file: int) -> None:
    """Lock an open file until it is closed; OSError where another process has locked it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the directory's lock; a second build of the same directory is refused.

    Raises:
        StoreError: another build runs there, it cannot be written to, or it holds files of others where a build would put its own.
    """
    for name, signs in MINE.items():
        if (root / name).is_dir() and any((root / name).iterdir()) and not any((root / s).is_file() for s in signs):
            raise StoreError(f"{root / name}: holds files that gangwei did not write; choose another --out")
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = (root / ".lock").open("w")
    except NotADirectoryError:
        raise StoreError(f"{root}: is not a directory; choose another --out") from None
    except FileExistsError:
        raise StoreError(f"{root}: is a file; choose another --out") from None
    except PermissionError:
        raise StoreError(f"{root}: no permission to write here; choose another --out") from None
    except OSError as e:
        raise StoreError(f"{root}: cannot be written to ({e.strerror}); choose another --out") from None
    with handle:
        try:
            _lock(handle.fileno())
        except OSError:
            raise StoreError(f"{root}: another build is running here; wait for it or choose another --out") from None
        _settle(root)
        for stray in (*root.glob(".*.tmp"), *(root / "stages").rglob(".*.tmp")):
            shutil.rmtree(stray) if stray.is_dir() else stray.unlink()
        yield
