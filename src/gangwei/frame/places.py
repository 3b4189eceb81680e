"""Places of the current vintage and the regional clusters of each scope, as the definitions state them."""

from __future__ import annotations

from dataclasses import dataclass

from gangwei.codebook import Codebook, DefinitionError


@dataclass(frozen=True)
class Place:
    """A unit of the administrative map: 1 province, 2 prefecture level, 3 county level."""

    adcode: int
    level: int
    zh: str
    short: str
    en: str


def places_of(book: Codebook) -> dict[int, Place]:
    """Units of the current vintage, by code in order; a county that a province administers is of prefecture level."""
    if not any(n == "places/units.csv" for n in book.names("places", ".csv")):
        return {}
    out: dict[int, Place] = {}
    for r in book.rows("places/units.csv"):
        code, level = int(r["id"]), int(r["level"])
        if r["to"] or r["now"]:
            continue
        administered = level == 3 and code % 10000 // 100 == 90
        out[code] = Place(code, 2 if administered else level, r["name"], r["short"] or r["name"], r["en"] or r["name"])
    return dict(sorted(out.items()))


def clusters_of(book: Codebook, places: dict[int, Place]) -> dict[str, dict[str, frozenset[int]]]:
    """scope -> cluster -> codes; a province whose units all belong belongs itself, one split by a scope is 'unclear'."""
    if not any(n == "places/clusters.csv" for n in book.names("places", ".csv")):
        return {}
    rows = {r["id"]: r for r in book.rows("places/clusters.csv")}
    found: dict[str, dict[str, set[int]]] = {}
    for scope, ids in book.toml("measures/settings.toml")["scopes"].items():
        for id_ in ids:
            if id_ not in rows:
                raise DefinitionError(
                    f"measures/settings.toml [scopes] {scope}: no cluster {id_} in places/clusters.csv"
                )
            members = {int(m) for m in rows[id_]["members"].split(";")}
            found.setdefault(scope, {}).setdefault(rows[id_]["cluster"], set()).update(members)
    units: dict[int, set[int]] = {}
    for code, p in places.items():
        if p.level == 2 and code // 10000 < 70:
            units.setdefault(code // 10000 * 10000, set()).add(code)
    out: dict[str, dict[str, frozenset[int]]] = {}
    for scope, clusters in found.items():
        unclear: set[int] = set()
        for codes in clusters.values():
            for province in sorted({c // 10000 * 10000 for c in codes} & set(units)):
                if units[province] <= codes:
                    codes.add(province)
                elif province not in codes:
                    unclear.add(province)
        out[scope] = {c: frozenset(v) for c, v in sorted(clusters.items())}
        if unclear:
            out[scope]["unclear"] = frozenset(unclear)
    return out
