"""engines/: the same tasks and the same SQL give the same answer on each engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from gangwei.engines.early import Early
from gangwei.engines.local import Local, Task
from gangwei.store import StoreError


def double(n: int) -> int:
    if n < 0:
        raise StoreError(f"{n}: below zero")
    return 2 * n


@pytest.fixture
def local(tmp_path: Path) -> Local:
    return Local(2, 1 << 30, tmp_path / "spill")


@pytest.fixture(scope="module")
def spark() -> Iterator[object]:
    pytest.importorskip("pyspark")
    from gangwei.engines.spark import Spark

    engine = Spark("local[2]", 1 << 30)
    yield engine
    engine.session.stop()


def write(path: Path) -> Path:
    pl.DataFrame({"k": ["深圳", "上海", "深圳", None], "v": [1, 2, 3, 4]}).write_parquet(path, compression="zstd")
    return path


QUERY = "SELECT k, count(*) AS n, max(v) AS v FROM t WHERE k IS NOT NULL GROUP BY k ORDER BY k"


def test_local_results_keep_their_order_and_progress_is_told(local: Local) -> None:
    seen: list[int] = []
    assert local.map([Task(double, (n,)) for n in range(20)], lambda _, r: seen.append(r)) == [2 * n for n in range(20)]
    assert sorted(seen) == [2 * n for n in range(20)]


def test_local_raises_the_first_failure(local: Local) -> None:
    with pytest.raises(StoreError, match="-1: below zero"):
        local.map([Task(double, (n,)) for n in (1, -1, 2)], lambda *_: None)


def test_parts_are_worked_on_by_the_threads_that_read_nothing() -> None:
    ran: dict[str, str] = {}
    with Early(2) as early:
        reads = [early.reading(lambda: None) for _ in range(3)]
        begin = [
            lambda n=n: early.begin(Path(n), lambda: ran.setdefault(n, threading.current_thread().name)) for n in "abc"
        ]
        begin[0]()  # three files for two threads
        reads[0]()
        begin[1]()  # two files
        reads[1]()
        begin[2]()  # one
        assert [early.begun[Path(n)].result() for n in "abc"] == list(ran.values())
    here = threading.current_thread().name
    assert [ran[n] == here for n in "abc"] == [True, True, False]


def test_parts_are_left_to_their_stage_while_the_first_is_worked_on() -> None:
    gate, left = threading.Event(), Path("left")
    with Early(2) as early:
        early.reading(lambda: None)
        early.begin(Path("first"), gate.wait)
        early.begin(left, lambda: None)
        assert left not in early.begun
        gate.set()
        early.begun[Path("first")].result()
        early.begin(left, lambda: None)
        assert early.begun[left].result() is None


@pytest.mark.parametrize("free", [True, False])
def test_a_panic_in_early_work_reaches_whoever_asks(free: bool) -> None:
    class Panic(BaseException):
        pass

    def panics() -> None:
        raise Panic

    with Early(2) as early:
        for _ in range(1 if free else 2):
            early.reading(lambda: None)
        early.begin(Path("part"), panics)
        with pytest.raises(Panic):
            early.begun[Path("part")].result(timeout=10)
        assert early.working == 0


def test_local_sql(local: Local, tmp_path: Path) -> None:
    assert local.sql(QUERY, t=[write(tmp_path / "t.parquet")]).rows() == [("上海", 1, 2), ("深圳", 2, 3)]


@pytest.mark.slow
@pytest.mark.spark
def test_spark_gives_the_same(spark: object, local: Local, tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet")
    assert spark.sql(QUERY, t=[path]).rows() == local.sql(QUERY, t=[path]).rows()  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.spark
def test_spark_tasks(spark: object) -> None:
    assert spark.map([Task(abs, (-n,)) for n in range(5)], lambda *_: None) == list(range(5))  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.spark
def test_spark_says_what_failed(spark: object) -> None:
    with pytest.raises(StoreError, match="ValueError"):
        spark.map([Task(int, ("x",))], lambda *_: None)  # type: ignore[attr-defined]


def die(n: int) -> int:
    if n == 1:
        raise SystemExit(3)
    return n


def test_a_worker_that_dies_is_an_error_not_an_exit(local: Local) -> None:
    with pytest.raises(StoreError, match="worker"):
        local.map([Task(die, (n,)) for n in range(4)], lambda *_: None)
