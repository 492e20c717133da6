from __future__ import annotations

import sys
from pathlib import Path

import pytest

from colocate.errors import HostError, RestoreError
from colocate.host.clocks import nvml_clock
from colocate.host.clocks.find import find_clocks
from colocate.host.restore import session
from colocate.host.restore.journal import restore
from colocate.host.restore.session import held
from tests.host import boards
from tests.host.boards import Kernel, put
from tests.host.fake_nvml import FakeNvml
from tests.host.sessions import NoWatchdog


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    fake = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.setattr(nvml_clock, "is_root", lambda: True)
    monkeypatch.setattr(session, "Watchdog", NoWatchdog)
    return fake


def server(root: Path) -> Kernel:
    put(root, "/sys/module/nvidia/version", "580.1")
    return boards.Kernel510(root, ())


def test_nvml_clocks_are_locked_on_request_and_unlocked(nvml: FakeNvml, tmp_path: Path) -> None:
    kernel = server(tmp_path / "root")
    clocks = find_clocks(kernel)
    assert clocks.gpu is not None and clocks.gpu.on_request
    assert clocks.gpu.steps_hz == (345_000_000, 1_965_000_000, 1_980_000_000)
    with held(clocks, ["gpu"], tmp_path / "state", kernel) as pins:
        assert nvml.lock is None
        pins.set(gpu_hz=1_965_000_000)
        assert nvml.lock == (1965, 1965) and clocks.seen()[1] == 1_965_000_000
    assert nvml.lock is None and kernel.writes == []


def test_what_nvml_refuses_is_reported(nvml: FakeNvml, tmp_path: Path) -> None:
    kernel = server(tmp_path / "root")
    clocks = find_clocks(kernel)
    nvml.refuses = True
    lost = pytest.raises(RestoreError, match="NVML refused it: GPU is lost")
    with lost as raised, held(clocks, ["gpu"], tmp_path / "state", kernel) as pins:
        pins.set(gpu_hz=345_000_000)
    assert isinstance(raised.value.__context__, Exception)


def test_without_the_driver_nvml_is_not_asked(nvml: FakeNvml, tmp_path: Path) -> None:
    assert find_clocks(boards.Kernel510(tmp_path, ())).gpu is None
    assert not nvml.started


def test_without_root_nothing_is_begun(nvml: FakeNvml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml_clock, "is_root", lambda: False)
    kernel = server(tmp_path / "root")
    with pytest.raises(HostError, match="needs root"), held(find_clocks(kernel), ["gpu"], tmp_path / "state", kernel):
        pass
    assert not (tmp_path / "state/journal").exists()


def test_a_lock_that_was_left_is_taken_off_by_restore(nvml: FakeNvml, tmp_path: Path) -> None:
    kernel, folder = server(tmp_path / "root"), tmp_path / "state"
    clocks = find_clocks(kernel)
    with pytest.raises(RestoreError), held(clocks, ["gpu"], folder, kernel) as pins:
        pins.set(gpu_hz=345_000_000)
        nvml.refuses = True
    assert nvml.lock == (345, 345)
    nvml.refuses = False
    assert restore(kernel, folder) is not None and nvml.lock is None


@pytest.mark.parametrize("number", [0, 2])
def test_the_clock_is_that_of_the_gpu_that_was_chosen(nvml: FakeNvml, tmp_path: Path, number: int) -> None:
    assert find_clocks(server(tmp_path / "root"), number).gpu is not None
    assert nvml.index == number
