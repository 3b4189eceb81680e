"""What stands between a reader and the data: headers, host, token, limits, and a connection that reads nothing else."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import duckdb
import pytest
from starlette.testclient import TestClient

from build_fixture import table
from explore_fixture import MAIL, PHONE
from gangwei import measures
from gangwei.explore.guard import Gate, Running, TooBusy, Watched, host_name, is_loopback
from gangwei.explore.query import MAX_PAGE
from gangwei.explore.server import create

LONG = "SELECT sum(hash(a.range + b.range)) FROM range(10000000) a, range(200) b"


@pytest.fixture(scope="module")
def client(explored: Path) -> TestClient:
    return TestClient(create(explored))


def test_every_answer_carries_the_headers(client: TestClient) -> None:
    for path in (
        "/",
        "/m/ai-share.json",
        "/m/ai-share.svg?by=province",
        "/nosuch",
        "/?x=1",
        "/openapi.json",
        "/static/explore.css",
    ):
        headers = client.get(path).headers
        policy = dict(p.strip().split(" ", 1) for p in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'" and "script-src" not in policy, "no script may run at all"
        assert "unsafe" not in str(policy) and policy["frame-ancestors"] == "'none'" and policy["base-uri"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "sql",
    ["SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/hostname')", "SELECT * FROM glob('/*')",
     "COPY (SELECT 1) TO '/tmp/gangwei-must-not-be'", "INSTALL httpfs", "LOAD httpfs", "ATTACH '/tmp/gangwei-must-not-be.db'",
     "SELECT * FROM read_parquet('https://example.org/x.parquet')", "SET enable_external_access=true", "SET allowed_directories=['/']",
     "EXPORT DATABASE '/tmp/gangwei-must-not-be'"],
)  # fmt: skip
def test_the_connection_reaches_no_file_and_no_network(explored: Path, sql: str) -> None:
    with pytest.raises(duckdb.Error):
        Watched.open(explored).cursor().execute(sql).fetchall()


def test_the_published_files_stay_as_they_are(explored: Path) -> None:
    before = {p.name: p.stat().st_mtime_ns for p in (explored / "published").iterdir()}
    client = TestClient(create(explored))
    for path in ("/", "/search?q=a", "/search?q=ai&in=text", "/m/repeat-rate", "/m/ai-concepts"):
        assert client.get(path).status_code == 200
    assert {p.name: p.stat().st_mtime_ns for p in (explored / "published").iterdir()} == before


def test_a_slow_question_gets_a_plain_answer(explored: Path) -> None:
    client = TestClient(create(explored, seconds=0.0))
    answers = [
        client.get(f"/m/{m}{s}?where=education%3Dbachelor")
        for m in ("ai-share", "city-rank", "employer-rank")
        for s in ("", ".json")
    ]
    stopped = [a for a in answers if a.status_code == 503]
    assert stopped, "no question was stopped"
    for a in stopped:
        assert "takes too long" in a.text and "Traceback" not in a.text
        assert a.headers["content-type"].startswith(("text/html", "application/json"))


def test_a_question_is_stopped_though_an_earlier_one_of_its_cursors_is_closed() -> None:
    con, running = duckdb.connect(), Running()
    running.cursors += [con.cursor(), con.cursor()]
    running.cursors[0].close()
    stop = threading.Timer(0.2, running.stop)
    stop.start()
    with pytest.raises(duckdb.InterruptException):
        running.cursors[1].execute(LONG)
    stop.join()


def test_a_question_to_the_dataset_that_is_compared_is_stopped_too(
    explored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create(explored, seconds=2.0, compare=explored)
    ask = measures.measure

    def slow(ds: Watched, *args: Any, **options: Any) -> measures.Result:
        if ds is not app.state.parts[0].ds:
            ds.rows(LONG)
        return ask(ds, *args, **options)

    monkeypatch.setattr(measures, "measure", slow)
    assert TestClient(app).get("/compare?what=datasets").status_code == 503


def test_too_many_questions_at_once(explored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gangwei.explore.guard.WAIT", 0.05)
    gate = Gate(Watched.open(explored))
    hold, held = threading.Event(), threading.Barrier(5)

    def occupy() -> None:
        with gate.enter():
            held.wait(5)
            hold.wait(5)

    threads = [threading.Thread(target=occupy) for _ in range(4)]
    for t in threads:
        t.start()
    held.wait(5)
    with pytest.raises(TooBusy), gate.enter():
        pass
    hold.set()
    for t in threads:
        t.join()
    with gate.enter():
        pass


def test_lists_are_limited(client: TestClient) -> None:
    assert client.get(f"/m/openings/ads?page={MAX_PAGE}").status_code == 200
    assert client.get(f"/m/openings/ads?page={MAX_PAGE + 1}").status_code == 400
    found = client.get("/m/openings/ads.json").json()
    assert found["shown"] <= 10_000 and found["total"] >= found["shown"]
    assert client.get("/search?q=" + "a" * 81).status_code == 400
    assert client.get("/search?q=%00").status_code == 400


def test_names_of_hosts() -> None:
    assert is_loopback("127.0.0.1") and is_loopback("::1") and is_loopback("localhost")
    assert not is_loopback("0.0.0.0") and not is_loopback("192.168.1.2") and not is_loopback("localhost.example")
    assert host_name("[::1]:80") == "[::1]" and host_name("localhost:8765") == "localhost"


def test_a_token_is_asked_for_everywhere(explored: Path) -> None:
    client = TestClient(create(explored, host="0.0.0.0", token="s3cret"), base_url="http://192.168.1.2")
    for path in ("/", "/m/ai-share.json", "/openapi.json", "/static/explore.css", "/nosuch"):
        assert client.get(path).status_code == 401, path
    assert client.get("/m/ai-share.json", headers={"authorization": "Bearer s3cret"}).status_code == 200
    page = client.get("/?token=s3cret")
    assert page.status_code == 200 and "s3cret" not in page.text
    cookie = page.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie


def test_no_contact_in_any_format(hostile_explored: Path) -> None:
    client = TestClient(create(hostile_explored))
    ads = table(hostile_explored, "ads")
    employers = ads["employer_id"].drop_nulls().unique()
    paths = [f"/ads/{a}{s}" for a in ads["ad_id"] for s in ("", ".json")] + [
        f"/employers/{e}{s}" for e in employers for s in ("", ".json")
    ]
    paths += [f"/m/openings/ads{s}" for s in ("", ".json", ".csv")] + [
        f"/m/ai-openings.{s}?by=employer" for s in ("json", "csv", "svg")
    ]
    paths += [
        "/search.json?q=工程师",
        "/search.json?q=公司&in=employer",
        "/search.json?q=微信&in=text",
        "/quality.json",
        "/overview.json",
    ]
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert PHONE not in answer.text and MAIL not in answer.text and "wang@" not in answer.text, path
        assert "\u202e" not in answer.text and "\u2066" not in answer.text, path
        if path.endswith((".json", ".csv")):
            assert "javascript:" not in answer.text or "/ads/" in path, path


def test_cells_that_begin_a_formula_are_made_harmless(hostile_explored: Path) -> None:
    text = TestClient(create(hostile_explored)).get("/m/openings/ads.csv").text
    assert "=HYPERLINK" in text and ",=HYPERLINK" not in text and '"=HYPERLINK' not in text


def test_ctrl_c_ends_it_while_it_still_makes_things_ready(explored: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gangwei", "explore", str(explored), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None and "Ctrl-C stops" in server.stderr.readline()
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/static/explore.css").status == 200
        server.send_signal(signal.SIGINT)
        assert (server.wait(60), server.stderr.read()) == (0, "")


def test_what_runs_in_the_background_stops_with_the_server(explored: Path) -> None:
    app = create(explored, warm=True)
    with TestClient(app):
        pass
    assert not any(t.name == "warm" for t in threading.enumerate())
