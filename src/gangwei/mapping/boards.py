"""Names of boards as columns, folders and files write them (BOSS 直聘, www.zhipin.com, 前程无忧(51job)), and the one id of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gangwei.formats.headers import normal

LONGEST = 40
HOST = re.compile(r"(?:https?:)?(?://)?((?:[\w-]+\.)+[a-z]{2,})/?")
PARTS = re.compile(r"[()（）\[\]【】]+")
BETWEEN = re.compile(r"[\s_.-]+|(?<=[a-z])(?=[A-Z][a-z])")
DATE = re.compile(r"(?:19|20)\d\d(?:[-./]?\d\d?){0,2}|\d{1,3}")
KEYED = re.compile(r"([^=]+)=([^=]*)")


@dataclass(frozen=True)
class Boards:
    """Ids by their names and hosts, what stands around names, and the keys of folders that name a board or a date."""

    names: dict[str, str]
    hosts: dict[str, str]
    around: re.Pattern[str]
    common: frozenset[str]
    """Names that are words of their own, too"""
    keys: dict[str, re.Pattern[str]]
    file_words: re.Pattern[str]
    """What a file holds, beside the name of a board in its own name"""
    _asked: dict[str, str | None] = field(default_factory=dict, repr=False, compare=False)

    def named(self, value: str) -> str | None:
        """The id of the board that a value names, and nothing but it; None for other values."""
        if len(value) > LONGEST:
            return None
        if value not in self._asked:
            self._asked[value] = self._named(value)
        return self._asked[value]

    def _named(self, value: str) -> str | None:
        text = value.strip().lower()
        if (host := HOST.fullmatch(text)) is not None:
            return next((b for h, b in self.hosts.items() if host[1] == h or host[1].endswith(f".{h}")), None)
        if (found := self._listed(text)) is not None:
            return found
        first, *rest = [p for p in PARTS.split(text) if p.strip()] or [""]
        own = self._listed(first) or (self.named(first) if rest else None)
        return own if {self._listed(p) or own for p in rest} == {own} else None

    def _listed(self, text: str) -> str | None:
        return self.names.get(self._bare(text))

    def _bare(self, text: str) -> str:
        """A name for comparison, without what stands around it."""
        key = normal(text)
        while key not in self.names and (short := self.around.sub("", key)) != key:
            key = short
        return key

    def of_path(self, name: str) -> str | None:
        """The board that a folder (board=51job, lagou) or a file (拉勾网_2024.csv, lagou_jobs.csv) is named for; the innermost counts."""
        for part in reversed(re.split(r"[/#\\]", name)):
            keyed = KEYED.fullmatch(part)
            if keyed is not None:
                found = self.named(keyed[2]) if self.keys["board"].fullmatch(keyed[1].lower()) else None
            else:
                stem = re.sub(r"(?:\.[A-Za-z]\w{1,7})+$", "", part)
                words = [w for w in BETWEEN.split(stem) if w and not DATE.fullmatch(w)]
                name = "".join(words)
                found = None if stem.isdecimal() or self._bare(name) in self.common else self.named(name)
                rest = "".join(w for w in words if not self.file_words.match(w))
                if found is None and rest != name and not rest.isdecimal() and self._bare(rest) not in self.common:
                    found = self.named(rest)
            if found is not None:
                return found
        return None

    def capture_of_path(self, name: str) -> dict[str, Any]:
        """Date of capture, or the year alone, by folders such as dt=2024-05-06 and year=2024/month=05/day=06."""
        said: dict[str, str] = {}
        for part in re.split(r"[/#\\]", name):
            if (keyed := KEYED.fullmatch(part)) is not None:
                said |= {k: keyed[2] for k, p in self.keys.items() if p.fullmatch(keyed[1].lower())}
        if day := re.fullmatch(r"((?:19|20)\d\d)-?(\d\d)-?(\d\d)", said.get("date", "")):
            return {"captured": "-".join(day.groups())}
        if not re.fullmatch(r"(?:19|20)\d\d", said.get("year", "")):
            return {}
        if all(re.fullmatch(r"\d{1,2}", said.get(k, "")) for k in ("month", "day")):
            return {"captured": f"{said['year']}-{said['month']:0>2}-{said['day']:0>2}"}
        return {"year_hint": int(said["year"])}


def load_boards(data: Mapping[str, Any]) -> Boards:
    """From `packed.toml`: [board_names], [hosts], board_words, file_words, common_board_names and [path_keys]."""
    names = {normal(k): v for k, v in data["board_names"].items()}
    ids = {normal(b): b for b in (*names.values(), *data["hosts"].values())}
    keys = {k: re.compile(p) for k, p in data["path_keys"].items()}
    common = frozenset(map(normal, data["common_board_names"]))
    around, file_words = re.compile(data["board_words"]), re.compile(data["file_words"])
    return Boards({**ids, **names}, data["hosts"], around, common, keys, file_words)
