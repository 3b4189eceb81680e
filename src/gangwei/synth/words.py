"""Word lists of the synthetic ads, compiled to one table of byte fragments that the assembler copies from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from opencc import OpenCC

from gangwei.codebook import Codebook

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

TIERS = ("none", "user", "adjacent", "builder")
STYLES = ("office", "field", "intern")


@dataclass
class Bank:
    """Fragments in order of addition; a list is a run of fragments."""

    fragments: list[str] = field(default_factory=list)

    def add(self, words: list[str]) -> tuple[int, int]:
        """Append a list; returns (index of its first fragment, how many)."""
        start = len(self.fragments)
        self.fragments.extend(words)
        return start, len(words)


@dataclass(frozen=True)
class Place:
    """One way of writing a place, with its truth."""

    city: str
    district: str
    adcode: str | None
    county: str | None
    status: str
    address: str


@dataclass(frozen=True)
class Words:
    """Compiled lists.

    offsets, data: fragment i is data[offsets[i]:offsets[i+1]]; fragment i + half is its Traditional form.
    lists: name -> (first fragment, count). families: rows of families.toml. fam: int64 [n_families, 8] = titles start, count,
    duties start, count, needs start, count, trap list start, count. places: all written places; place_runs: int64
    [n_cities, n_forms, 2] = first place, count.
    """

    offsets: I64
    data: U8
    half: int
    lists: dict[str, tuple[int, int]]
    families: list[dict[str, Any]]
    fam: I64
    family_weights: npt.NDArray[np.float64]
    cities: list[dict[str, str]]
    places: list[Place]
    place_runs: I64
    employers: list[dict[str, str]]


FORMS = ("plain", "dash", "split", "full", "county", "multi", "ambiguous", "none", "dot")
_AMBIGUOUS = ("朝阳区", "鼓楼区", "吉林", "朝阳", "城关区", "新城区")
_NOWHERE = ("全国", "远程", "异地招聘", "海外", "")
_SAME_NAME = ("吉林", "朝阳", "海南")


def _expand(words: list[str], values: dict[str, list[str]]) -> list[str]:
    """Replace each {name} by every value of that name."""
    out = list(words)
    for name, options in values.items():
        key = "{" + name + "}"
        out = [w.replace(key, o) for w in out for o in (options if key in w else [""])]
    return out


def _places(cities: list[dict[str, str]]) -> tuple[list[Place], I64]:
    """Every written place and the run of each (city, form); a form that a city lacks falls back to the full form."""
    places: list[Place] = []
    runs = np.zeros((len(cities), len(FORMS), 2), np.int64)
    for i, c in enumerate(cities):
        name, code, province = c["name"], c["id"], c["province"]
        unique = name not in _SAME_NAME
        districts = [d.split(":") for d in c["districts"].split("|") if d]
        counties = [d.split(":") for d in c["county_cities"].split("|") if d]
        full = name + "市" if province == name + "市" else f"{province}{name}市"
        other = cities[(i * 7 + 11) % len(cities)]
        made: dict[str, list[Place]] = {
            "full": [Place(full, "", code, None, "ok", full)],
            "plain": [Place(name if unique else name + "市", "", code, None, "ok", name + "市")],
            "dash": [Place(f"{name}-{d}", "", code, k, "ok", name + d) for d, k in districts],
            "split": [Place(name if unique else full, d, code, k, "ok", d) for d, k in districts],
            "dot": [Place(f"{name}·{d}", "", code, k, "ok", d) for d, k in districts],
            "county": [p for d, k in counties for p in _county(name, d, code, k)],
            "multi": [Place(f"{name}/{other['name']}", "", None, None, "multi", "")],
            "ambiguous": [Place(_AMBIGUOUS[i % len(_AMBIGUOUS)], "", None, None, "ambiguous", "")],
            "none": [Place(_NOWHERE[i % len(_NOWHERE)], "", None, None, "none", "")],
        }
        if not unique or other["name"] in _SAME_NAME:
            made["dash"] = made["dot"] = made["multi"] = []
        for f, form in enumerate(FORMS):
            options = made[form] or made["full"]
            runs[i, f] = len(places), len(options)
            places.extend(options)
    return places, runs


def _county(city: str, county: str, code: str, county_code: str) -> list[Place]:
    return [
        Place(county, "", code, county_code, "ok", county + "市"),
        Place(f"{city}-{county}市", "", code, county_code, "ok", county + "市"),
    ]


def compile_words(book: Codebook) -> Words:
    """Read definitions/synth and lay everything out for the assembler.

    Raises:
        DefinitionError: a file of definitions/synth is missing or malformed.
    """
    words = book.toml("synth/words.toml")
    families = book.toml("synth/families.toml")["family"]
    cities, employers = book.rows("synth/cities.csv"), book.rows("synth/employers.csv")
    values = {
        "domain": words["domains"],
        "year": [str(y) for y in range(1996, 2022)],
        "staff": ["50", "120", "300", "680", "900", "2000"],
        "city": [c["name"] for c in cities[:30]],
        "code": [str(n) for n in range(10321, 10381, 3)],
    }
    english = {"domain": words["english_domains"]}
    bank = Bank()
    lists = {}
    for name, items in words.items():
        lists[name] = bank.add(_expand(items, english if name.startswith("english") else values))
    lists["real_employers"] = bank.add([e["name"] for e in employers])
    lists["city_names"] = bank.add([c["name"] for c in cities])
    lists["digits"] = bank.add([f"{n:02d}" for n in range(100)])
    lists["numbers"] = bank.add([str(n) for n in range(1, 100)])
    lists["glue"] = bank.add(list(GLUE))
    fam = np.zeros((len(families), 8), np.int64)
    for i, f in enumerate(families):
        fam[i, 0:2] = bank.add(f["titles"])
        fam[i, 2:4] = bank.add(f["duties"])
        fam[i, 4:6] = bank.add(f["needs"])
        fam[i, 6:8] = lists["trap_" + f["trap"]] if f.get("trap") else (0, 0)
    traditional = OpenCC("s2tw")
    encoded = [w.encode() for w in (*bank.fragments, *(traditional.convert(w) for w in bank.fragments))]
    places, runs = _places(cities)
    return Words(
        offsets=np.concatenate([[0], np.cumsum([len(b) for b in encoded])]).astype(np.int64),
        data=np.frombuffer(b"".join(encoded), np.uint8),
        half=len(bank.fragments),
        lists=lists,
        families=families,
        fam=fam,
        family_weights=np.array([f["weight"] for f in families], np.float64),
        cities=cities,
        places=places,
        place_runs=runs,
        employers=employers,
    )


GLUE = (
    *("", "\n", "；", "。", "，", "、", ". ", ".", "- "),
    *("<br>", "<p>", "</p>", "<div class=\"job\"><strong>", "</strong><ul>", "<li>", "</li>", "</ul></div>", "&nbsp;&nbsp;"),
    *("职能类别：", "关键字：", "微信分享", " ", "142", "160", "gwdemo", "hr", "@example.com", "-", "|"),
    *("分公司", "（", "）", "高级", "资深", "初级", "（实习）", "号", "市"),
    *("Responsibilities:\n", "Requirements:\n", "About us: ", "Senior ", "Junior "),
)  # fmt: skip
