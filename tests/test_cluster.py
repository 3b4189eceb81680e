"""Rules of one pair, and the bounds of clustering."""

from __future__ import annotations

import numpy as np
import pytest

from gangwei.codebook import Codebook
from gangwei.kernels.match import judging as c
from gangwei.kernels.match.block_texts import lacking, sketch_texts
from gangwei.kernels.match.cluster import cluster_blocks
from gangwei.stages.s5_match import compile_rules

PARAMS = compile_rules(Codebook()).params
NO_BAG, NO_PTR = np.zeros(2, np.uint32), np.array([0, 1, 2])


def facts(**changes: tuple[int, int]) -> np.ndarray:  # type: ignore[type-arg]
    """Two ads that differ in the given facts: name=(first, second)."""
    both = np.zeros((2, len(c.FACTS)), np.int64)
    both[:, [c.CITY, c.KEY, c.TEXT, c.PAY_LO, c.PAY_HI, c.PAY_KIND]] = (5, 9, 7, 10_000, 15_000, 1)
    both[1, c.TEXT] = 8
    both[:, [c.EDUCATION, c.EXPERIENCE]] = (5, 36)
    for name, values in changes.items():
        both[:, c.FACTS.index(name)] = values
    return both


@pytest.mark.parametrize(
    ("a", "b", "want"),
    [
        ((10, 20), (10, 20), (3, 1.0)),
        ((10, 20), (20, 30), (1, 0.0)),
        ((10, 20), (22, 30), (0, 0.0)),
        ((7001, 9000), (6000, 7000), (1, 0.0)),  # within the gap allowed
        ((10, 20), (15, 25), (2, 0.5)),
        ((10, 20), (12, 14), (2, 1.0)),
        ((10, 10), (10, 20), (2, 1.0)),
    ],
)
def test_pay(a: tuple[int, int], b: tuple[int, int], want: tuple[int, float]) -> None:
    f = facts(pay_lo=(a[0], b[0]), pay_hi=(a[1], b[1]))
    assert c.pay_relation(f, 0, 1, 0.05) == want
    assert c.pay_relation(f, 1, 0, 0.05) == want
    assert c.pay_relation(facts(pay_kind=(1, 2)), 0, 1, 0.05)[0] == -1


@pytest.mark.parametrize(
    ("changes", "text", "board", "reason"),
    [
        ({}, 0.9, False, c.TITLE_TEXT),
        ({"text_hash": (7, 7)}, 1.0, False, c.SAME_TEXT),
        ({}, 0.6, False, c.TITLE_TEXT + c.LOW),
        ({}, 0.5, False, c.REWORDED + c.LOW),
        ({}, 0.1, False, 0),
        ({"first_day": (100, 130)}, 0.5, False, 0),
        ({"first_day": (100, c.NO_DAY)}, 0.5, False, 0),
        ({"address": (3, 4)}, 0.5, False, 0),
        ({"flags": (1, 1)}, 0.5, False, 0),
        ({"level": (0, 6)}, 0.5, False, 0),
        ({"experience": (12, 60)}, 0.5, False, 0),
        ({"pay_lo": (10_000, 11_000), "pay_hi": (15_000, 16_000)}, 0.5, False, 0),
        ({"pay_lo": (10_000, 15_000), "pay_hi": (15_000, 20_000)}, 0.9, False, 0),
        ({"pay_lo": (10_000, 15_000), "pay_hi": (15_000, 20_000)}, 0.97, False, c.TITLE_TEXT + c.LOW),
        ({"pay_lo": (10_000, 15_000), "pay_hi": (15_000, 20_000), "experience": (12, 36)}, 0.97, False, 0),
        ({"city": (5, 6)}, 1.0, False, 0),
        ({"city": (5, 0)}, 0.9, False, c.TITLE_TEXT + c.LOW),
        ({"city": (5, 0)}, 0.7, False, 0),
        ({"place": (1, 2)}, 1.0, False, 0),
        ({"heads": (0, 1)}, 1.0, False, 0),
        ({"functions": (1, 2)}, 1.0, False, 0),
        ({"pay_lo": (10_000, 20_000), "pay_hi": (15_000, 30_000)}, 1.0, False, 0),
        ({"level": (0, 6)}, 0.95, False, c.TITLE_TEXT),
        ({"level": (0, 6), "experience": (36, 60), "education": (5, 6)}, 0.95, False, 0),
        ({"level": (0, 6), "pay_lo": (10_000, 15_000), "pay_hi": (15_000, 20_000)}, 0.95, False, 0),
        ({"experience": (12, 96)}, 0.6, False, 0),
        ({}, -1.0, False, c.SAME_KEYS),
        ({"pay_lo": (10_000, 11_000)}, -1.0, False, c.KEYS_CLOSE + c.LOW),
        ({"education": (5, 6)}, -1.0, False, 0),
        ({"code": (3, 4)}, -1.0, False, 0),
        ({"flags": (1, 1)}, -1.0, False, 0),
        ({"flags": (4, 4)}, 0.8, False, 0),
        ({"flags": (4, 4), "address": (3, 4)}, 1.0, False, 0),
        ({"flags": (4, 4), "pay_lo": (10_000, 11_000)}, 0.9, False, 0),
        ({"flags": (4, 4)}, 0.95, False, c.TITLE_TEXT + c.LOW),
        ({}, 0.1, True, c.BOARD_ID),
        ({"title_key": (9, 0)}, 1.0, True, c.BOARD_ID),
        ({"title_key": (9, 0)}, 0.95, False, c.SHORTER_TEXT + c.LOW),
        ({"title_key": (0, 0)}, 0.8, False, 0),
    ],
)
def test_judge(changes: dict[str, tuple[int, int]], text: float, board: bool, reason: int) -> None:
    f = facts(**changes)
    for q, r in ((0, 1), (1, 0)):
        assert c.judge(f, NO_BAG, NO_PTR, q, r, text, board, PARAMS)[0] == reason


