"""Whatever ends a sweep, at whatever moment: nothing that was finished is lost and nobody is left behind."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import psutil
import pytest

from colocate.store.database import FILE_NAME
from colocate.store.run_file import Run
from colocate.study.plan import plan

MARK = "COLOCATE_TEST_MARK"
# For what is left to be gone: the kernel is at once done with it, but a busy machine is not.
GONE_S = 120.0
SWEEP = [
    sys.executable, "-m", "colocate", "sweep", "--backend", "synthetic", "--networks", "spin-1ms,spin-2ms",
    "--stressors", "stringsearch", "--command", "sleeper=sh -c 'sleep 1000 & wait'", "--repeats", "4",
    "--window", "0.05", "--warmup", "0.01", "--settle", "0", "--placement", "shared", "--quiet", "--json",
    "--design", "steady",
]  # fmt: skip


def marked(mark: str) -> list[psutil.Process]:
    """Every live process that inherited the mark, whoever its parent is now."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def handles_signals(process: subprocess.Popen[str]) -> bool:
    """Whether colocate's handlers are installed. Until Python has started, it answers SIGINT with a traceback."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return False
    caught = next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt")), 0)
    return bool(caught & 1 << (signal.SIGTERM - 1))


def run_until(out: Path, seconds: float, signum: int) -> tuple[int, str]:
    """Start or resume the sweep in `out`, signal it after `seconds`; its exit status and what it said.

    If it can catch the signal, the seconds count from when it does.
    """
    mark = uuid.uuid4().hex
    resume = ["--resume"] if (out / FILE_NAME).exists() else []
    process = subprocess.Popen(
        [*SWEEP, "--out", str(out), *resume],
        env={**os.environ, MARK: mark},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while signum != signal.SIGKILL and process.poll() is None and not handles_signals(process):
        time.sleep(0.01)
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signum)
        _, said = process.communicate(timeout=120)
    deadline = time.monotonic() + GONE_S
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left, f"still alive {GONE_S:g} s later: {[p.cmdline() for p in left]}"
    return process.returncode, said


@pytest.mark.parametrize(
    # The three that can be caught are one exception from their handler on.
    ("signum", "kills"),
    [(signal.SIGKILL, 8), (signal.SIGINT, 5), (signal.SIGTERM, 2), (signal.SIGHUP, 2)],
)
def test_a_sweep_survives_being_ended_again_and_again(tmp_path: Path, signum: int, kills: int) -> None:
    moments = random.Random(int(signum))
    out = tmp_path / "run"
    for _ in range(kills):
        code, said = run_until(out, moments.uniform(0.0, 2.0), signum)
        assert "Traceback" not in said
        if signum != signal.SIGKILL and code > 0:
            assert code == 128 + signum, said
            if (out / FILE_NAME).exists():
                assert f"python -m colocate sweep --resume --out {out}" in said
        if (out / FILE_NAME).exists():
            with Run.read(out) as run:
                list(run.records())
    code, said = run_until(out, 600, signum)
    assert code == 0, said
    with Run.read(out) as run:
        header = run.header()
        held = Counter(record.trial for record in run.records())
    assert set(held) == set(plan(header.spec, header.facts))
    assert set(held.values()) == {1}


def test_a_second_signal_does_not_cut_the_way_out_short(tmp_path: Path) -> None:
    process = subprocess.Popen([*SWEEP, "--out", str(tmp_path / "run")], stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "run" / FILE_NAME).exists():
        time.sleep(0.01)
    for _ in range(20):
        process.send_signal(signal.SIGINT)
        time.sleep(0.005)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in said
