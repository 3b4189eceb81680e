"""kernels/identity.py: ids are unique, stable and spelled in 16 digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gangwei.kernels.identity import ad_keys, hex_names, mix


def test_identical_rows_get_keys_of_their_own_in_order() -> None:
    content = np.array([5, 7, 5, 5], np.uint64)
    keys = ad_keys(content)
    assert len(set(keys.tolist())) == 4
    assert ad_keys(content[:1])[0] == keys[0], "the first of identical rows keeps its key when others arrive"


def test_keys_do_not_depend_on_other_rows() -> None:
    one = ad_keys(np.array([9, 4], np.uint64))
    two = ad_keys(np.array([4, 1, 9], np.uint64))
    assert {one[0], one[1]} <= set(two.tolist())


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
def test_names_are_the_hexadecimal_form(values: list[int]) -> None:
    keys = np.array(values, np.uint64)
    assert hex_names(keys).to_list() == [f"{v:016x}" for v in values]


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 2**64 - 1))
def test_families_do_not_collide(value: int) -> None:
    key = np.array([value], np.uint64)
    assert mix(key, 2)[0] != mix(key, 3)[0]


def test_compiled_kernels_are_kept_by_the_code_of_all(tmp_path: Path) -> None:
    from gangwei.kernels import cache_folder

    (tmp_path / "a.py").write_text("X = 1")
    (tmp_path / "b.py").write_text("from a import X")
    before = cache_folder(tmp_path)
    (tmp_path / "a.py").write_text("X = 2")
    assert before and cache_folder(tmp_path) != before
