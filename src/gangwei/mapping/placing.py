"""Which column is which field by the headers: the strongest claim that the column's values do not speak against."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from gangwei.formats.headers import EXACT, NAMES, WORDS, Claim, Headers
from gangwei.mapping.packed import PAY_PARTS, median
from gangwei.mapping.values import Values

OF_TOWNS = ("title", "tags", "occupation", "industry")
MANY = ("description", "tags")
RESAMPLED = 30  # first rows from which on rows from all over the file are looked at too, the first ones among them
CLEAR = ("url", "pay", "education", "experience", "posted", "company_size", "company_nature", "city")
WORDY = (
    "title", "company", "city", "district", "province", "address", "industry", "employment_type", "company_nature", "occupation",
    "tags", "description", "board",
)  # fmt: skip
NUMBER = re.compile(r"^[\d.,;|/\s-]*$")
RANGE = re.compile(r"\d\D{1,6}\d")
CODED = ("occupation", "industry", "employment_type", "company_nature")
CODE = re.compile(r"^\s*[\w-]{1,24}\s*$", re.ASCII)
PATH = re.compile(r"(?i)^\s*/?[\w%.-]+(?:/[\w%.-]+)*(?:\.(?:s?html?|php|aspx?|jsp)\b|\?[\w.-]+=|/\d{4,})\S*\s*$")
SEVERAL = re.compile(r"[,，、|/;；\n]")
SENTENCES = re.compile(r"[。；;：:\n][^\n]{4,}[。；;\n]", re.S)
PLAIN_NAME = re.compile(r"^[\u4e00-\u9fff/·]{2,12}$")
WORDS_BY_LINE = re.compile(r"^\s*[^\n。；;，,：:]{1,12}(?:\n[^\n。；;，,：:]{1,12})+\s*$")
AMOUNT = re.compile(r"^\s*\d+(?:\.\d+)?\s*$")
YEARS = re.compile(r"^\s*\d{1,2}(?:\.0)?\s*$")
COUNT = re.compile(r"^\s*\d{1,3}\s*$")
NO_YEAR = re.compile(r"^\s*\d{1,2}\s*[-/月.]\s*\d{1,2}(?:\D*$|\s)")

Placed = tuple[int, bool, bool, int, int, int, str, str]
"""A claim: doubt, whether another column tells more, bare pay, strength, rank, position, column and field; the least wins."""


def by_header(
    names: Sequence[str], cells: dict[str, list[str]], headers: Headers, values: Values, labels: dict[str, str]
) -> dict[str, str]:
    """Column to field for columns with a telling header; one column a field, except texts and tags.

    `labels` has other words for the headers of some columns. Pay that is written out wins over its bounds in columns of their own, which lack the unit.
    """
    cut = values.cut
    claims, texts, tells = [], set[str](), values.tells
    moved: dict[str, str] = {}  # columns whose values speak for another field than the header, and that of the header
    labels = {**headers.of_codes(names), **labels}
    words = _words_beside_texts(names, cells, headers, labels, cut.nearly_all)
    codes = {
        n for n in headers.spelled_out([n for n in names if cells[n]]) if share_of(CODE, cells[n]) >= cut.nearly_all
    }
    for i, name in enumerate(names):
        claim = headers.claim(labels.get(name, name))
        if claim is None:
            continue
        claim = claim._replace(field="tags") if name in words else claim
        if (
            tells.of_start.search(name)
            and any(map(tells.of_hours.search, names))
            and not any(map(tells.of_end.search, names))
        ):
            claim = claim._replace(field="ignore")
        texts |= {name} if claim.field == "description" and claim.strength == EXACT else set()
        asked, claim = claim, _reread(name, claim, cells[name], values)
        tier = _doubt(claim, cells[name], values)
        if claim.field != asked.field:
            moved[name] = asked.field
        if tier is not None:
            head, _, tail = name.rpartition(".")
            # a key of something within the ad, which has its own
            inner = claim.field == "source_key" and head and tail in names and not tells.of_jobs.search(head)
            single = (name in codes and claim.field in CODED) or _poorer(
                claim.field, labels.get(name, name), cells[name], values
            )
            bare = claim.field == "pay" and share_of(tells.months, cells[name]) < cut.hardly  # of which others tell
            claims.append((tier, single or bool(inner), bare, claim.strength, claim.rank, i, name, claim.field))
    claims = _given_back(claims, moved, cells, values)
    counties = any(t in ("city", "district") and share_of(tells.district, cells[n]) >= cut.clear for *_, n, t in claims)
    if counties:  # streets and quarters beside them come last
        claims = [
            (3 if c[-1] == "district" and share_of(tells.district, cells[c[-2]]) < cut.few else c[0], *c[1:])
            for c in claims
        ]
    written = any(target == "pay" and tier == 0 for tier, *_, target in claims)
    told = any(target == "pay" and tier == 0 and not bare for tier, _, bare, *_, target in claims)
    taken: set[str] = set()
    out: dict[str, str] = {}
    for *_, name, wanted in sorted(claims):
        lower = wanted == "city" and "city" in taken and share_of(tells.district, cells[name]) >= cut.clear
        full = wanted == "city" and "city" in taken and not lower
        full = full and (_streets(cells[name], values) or _quarters(cells[name], values))
        target = "district" if lower else "address" if full else wanted
        target = "description" if target in NAMES and target in taken and name in texts else target
        if target in PAY_PARTS and (told if target == "pay_months" else written or "pay" in taken):
            continue
        if target == "pay" and taken & {"pay_min", "pay_max"}:
            if "pay_min" in taken or share_of(AMOUNT, cells[name]) < 1:
                continue
            target = "pay_min"
        if target == "company" and _of_two_names(name, out, values):
            target = "company_other"
        if target in taken and target not in ("ignore", *MANY):
            continue
        taken.add(target)
        out[name] = target
    return {n: out[n] for n in names if n in out}


def _given_back(
    claims: list[Placed], moved: dict[str, str], cells: dict[str, list[str]], values: Values
) -> list[Placed]:
    """Claims in which columns have the field of their header again where another column surely is what their values look like:
    short duties beside titles, tags that begin with years beside bare years, what else is asked for beside the years."""
    named = {n for *_, n, t in claims if t in NAMES and moved.get(n) == "description"}
    tagged = {n for *_, n, t in claims if t == "experience" and moved.get(n) == "tags"}
    exact = {t for tier, *_, strength, _, _, n, t in claims if strength == EXACT and n not in named and tier < 3}
    years = "experience" in exact and any(
        t == "experience" and moved.get(n) != "tags" and share_of(YEARS, cells[n]) >= values.cut.nearly_all
        for *_, n, t in claims
    )
    sure = {t for tier, *_, strength, _, _, _, t in claims if strength == EXACT and tier < 2}
    asked = {n for *_, n, t in claims if t in sure - set(NAMES) and moved.get(n) == "description"}
    back = asked | {n for *_, n, t in claims if (n in named and t in exact) or (n in tagged and years)}
    return [(*c[:-1], moved[c[-2]]) if c[-2] in back else c for c in claims]


def _words_beside_texts(
    names: Sequence[str], cells: dict[str, list[str]], headers: Headers, labels: dict[str, str], least: float
) -> set[str]:
    """Columns that ask for the text beside another that has it, and hold a few words a line in a share `least` of values: tags
    of the job."""
    asked = [n for n in names if cells[n] and (c := headers.claim(labels.get(n, n))) and c.field == "description"]
    words = {n for n in asked if share_of(WORDS_BY_LINE, cells[n]) >= least}
    return words if len(words) < len(asked) else set()


def lower_bound(placed: dict[str, str], cells: dict[str, list[str]], headers: Headers) -> dict[str, str]:
    """Bare numbers of pay beside a column of upper bounds alone are the lower bounds."""
    pay = next((n for n, f in placed.items() if f == "pay"), "")
    most = next(
        (n for n in cells if n not in placed and (c := headers.claim(n)) is not None and c.field == "pay_max"), ""
    )
    if not pay or not most or not all(map(AMOUNT.match, (*cells[pay], *cells[most]))):
        return {}
    return {pay: "pay_min", most: "pay_max"} if cells[most] else {}


def beside(
    names: Sequence[str],
    rows: list[list[str]],
    cells: dict[str, list[str]],
    placed: dict[str, str],
    headers: Headers,
    values: Values,
) -> dict[str, str]:
    """Columns that ask for a field of which another column has the values of other rows, as in a file of two boards (title beside
    jobName): each row has one of them. So may a second name of the employer, which is then its only one."""
    placed = {n: f for n, f in placed.items() if f != "company_other"}
    homes = {f: [n] for n, f in placed.items() if f not in ("ignore", *MANY, *PAY_PARTS)}
    filled = {n: {j for j, r in enumerate(rows) if r[i].strip()} for i, n in enumerate(names)}
    out: dict[str, str] = {}
    for name in names:
        claim = headers.claim(name) if name not in placed and cells[name] else None
        home = homes.get(claim.field, []) if claim is not None and claim.strength < WORDS else []
        if claim is None or not home or any(filled[name] & filled.get(n, filled[name]) for n in home):
            continue
        if _doubt(claim, cells[name], values) is not None:
            out[name] = claim.field
            home.append(name)
    return out


def _of_two_names(name: str, placed: dict[str, str], values: Values) -> bool:
    """Beside the employer's name another one, by headers of a brand and a legal name and not of two parties (agency and client)."""
    first = next((n for n, f in placed.items() if f == "company"), None)
    return first is not None and any(map(values.tells.of_two_names.search, (name, first)))


