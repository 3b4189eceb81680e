"""Open a file or a member of a zip, tar or gz archive as bytes, within limits: a bomb or a broken archive is one clear line."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, BinaryIO, cast

from gangwei.formats.chunk import Limits, Unreadable

ZIP = b"PK\x03\x04"
GZIP = b"\x1f\x8b"
OTHERS = (b"Rar!\x1a\x07", b"7z\xbc\xaf", b"\xfd7zXZ", b"BZh")
JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
SPOOL = 64 << 20
TAR, TAR_AT = b"ustar", 257
FEW = 8  # members of a packed tar beyond which it is unpacked once, not from its start for each of them
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    gzip.BadGzipFile,
    NotImplementedError,
    UnicodeDecodeError,
)


class Guard(io.RawIOBase):
    """A readable stream that counts what it expands to and stops at the limit; broken archives raise `Unreadable`."""

    def __init__(self, stream: BinaryIO, packed: int, limits: Limits) -> None:
        super().__init__()
        self.stream, self.packed, self.limits, self.count = stream, max(packed, 1), limits, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = cast(memoryview, buffer)
        try:
            data = self.stream.read(len(view))
        except BROKEN as e:
            raise Unreadable("broken_archive", f"the archive is damaged or cut off ({e}); fetch it again") from None
        except RuntimeError as e:
            raise Unreadable("encrypted", f"the archive needs a password ({e}); unpack it first") from None
        except OSError as e:
            if e.errno is not None:
                raise
            raise Unreadable("broken_archive", f"the archive is damaged ({e}); fetch it again") from None  # bzip2
        self.count += len(data)
        if self.count > self.limits.max_expanded_bytes or (
            self.count > self.limits.ratio_from_bytes and self.count > self.packed * self.limits.max_ratio
        ):
            raise Unreadable(
                "zip_bomb",
                f"expands to more than {self.count / 1e6:,.0f} MB from {self.packed / 1e6:,.2f} MB;"
                " unpack it yourself if you trust it",
            )
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self.stream.close()
        super().close()


@dataclass(frozen=True)
class Blob:
    """A file, or a member of an archive; members of members are joined by '#'."""

    path: Path
    member: str | None
    limits: Limits

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """The content, unpacked, from its start."""
        with self._open() as raw:
            head = io.BufferedReader(raw, 1 << 20)
            if head.peek(2)[:2] == GZIP:
                packed = self.path.stat().st_size if self.member is None else raw.packed
                with gzip.GzipFile(fileobj=head) as inner:
                    yield cast(BinaryIO, io.BufferedReader(Guard(cast(BinaryIO, inner), packed, self.limits), 1 << 20))
            else:
                yield cast(BinaryIO, head)

    @contextmanager
    def _open(self) -> Iterator[Guard]:
        """The stream of the file or member as it is stored, behind a guard."""
        if self.member is None:
            with self.path.open("rb") as f:
                yield Guard(cast(BinaryIO, f), self.path.stat().st_size, self.limits)
            return
        if _is_tar(self.path):
            known = _of_tar(self.path, _state(self.path))
            if self.member not in known:
                raise Unreadable("broken_archive", f"the archive has no member {self.member} any more")
            with _tar(self.path, len(known)) as t:
                stream = t.extractfile(known[self.member])
                yield Guard(cast(BinaryIO, stream), self.path.stat().st_size, self.limits)
            return
        z, named = _of_zip(self.path, _state(self.path))
        info, inner = _find(named, self.member)
        with _member(z, info) as f:
            guard = Guard(f, max(info.compress_size, 1), self.limits)
            if not inner:
                yield guard
                return
            with tempfile.SpooledTemporaryFile(SPOOL) as spool:
                _copy(guard, cast(BinaryIO, spool))
                with _zip(cast(BinaryIO, spool)) as zz:
                    deep, _ = _find(_named(zz), inner)
                    with _member(zz, deep) as g:
                        yield Guard(g, max(deep.compress_size, 1), self.limits)

    @contextmanager
    def seekable(self) -> Iterator[Path | BinaryIO]:
        """The path itself where it is a plain file, else a seekable copy (in memory up to 64 MiB)."""
        with self.stream() as f:
            plain = self.member is None and isinstance(f, io.BufferedReader) and isinstance(f.raw, Guard)
            if plain and not _is_gzip(self.path):
                yield self.path
                return
            with tempfile.SpooledTemporaryFile(SPOOL) as spool:
                _copy(f, cast(BinaryIO, spool))
                yield cast(BinaryIO, spool)


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as f:
        return f.read(2) == GZIP


def _is_tar(path: Path) -> bool:
    """A tar archive, packed by gzip or not."""
    with gzip.open(path) if _is_gzip(path) else path.open("rb") as f:
        try:
            return f.read(TAR_AT + len(TAR))[TAR_AT:] == TAR
        except BROKEN:
            return False


def _state(path: Path) -> tuple[int, int]:
    """What changes with a file."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@contextmanager
def _tar(path: Path, members: int = 0) -> Iterator[tarfile.TarFile]:
    """An open tar; one of several `members` is unpacked once for all of them."""
    try:
        if members > FEW and _is_gzip(path):
            with tarfile.open(_unpacked(path, _state(path)).name) as t:
                yield t
        else:
            with tarfile.open(path) as t:
                yield t
    except BROKEN as e:
        raise Unreadable("broken_archive", f"the tar archive is damaged or cut off ({e}); fetch it again") from None


@lru_cache(maxsize=2)
def _of_tar(path: Path, state: tuple[int, int]) -> dict[str, tarfile.TarInfo]:
    """Files of a tar by name; of several of one name the last, as a tar means it."""
    with _tar(path) as t:
        named = ((decoded(m.name.encode("utf-8", "surrogateescape")), m) for m in t if m.isfile())
        return {name or repr(m.name): m for name, m in named}


