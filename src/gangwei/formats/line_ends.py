"""Line ends written twice: `\\r\\r\\n`, as a program leaves them that writes `\\r\\n` through a text file of Windows."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from gangwei.formats.archive import Blob

SURPLUS = re.compile(rb"\r+(?=\r\n)|(?:\r\x00)+(?=\r\x00\n)")  # in one byte or two (UTF-16) for a character
END = re.compile(rb"(?:\r\x00?)+$")


class _Mended(io.RawIOBase):
    """A stream with each run of `\\r` before `\\r\\n` taken away; of what is read, a `\\r` at the end waits for what follows."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self.stream, self.held, self.ready = stream, b"", b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = cast(memoryview, buffer)
        while not self.ready:
            more = self.stream.read(len(view))
            data = self.held + more
            end = END.search(data) if more else None
            self.held = data[end.start() :] if end else b""
            self.ready = SURPLUS.sub(b"", data[: end.start()] if end else data)
            if not more:
                break
        part, self.ready = self.ready[: len(view)], self.ready[len(view) :]
        view[: len(part)] = part
        return len(part)


class SingleEnds(Blob):
    """A text file as if its line ends were single."""

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """The content from its start."""
        with super().stream() as raw:
            yield cast(BinaryIO, io.BufferedReader(_Mended(raw), 1 << 20))


def single(blob: Blob, head: bytes) -> Blob:
    """The blob itself, or one with single line ends where some in its first bytes are doubled."""
    return SingleEnds(blob.path, blob.member, blob.limits) if SURPLUS.search(head) else blob