def _poorer(target: str, header: str, mine: list[str], values: Values) -> bool:
    """Another column of the field tells more: a mean beside the range it is of, days ago beside dates, the classes of a menu or
    one value throughout beside the years, headings (招聘会计) beside titles, the place of the search."""
    cut = values.cut
    if target == "title" and share_of(values.tells.heading, mine) >= cut.usual:
        return True
    if target == "pay":
        return share_of(RANGE, mine) < cut.few
    if target == "posted":
        return share_of(values.tells.ago, mine) >= cut.half or share_of(NO_YEAR, mine) >= cut.half
    if target == "experience" and (
        share_of(values.tells.menu, mine) >= cut.hardly
        or (len(mine) > 2 and len(set(mine)) == 1)
        or values.tells.of_classes.search(header)
    ):
        return True
    return values.tells.of_searches.search(header) is not None


def _reread(name: str, claim: Claim, mine: list[str], values: Values) -> Claim:
    """A claim as the values correct it: titles under the header of a text, a class of jobs under that of a contract."""
    cut, tells = values.cut, values.tells
    if not mine:
        return claim
    if claim.field == "title" and share_of(tells.recruiter, mine) >= cut.clear:
        return Claim(claim.strength, claim.rank, "ignore")
    if claim.field == "education" and median(mine) > cut.plain_text and values.like("education", mine) < cut.half:
        return Claim(WORDS, claim.rank, "description")
    if claim.field == "description":
        return _reread_text(name, claim, mine, values)
    if claim.field == "ignore":
        return _reread_ignored(name, claim, mine, values)
    if claim.field == "occupation" and not tells.of_jobs.search(name) and values.like("industry", mine) >= cut.usual:
        return Claim(WORDS, claim.rank, "industry")
    if claim.field == "company_nature" and values.like("industry", mine) >= cut.half > 2 * values.like(
        "company_nature", mine
    ):
        return Claim(WORDS, claim.rank, "industry")
    if claim.field == "occupation" and share_of(tells.full_or_part, mine) >= cut.nearly_all:
        return Claim(WORDS, claim.rank, "employment_type")
    if claim.field == "company_nature" and values.like("employment_type", mine) >= cut.nearly_all:
        return Claim(WORDS, claim.rank, "employment_type")
    if (
        claim.field == "board"
        and values.like("city", mine) >= cut.nearly_all
        and share_of(tells.board, mine) < cut.hardly
    ):
        return Claim(WORDS, claim.rank, "city")
    if claim.field in OF_TOWNS and median(mine) <= cut.town and values.like("city", mine) >= cut.nearly_all:
        return Claim(WORDS, claim.rank, "city")
    if claim.field == "industry" and share_of(tells.firm, mine) >= cut.clear:
        return Claim(WORDS, claim.rank, "company")
    if claim.field == "tags" and median(mine) > cut.benefits and _of_duties(mine, values):
        return Claim(WORDS, claim.rank, "description")
    if claim.field == "tags":
        claim = _clearly(claim, mine, values)
    if claim.field == "tags" and tells.of_employers.search(name) and _of_trades(mine, values):
        return Claim(WORDS, claim.rank, "industry")
    if (
        claim.field == "company"
        and (values.plausible("employment_type", mine) or 0.0) >= cut.nearly_all
        and values.like("employment_type", mine) >= cut.half
    ):  # 社会招聘, the name of a list of jobs
        return Claim(WORDS, claim.rank, "employment_type")
    if (
        claim.field == "source_key"
        and tells.of_counts.search(name)
        and (_counts_people(mine, values) or (share_of(COUNT, mine) >= cut.nearly_all and len(set(mine)) < len(mine)))
    ):
        return Claim(WORDS, claim.rank, "headcount")
    if claim.field == "pay" and values.like("tags", mine) >= cut.clear > 5 * values.like("pay", mine):
        return Claim(WORDS, claim.rank, "tags")
    if claim.field == "company" and share_of(tells.pay_unit, mine) >= cut.nearly_all:
        return Claim(WORDS, claim.rank, "pay_unit")
    if claim.field == "headcount" and len(mine) > 2 and share_of(tells.ladder, mine) >= cut.most:
        return Claim(WORDS, claim.rank, "company_size")
    if claim.field == "pay_currency" and share_of(tells.yuan, mine) > cut.half:
        return Claim(claim.strength, claim.rank, "ignore")
    if (
        claim.field == "employment_type"
        and len(set(mine)) > 1
        and (values.plausible("employment_type", mine) or 0.0) < cut.half
    ):
        of_owners = values.like("company_nature", mine) >= cut.half
        return Claim(WORDS, claim.rank, "company_nature" if of_owners else "occupation")
    return claim


