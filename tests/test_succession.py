"""kernels/match/succession.py: an opening keeps its name while it only gains ads."""

from __future__ import annotations

import polars as pl

from gangwei.kernels.match.succession import succeed, succeed_employers

A, B, C = "000000000000000a", "000000000000000b", "000000000000000c"


def frame(**openings: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"ad_id": list(openings), "opening_id": list(openings.values())},
        schema={"ad_id": pl.String, "opening_id": pl.String},
    )


def names(
    old: pl.DataFrame, new: pl.DataFrame, before: dict[str, list[str]] | None = None
) -> dict[str, tuple[str, list[str]]]:
    ledger = before or {o: [] for o in old["opening_id"].unique()}
    earlier = pl.DataFrame(
        {"opening_id": list(ledger), "succeeds": list(ledger.values())},
        schema={"opening_id": pl.String, "succeeds": pl.List(pl.String)},
    )
    return {c: (o, s) for c, o, s in succeed(old, earlier, new).rows()}


def test_gaining_keeps_the_name_even_when_the_first_ad_changes() -> None:
    assert names(frame(x=A, y=A), frame(w=B, x=B, y=B)) == {B: (A, [])}


def test_a_new_opening_has_its_own_name() -> None:
    assert names(frame(x=A), frame(x=A, y=B)) == {A: (A, []), B: (B, [])}


def test_merging_gives_a_new_name_that_succeeds_both() -> None:
    (found,) = names(frame(x=A, y=B), frame(x=A, y=A)).values()
    assert found[0] not in (A, B) and found[1] == [A, B]


def test_losing_an_ad_gives_new_names() -> None:
    found = names(frame(x=A, y=A), frame(x=A, y=B))
    assert found[A][0] not in (A, B) and found[A][1] == [A]
    assert found[B] == (B, [A])


def test_an_ad_that_is_gone_is_a_loss() -> None:
    found = names(frame(x=A, y=A), frame(x=A))
    assert found[A][0] != A and found[A][1] == [A]


def test_what_was_succeeded_stays_on_record() -> None:
    assert names(frame(x=C), frame(x=A, y=A), {C: ["old"]}) == {A: (C, ["old"])}


def test_order_does_not_matter() -> None:
    old, new = frame(x=A, y=B, z=C), frame(x=A, y=A, z=C)
    assert names(old, new) == names(old.reverse(), new.reverse())


def employers(
    old: dict[str, str], new: dict[str, str], before: dict[str, list[str]] | None = None
) -> dict[str, list[str]]:
    text = {"name_raw": pl.String, "employer_id": pl.String}
    frames = [pl.DataFrame({"name_raw": list(d), "employer_id": list(d.values())}, schema=text) for d in (old, new)]
    ledger = before or {e: [] for e in sorted(set(old.values()))}
    earlier = pl.DataFrame(
        {"employer_id": list(ledger), "succeeds": list(ledger.values())},
        schema={"employer_id": pl.String, "succeeds": pl.List(pl.String)},
    )
    return dict(succeed_employers(frames[0], earlier, frames[1]).rows())


def test_an_employer_that_takes_names_over_succeeds_their_employer() -> None:
    assert employers({"x": A}, {"x": A, "y": A}) == {}  # only a gain
    assert employers({"x": A, "y": B}, {"x": A, "y": A}) == {A: [B]}  # merged
    assert employers({"x": A, "y": A}, {"x": A, "y": B}) == {B: [A]}  # split
    assert employers({"x": A, "y": B}, {"x": C, "y": C}) == {C: [A, B]}
    assert employers({}, {"x": A}) == {}
    assert employers({"x": A}, {"x": A, "y": B}, {A: ["old"], B: ["gone"]}) == {A: ["old"], B: ["gone"]}
    assert employers({"x": A}, {"x": B}, {A: ["old"]}) == {B: [A]}


def test_a_name_that_was_succeeded_is_not_borne_again() -> None:
    """C took over from A and B, then falls apart: what A held is not A again, which C is known to have succeeded."""
    found = names(frame(x=C, y=C), frame(x=A, y=B), {C: [A, B]})
    assert {new for new, _ in found.values()}.isdisjoint({A, B, C})
    assert [s for _, s in found.values()] == [[A, B, C], [A, B, C]]


def test_a_name_is_not_borne_again_whatever_number_of_additions_later() -> None:
    """A and B merge, that opening merges with C, and the third addition makes A's ads an opening of their own again."""
    ads, ledger, borne = frame(x=A, y=B, z=C), {A: [], B: [], C: []}, {A, B, C}
    for canonical in (frame(x=A, y=A, z=C), frame(x=A, y=A, z=A), frame(x=A, y=B, z=C), frame(x=A, y=A, z=C)):
        found = names(ads, canonical, ledger)
        ads = canonical.with_columns(pl.col("opening_id").replace({c: o for c, (o, _) in found.items()}))
        changed = {o for o, _ in found.values()} - ledger.keys()
        assert changed and not changed & borne
        ledger, borne = dict(found.values()), borne | changed
        assert all(s == sorted(set(s)) and o not in s for o, s in ledger.items())
    assert {A, B, C} <= {i for s in ledger.values() for i in s}
