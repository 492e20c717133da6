"""Settings for every test, and runs that many of them read: made once, by the command line, and never changed."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from colocate.host.processes.signals import STOPPING, interruptible
from colocate.host.restore.machine_lock import ENVIRONMENT
from tests.commands.command_line import MODEL, TINY, colocate, files_of, header_of, in_own_process
from tests.made_once import made_once

# A test must not fail because the machine was busy: no deadlines, and the same examples on each run of CI.
settings.register_profile("colocate", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("colocate")

# Two of these processes may each run a sweep at a time; no test says how long anything takes.
LOCK = Path(tempfile.gettempdir(), f"colocate-tests-{os.getpid()}.lock")
os.environ[ENVIRONMENT] = str(LOCK)

# xdist tells its processes that they are 80 columns wide, and a pipe obeys that; a test of widths says its own.
os.environ.pop("COLUMNS", None)

# Fakes of CUDA have GPUs of their own, whichever of the real ones whoever started the tests hides.
os.environ.pop("CUDA_VISIBLE_DEVICES", None)

# Whoever started the tests may ignore signals (nohup, a background job), and children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGTERM, signal.SIG_DFL)


def pytest_unconfigure() -> None:
    LOCK.unlink(missing_ok=True)


def unchanged(run: Path) -> Iterator[Path]:
    """The run, for all tests to read; one that has changed it gets a copy of its own (`copy_of`)."""
    before = files_of(run)
    yield run
    after = files_of(run)
    assert [name for name in before | after if before.get(name) != after.get(name)] == []


@pytest.fixture
def forgotten_interruption() -> Iterator[None]:
    """For a test that interrupts this process, which then ignores signals and is on its way out until its next
    command line: here other tests follow.
    """
    former = {signum: signal.getsignal(signum) for signum in STOPPING}
    yield
    for signum, handler in former.items():
        signal.signal(signum, handler)
    with interruptible():
        pass


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of `TINY`: a network of 1 ms beside one task, on this machine. Each process has its own, for some tests try to
    go on with it, which locks it.
    """
    folder = tmp_path_factory.mktemp("tiny") / "run"
    done = in_own_process("sweep", *TINY, "--out", folder)
    assert done.returncode == 0, done.stderr
    assert "this is 1 of the 9 clock pairs" in done.stdout
    planned = header_of(folder).planned
    assert f"trial {planned} of {planned}: " in done.stderr, "plain lines when piped"
    yield from unchanged(folder)


@pytest.fixture(scope="session")
def modelled_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of `MODEL`: a network at two clock points beside two tasks, in virtual time."""

    def make(folder: Path) -> None:
        done = colocate("sweep", *MODEL, "--repeats", "4", "--out", folder, "--json", pictures=True)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert said["rig"] == "tx1-model" and {row["rig"] for row in said["cells"]} == {"tx1-model"}

    yield from unchanged(made_once(tmp_path_factory, "modelled/run", make))


@pytest.fixture(scope="session")
def efficiency_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """AlexNet in four settings in virtual time: those of which NVIDIA published throughput and power."""

    def make(folder: Path) -> None:
        done = colocate(
            "efficiency", "--rig", "tx1-model", "--networks", "alexnet", "--batches", "1,128", "--cpu-clocks", "high",
            "--gpu-clocks", "691.2", "--repeats", "3", "--out", folder, "--quiet", "--slo-ms", "600",
            pictures=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "alexnet: tensorrt fp16 batch 128, 1734/691.2 MHz: " in done.stdout
        assert "over the default, tensorrt fp32 batch 1, 1734/691.2 MHz" in " ".join(done.stdout.split())
        assert "best.toml" in done.stdout

    yield from unchanged(made_once(tmp_path_factory, "efficiency/run", make))