def _reread_text(name: str, claim: Claim, mine: list[str], values: Values) -> Claim:
    """A claim of the text as the values correct it: employers, titles, tags or a single clear field under its header."""
    cut, tells = values.cut, values.tells
    if median(mine) <= cut.plain_text:
        duties = values.like("description", mine) >= cut.half or tells.certificate.search(name) is not None
        least = () if duties else (("company", cut.most), ("title", cut.half))
        if (short := next((f for f, at in least if values.like(f, mine) >= at), None)) is not None:
            return Claim(WORDS, claim.rank, short)
    if median(mine) <= cut.benefits and _of_benefits(mine, values):
        return Claim(WORDS, claim.rank, "tags")
    if median(mine) <= cut.benefits and share_of(tells.facts, mine) >= cut.most:
        return Claim(WORDS, claim.rank, "company_size")
    # 1-1.5万/月 is one value
    single = share_of(SEVERAL, mine) < cut.few or values.like("pay", mine) >= cut.nearly_all
    return _clearly(claim, mine, values) if median(mine) <= cut.plain_text and single else claim


def _reread_ignored(name: str, claim: Claim, mine: list[str], values: Values) -> Claim:
    """A claim that a column is none of ours as the values correct it."""
    cut, tells = values.cut, values.tells
    if tells.of_hirers.search(name) and values.like("company", mine) >= cut.most:
        return Claim(WORDS, claim.rank, "company")
    if tells.of_links.search(name) and values.like("url", mine) >= cut.nearly_all:
        return Claim(WORDS, claim.rank, "url")
    told_by = (("employment_type", cut.nearly_all), ("company_size", cut.clear))
    if told := next((f for f, at in told_by if values.like(f, mine) >= at), None):
        ofs = tells.of_employers.search(name) or told != "company_size"
        return Claim(WORDS, claim.rank, told) if ofs else claim
    return claim


