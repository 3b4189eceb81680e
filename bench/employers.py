"""Employer names against hand labels, kernel alone: quality, which kind of row decided, and speed.

    python bench/employers.py LABELS.jsonl [--day 2025-12-31] [--errors]

LABELS has one object a line: name, defence, defence_group, surveillance_company, state_owned, agency_or_anonymous,
confidence. A label is definite when its confidence is high and it is not unknown or supplier_known. Intervals are Wilson 95 %.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from datetime import date
from pathlib import Path

import polars as pl

from gangwei.codebook import Codebook
from gangwei.kernels.employers import affiliation, employer

YES = {"group", "subsidiary", "university", "institute"}
NOTHING = affiliation.Verdict("none", None, False, None, "", ())


def wilson(hits: int, n: int) -> str:
    """`hits/n share [low, high]`."""
    if n == 0:
        return "0/0"
    z, p = 1.96, hits / n
    mid, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return f"{hits}/{n} {p:.3f} [{(mid - half) / (1 + z * z / n):.3f}, {(mid + half) / (1 + z * z / n):.3f}]"


def deciding(rule_id: str, rules: affiliation.AffiliationRules) -> str:
    """Kind of row: a general rule, a stem with listed continuations, or a row of one firm."""
    list_id = rule_id.split(":", maxsplit=1)[0]
    if list_id == "subsidiaries":
        return "own row"
    listed = any(r.rule_id == rule_id and r.match == "regex" for rows in rules.by_anchor.values() for r in rows)
    return "stem with listed continuations" if listed and list_id == "groups" else "general rule"


def report(title: str, pairs: list[tuple[bool, bool]]) -> None:
    """Precision and recall of (truth, said) pairs."""
    both = sum(a and b for a, b in pairs)
    print(
        f"{title:38} precision {wilson(both, sum(b for _, b in pairs))}  recall {wilson(both, sum(a for a, _ in pairs))}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--day", type=date.fromisoformat, default=date(2025, 12, 31))
    parser.add_argument("--errors", action="store_true")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.labels.read_text("utf-8").splitlines() if line.strip()]
    book = Codebook()
    names = employer.compile_rules(book)
    rules = affiliation.compile_rules(book, names)
    frame = employer.normalise(pl.Series([r["name"] for r in rows]), names)
    found = {i: affiliation.decide(h, f, options.day) for i, f, h in affiliation.match(frame, rules)}
    said = [found.get(i, NOTHING) for i in range(len(rows))]
    hidden = (frame["is_agency"] | frame["is_anonymous"]).to_list()

    defence = [(r["defence"] in YES, v.defence in YES) for r, v in zip(rows, said, strict=True)]
    sure = [r["confidence"] == "high" and r["defence"] not in ("unknown", "supplier_known") for r in rows]
    report("defence, definite labels", [p for p, s in zip(defence, sure, strict=True) if s])
    report("defence, every label", defence)
    right = [(r, v) for r, v in zip(rows, said, strict=True) if r["defence"] in YES and v.defence in YES]
    print(f"{'  group code':38} {wilson(sum(r['defence_group'] == v.group for r, v in right), len(right))}")
    print(f"{'  decided by':38} {dict(sorted(Counter(deciding(v.rule_id, rules) for _, v in right).items()))}")
    known = [(r["surveillance_company"], bool(v.surveillance)) for r, v in zip(rows, said, strict=True)]
    report("surveillance company", [(a is True, b) for a, b in known if a != "unknown"])
    owned = [
        (r["state_owned"], v.state_owned) for r, v in zip(rows, said, strict=True) if r["state_owned"] != "unknown"
    ]
    told = [(a, b) for a, b in owned if b is not None]
    print(
        f"{'state_owned, where told':38} {wilson(sum(a == b for a, b in told), len(told))}  told {wilson(len(told), len(owned))}"
    )
    report("agency or anonymous", [(bool(r["agency_or_anonymous"]), h) for r, h in zip(rows, hidden, strict=True)])
    if options.errors:
        for r, v, h in zip(rows, said, hidden, strict=True):
            if (r["defence"] in YES) != (v.defence in YES) or (
                r["surveillance_company"] != "unknown" and bool(r["surveillance_company"]) != bool(v.surveillance)
            ):
                print("  ", r["name"], r["defence"], r["confidence"], "->", v.defence, v.rule_id)
            if bool(r["agency_or_anonymous"]) != h:
                print("  ", r["name"], "agency_or_anonymous", r["agency_or_anonymous"], r["confidence"], "->", h)
    many = pl.Series([f"{r['name']}{i}" for i in range(200) for r in rows])
    start = time.process_time()
    affiliation.match(employer.normalise(many, names), rules)
    print(f"{len(many) / (time.process_time() - start):,.0f} names per CPU-second (these names repeated with a number)")


if __name__ == "__main__":
    main()
