"""Quality of a published dataset of postings_real.parquet against the shared hand labels.

    gangwei build ../shared/data/postings_real.parquet --out work
    python bench/gold.py work [--gold ../shared/gold] [--errors]

Every figure is read from the published tables, as any other program would. Intervals are 95 %: Wilson for counts,
bootstrap over labels for weighted figures.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

DEFENCE_YES = ("group", "subsidiary", "university", "institute")
TOGETHER = ("same_opening", "repost")


def wilson(hits: float, n: float) -> tuple[float, float]:
    """95 % Wilson interval."""
    if n == 0:
        return (0.0, 1.0)
    z, p = 1.96, hits / n
    mid, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return ((mid - half) / (1 + z * z / n), (mid + half) / (1 + z * z / n))


def show(name: str, hits: int, n: int) -> None:
    """One proportion."""
    a, b = wilson(hits, n)
    print(f"  {name:44} {hits:5}/{n:<5} {hits / n if n else float('nan'):.3f}  [{a:.3f}, {b:.3f}]")


def prf(name: str, truth: np.ndarray, found: np.ndarray, weight: np.ndarray) -> None:
    """Precision, recall and F1 of a boolean, weighted, with bootstrap intervals for F1."""

    def score(i: np.ndarray) -> tuple[float, float, float]:
        t, f, w = truth[i], found[i], weight[i]
        tp, fp, fn = w[t & f].sum(), w[~t & f].sum(), w[t & ~f].sum()
        p, r = tp / max(tp + fp, 1e-12), tp / max(tp + fn, 1e-12)
        return p, r, 2 * p * r / max(p + r, 1e-12)

    p, r, f = score(np.arange(truth.size))
    rng = np.random.default_rng(1)
    boot = [score(rng.integers(0, truth.size, truth.size))[2] for _ in range(500)]
    print(
        f"  {name:44} P {p:.3f} R {r:.3f} F1 {f:.3f} [{np.quantile(boot, 0.025):.3f}, {np.quantile(boot, 0.975):.3f}]"
    )


def rows(path: Path) -> list[dict[str, Any]]:
    """JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def ai(ads: dict[str, dict[str, Any]], gold: list[dict[str, Any]], errors: bool) -> None:
    """AI tiers."""
    pairs = [(g, ads[g["record_id"]]) for g in gold if g["record_id"] in ads]
    weight = np.array([g["stratum_population"] / g["stratum_sample"] for g, _ in pairs])
    print(f"AI tiers ({len(pairs)} of {len(gold)} labels found)")
    sets = {
        "builder": ("builder",),
        "builder or adjacent": ("builder", "adjacent"),
        "builder, adjacent or user": ("builder", "adjacent", "user"),
    }
    for name, tiers in sets.items():
        t = np.array([g["ai_tier"] in tiers for g, _ in pairs])
        f = np.array([a["ai_tier"] in tiers for _, a in pairs])
        prf(f"{name}, unweighted", t, f, np.ones(len(pairs)))
        prf(f"{name}, weighted", t, f, weight)
    for flag, column in (
        ("mention", "ai_mention"),
        ("surveillance_job", "surveillance_job"),
        ("defence_signal", "defence_signal"),
    ):
        t, f = np.array([bool(g[flag]) for g, _ in pairs]), np.array([bool(a[column]) for _, a in pairs])
        prf(flag, t, f, np.ones(len(pairs)))
    show("exact tier", sum(g["ai_tier"] == a["ai_tier"] for g, a in pairs), len(pairs))
    show("role", sum(g["role"] == a["ai_role"] for g, a in pairs), len(pairs))
    both = [
        (g, a) for g, a in pairs if g["ai_tier"] in ("builder", "adjacent") and a["ai_tier"] in ("builder", "adjacent")
    ]
    tp = sum(len(set(g["subfields"]) & set(a["ai_subfields"] or [])) for g, a in both)
    n1, n2 = sum(len(a["ai_subfields"] or []) for _, a in both), sum(len(g["subfields"]) for g, _ in both)
    show("subfield precision", tp, n1)
    show("subfield recall", tp, n2)
    if errors:
        for g, a in pairs:
            if (g["ai_tier"] == "builder") != (a["ai_tier"] == "builder"):
                print("   ", g["stratum"], "label", g["ai_tier"], "found", a["ai_tier"], a["title"][:40])