def _clearly(claim: Claim, mine: list[str], values: Values) -> Claim:
    """The claim, or that of the field which nearly all values are beyond doubt."""
    clear = next((f for f in CLEAR if values.like(f, mine) >= values.cut.nearly_all), None)
    return Claim(WORDS, claim.rank, clear) if clear else claim


def _counts_people(mine: list[str], values: Values) -> bool:
    """Numbers of persons (4-8人) that are no sizes of employers."""
    return (
        share_of(values.tells.people, mine) >= values.cut.clear
        and share_of(values.tells.ladder, mine) < values.cut.half
    )


def _of_benefits(mine: list[str], values: Values) -> bool:
    """Several benefits in each value and no words of duties."""
    cut = values.cut
    several = len(mine) > 2 and share_of(SEVERAL, [v.strip(" ,'\"[]") for v in mine]) >= cut.most
    return several and values.like("tags", mine) >= cut.most and values.like("description", mine) < cut.hardly


def _of_duties(mine: list[str], values: Values) -> bool:
    """Texts of duties, several lines or sentences each, under the header of tags."""
    return values.like("description", mine) >= values.cut.clear and share_of(SENTENCES, mine) >= values.cut.clear


def _of_trades(mine: list[str], values: Values) -> bool:
    """One trade in each value and no benefits."""
    return share_of(SEVERAL, mine) < values.cut.half and values.like(
        "industry", mine
    ) >= values.cut.clear > 5 * values.like("tags", mine)


