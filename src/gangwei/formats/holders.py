"""Employers (or cities) that each hold a list of their jobs in JSON: every job is an ad, with what is said of its holder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from gangwei.formats.headers import Headers
from gangwei.formats.json_records import flat

LOOKED_AT = 20
OF_JOBS = {"pay", "pay_min", "pay_max", "education", "experience"}
OF_ADS = OF_JOBS | {"description", "headcount", "city", "posted", "company"}
OF_ONE = {"pay", "experience", "description"}
"""What is said of one job, never of several that are announced together; so are a city and a level of education side by side."""
HELD = {"company", "city"}
WHOLE, FEW = 4, 3
KEYS = 300  # more than an ad or an employer has


def jobs_of(record: Any, headers: Headers) -> list[Any] | None:
    """The jobs in the lists of an object that is no ad itself and names an employer or a city that they do not name, or that only
    heads them ({title: 金融, list: [...]}); each with the object's other values, its name as that of an employer. None for any
    other object."""
    if (
        not isinstance(record, dict)
        or len(record) > KEYS
        or not any(isinstance(v, (dict, list)) for v in record.values())
    ):
        return None
    own = flat(record)
    said = _said(own, headers)
    if said & {"title", *OF_JOBS}:
        told = (k for k in own if not headers.tells.name_of.search(k))  # a bare name may be that of a sender
        named = _fields(told, headers)
        if (posts := _announced(own, headers)) is not None:
            return posts
        return _headed(own, headers) if said == {"title"} or not named & {"title", *OF_JOBS} else None
    said = _said({k: v for k, v in own.items() if v not in (None, "")}, headers)
    inside = {k: v for k, v in own.items() if _holds_ads(v, said, headers)}
    others = {f"company.{k}" if headers.tells.name_of.search(k) else k: v for k, v in own.items() if k not in inside}
    return [_joined(others, job) for jobs in inside.values() for job in jobs] if inside else None


def _headed(own: dict[str, Any], headers: Headers) -> list[Any] | None:
    """The jobs under a heading, or that an agency sends: the one list of an object that is no job, of ads that name their own
    employers and pay and need nothing of it; each with what else is said."""
    lists = [k for k, v in own.items() if isinstance(v, list) and v and all(isinstance(x, dict) for x in v)]
    if len(lists) != 1 or not {"title", "company", "pay"} <= _said(flat(own[lists[0]][0]), headers):
        return None
    return [{**{f"{lists[0]}.group.{k}": v for k, v in own.items() if k != lists[0]}, **job} for job in own[lists[0]]]


def _announced(own: dict[str, Any], headers: Headers) -> list[Any] | None:
    """The jobs that an employer announces together under a title of its own ({title: 2026届校园招聘, company: X, positionList: [...]}):
    the one list of an object without pay or text, or both city and level, called after jobs, of ads that name no employer and tell two
    fields or more; each with what else is said, the title as that of the group."""
    lists = [k for k, v in own.items() if isinstance(v, list) and v and all(isinstance(x, dict) for x in v)]
    plain = {k: v for k, v in own.items() if k not in lists}
    of_all = _said({k: v for k, v in plain.items() if v not in (None, "")}, headers)
    if len(lists) != 1 or not headers.tells.of_jobs.search(lists[0]) or {"city", "education"} <= of_all:
        return None
    if _said(plain, headers) & OF_ONE:
        return None
    if (c := headers.claim(lists[0])) is not None and c.field == "ignore":
        return None
    found = _fields(flat(own[lists[0]][0]), headers)
    told = [k for k in plain if not headers.tells.name_of.search(k.rpartition(".")[2])]
    titles = [k for k in told if (c := headers.claim(k)) is not None and c.field == "title"]
    named = "company" in _said(plain, headers) or any(map(headers.tells.of_employers.search, plain))
    if len(titles) != 1 or not named or "title" not in found or "company" in found or len(found & OF_ADS) < 2:
        return None
    others = {"_group" if k == titles[0] else k: v for k, v in plain.items()}
    return [_joined(others, job) for job in own[lists[0]]]


def opened(records: list[Any], headers: Headers) -> list[Any]:
    """The records, or their jobs where some of the first are holders of jobs; what is none stays."""
    if not holders_among(records, headers):
        return records
    found = [(r, jobs_of(r, headers)) for r in records]
    lists = {
        k
        for r, jobs in found
        if jobs
        for k, v in flat(r).items()
        if isinstance(v, list) and v and isinstance(v[0], dict)
    }
    return [job for r, jobs in found for job in (jobs if jobs is not None else [] if _empty(r, lists) else [r])]


def _empty(record: Any, lists: set[str]) -> bool:
    """An object that holds no job now, in a list in which others hold theirs."""
    return isinstance(record, dict) and any(flat(record).get(k) == [] for k in lists)


def holders_among(records: Sequence[Any], headers: Headers) -> bool:
    """True when one of the first records is a holder of jobs."""
    return any(jobs_of(r, headers) is not None for r in records[:LOOKED_AT])


def inside(doc: Any, headers: Headers, depth: int = 3) -> list[Any] | None:
    """The jobs of the one employer that a whole document is about ({company: X, jobs: [...]}, also further in)."""
    if not isinstance(doc, dict) or not depth or len(doc) > KEYS:
        return None
    if (jobs := jobs_of(doc, headers)) is not None:
        return jobs
    return next((jobs for v in doc.values() if (jobs := inside(v, headers, depth - 1)) is not None), None)


def are_ads(records: list[Any], headers: Headers) -> bool:
    """The first of the records says a title and two fields more."""
    first = next((r for r in records if isinstance(r, dict)), {})
    said = _said(flat(first), headers) - {"ignore"}
    return "title" in said and len(said) >= FEW


def emptied(doc: Any, headers: Headers) -> bool:
    """A document of which the list of ads is empty, whatever else it tells."""
    return isinstance(doc, dict) and any(v == [] and headers.tells.of_lists.search(k) for k, v in doc.items())


def one_ad(doc: Any, headers: Headers) -> dict[str, Any] | None:
    """The ad that a whole document is about, as a board answers for the page of one; None where it has another form."""
    if not isinstance(doc, dict) or len(doc) > KEYS or not _is_one_ad(doc, headers):
        return None
    return next((found for v in doc.values() if (found := one_ad(v, headers)) is not None), doc)


def _is_one_ad(doc: dict[str, Any], headers: Headers) -> bool:
    """An object that says title, text and more, or title, employer, pay and more, however far in, and holds no list of ads."""
    own = flat(doc)
    said = _said(own, headers) - {"ignore"}
    told = "description" in said or (len(said) > FEW and {"title", "company", "pay"} <= said)
    if not told or len(said) < FEW or not said & {"title", "company"} or _titled(doc, headers) > 1:
        return False
    lists = [v for v in own.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
    inside_lists = [_said(flat(v[0]), headers) - {"ignore"} for v in lists]
    return not any("title" in f or len(f) >= FEW for f in inside_lists)


def _titled(doc: dict[str, Any], headers: Headers) -> int:
    """How many objects in an object, itself too, say a title of their own."""
    own = _said({k: v for k, v in doc.items() if not isinstance(v, (dict, list))}, headers)
    return ("title" in own) + sum(_titled(v, headers) for v in doc.values() if isinstance(v, dict))


def _said(record: dict[str, Any], headers: Headers) -> set[str]:
    """Fields that the keys of plain values ask for; a bare name is that of the employer, or the title where another is."""
    said = _fields(
        (k for k, v in record.items() if not isinstance(v, list) and not headers.tells.name_of.search(k)), headers
    )
    bare = any(headers.tells.name_of.search(k) and isinstance(v, str) for k, v in record.items())
    return said | ({"title" if "company" in said else "company"} if bare else set())


def _fields(keys: Iterable[str], headers: Headers) -> set[str]:
    return {c.field for k in islice(keys, KEYS) if (c := headers.claim(k)) is not None}


def _holds_ads(value: Any, said: set[str], headers: Headers) -> bool:
    """A list of ads that do not name what `said` has named for them all, or that are complete by themselves."""
    if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
        return False
    found = _fields(flat(value[0]), headers)
    whole = bool(said & HELD) and {"title", "company"} <= found and len(found & OF_ADS) >= WHOLE
    return "title" in found and bool(found & OF_ADS) and (whole or bool(said & HELD - found))


def _joined(own: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    """A job behind what is said of its holder, under 'company.' where both have the key."""
    return {**{f"company.{k}" if k in job else k: v for k, v in own.items()}, **job} if job else job
