"""explore.py: every page, the closed vocabulary, headers, and hostile ads that stay harmless."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from build_fixture import ADS, build, table, write_csv
from explore_fixture import MAIL, PHONE
from gangwei import measures
from gangwei.cli import main
from gangwei.explore import charts
from gangwei.explore.server import create
from gangwei.frame.check import DatasetError
from gangwei.kernels.ai import evidence
from published_fixture import Spec, write


@pytest.fixture(scope="module")
def client(made: Path) -> TestClient:
    return TestClient(create(made))


@pytest.fixture(scope="module")
def made(explored: Path) -> Path:
    return explored


@pytest.fixture(scope="module")
def hostile(hostile_explored: Path) -> tuple[Path, TestClient]:
    return hostile_explored, TestClient(create(hostile_explored))


def paths(out: Path) -> list[str]:
    ads = table(out, "ads")
    ad = ads["ad_id"][0]
    employer = ads["employer_id"].drop_nulls()[0]
    return [
        "/", "/measures", "/m/ai-share", "/m/ai-share?by=province", "/m/ai-share?by=city&where=definition%3Dstrict", "/m/ai-mix?by=role",
        "/m/ai-openings/ads", "/m/ai-openings/ads?by=tier&group=builder", "/compare", "/search", "/search?q=%E7%AE%97%E6%B3%95",
        "/search?q=%E7%AE%97%E6%B3%95&in=text", "/search?q=%E5%85%AC%E5%8F%B8&in=employer", f"/ads/{ad}", f"/employers/{employer}",
        "/regions/440300", "/regions/440000", "/regions/110000", "/profiles", "/skills/python", "/concepts/deep_learning", "/m/ai-skills", "/m/ai-flow",
        "/m/ai-share?where=term%3Ddeep_learning", "/compare?measure=ai-openings&by=tier", "/definitions", "/definitions?file=ai/terms.csv", "/method", "/quality", "/rejects",
    ]  # fmt: skip


def test_every_page_answers_in_both_languages(made: Path, client: TestClient) -> None:
    for path in paths(made):
        for lang in ("en", "zh"):
            answer = client.get(path + ("&" if "?" in path else "?") + f"lang={lang}", follow_redirects=False)
            assert answer.status_code == 200, (path, lang, answer.text[:300])
            assert f'<html lang="{"zh-CN" if lang == "zh" else "en"}">' in answer.text
            assert "<h1>" in answer.text and "<script" not in answer.text, path
            assert 'style="' not in answer.text, f"{path}: an inline style is refused by the page's own policy"


def test_every_measure_has_a_page(client: TestClient, made: Path) -> None:
    for measure_id in measures.load(measures.open_dataset(made).codebook):
        assert client.get(f"/m/{measure_id}").status_code == 200, measure_id


def test_head_asks_for_headers_alone(client: TestClient) -> None:
    for path in ("/", "/m/ai-share.csv"):
        answer = client.head(path)
        assert answer.status_code == 200 and not answer.content
    assert client.head("/m/ai-share?x=1").status_code == 400


def test_the_headers_are_strict(client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert client.get("/").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/?x=1", "/m/ai-share?x=1", "/m/ai-share?by=nosuch", "/m/ai-share?where=nosuch%3D1", "/m/ai-share?where=province%3D999999",
     "/m/ai-share?where=province", "/m/ai-share?lang=fr", "/m/ai-share?by=tier&by=role", "/m/ai-openings/ads?page=0",
     "/m/ai-openings/ads?page=x", "/search?in=nosuch", "/definitions?file=../../etc/passwd", "/compare?left=nosuch",
     "/m/ai-share?where=city%3D440300%27%20OR%201%3D1"],
)  # fmt: skip
def test_a_question_outside_the_vocabulary_lists_what_is_allowed(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 400 and "Allowed" in answer.text
    if "/m/ai-share?" in path:
        given = client.get(path.replace("/m/ai-share?", "/m/ai-share.json?"))
        assert given.status_code == 400 and given.json()["allowed"]


def test_ranks_without_a_spread_and_quotients_are_said_plainly(client: TestClient) -> None:
    page = client.get("/m/employer-rank").text
    assert "None" not in page.partition("<details>")[0]
    emerging = client.get("/m/emerging-cities.json").json()
    assert (emerging["unit"], emerging["row_unit"]) == ("share", "ratio")
    assert ("Location quotient" in client.get("/m/emerging-cities").text) == bool(emerging["rows"])
    assert "ads for each opening" in client.get("/m/ads-per-opening").text


def test_days_and_lists_are_those_there_are(client: TestClient, made: Path) -> None:
    answer = client.get("/m/defence-share.json", params={"as_of": "2019-13-45"})
    assert answer.status_code == 400 and "YYYY-MM-DD" in answer.json()["allowed"][0]
    lists = client.get("/m/defence-share.json", params={"lists": "nosuch"}).json()["allowed"]
    ds = measures.open_dataset(made)
    held = {r[0] for r in ds.rows("SELECT DISTINCT list_id FROM affiliations WHERE tier = 'T3'")}
    others = {r[0] for r in ds.rows("SELECT DISTINCT list_id FROM affiliations WHERE tier <> 'T3'")}
    assert lists == sorted(lists) and held <= set(lists) and others.isdisjoint(lists)  # lists make T3 alone
    for asked in ({"as_of": "2019-13-45"}, {"lists": "nosuch"}):
        with pytest.raises(measures.UnknownParameter, match=next(iter(asked.values()))):
            create(made, **asked)


def test_a_listing_alone_is_no_affiliation(tmp_path: Path) -> None:
    """An employer that a list names, and whose affiliation is unknown, has both said; other affiliations speak for themselves."""
    write(tmp_path, Spec(ads=300, employers=12))
    at = TestClient(create(tmp_path))
    said = "A listing alone is no finding of a defence affiliation"
    listed, other = at.get("/employers/em000005").text, at.get("/employers/em000003").text
    assert "on a government list" in listed and "unknown" in listed and said in listed
    assert "T1 group" in other and said not in other
    ads = pl.read_parquet(tmp_path / "published" / "ads.parquet").filter(pl.col("employer_id") == "em000005")
    assert said in at.get(f"/ads/{ads['ad_id'][0]}").text


def test_pages_of_one_ad_speak_of_one(tmp_path: Path) -> None:
    """No page says '1 ads' or '1 openings', whichever of its words say it."""
    (tmp_path / "a.csv").write_text(
        "id,title,company,city,salary,description\n1,算法工程师,杭州云帆科技有限公司,杭州,20k-35k,负责深度学习模型的研发与训练\n"
    )
    build(tmp_path / "out", tmp_path / "a.csv")
    at = TestClient(create(tmp_path / "out"))
    listed = [f"/m/{m['id']}" for m in at.get("/measures.json").json()]
    ads = table(tmp_path / "out", "ads")
    for path in ("/", "/quality", f"/employers/{ads['employer_id'][0]}", f"/ads/{ads['ad_id'][0]}", *listed):
        said = re.sub(r"<[^>]+>", "", re.sub(r"<(script|style|pre)\b.*?</\1>", "", at.get(path).text, flags=re.S))
        found = re.findall(
            r"(?<![\d.,–/-])\b1 (?:[A-Za-z]+ ){0,2}(?:openings|ads|rows|boards|employers|cities)\b", said
        )
        assert not found, (path, found)


def test_what_is_not_there_is_404(client: TestClient) -> None:
    for path in (
        "/nosuch",
        "/m/nosuch",
        "/ads/nosuch",
        "/employers/x",
        "/regions/1",
        "/occupations/x",
        "/static/../cli.py",
    ):
        assert client.get(path).status_code == 404, path


def test_only_this_machine_without_a_token(made: Path) -> None:
    with pytest.raises(DatasetError, match="token"):
        create(made, host="0.0.0.0")
    assert TestClient(create(made), base_url="http://evil.example").get("/").status_code == 421
    guarded = TestClient(create(made, host="0.0.0.0", token="s3cret"), base_url="http://anything")
    assert guarded.get("/").status_code == 401
    assert guarded.get("/?token=wrong").status_code == 401
    assert guarded.get("/?token=s3cret").status_code == 200
    assert guarded.get("/measures").status_code == 200, "the cookie carries the token on"


def test_hostile_ads_stay_harmless(hostile: tuple[Path, TestClient]) -> None:
    out, client = hostile
    ads = table(out, "ads")
    extra = [f"/ads/{a}" for a in ads["ad_id"]] + [f"/ads/{a}.json" for a in ads["ad_id"]]
    extra += [f"/employers/{e}" for e in ads["employer_id"].drop_nulls()] + [
        "/search?q=%3Cscript%3E",
        "/m/ai-openings.csv?by=employer",
    ]
    for path in [*paths(out), *extra]:
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.text[:200])
        body = answer.text
        if answer.headers["content-type"].startswith("text/html"):
            assert "<script" not in body.lower() and "<img" not in body.lower(), path
            assert 'href="javascript:' not in body.lower(), path
            assert "\u202e" not in body, path
        assert PHONE not in body and MAIL not in body, path


def test_csv_and_json_say_what_the_page_says(client: TestClient, made: Path) -> None:
    found = client.get("/m/ai-share.json?by=role").json()
    lines = list(csv.DictReader(client.get("/m/ai-share.csv?by=role").content.decode("utf-8-sig").splitlines()))
    assert [r["id"] for r in found["rows"]] == [r["id"] for r in lines]
    assert [float(r["numerator"]) for r in found["rows"]] == [float(r["numerator"]) for r in lines]


def test_one_number_everywhere(client: TestClient, made: Path) -> None:
    ds = measures.open_dataset(made)
    for measure_id, measure in measures.load(ds.codebook).items():
        here = measures.measure(ds, measure_id).record()
        page = client.get(f"/m/{measure_id}.json").json()
        assert page["value"] == here["value"] and page["numerator"] == here["numerator"], measure_id
        if measure.kind == "count":
            assert measures.ads_behind(ds, measure_id)[0] == here["numerator"], measure_id
            assert f"<strong>{here['numerator']:,.0f}</strong>" in client.get(f"/m/{measure_id}/ads").text
    said = json.loads(CliRunner().invoke(main, ["measure", str(made), "ai-share", "--by", "province", "--json"]).stdout)
    assert said["rows"] == client.get("/m/ai-share.json?by=province").json()["rows"]


def test_twenty_readers_at_once(client: TestClient) -> None:
    asked = [f"/m/ai-share?by={by}" for by in ("province", "city", "role", "tier", "board")] * 4
    with ThreadPoolExecutor(20) as pool:
        assert [r.status_code for r in pool.map(client.get, asked)] == [200] * 20


def test_the_interface_is_described(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/m/{measure_id}", "/m/{measure_id}.csv", "/search.json", "/ads/{ad_id}.json"} <= set(paths)
    by = next(p for p in paths["/m/{measure_id}"]["get"]["parameters"] if p["name"] == "by")
    assert {"province", "employer"} <= set(by["schema"]["enum"])


def test_a_question_that_takes_too_long_is_stopped(made: Path) -> None:
    from gangwei.explore.guard import Gate, TooSlow, Watched

    ds = Watched.open(made)
    with pytest.raises(TooSlow), Gate(ds, seconds=0.3).enter():
        ds.rows("SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3")
    assert ds.rows("SELECT 1") == [(1,)]


def test_the_list_behind_a_figure_is_that_of_the_measures(made: Path) -> None:
    from gangwei.explore import rows as explore_rows

    ds = measures.open_dataset(made)
    for measure_id, by, group, where in (
        ("ai-openings", None, None, {}), ("ai-share", "province", "440000", {}), ("openings", None, None, {"education": "bachelor"}),
        ("ai-mix", "role", "technical", {"city": "440300"}), ("pay-median", None, None, {}), ("repeat-rate", None, None, {}),
    ):  # fmt: skip
        total, rows = measures.ads_behind(ds, measure_id, by, group, where, limit=30, offset=5)
        here, shown = explore_rows.behind(ds, measure_id, by, group, where, limit=30, offset=5)
        assert (here, shown["ad_id"].to_list()) == (total, rows["ad_id"].to_list()), measure_id
        assert shown["employer"].to_list() == rows["employer"].to_list()


def test_one_ad_is_the_same_however_its_tables_are_cut(made: Path, tmp_path: Path) -> None:
    from gangwei.explore import ads as explore_ads
    from gangwei.frame import dataset as frame

    whole = explore_ads.Reader(measures.open_dataset(made))
    ads = pl.read_parquet(made / "published" / "ads.parquet")
    shared = ads.filter(pl.col("opening_id").is_duplicated())["ad_id"].head(3).to_list()
    wanted = {i: whole.ad(i) for i in [*shared, *ads["ad_id"].sample(5, seed=1).to_list()]}
    assert any(w["same_opening"] for w in wanted.values()) and any(w["decisions"] for w in wanted.values())

    def shown(found: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in found.items() if k != "original"}

    for name, few, aligned in (("aligned", 16, True), ("crossed", 16, False), ("many", 0, True)):
        to = tmp_path / name / "published"
        shutil.copytree(made / "published", to)
        row = dict(zip(ads["ad_id"], range(ads.height)))
        for name_ in ("ads", "decisions", "ad_places"):
            rows = pl.read_parquet(to / f"{name_}.parquet")
            part = rows["ad_id"].replace_strict(row) // 40
            parts = {p: rows.filter(part == p) for p in range(int(part.max()) + 1)}
            order = parts if aligned or name_ == "ads" else reversed(parts)
            with pq.ParquetWriter(to / f"{name_}.parquet", rows.to_arrow().schema) as w:
                for p in order:
                    w.write_table(parts[p].to_arrow(), row_group_size=1 << 20)
        cut = explore_ads.Reader(measures.open_dataset(tmp_path / name))
        with pytest.MonkeyPatch.context() as m:
            m.setattr(frame, "MOST_GROUPS", few)
            assert {i: shown(cut.ad(i)) for i in wanted} == {i: shown(w) for i, w in wanted.items()}, name


def test_refusals_speak_the_language_of_the_page(client: TestClient) -> None:
    for path, status in (
        ("/m/ads-per-opening?by=province", 400), ("/m/ai-share?where=foo%3Dbar", 400), ("/m/ai-share?by=zzz", 400), ("/m/ai-share?foo=1", 400),
        ("/m/nope", 404), ("/ads/zzzz", 404), ("/regions/999999", 404), ("/skills/zzzz", 404),
    ):  # fmt: skip
        for lang in ("en", "zh"):
            answer = client.get(f"{path}{'&' if '?' in path else '?'}lang={lang}")
            assert answer.status_code == status, path
            said = answer.text.split('class="said">')[1].split("</p>")[0]
            assert said.isascii() is (lang == "en") and "unknown" not in said.lower() * (lang == "zh"), said


def test_a_refusal_is_in_one_language(client: TestClient) -> None:
    twice = "where=grain%3Dad&where=grain%3Dspell"
    for path in ("/?lang=en&lang=zh", "/m/ai-share?by=city&by=role&lang=zh", f"/m/ai-share?{twice}&lang=zh"):
        answer = client.get(path)
        assert answer.status_code == 400 and "given twice" not in answer.text and "重复给出" in answer.text, path
    assert "filter given twice" in client.get(f"/m/ai-share?{twice}").text


def test_a_click_on_a_ranked_employer_opens_its_profile(client: TestClient) -> None:
    page = client.get("/m/employer-rank").text
    assert 'href="/employers/' in page and "where=employer" not in page.split("<table")[0]
    assert client.get("/m/city-rank?by=county&where=city%3D440300").status_code == 200
    premium = client.get("/m/pay-premium?by=province")
    assert premium.status_code == 200 and "/m/pay-premium/ads?" in premium.text


def test_the_first_page_names_the_leading_cities_employers_and_skills(client: TestClient) -> None:
    for lang in ("en", "zh"):
        page = client.get(f"/?lang={lang}").text
        answer = page.split('<dl class="answer">')[1].split("</dl>")[0]
        assert all(f'href="/{p}/' in answer for p in ("regions", "employers", "skills"))
        assert "by=year" in page.split("</h1>")[1].split('class="thirds"')[0], "which years the openings are from"


def test_a_map_claims_nothing_of_places_with_a_handful_of_ads() -> None:
    assert charts.vague({"value": 0.083, "low": 0.013, "high": 0.32})
    assert not charts.vague({"value": 0.177, "low": 0.161, "high": 0.193})
    assert not charts.vague({"value": 0.2, "low": None, "high": None})


def test_the_first_line_of_a_figure_says_what_it_counts(client: TestClient) -> None:
    def lead(path: str) -> str:
        return client.get(path).text.split('<p class="lead">')[1].split("</p>")[0]

    for path, said in (
        ("/m/cluster-share", "located AI openings"), ("/m/employer-rank", "that name an employer"), ("/m/repeat-rate", " ads"),
        ("/m/pay-median", "state monthly pay"), ("/m/ai-skills", "at least one skill"),
    ):  # fmt: skip
        assert said in lead(path) and "Effective" not in lead(path), path
    assert "100" not in lead("/m/board-mix"), "all of them is no finding"


def test_a_month_that_is_not_named_is_said_beside_the_chart(client: TestClient) -> None:
    rows = client.get("/m/ai-flow.json").json()["rows"]
    undated = [r["numerator"] for r in rows if r["id"] == "unknown"]
    said = "name no month" in client.get("/m/ai-flow").text.split("<table")[0]
    assert said is bool(undated)


def test_the_employer_in_a_list_of_ads_leads_to_its_page(client: TestClient) -> None:
    listed_ads = client.get("/m/ai-openings/ads")
    found = re.search(r'<td class="who"><a href="(/employers/[^"]+)">', listed_ads.text)
    assert found is not None and client.get(found[1]).status_code == 200
    assert "employer_id" in client.get("/m/ai-openings/ads.json").json()["rows"][0]


def test_the_method_says_each_caveat_once(client: TestClient) -> None:
    page = client.get("/method").text
    assert page.count("An ad is not a vacancy, and a vacancy is not a worker: openings here") == 1
    assert all(f'href="/m/{m}"' in page for m in ("ai-share", "pay-median", "city-hhi"))


def test_an_empty_search_leads_on(client: TestClient) -> None:
    page = client.get("/search?q=zzzzqqq").text
    assert "/search?q=zzzzqqq&amp;in=employer" in page.split("Search instead in")[1]


def test_one_opening_is_not_said_in_the_plural(client: TestClient) -> None:
    rows = client.get("/m/openings.json?by=employer").json()["rows"]
    one = next(r["id"] for r in rows if r["value"] == 1)
    lead = client.get(f"/m/openings/ads?where=employer%3D{one}").text.split('<p class="lead">')[1].split("</p>")[0]
    assert re.sub("<[^>]+>", "", lead).split() == ["1", "opening"]


def test_the_parts_of_a_score_are_told_in_words(client: TestClient, made: Path) -> None:
    """A feature of the model is no code: every one that the model can name has words in both languages."""
    speak = {lang: client.app.state.parts[0].words.speaker(lang) for lang in ("en", "zh")}
    for name in (
        *(f"count:{c}" for c in evidence.COUNTS),
        "title_ngrams",
        "text_ngrams",
        "phrase_ngrams",
        "head:dev+duty_ai",
        "title_word:algo",
    ):
        said = {lang: s.feature(name, "feature") for lang, s in speak.items()}
        assert "weight" not in said["en"] and "权重" not in said["zh"] and "{" not in "".join(said.values()), name
    assert (
        speak["en"].feature("count:share>0.25", "feature").endswith("25\u202f%")
        and speak["zh"].feature("unheard", None) == "–"
    )
    ad = table(made, "ads").filter(pl.col("ai_tier") == "builder")["ad_id"][0]
    assert "the probability that the job builds AI" in client.get(f"/ads/{ad}").text


def test_both_sides_of_a_comparison_lead_to_their_ads(client: TestClient) -> None:
    text = client.get("/compare?by=province").text
    for side in ("strict", "related"):
        link = f"/m/ai-share?by=province&amp;where=definition%3D{side}"
        assert link in text
        assert (
            f"/m/ai-share/ads?by=province&amp;where=definition%3D{side}" in client.get(link.replace("&amp;", "&")).text
        )


def test_skills_and_concepts_of_one_name_say_why_they_differ(client: TestClient) -> None:
    assert "the two shares of one name differ" in client.get("/profiles").text
    assert "Skills count the tags" in client.get("/m/ai-concepts").text


def test_the_list_of_definitions_says_what_each_holds(client: TestClient) -> None:
    assert "Words that tell how a term stands in its clause" in client.get("/definitions").text


def test_rows_that_were_not_kept_are_shown_with_their_reasons(tmp_path: Path) -> None:
    """From the counts of the page of quality; nothing in them runs, and contacts are out."""
    bad = [("k1", "", "<script>1</script>", "深圳", *[""] * 6), ("", "", "=cmd", "电话13912345678", *[""] * 6)]
    ads = write_csv(tmp_path / "ads.csv", [*ADS, *bad, ("=cmd", "13912345678")])
    rows = build(tmp_path / "o", ads).counts["rejected"]
    client = TestClient(create(tmp_path / "o"))
    quality = client.get("/quality").text
    reasons = set(table(tmp_path / "o", "rejects")["reason_id"])
    assert rows == 3 and len(reasons) == 2 and 'href="/rejects"' in quality
    page = client.get("/rejects").text
    assert all(f'href="/rejects?reason={r}"' in page for r in reasons)
    assert (
        "&lt;script&gt;1" in page
        and "<script>" not in page
        and "13912345678" not in page
        and "<strong>3</strong>" in page
    )
    for reason in reasons:
        one = client.get(f"/rejects.json?reason={reason}").json()
        assert {r["reason_id"] for r in one["rows"]} == {reason} and one["total"] == one["shown"] < 3
    assert client.get("/rejects?reason=none").status_code == 400
    assert len(list(csv.reader(client.get("/rejects.csv").text.splitlines()))) == 4


def test_the_count_of_a_file_leads_to_as_many_rows(tmp_path: Path) -> None:
    """A reason in the row of a file shows the rows of that file alone, and a page behind the last claims nothing."""
    for name, n in (("a", 2), ("b", 1)):
        write_csv(tmp_path / f"{name}.csv", [*ADS, *[("k1", "", str(i), "深圳", *[""] * 6) for i in range(n)]])
    build(tmp_path / "o", tmp_path / "a.csv", tmp_path / "b.csv")
    client = TestClient(create(tmp_path / "o"))
    links = re.findall(r'href="(/rejects\?[^"]*)">([^<]*)</a>', client.get("/quality").text)
    assert len(links) == 2
    for link, said in links:
        page = client.get(html.unescape(link)).text
        n = int(said.rpartition(":")[2])
        assert f"<strong>{n}</strong>" in page and page.count('<td class="n">') == n, link
    assert "was kept" not in client.get("/rejects?page=2").text
    assert client.get("/rejects?input=none.csv").status_code == 400