def matching(ads: dict[str, dict[str, Any]], gold: list[dict[str, Any]], errors: bool) -> None:
    """Pairs of ads."""
    pairs = [(g, ads[g["a"]], ads[g["b"]]) for g in gold if g["a"] in ads and g["b"] in ads]
    print(f"pairs ({len(pairs)} of {len(gold)} found)")
    for subset, keep in (("all", lambda g: True), ("high confidence", lambda g: g["confidence"] == "high")):
        chosen = [x for x in pairs if keep(x[0]) and x[0]["relation"] != "agency_copy"]
        t = np.array([g["relation"] in TOGETHER for g, _, _ in chosen])
        f = np.array([a["opening_id"] == b["opening_id"] for _, a, b in chosen])
        w = np.array([g["stratum_population"] / g["stratum_sample"] for g, _, _ in chosen])
        prf(f"one opening, {subset}", t, f, np.ones(t.size))
        show(f"one opening, {subset}: precision", int((t & f).sum()), int(f.sum()))
        show(f"one opening, {subset}: recall", int((t & f).sum()), int(t.sum()))
        prf(f"one opening, {subset}, weighted", t, f, w)
    for relation in sorted({g["relation"] for g, _, _ in pairs}):
        these = [x for x in pairs if x[0]["relation"] == relation]
        same = [a["opening_id"] == b["opening_id"] for _, a, b in these]
        campaign = [
            a["campaign_id"] is not None and a["campaign_id"] == b["campaign_id"] and not s
            for (_, a, b), s in zip(these, same)
        ]
        ok = {"campaign": campaign, "agency_copy": same, "same_opening": same, "repost": same}.get(
            relation, [not s and not c for s, c in zip(same, campaign)]
        )
        show(f"{relation} right", sum(ok), len(these))
        if errors:
            for (g, a, b), fine in zip(these, ok):
                if not fine:
                    print(
                        "     ",
                        g["pair_id"],
                        g["confidence"],
                        g["why"],
                        "|",
                        a["title"],
                        "|",
                        b["title"],
                        "|",
                        a["match_reason"],
                        b["match_reason"],
                    )


def places(folder: Path, gold: list[dict[str, Any]], errors: bool) -> None:
    """Place strings, through the resolver on the same fields."""
    from gangwei.codebook import Codebook
    from gangwei.stages import s3_locate

    frame = pl.DataFrame(
        {
            "city": [g["city"] or None for g in gold],
            "district": [g["district"] or None for g in gold],
            "address": [g["address"] or None for g in gold],
        },
        schema={"city": pl.String, "district": pl.String, "address": pl.String},
    ).with_columns(
        title=pl.lit(None, pl.String),
        company=pl.lit(None, pl.String),
        board=pl.lit(None, pl.String),
        source_id=pl.lit(None, pl.String),
    )
    found = s3_locate.run(frame, s3_locate.compile_rules(Codebook())).to_dicts()
    right = wrong = 0
    for g, f in zip(gold, found):
        codes = sorted(p["adcode"] for p in f["places"] or [])
        answer = f["adcode"] or (codes[0] if f["place_status"] == "ok" and len(codes) == 1 else None)
        fine = f["place_status"] == g["status"] and (
            answer == g["adcode"] if g["status"] == "ok" else g["status"] != "multi" or codes == sorted(g["cities"])
        )
        right += fine
        bad = f["place_status"] == "ok" and not fine and not (g["status"] == "ok" and answer is None)
        wrong += bad
        if errors and not fine:
            print(
                "     ",
                g["id"],
                g["city"],
                "|",
                g["district"],
                "|",
                g["address"],
                "label",
                g["status"],
                g["adcode"],
                "found",
                f["place_status"],
                answer,
                f["place_rule"],
            )
    print(f"places ({len(gold)})")
    show("right", right, len(gold))
    show("a wrong place", wrong, len(gold))
    counties = [(g, f) for g, f in zip(gold, found) if g["county"]]
    show("county", sum(g["county"] == f["county_adcode"] for g, f in counties), len(counties))