def test_campaign() -> None:
    def campaign(text: float, known: bool = False, **changes: tuple[int, int]) -> bool:
        return bool(c.judge_campaign(facts(**changes), NO_BAG, NO_PTR, 0, 1, text, known, PARAMS))

    assert campaign(0.7, city=(5, 6))
    assert campaign(0.4, city=(5, 6))  # reworded, one pay, one day
    assert not campaign(0.4, city=(5, 6), pay_lo=(10_000, 11_000))
    assert not campaign(0.4, city=(5, 6), first_day=(100, 200))
    assert not campaign(0.1, city=(5, 6))
    assert not campaign(1.0)
    assert campaign(1.0, known=True)  # a second opening of a city the campaign already has
    assert not campaign(1.0, city=(5, 0))
    assert not campaign(0.7, city=(5, 6), level=(0, 6))


def test_no_rule_asks_for_less_than_the_least_text_or_joins_what_is_ruled_out() -> None:
    rng = np.random.default_rng(5)
    values = {
        "city": [0, 5, 6], "place": [0, 1, 2], "level": [0, 6], "pay_lo": [10_000, 11_000], "pay_kind": [0, 1],
        "education": [-1, 5], "experience": [-1, 12, 36], "title_key": [0, 9, 8], "flags": [0, 1, 4],
        "first_day": [c.NO_DAY, 100, 105, 200], "address": [0, 3, 4], "heads": [0, 1],
    }  # fmt: skip
    joined = refused = 0
    for _ in range(4000):
        f = facts(**{k: tuple(rng.choice(v, 2)) for k, v in values.items() if rng.random() < 0.3})
        for phase, known in ((0, False), (1, False), (1, True)):
            least, out = c.least_text(f, 0, 1, phase, PARAMS), c.ruled_out(f, 0, 1, phase, known)
            refused += out
            for text in (-1.0, 0.0, 0.1, 0.3, 0.5, 0.54, 0.9, 1.0):
                if phase:
                    fits = c.judge_campaign(f, NO_BAG, NO_PTR, 0, 1, text, known, PARAMS)
                else:
                    fits = c.judge(f, NO_BAG, NO_PTR, 0, 1, text, False, PARAMS)[0] > 0
                    assert not (out and c.judge(f, NO_BAG, NO_PTR, 0, 1, text, True, PARAMS)[0]), (f, text)
                assert not fits or (not out and (text < 0 or text >= least)), (f, phase, text)
                joined += bool(fits)
    assert refused > 1000
    assert joined > 50


def test_texts_of_a_block_that_is_sampled_coarsely_still_count() -> None:
    rng, n = np.random.default_rng(4), 60
    f = np.zeros((n, len(c.FACTS)), np.int64)
    f[:, [c.CITY, c.KEY, c.EDUCATION, c.EXPERIENCE, c.FIRST]] = (5, 9, -1, -1, c.NO_DAY)
    f[:, c.TEXT] = np.arange(n) + 1
    grams = np.sort(rng.integers(0, 1 << 32, (n // 2, 100), dtype=np.uint32), axis=1).repeat(2, axis=0)
    for most in (1 << 21, 1000, 50):
        params, leader = PARAMS.copy(), np.arange(n)
        params[c.GRAMS] = most
        rest = np.zeros(n, np.uint8), np.zeros(n, np.float32), np.full(n, -1, np.int64)
        texts = grams.ravel().copy(), np.arange(n + 1) * 100, np.zeros(n, np.uint8)
        cluster_blocks(
            np.arange(n),
            np.array([0, n]),
            f.copy(),
            np.full(n, 77, np.uint32),
            np.arange(n + 1),
            *texts,
            params,
            leader,
            *rest,
        )
        found = np.unique(leader).size
        assert found == n // 2 if most > 50 else found >= n // 2, most


def test_sketches_bound_what_two_texts_share() -> None:
    rng = np.random.default_rng(3)
    S = np.concatenate([np.sort(rng.choice(400, 150, replace=False)) for _ in range(8)]).astype(np.uint32)
    ptr, weight = np.arange(9) * 150, np.full(400, 4, np.uint8)
    weight[:100] = 2
    rows = np.arange(8)
    sketches = sketch_texts(rows, S, ptr[:-1].copy(), ptr[1:].copy(), weight, 4)
    for x in rows:
        for y in rows:
            a, b = (set(S[ptr[r] : ptr[r + 1]].tolist()) for r in (x, y))
            assert sum(int(weight[g]) for g in a - b) >= 4 * lacking(sketches, x, y)
            assert x == y or lacking(sketches, x, y) > 10