def _running(mine: list[str]) -> bool:
    """Numbers of rows, each one above the last, which say less than another key."""
    numbers = [int(v) for v in mine[:20] if v.isascii() and v.isdecimal() and len(v) < 10]
    return len(numbers) == len(mine[:20]) > 2 and all(b - a == 1 for a, b in itertools.pairwise(numbers))


def _quarters(mine: list[str], values: Values) -> bool:
    """Short names of places of which few are cities: streets and quarters."""
    return share_of(PLAIN_NAME, mine) >= values.cut.nearly_all and values.like("city", mine) < values.cut.few


def _streets(mine: list[str], values: Values) -> bool:
    """Most places are long: whole addresses."""
    return bool(mine) and median(mine) > values.cut.street


def share_of(pattern: re.Pattern[str], mine: list[str]) -> float:
    """Share of values that a pattern is found in."""
    return sum(bool(pattern.search(v)) for v in mine) / max(len(mine), 1)


def _doubt(claim: Claim, mine: list[str], values: Values) -> int | None:
    """0 to 3, how little the values of a column look like the field its header asks for; None = too little."""
    cut = values.cut
    target = claim.field
    if not mine:
        return 3
    if target == "ignore":
        return 0
    if target == "url" and share_of(PATH, mine) >= cut.nearly_all:
        return 1
    if target == "city" and (
        share_of(values.city_numbers, mine) >= cut.nearly_all or values.coded(mine) >= cut.nearly_all
    ):
        return 1
    if _never(target, mine, values):
        return None
    if target == "source_key" and len(mine) > 2 and len(set(mine)) == 1:
        return 3 if claim.strength == EXACT else None  # any other key is a better one
    if target == "source_key" and _running(mine):
        return 1
    if target == "description":
        told = claim.strength == EXACT or values.like("description", mine) >= cut.clear
        return 0 if told or median(mine) > cut.plain_text else None
    share, enough = values.share(target, mine), values.plausible(target, mine)
    if share is not None and share >= cut.weak:
        return 0 if share >= cut.clear and not (target == "city" and _streets(mine, values)) else 1
    if target == "pay" and share and claim.strength == EXACT:
        return 2  # most ads keep it to themselves
    if enough is not None and enough < cut.half and (target != "city" or claim.strength != EXACT):
        own = target == "source_key" and claim.strength == EXACT and len(set(mine)) >= min(len(mine), RESAMPLED)
        return 3 if own else None
    if share is None:
        return 0
    if enough is None and claim.strength != EXACT:
        return None
    plain = target in (*CLEAR, "company", "title") and share < cut.stray and len(mine) >= 3
    return None if plain and any(values.like(f, mine) >= cut.most for f in CLEAR if f not in (target, "posted")) else 2


def _never(target: str, mine: list[str], values: Values) -> bool:
    """Addresses, bare codes or long texts, where the field cannot be such."""
    cut = values.cut
    if target != "url" and values.like("url", mine) >= cut.most:
        return True
    if target in WORDY and share_of(NUMBER, mine) >= cut.most:
        return True
    return median(mine) > cut.long_text and target not in ("description", "tags", "url", "address")
