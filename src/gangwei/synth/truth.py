"""The truth of the synthetic ads: one row an ad, the right answer of every stage."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from gangwei.synth import plan
from gangwei.synth.columns import Maker, ids_of
from gangwei.synth.plan import Plan
from gangwei.synth.text import (
    BLURB_AI,
    BLURB_DEFENCE,
    CONTACT,
    DEFENCE,
    FURNITURE,
    HTML_LAYOUTS,
    LAYOUT,
    ML,
    STOCK,
    TRAP,
    USER,
)
from gangwei.synth.words import TIERS

I64 = npt.NDArray[np.int64]


def _name(prefix: str, values: I64) -> pl.Series:
    """prefix + number, null where negative."""
    v = pl.Series(values)
    return pl.select(pl.when(v >= 0).then(pl.concat_str(pl.lit(prefix), v.cast(pl.String)))).to_series()


def truth_of(m: Maker, p: Plan) -> pa.Table:
    """The right answers of one chunk, row-aligned with its ads."""
    take, q = m.dictionaries, p.parameters
    family, place, pay = pa.array(p.family), pa.array(p.place), pa.array(p.pay)
    real = plan.real_employer(p.employer, len(m.words.employers))
    shown = p.named & (p.anonymous < 0) & (p.agency < 0)
    known = pa.array(np.maximum(real, 0))
    real_row = pa.array(np.where(real >= 0, np.maximum(real, 0), 0), mask=real < 0)
    surveillance = np.array([e["surveillance"] == "yes" for e in m.words.employers])[np.maximum(real, 0)] & (real >= 0)
    tiers = np.array([TIERS.index(f.get("tier", "none")) for f in m.words.families])
    tier = np.where(p.english, np.where(q[:, ML] > 0, 3, 0), tiers[p.family])
    tier = np.where((tier == 0) & (q[:, USER] >= 0), 1, tier)
    text_ads = (q[:, STOCK] < 0) & ~p.english
    trap = (q[:, TRAP] >= 0) & text_ads
    mention = (tier > 0) | trap | ((q[:, BLURB_AI] > 0) & text_ads)
    watch = np.array([bool(f.get("surveillance")) for f in m.words.families])[p.family] & text_ads
    arms = ((q[:, DEFENCE] >= 0) | (q[:, BLURB_DEFENCE] > 0)) & text_ads
    hired = (tier >= 2) & ~p.english
    employer = pl.DataFrame({"real": take["real"].take(real_row), "made": _name("e", p.employer)}).select(
        pl.coalesce("real", "made")
    )
    visible = pa.array(shown)
    columns: dict[str, Any] = {
        "id": ids_of(p),
        "opening_id": _name("o", p.opening),
        "kind": take["kind"].take(pa.array(p.kind)),
        "campaign_id": _name("c", p.campaign),
        "employer_id": pl.select(pl.when(pl.Series(visible)).then(employer.to_series())).to_series(),
        "hiring_employer_id": employer.to_series(),
        "has_employer": p.named | (p.anonymous >= 0) | (p.agency >= 0),
        "is_agency": p.agency >= 0,
        "is_anonymous": p.anonymous >= 0,
        "defence": pl.select(
            pl.when(pl.Series(shown)).then(_when(real >= 0, take["defence"].take(known), "none"))
        ).to_series(),
        "defence_group": _when(shown & (real >= 0), take["defence_group"].take(known), None),
        "surveillance_company": shown & surveillance,
        "family": _when(~p.english, take["family"].take(family), "english"),
        "ai_tier": take["tier"].take(pa.array(tier)),
        "ai_mention": mention,
        "ai_role": _when(hired, take["role"].take(family), None),
        "ai_subfields": _when(hired, take["subfields"].take(family), None),
        "ai_trap": _when(trap, take["trap"].take(family), None),
        "ai_blurb_only": (tier == 0) & (q[:, BLURB_AI] > 0) & text_ads,
        "surveillance_job": watch,
        "defence_signal": arms,
        "place_status": take["place_status"].take(place),
        "adcode": take["adcode"].take(place),
        "county_adcode": take["county_adcode"].take(place),
        **{c: m.pay[c].combine_chunks().take(pay) for c in m.pay.column_names if c != "salary"},
        "education": take["education_truth"].take(pa.array(p.education)),
        "experience_min_months": take["experience_min_months"].take(pa.array(p.experience)),
        "experience_max_months": take["experience_max_months"].take(pa.array(p.experience)),
        "level_word": take["seniority"].take(pa.array(p.level)),
        "posted_date": pl.select(
            pl.when(pl.Series(p.posted_form) < 4).then(
                pl.Series(np.datetime64(plan.FIRST_DAY) + p.posted).cast(pl.Date)
            )
        ).to_series(),
        "captured_date": pl.Series(np.datetime64(plan.FIRST_DAY) + p.captured).cast(pl.Date),
        "language": pl.select(
            pl.when(pl.Series(p.english))
            .then(pl.lit("en"))
            .when(pl.Series(p.traditional))
            .then(pl.lit("zh_hant"))
            .otherwise(pl.lit("zh"))
        ).to_series(),
        "has_html": np.isin(q[:, LAYOUT], HTML_LAYOUTS) & text_ads,
        "has_furniture": q[:, FURNITURE] > 0,
        "has_contact": q[:, CONTACT] != 0,
    }
    return pl.DataFrame(columns).to_arrow(compat_level=pl.CompatLevel.oldest())


def _when(mask: npt.NDArray[np.bool_], then: pa.Array, otherwise: str | None) -> pl.Series:
    """`then` where the mask holds, else `otherwise`."""
    rest = pl.lit(otherwise, pl.String())
    return pl.select(pl.when(pl.Series(mask)).then(pl.Series(then).cast(pl.String)).otherwise(rest)).to_series()
