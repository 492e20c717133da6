"""One sweep at a time on a machine; the kernel lets the next one go when one has ended, however that was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from colocate.errors import HostError
from colocate.host.restore import journal, machine_lock
from colocate.host.restore.machine_lock import ENVIRONMENT, lock_file, machine_alone

HOLDS = """
from colocate.host.restore.machine_lock import machine_alone
with machine_alone():
    print("holds", flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "folder/lock"))
    return tmp_path / "folder/lock"


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", HOLDS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"holds\n"
        yield process
        process.kill()


def test_a_second_sweep_is_refused_with_the_first_ones_number(other: subprocess.Popen[bytes]) -> None:
    said = rf"another sweep( \(process {other.pid}\))? runs .* --wait-for-machine"
    with pytest.raises(HostError, match=said), machine_alone():
        pass


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_who_waits_goes_on_when_the_other_has_ended(
    signum: signal.Signals, other: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_lock, "_LOOK_AGAIN_S", 0.01)
    said: list[str] = []

    def waits(line: str) -> None:
        said.append(line)
        other.send_signal(signum)

    with machine_alone(wait=True, waits=waits):
        assert len(said) == 1 and said[0].startswith("Waiting: another sweep")
    assert other.wait() == -signum


def test_one_follows_another_in_one_process_and_leaves_nothing_but_the_file(own_lock: Path) -> None:
    for _ in range(2):
        with machine_alone():
            assert own_lock.stat().st_mode & 0o777 == 0o600
    assert own_lock.read_bytes() == b""


def test_where_no_file_can_be_made_nobody_is_kept_out(own_lock: Path) -> None:
    own_lock.parent.write_text("no folder")
    with machine_alone(), machine_alone():
        pass


def test_a_link_in_its_place_is_not_followed(own_lock: Path, tmp_path: Path) -> None:
    own_lock.parent.mkdir()
    own_lock.symlink_to(tmp_path / "precious")
    with machine_alone():
        assert not (tmp_path / "precious").exists()


def test_it_lies_in_the_state_folder_unless_another_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for named in ("", "relative"):
        monkeypatch.setenv(ENVIRONMENT, named)
        assert lock_file() == journal.state_folder() / "machine"
    monkeypatch.setenv(ENVIRONMENT, "/run/lock/colocate")
    assert lock_file() == Path("/run/lock/colocate")


def test_a_child_does_not_keep_it() -> None:
    with machine_alone():
        child = subprocess.Popen(["sleep", "60"])
    try:
        with machine_alone():
            assert os.waitpid(child.pid, os.WNOHANG) == (0, 0)
    finally:
        child.kill()
        child.wait()
