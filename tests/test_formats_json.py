"""JSON lines: the quick and the tolerant way give the same rows; long and strange lines cost themselves only."""

from __future__ import annotations

import io
import json
import random
from functools import partial
from typing import BinaryIO, cast

import numpy as np
import pytest

from gangwei.codebook import Codebook
from gangwei.formats import json_blocks, json_records, json_text, json_tolerant
from gangwei.formats.chunk import Chunk, Limits
from gangwei.formats.headers import load_headers
from gangwei.kernels.json_objects import on_lines

VALUES = ["司机", "", None, "a\nb", '"', "\\", "\u2028", "😀", 7, -1, 2.5, True, ["x"], {"k": 1}]


def rows_of(chunks: list[Chunk]) -> tuple[list[tuple[int, dict[str, str]]], list[tuple[int, str]]]:
    rows = []
    for c in chunks:
        for n, r in zip(c.numbers.to_list(), c.rows.iter_rows(named=True), strict=True):
            rows.append((n, {k: v for k, v in r.items() if v is not None}))
    return rows, [(b.row, b.reason_id) for c in chunks for b in c.bad]


@pytest.mark.parametrize("seed", range(40))
def test_quick_and_tolerant_agree(seed: int) -> None:
    rng = random.Random(seed)
    plain = seed % 2 == 0
    values = VALUES[:8] if plain else VALUES
    out = []
    for i in range(30):
        record = {k: rng.choice(values) for k in ("title", "city", "x") if rng.random() < 0.9}
        if i > 20 and rng.random() < 0.1:
            record["late"] = "y"
        out.append(json.dumps({"id": i, **record}, ensure_ascii=rng.random() < 0.5))
        if not plain and rng.random() < 0.1:
            out.append(rng.choice(['{"id": 1', "", "[1]", "{}", '{"a": "\\ud83d"}']))
    data = ("\n".join(out) + ("\n" if seed % 3 else "")).encode()
    quick = rows_of(list(json_text.lines(cast(BinaryIO, io.BytesIO(data)), "utf-8", Limits())))
    assert quick == rows_of(list(json_text.tolerant_lines(data, "utf-8", Limits(), 0)))


def test_plain_lines_take_the_quick_way() -> None:
    frame = json_blocks.parse('{"id": 1, "title": "司机"}\n{"id": 2, "title": null}\n'.encode())
    assert frame is not None and frame.rows() == [("1", "司机"), ("2", None)]


def test_long_lines_between_small_blocks() -> None:
    data = b'{"a": "1"}\n' * 5 + b'{"a": "' + b"x" * 5000 + b'"}\n' + b'{"a": "2"}\n' * 5
    parts = list(json_blocks.blocks(cast(BinaryIO, io.BytesIO(data)), 1000, 64))
    assert max(map(len, parts)) <= 1100
    assert b"".join(p for p in parts if len(p) < 1000).count(b"\n") == 10


@pytest.mark.parametrize(
    "data", [b"[", b"[1,", b"{", b'{"a":' * 5000, b"[" * 100_000, b'[{"title": "a"} {"title": "b"}]']
)
def test_hostile_documents_end(data: bytes) -> None:
    kind = json_text.layout(data)
    document = partial(json_text.document, headers=load_headers(Codebook()))
    reader = {"lines": json_text.lines, "array": json_text.array, "document": document}[kind]
    try:
        list(reader(cast(BinaryIO, io.BytesIO(data)), "utf-8", Limits()))
    except json_text.Unreadable as e:
        assert "\n" not in str(e)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b'{"title": "a\n{"title": "b\n' + b'{"title": "c"}\n' * 300, "lines"),
        (b'{"a":' * 5000 + b"\n" + b'{"a":' * 5000 + b"\n" + b'{"title": "c"}\n' * 300, "lines"),
        (b'{"title": "a\n{"title": "b\n{"title": "c\n{"title": "d"}\n', "lines"),
        (b'{"title": "a\n half a line"}\n' + b'{"title": "c"}\n' * 3, "lines"),
        (b'{"jobs": [\n' + b'{"title": "a"},\n' * 300 + b'{"title": "b"}\n]}', "document"),
        (b'{"jobs": [{"title": "a"},\n{"title": "a"},\n{"title": "b"}]}', "document"),
        (b'{"a": [\n{"title": "a"},\n{"title": "b"}\n],\n"b": [\n{"title": "b"}\n]}', "document"),
        (b'{\n"title": "a"\n}\n{\n"title": "b"\n}\n', "objects"),
        (b'{\n"jobs": [\n{"title": "a"}\n]\n}\n' * 3, "objects"),
    ],
)
def test_layouts_behind_a_first_line_that_is_broken(head: bytes, kind: str) -> None:
    assert json_text.layout(head) == kind


