"""Open a file or a member of a zip, tar or gz archive as bytes, within limits: a bomb or a broken archive is one clear line."""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from gangwei.formats.chunk import Limits, Unreadable

ZIP = b"PK\x03\x04"
GZIP = b"\x1f\x8b"
JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
SPOOL = 64 << 20
TAR, TAR_AT = b"ustar", 257
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
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
        if self.member is None:
            with self.path.open("rb") as f:
                yield Guard(cast(BinaryIO, f), self.path.stat().st_size, self.limits)
            return
        if _is_tar(self.path):
            with _tar(self.path) as t:
                stream = t.extractfile(self.member)
                if stream is None:
                    raise Unreadable("broken_archive", f"the archive has no member {self.member} any more")
                yield Guard(cast(BinaryIO, stream), self.path.stat().st_size, self.limits)
            return
        outer, _, inner = self.member.partition("#")
        with _zip(self.path) as z:
            info = _find(z, outer)
            packed = max(info.compress_size, 1)
            with _member(z, info) as f:
                guard = Guard(f, packed, self.limits)
                if not inner:
                    yield guard
                    return
                with tempfile.SpooledTemporaryFile(SPOOL) as spool:
                    _copy(guard, cast(BinaryIO, spool))
                    with _zip(cast(BinaryIO, spool)) as zz:
                        deep = _find(zz, inner)
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


@contextmanager
def _tar(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path) as t:
            yield t
    except BROKEN as e:
        raise Unreadable("broken_archive", f"the tar archive is damaged or cut off ({e}); fetch it again") from None


def _copy(source: io.RawIOBase | BinaryIO, target: BinaryIO) -> None:
    while data := source.read(1 << 20):
        target.write(data)
    target.seek(0)


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


def _find(z: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    for info in z.infolist():
        if member_name(info) == name:
            return info
    raise Unreadable("broken_archive", f"the archive has no member {name} any more")


def is_office(names: list[str]) -> bool:
    """True when a zip directory is that of an Excel or OpenDocument file."""
    return "[Content_Types].xml" in names or ("mimetype" in names and "content.xml" in names)


def kind_of(head: bytes) -> str:
    """zip, gzip, parquet, sqlite, xls or text, from the first bytes."""
    if head.startswith((ZIP, b"PK\x05\x06")):
        return "zip"
    if head.startswith(GZIP):
        return "gzip"
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
        return list(_tar_names(path, limits))
    with path.open("rb") as f:
        if kind_of(f.read(8)) != "zip":
            return None
    with _zip(path) as z:
        infos = [i for i in z.infolist() if not i.is_dir()]
        if is_office([i.filename for i in infos]):
            return None
        _check_size(sum(i.file_size for i in infos), path.stat().st_size, limits)
        out: list[str] = []
        for info in infos:
            name = member_name(info)
            if any(j in name for j in JUNK):
                continue
            inner = _inner_names(z, info, limits)
            out += [name] if inner is None else [f"{name}#{n}" for n in inner]
        return out


def _tar_names(path: Path, limits: Limits) -> Iterator[str]:
    total, packed = 0, path.stat().st_size
    with _tar(path) as t:
        for member in t:
            total += member.size
            _check_size(total, packed, limits)
            if member.isfile() and not any(j in member.name for j in JUNK):
                yield member.name


def _inner_names(z: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> list[str] | None:
    with _member(z, info) as f:
        guard = Guard(f, max(info.compress_size, 1), limits)
        head = guard.read(8) or b""
        if kind_of(head) != "zip":
            return None
        with tempfile.SpooledTemporaryFile(SPOOL) as spool:
            spool.write(head)
            _copy(guard, cast(BinaryIO, spool))
            with _zip(cast(BinaryIO, spool)) as inner:
                infos = [i for i in inner.infolist() if not i.is_dir()]
                if is_office([i.filename for i in infos]):
                    return None
                _check_size(sum(i.file_size for i in infos), max(info.file_size, 1), limits)
                names = [member_name(i) for i in infos]
                return [n for n in names if not any(j in n for j in JUNK)]


def _check_size(total: int, packed: int, limits: Limits) -> None:
    if total > limits.max_expanded_bytes or (total > limits.ratio_from_bytes and total > packed * limits.max_ratio):
        raise Unreadable(
            "zip_bomb",
            f"says it expands to {total / 1e6:,.0f} MB from {packed / 1e6:,.2f} MB; unpack it yourself if you trust it",
        )
