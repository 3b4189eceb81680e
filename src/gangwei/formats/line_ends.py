"""Line ends written twice: `\\r\\r\\n`, as a program leaves them that writes `\\r\\n` through a text file of Windows."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from gangwei.formats.archive import Blob

# in one byte or two (UTF-16) for a character; tried at the start of each run only, so that a file of nothing else takes no longer
SURPLUS = re.compile(rb"(?<!\r)\r++(?<=\r\r)(?=\n)|(?<!\r\x00)(?:\r\x00)++(?<=\r\x00\r\x00)(?=\n)")
END = re.compile(rb"(?<!\r)(?<!\r\x00)(?:\r\x00?)++\Z")
LONGEST = 64  # bytes of a run that waits for what follows


def without_surplus(data: bytes) -> bytes:
    """The bytes with one `\\r` before each `\\n` that had several."""
    return SURPLUS.sub(lambda run: run[0][: 2 if run[0].endswith(b"\0") else 1], data)


class Mended(io.RawIOBase):
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
            cut = end.start() if end and len(end[0]) <= LONGEST else len(data)
            self.held, self.ready = data[cut:], without_surplus(data[:cut])
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
            yield cast(BinaryIO, io.BufferedReader(Mended(raw), 1 << 20))


def single(blob: Blob, head: bytes) -> Blob:
    """The blob itself, or one with single line ends where some in its first bytes are doubled."""
    return SingleEnds(blob.path, blob.member, blob.limits) if SURPLUS.search(head) else blob