def test_an_array_larger_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "BLOCK", 50)
    records = [{"title": f"司机{i}", "x": "y" * (i % 60)} for i in range(100)]
    data = json.dumps(records, ensure_ascii=False, indent=1).encode()
    rows, bad = rows_of(list(json_text.array(cast(BinaryIO, io.BytesIO(data)), "utf-8", Limits(batch_rows=7))))
    assert [r["title"] for _, r in rows] == [r["title"] for r in records] and not bad


@pytest.mark.parametrize("seed", range(60))
def test_quick_and_tolerant_arrays_agree(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    values = VALUES[:8] if seed % 2 else VALUES
    parts = []
    for i in range(40):
        record = {k: rng.choice(values) for k in ("title", "city", "x") if rng.random() < 0.9}
        parts.append(json.dumps({"id": i, **record}, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 2])))
        if seed % 3 == 0 and rng.random() < 0.1:
            parts.append(rng.choice(["{}", "7", "null", '{"a": "\\ud83d"}', '{"a": NaN}', "[1]"]))
        if seed % 5 == 0 and rng.random() < 0.05:
            parts.append(rng.choice(['{"a": "b" "c"}', '{"a": [}', '{"a": "x\ny"}', "{'a': 1}"]))
    objects = seed % 4 == 0 and seed % 3 > 0
    text = ("\n" if objects else ",\n").join(parts)
    text = (
        text if objects else ("\ufeff" if seed % 7 == 0 else "") + "[" + text + rng.choice(["]", "", "]\n[{}]", "];"])
    )
    data, opening = text.encode(), "{" if objects else "["
    monkeypatch.setattr(json_text, "BLOCK", rng.choice([100, 1000, 1 << 20]))
    quick = rows_of(list(json_text.array(cast(BinaryIO, io.BytesIO(data)), "utf-8", Limits(batch_rows=7), opening)))
    slow = json_tolerant.tolerant_array(cast(BinaryIO, io.BytesIO(data)), "utf-8", Limits(batch_rows=7), opening)
    assert quick == rows_of(list(slow))
    assert quick[0]


def test_objects_cut_at_any_byte() -> None:
    whole = json.dumps([{"a": '\\司"机[}', "b": [1, {"c": "]"}]}, {"a": "x"}], ensure_ascii=False, indent=1).encode()
    for size in range(1, len(whole)):
        lines, used, _ = on_lines(np.frombuffer(whole[1:size], np.uint8))
        assert [json.loads(x) for x in lines.tobytes().splitlines()] == json.loads(b"[" + whole[1 : used + 1] + b"]")


AD = {
    "postName": "会计",
    "workPlaceStr": "上海市",
    "workContent": "负责账务处理与纳税申报",
    "publishDate": "2025-03-06",
}


@pytest.mark.parametrize(
    ("doc", "rows"),
    [
        ({"code": 200, "data": AD}, [AD]),
        ({"data": {**AD, "cityList": [{"name": "上海"}, {"name": "北京"}]}}, [{**AD, "cityList.name": "上海|北京"}]),
        ({"a1": AD, "b2": {**AD, "postName": "出纳"}, "c3": AD}, [AD, {**AD, "postName": "出纳"}, AD]),
        ({"postName": "热招", "data": [AD, AD]}, [AD, AD]),
    ],
)
def test_a_document_of_one_ad(doc: dict[str, object], rows: list[dict[str, str]]) -> None:
    found, bad = rows_of(
        list(json_text.document(io.BytesIO(json.dumps(doc).encode()), "utf-8", Limits(), load_headers(Codebook())))
    )
    assert ([r for _, r in found], bad) == (rows, [])


@pytest.mark.parametrize(
    ("written", "value"),
    [('{"a": [1, 2,],}', {"a": [1, 2]}), ('{"a": ",]", "b": "c,}",\n}', {"a": ",]", "b": "c,}"}), ("[1,\n]", [1])],
)
def test_commas_before_brackets(written: str, value: object) -> None:
    assert json_records.load(written) == json_records.load(written.encode()) == value


@pytest.mark.parametrize("between", [b",\n", b","])
def test_many_broken_objects_cost_no_more_than_their_length(between: bytes) -> None:
    sound = '{"title":"算法工程师","city":"深圳","text":"%s"}' % ("负责模型训练" * 5)
    rows = [(sound.replace('"city":', '"city"') if i % 7 else sound).encode() for i in range(40_000)]
    found = list(json_text.array(io.BytesIO(b"[" + between.join(rows) + b"]"), "utf-8", Limits()))
    assert sum(c.rows.height for c in found) == 5715
    assert sum(len(c.bad) for c in found) == 40_000 - 5715


def test_an_empty_list_of_ads_is_said() -> None:
    data = b'{"total": 0, "answers": [{"url": "https://x.cn/list", "status": 404, "body": "not found"}, {"url": "https://x.cn/page", "status": 404, "body": "not found"}], "jobs": []}'
    with pytest.raises(json_text.Unreadable, match="list of ads in it is empty"):
        list(json_text.document(cast(BinaryIO, io.BytesIO(data)), "utf-8", Limits(), load_headers(Codebook())))
