"""formats/object_text.py: what is no object is not taken for one, and no text takes long to tell."""

from __future__ import annotations

import io

import pytest

from gangwei.codebook import Codebook
from gangwei.formats import object_text
from gangwei.formats.chunk import Limits
from gangwei.formats.headers import load_headers

ONE = "Job{title='会计', company='青禾食品有限公司', city='北京', pay='8-12K'}\n"
HEADERS = load_headers(Codebook())


def _read(text: str) -> tuple[int, int]:
    chunks = list(object_text.records(io.BytesIO(text.encode()), "utf-8", Limits()))
    return sum(c.rows.height for c in chunks), sum(len(c.bad) for c in chunks)


def test_an_object_is_one_of_ads() -> None:
    assert object_text.is_printed(ONE, HEADERS)
    assert object_text.is_printed("INFO Spider{city=北京, pages=3, depth=2}\n" + ONE, HEADERS)
    assert not object_text.is_printed("要求：熟悉 HashMap{a=1, b=2, c=3} 的实现\n", HEADERS)
    assert not object_text.is_printed("Request [method=GET, path=/jobs, status=200]\n", HEADERS)


@pytest.mark.parametrize(
    "part",
    [
        ", ".join(f"k{i}=A{{a=1, b" for i in range(3000)),
        ", ".join(f"k{i}='x" for i in range(6000)),
        ", ".join(f"k{i}=[x" for i in range(6000)),
        "A{a=1, b=2, c=" * 3000,
    ],
    ids=["objects", "quotes", "lists", "deep"],
)
def test_objects_that_never_end_are_given_up(part: str) -> None:
    assert _read(ONE + ("Job{title=a, company=b, city=c, " + part + "}\n") * 4) == (1, 4)