@lru_cache(maxsize=2)
def _unpacked(path: Path, state: tuple[int, int]) -> IO[bytes]:
    """A copy of a gzip file, unpacked; it is gone when the cache lets it go."""
    copy = cast(IO[bytes], tempfile.NamedTemporaryFile(prefix="gangwei-"))  # noqa: SIM115
    with gzip.open(path) as f:
        _copy(cast(BinaryIO, f), cast(BinaryIO, copy))
    return copy


def _copy(source: io.RawIOBase | BinaryIO, target: BinaryIO) -> None:
    while data := source.read(1 << 20):
        target.write(data)
    target.seek(0)


@lru_cache(maxsize=2)
def _of_zip(path: Path, state: tuple[int, int]) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    """An open zip and its files by name, so that its directory is not read again for each member; it is closed when the cache
    lets it go."""
    z = _zip(path)
    return z, _named(z)


def _named(z: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Files of a zip by name; one of a name that came before has its position behind it."""
    out: dict[str, zipfile.ZipInfo] = {}
    for i, info in enumerate(z.infolist()):
        if not info.is_dir():
            name = member_name(info)
            out[f"{name}~{i}" if name in out else name] = info
    return out


def _zip(source: Path | BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except BROKEN as e:
        raise Unreadable("broken_archive", f"the zip archive is damaged ({e}); fetch it again") from None


def _member(z: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    try:
        return cast(BinaryIO, z.open(info))
    except RuntimeError as e:
        raise Unreadable("encrypted", f"the archive needs a password ({e}); unpack it first") from None
    except BROKEN as e:
        raise Unreadable("broken_archive", f"the zip archive is damaged ({e}); fetch it again") from None


def member_name(info: zipfile.ZipInfo) -> str:
    """The name of a member; names without the UTF-8 flag are GBK on Chinese systems."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    return decoded(raw) or info.filename


def decoded(name: bytes) -> str | None:
    """A name of a file in UTF-8 or GBK; None where it is neither."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return name.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _find(named: dict[str, zipfile.ZipInfo], member: str) -> tuple[zipfile.ZipInfo, str]:
    """A file of a zip and the name of the member within it, '' for the file itself; names may have '#' in them."""
    if member in named:
        return named[member], ""
    for at, ch in enumerate(member):
        if ch == "#" and member[:at] in named:
            return named[member[:at]], member[at + 1 :]
    raise Unreadable("broken_archive", f"the archive has no member {member} any more")


def is_office(names: list[str]) -> bool:
    """True when a zip directory is that of an Excel or OpenDocument file."""
    return "[Content_Types].xml" in names or ("mimetype" in names and "content.xml" in names)


def kind_of(head: bytes) -> str:
    """zip, gzip, packed (another archive), parquet, sqlite, xls or text, from the first bytes."""
    if head.startswith((ZIP, b"PK\x05\x06")):
        return "zip"
    if head.startswith(GZIP):
        return "gzip"
    if head.startswith(OTHERS) and (head[:3] != OTHERS[-1] or head[4:7] == b"1AY"):
        return "packed"
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"SQLite format 3\0"):
        return "sqlite"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "xls"
    return "text"


def members(path: Path, limits: Limits) -> list[str] | None:
    """Names of the members of a zip or tar, zips in zips opened one level; None when the file is not an archive of files.

    Raises:
        Unreadable: the archive is broken, or its directory promises more than the limits allow.
    """
    if _is_tar(path):
        return _tar_names(path, limits)
    with path.open("rb") as f:
        if kind_of(f.read(8)) != "zip":
            return None
    z, named = _of_zip(path, _state(path))
    if is_office(list(named)):
        return None
    _check_size(sum(i.file_size for i in named.values()), path.stat().st_size, limits)
    out: list[str] = []
    for name, info in named.items():
        if any(j in name for j in JUNK):
            continue
        try:
            inner = _inner_names(z, info, limits)
        except Unreadable as e:
            if e.reason_id != "broken_archive":
                raise
            inner = None  # told of when it is read; the others go on
        out += [name] if inner is None else [f"{name}#{n}" for n in inner]
    return out


def _tar_names(path: Path, limits: Limits) -> list[str]:
    total, packed = 0, path.stat().st_size
    with _tar(path) as t:
        for member in t:
            total += member.size
            _check_size(total, packed, limits)
    return [name for name in _of_tar(path, _state(path)) if not any(j in name for j in JUNK)]


def _inner_names(z: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> list[str] | None:
    """Names within a zip in a zip; None for another file."""
    with _member(z, info) as f:
        guard = Guard(f, max(info.compress_size, 1), limits)
        head = guard.read(8) or b""
        if kind_of(head) != "zip":
            return None
        with tempfile.SpooledTemporaryFile(SPOOL) as spool:
            spool.write(head)
            _copy(guard, cast(BinaryIO, spool))
            with _zip(cast(BinaryIO, spool)) as inner:
                named = _named(inner)
                if is_office(list(named)):
                    return None
                _check_size(sum(i.file_size for i in named.values()), max(info.file_size, 1), limits)
                return [n for n in named if not any(j in n for j in JUNK)]


def _check_size(total: int, packed: int, limits: Limits) -> None:
    if total > limits.max_expanded_bytes or (total > limits.ratio_from_bytes and total > packed * limits.max_ratio):
        raise Unreadable(
            "zip_bomb",
            f"says it expands to {total / 1e6:,.0f} MB from {packed / 1e6:,.2f} MB; unpack it yourself if you trust it",
        )
