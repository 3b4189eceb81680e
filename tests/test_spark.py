"""The whole job on Spark: the same bytes as the local engine, on a cluster of processes, also when an executor is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from build_fixture import HINTED, prints, write_csv
from gangwei.synth import make as synth

pytestmark = [pytest.mark.slow, pytest.mark.spark]
SOURCE = Path(__file__).resolve().parents[1] / "src"


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])
    return {
        **os.environ,
        "PYTHONPATH": path,
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "GANGWEI_TRACE": "1",
    }


def command(inputs: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "gangwei", "build", str(inputs), "--out", str(out), *more]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    pytest.importorskip("pyspark")
    root = tmp_path_factory.mktemp("local")
    synth.write(root / "synth", 8_000, seed=9, chunk=2_000)
    write_csv(root / "synth" / "ads" / "hinted.csv", HINTED)
    subprocess.run(command(root / "synth" / "ads", root / "out"), check=True, capture_output=True, env=environment())
    return root / "synth" / "ads", prints(root / "out" / "published")


def test_two_executor_processes_give_the_same_bytes(expected: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    inputs, published = expected
    done = subprocess.run(
        command(inputs, tmp_path / "out", "--engine", "spark", "--master", "local-cluster[2,1,1024]"),
        capture_output=True, text=True, check=False, env=environment(), timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert prints(tmp_path / "out" / "published") == published


def test_a_directory_whose_name_is_a_pattern(expected: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    inputs, out = expected[0] / "hinted.csv", tmp_path / "out {a,b} [1]* 目录 #x%20"
    subprocess.run(command(inputs, tmp_path / "local"), check=True, capture_output=True, env=environment())
    done = subprocess.run(
        command(inputs, out, "--engine", "spark", "--master", "local[2]"),
        capture_output=True, text=True, check=False, env=environment(), timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert prints(out / "published") == prints(tmp_path / "local" / "published")


def spark_home() -> Path:
    import pyspark

    return Path(pyspark.__file__).parent


@contextmanager
def cluster(folder: Path, port: int = 17077) -> Iterator[str]:
    """A standalone master and two single-core workers on loopback; ended with the block."""
    home = spark_home()
    url = f"spark://127.0.0.1:{port}"
    settings = {
        **environment(),
        "SPARK_HOME": str(home),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_WORKER_DIR": str(folder / "work"),
    }
    starts = [
        [
            "org.apache.spark.deploy.master.Master",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--webui-port",
            str(port + 1),
        ]
    ]
    starts += [
        [
            "org.apache.spark.deploy.worker.Worker",
            "--host",
            "127.0.0.1",
            "--cores",
            "1",
            "--memory",
            "1g",
            "--webui-port",
            str(port + 1 + n),
            url,
        ]
        for n in (1, 2)
    ]
    running = []
    try:
        for n, start in enumerate(starts):
            log = (folder / f"daemon{n}.log").open("w")
            running.append(
                subprocess.Popen(
                    [str(home / "bin" / "spark-class"), *start],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=settings,
                    start_new_session=True,
                )
            )
            time.sleep(4 if n == 0 else 1)
        deadline = time.monotonic() + 60
        while (folder / "daemon0.log").read_text().count("Registering worker") < 2:
            assert time.monotonic() < deadline, (folder / "daemon0.log").read_text()[-2000:]
            time.sleep(0.5)
        yield url
    finally:
        for p in reversed(running):
            with suppress(ProcessLookupError):
                os.killpg(p.pid, signal.SIGKILL)
            p.wait()


def executors(folder: Path) -> list[int]:
    """Process ids of the executors whose work directory lies in `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
                here = os.readlink(entry / "cwd")
            except OSError:
                continue
            if b"CoarseGrainedExecutorBackend" in line and here.startswith(str(folder)):
                found.append(int(entry.name))
    return found


def test_a_killed_executor_changes_nothing(expected: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    inputs, published = expected
    killed: list[int] = []

    def kill_one() -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not killed:
            for pid in executors(tmp_path):
                time.sleep(3)
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                break
            time.sleep(0.2)

    with cluster(tmp_path) as url:
        thread = threading.Thread(target=kill_one)
        thread.start()
        done = subprocess.run(
            command(inputs, tmp_path / "out", "--engine", "spark", "--master", url),
            capture_output=True, text=True, check=False, env=environment(), timeout=400,
        )  # fmt: skip
        thread.join()
    assert killed, "no executor was seen"
    assert done.returncode == 0, done.stderr[-2000:]
    assert prints(tmp_path / "out" / "published") == published


def test_a_worker_with_other_code_is_refused(tmp_path: Path) -> None:
    from gangwei.engines.spark import _run

    with pytest.raises(RuntimeError, match="other code or libraries"):
        list(_run("another fingerprint")(iter(())))


def test_without_java_one_line(expected: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    inputs, _ = expected
    bare = {k: v for k, v in environment().items() if k != "JAVA_HOME"} | {"PATH": str(tmp_path)}
    done = subprocess.run(
        command(inputs, tmp_path / "out", "--engine", "spark", "--master", "local[1]"),
        capture_output=True, text=True, check=False, env=bare, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr and "Java 17" in done.stderr, done.stderr[-1500:]