def employers(folder: Path, gold: list[dict[str, Any]], errors: bool) -> None:
    """Employer names."""
    names = pl.read_parquet(folder / "employer_names.parquet")
    entities = pl.read_parquet(folder / "employers.parquet")
    joined = {r["name_raw"].strip(): r for r in names.join(entities, on="employer_id").to_dicts()}
    pairs = [(g, joined[g["name"].strip()]) for g in gold if g["name"].strip() in joined]
    print(f"employers ({len(pairs)} of {len(gold)} names found)")
    definite = [
        (g, e) for g, e in pairs if g["confidence"] == "high" and g["defence"] not in ("unknown", "supplier_known")
    ]
    t, f = (
        np.array([g["defence"] in DEFENCE_YES for g, _ in definite]),
        np.array([e["defence"] in DEFENCE_YES for _, e in definite]),
    )
    show("defence precision (definite)", int((t & f).sum()), int(f.sum()))
    show("defence recall (definite)", int((t & f).sum()), int(t.sum()))
    groups = [
        (g, e)
        for g, e in definite
        if g["defence"] in DEFENCE_YES and e["defence"] in DEFENCE_YES and g["defence_group"]
    ]
    show("defence group", sum(g["defence_group"] == e["defence_group"] for g, e in groups), len(groups))
    high = [(g, e) for g, e in pairs if g["confidence"] == "high"]
    t, f = (
        np.array([bool(g["surveillance_company"]) for g, _ in high]),
        np.array([bool(e["surveillance_company"]) for _, e in high]),
    )
    show("surveillance precision", int((t & f).sum()), int(f.sum()))
    show("surveillance recall", int((t & f).sum()), int(t.sum()))
    known = [(g, e) for g, e in pairs if isinstance(g["state_owned"], bool) and e["state_owned"] is not None]
    show("state owned agrees where known", sum(g["state_owned"] == e["state_owned"] for g, e in known), len(known))
    show(
        "agency or anonymous",
        sum(bool(g["agency_or_anonymous"]) == bool(e["is_agency"] or e["is_anonymous"]) for g, e in pairs),
        len(pairs),
    )
    if errors:
        for g, e in definite:
            if (g["defence"] in DEFENCE_YES) != (e["defence"] in DEFENCE_YES):
                print("     ", g["name"], "label", g["defence"], "found", e["defence"], e["rule_id"])


def pay(gold: list[dict[str, Any]], errors: bool) -> None:
    """Pay strings with the hints of their source."""
    from gangwei.codebook import Codebook
    from gangwei.kernels.job import facts

    rules = Codebook().toml("sources/postings_real.toml")["hints"]

    def hint(g: dict[str, Any], name: str) -> Any:
        """The first rule of the label's source that sets `name` and fits the string."""
        fits = (
            r["set"][name]
            for r in rules
            if g["source"] in r.get("subs", ()) and name in r["set"]
            and (r.get("field") is None or (r["field"] == "pay" and re.search(r["pattern"], g["raw"])))
        )  # fmt: skip
        return next(fits, None)

    raw = pl.DataFrame(
        {"pay": [g["raw"] for g in gold], "board": [g["boards"][0] if g["boards"] else None for g in gold]}
    )
    unit = [hint(g, "pay_unit_hint") for g in gold]
    scale = [hint(g, "pay_scale_hint") for g in gold]
    from gangwei.stage_tables import RAW

    frame = RAW.conform(
        raw.with_columns(pl.Series("pay_unit_hint", unit, pl.String), pl.Series("pay_scale_hint", scale, pl.Int32))
    )
    found = facts.parse(frame, pl.Series([""] * len(gold)), facts.compile_rules(Codebook())).to_dicts()
    right = 0
    for g, f in zip(gold, found):
        low = None if f["pay_min_fen"] is None else f["pay_min_fen"] / 100
        high = None if f["pay_max_fen"] is None else f["pay_max_fen"] / 100
        fine = g["status"] == f["pay_status"] and (
            g["status"] != "ok"
            or (g["min"], g["max"], g["unit"], g["months"], g["censored"])
            == (low, high, f["pay_unit"], f["pay_months"], f["pay_censored"])
        )
        right += fine
        if errors and not fine:
            print(
                "     ",
                g["raw"],
                g["source"],
                "label",
                g["status"],
                g["min"],
                g["max"],
                g["unit"],
                g["months"],
                "found",
                f["pay_status"],
                low,
                high,
                f["pay_unit"],
                f["pay_months"],
            )
    print(f"pay ({len(gold)})")
    show("right in every field", right, len(gold))


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--gold", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "gold")
    parser.add_argument("--errors", action="store_true", help="list errors of pairs, places, employers and pay")
    options = parser.parse_args()
    folder = options.dataset / "published"
    ads = {r["source_key"]: r for r in pl.read_parquet(folder / "ads.parquet").to_dicts()}
    ai(ads, rows(options.gold / "ai_dev.jsonl"), False)
    matching(ads, rows(options.gold / "pairs_dev.jsonl"), options.errors)
    places(folder, rows(options.gold / "places_dev.jsonl"), options.errors)
    employers(folder, rows(options.gold / "employers_dev.jsonl"), options.errors)
    pay(rows(options.gold / "pay_dev.jsonl"), options.errors)


if __name__ == "__main__":
    main()
