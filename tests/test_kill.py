"""A build that is killed with SIGKILL at random moments of every stage resumes to the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from build_fixture import prints
from gangwei.stage_keys import STAGES
from gangwei.synth import make as synth

KILLS = 3


def start(inputs: Path, out: Path, stage: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gangwei", "build", str(inputs), "--out", str(out), "--from", stage]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env={**os.environ, "GANGWEI_TRACE": "1"}
    )


def run_until(process: subprocess.Popen[str], stage: str) -> float:
    """Read the log until the stage begins; the moment it does."""
    assert process.stderr
    for line in process.stderr:
        if line.startswith(f"begin {stage}"):
            return time.monotonic()
    raise AssertionError(f"{stage} never began")


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_random_moments(
    stage: str, tmp_path_factory: pytest.TempPathFactory, undisturbed: tuple[Path, dict[str, str]]
) -> None:
    inputs, expected = undisturbed
    out = tmp_path_factory.mktemp("killed") / "out"
    process = start(inputs, out, "s1_read")
    begun = run_until(process, stage)
    process.communicate()
    length = time.monotonic() - begun
    rng = random.Random(stage)
    for _ in range(KILLS):
        process = start(inputs, out, stage)
        run_until(process, stage)
        time.sleep(rng.random() * min(length, 5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stderr:
            process.stderr.close()
    done = subprocess.run(
        [sys.executable, "-m", "gangwei", "build", str(inputs), "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert prints(out / "published") == expected
    assert not list(out.rglob("*.tmp"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    root = tmp_path_factory.mktemp("undisturbed")
    synth.write(root / "synth", 20_000, seed=7)
    command = [sys.executable, "-m", "gangwei", "build", str(root / "synth" / "ads"), "--out", str(root / "out")]
    subprocess.run(command, check=True, capture_output=True)
    return root / "synth" / "ads", prints(root / "out" / "published")
