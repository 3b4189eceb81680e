"""label.py: a probability sample with known weights, labels that resume, agreement, and safe answers."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from build_fixture import build, table
from gangwei.evaluate import evaluate
from gangwei.explore.label import agreement, create, draw, labels, sample, shares
from gangwei.frame.check import DatasetError
from gangwei.label_lines import append_line, own_lines
from gangwei.measures import measure, open_dataset
from gangwei.store import StoreError
from gangwei.synth import make as synth
from gangwei.terminal_evaluation import table as shown


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("label")
    synth.write(root / "synth", 2000, seed=33)
    build(root / "out", root / "synth" / "ads")
    return root / "out"


def test_weights_add_up_to_the_openings(made: Path) -> None:
    ds = open_dataset(made)
    items = draw(ds, 60, 1)
    weight = sum(i.stratum_population / i.stratum_sample for i in items)
    assert math.isclose(weight, table(made, "openings").height)
    assert items == draw(ds, 60, 1) and items != draw(ds, 60, 2)


def test_a_sample_is_as_large_as_asked_for(made: Path) -> None:
    """What a class of few openings cannot give, the others give: 40 asked for are 40."""
    assert len(draw(open_dataset(made), 40, 1)) == 40
    even = [1.0] * 6
    assert shares([0, 3, 100, 100], 40, even) == [0, 3, 19, 18] and shares([1, 2], 300, even) == [1, 2]
    assert shares([9, 9, 9], 2, even) == [1, 1, 1] and shares([50] * 6, 300, even) == [50] * 6
    assert shares([99, 5, 999], 100, [0.25, 0.25, 0.5]) == [32, 5, 63]


def test_half_of_a_sample_has_no_sign_of_ai(made: Path) -> None:
    """Nearly all openings are of that class: few labels of it would leave open what the classifier misses."""
    found = Counter(i.stratum for i in draw(open_dataset(made), 60, 1))
    assert found["none"] >= 30 and max(n for s, n in found.items() if s != "none") <= 12


def test_labels_resume_and_feed_evaluate(made: Path) -> None:
    client = TestClient(create(made, size=30))
    truth = dict(table(made, "ads").select("ad_id", "ai_tier").rows())
    items = sample(open_dataset(made), 30, 1)
    for n, item in enumerate(items):
        page = client.get("/?reader=ann")
        assert f"{n} of {len(items)}" in page.text and item.ad_id in page.text
        answer = client.post("/", data={"reader": "ann", "ad_id": item.ad_id, "ai_tier": truth[item.ad_id]})
        assert answer.status_code == 200
    assert "gangwei evaluate" in client.get("/?reader=ann").text
    assert len(labels(made, "ann")) == len(items)
    assert shown(evaluate(made, made / "labels" / "ann.jsonl"))


def test_an_answer_can_be_mended(made: Path, tmp_path: Path) -> None:
    """Back from any ad, and from the end; a name in Chinese; the commands of the end are those to give."""
    work = tmp_path / "my work"
    work.mkdir()
    (work / "published").symlink_to(made / "published")
    client = TestClient(create(work, size=12))
    items = sample(open_dataset(work), 12, 1)
    assert "Back to" not in client.get("/?reader=李娜").text
    for item in items:
        client.post("/", data={"reader": "李娜", "ad_id": item.ad_id, "ai_tier": "none", "unsure": "1"})
    end = client.get("/?reader=李娜").text
    assert f"gangwei measure &#39;{work}&#39; ai-share" in end and "李娜.jsonl" in end
    assert f"ad={items[-1].ad_id}" in end
    page = client.get(f"/?reader=李娜&ad={items[-1].ad_id}").text
    assert 'value="none" accesskey="n" required checked' in page and f"ad={items[-2].ad_id}" in page
    assert 'name="unsure" value="1" accesskey="q" checked' in page
    client.post("/", data={"reader": "李娜", "ad_id": items[-1].ad_id, "ai_tier": "builder"})
    said = labels(work, "李娜")
    assert len(said) == len(items) and said[items[-1].ad_id]["ai_tier"] == "builder"


def test_keys_are_letters(made: Path) -> None:
    """Alt with a number chooses a tab in browsers on Linux and never reaches the page."""
    page = TestClient(create(made)).get("/?reader=keys").text
    keys = re.findall(r'accesskey="(.)"', page)
    assert keys and len(set(keys)) == len(keys) and all(k.isalpha() for k in keys)
    assert 'autocomplete="off"' in page.split("<form", 1)[1].split(">", 1)[0]  # Back would put an answer on another ad


def test_a_label_that_was_cut_off_is_asked_again(made: Path, tmp_path: Path) -> None:
    """A full disk may cut the last line: the page goes on, and so does what reads the labels."""
    (tmp_path / "published").symlink_to(made / "published")
    client = TestClient(create(tmp_path, size=12))
    assert "Keys: Alt" in client.get("/?reader=eve").text and "built-in" not in client.get("/?reader=eve").text
    items = sample(open_dataset(tmp_path), 300, 1)
    path = tmp_path / "labels" / "eve.jsonl"
    for item in items[:2]:
        client.post("/", data={"reader": "eve", "ad_id": item.ad_id, "ai_tier": "none"})
    path.write_text(path.read_text("utf-8")[:-30], "utf-8")
    assert f"1 of {len(items)}" in client.get("/?reader=eve").text
    fixed = measure(open_dataset(tmp_path), "ai-share").corrected
    assert fixed is not None and fixed.labels == 1
    client.post("/", data={"reader": "eve", "ad_id": items[1].ad_id, "ai_tier": "none"})
    assert set(labels(tmp_path, "eve")) == {i.ad_id for i in items[:2]}
    path.write_text("no label\n" + path.read_text("utf-8"), "utf-8")
    with pytest.raises(DatasetError, match="line 1"):
        measure(open_dataset(tmp_path), "ai-share")


def test_a_sample_of_another_build_is_refused(made: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "published").symlink_to(made / "published")
    items = [vars(i) for i in sample(open_dataset(tmp_path / "out"), 12, 1)]
    create(tmp_path / "out")
    items[0]["ad_id"] = "0" * 16
    (tmp_path / "out" / "labels" / "sample.json").write_text(json.dumps(items), "utf-8")
    with pytest.raises(DatasetError, match=f"1 of the {len(items)} ads"):
        create(tmp_path / "out")


def test_labels_lie_beside_the_tables_that_a_build_replaces(made: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="give the directory of the build"):
        create(made / "published")
    assert not (made / "published" / "labels").exists()
    out = tmp_path / "out"
    shutil.copytree(made, out)
    (out / "labels").mkdir(exist_ok=True)
    (out / "labels" / "sample.json").write_text("[{")
    with pytest.raises(StoreError, match="broken"):
        create(out)


def test_two_readers() -> None:
    one = {str(n): {"ai_tier": t} for n, t in enumerate(["builder", "none", "none", "user"])}
    two = {str(n): {"ai_tier": t} for n, t in enumerate(["builder", "none", "user", "user"])}
    n, same, kappa = agreement(one, two)
    assert (n, same) == (4, 0.75) and round(kappa, 3) == 0.636
    assert agreement(one, {})[0] == 0


def test_refusals(made: Path) -> None:
    client = TestClient(create(made))
    assert client.post("/", data={"reader": "../x", "ad_id": "1", "ai_tier": "user"}).status_code == 400
    assert client.post("/", data={"reader": "ann"}, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    refused = client.get("/?reader=%3Cscript%3E")
    assert refused.status_code == 400 and refused.headers["content-type"].startswith("text/plain")
    assert json.loads((made / "labels" / "sample.json").read_text())


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("by=city", "unknown parameter 'by'; allowed: reader, lang, ad"),
        ("lang=fr", "unknown value of lang 'fr'; allowed: en, zh"),
        ("reader=a b", "unknown value of reader"),
        ("reader=ann&ad=nope", "unknown value of ad"),
        ("lang=en&lang=zh", "given twice"),
    ],
)
def test_addresses_outside_the_vocabulary_are_refused(made: Path, query: str, said: str) -> None:
    answer = TestClient(create(made, size=12)).get(f"/?{query}")
    assert answer.status_code == 400 and said in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_name_that_was_cut_off_within_a_letter(tmp_path: Path) -> None:
    """A killed page may leave half a Chinese character behind: no label is lost, and the line is asked again."""
    path = tmp_path / "李雷.jsonl"
    append_line(path, {"ad_id": "a1", "reader": "李雷"})
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-5])
    assert [x["ad_id"] for x in own_lines(path)] == ["a1"]
    append_line(path, {"ad_id": "a2", "reader": "李雷"})
    assert [x["ad_id"] for x in own_lines(path)] == ["a1", "a2"]
