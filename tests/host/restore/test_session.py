"""Sessions on an in-process stand-in for the machine, so without the watchdog, which would act on the files alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.errors import HostError, KnobError, RestoreError
from colocate.host.clocks.find import find_clocks
from colocate.host.restore import journal, session
from colocate.host.restore.journal import locked, restore
from colocate.host.restore.session import held
from tests.host import boards
from tests.host.boards import CPU, DEBUG, Board, Kernel, put
from tests.host.sessions import NoWatchdog, run_session


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "Watchdog", NoWatchdog)


@pytest.mark.usefixtures("unwatched")
def test_a_session_leaves_the_machine_as_it_was(kernel: Kernel, tmp_path: Path) -> None:
    before = kernel.state()
    run_session(kernel, tmp_path / "state")
    assert kernel.state() == before
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["lock"]


@pytest.mark.usefixtures("unwatched")
def test_whichever_write_fails_the_machine_is_as_it_was(board: Board, kernel: Kernel, tmp_path: Path) -> None:
    before = kernel.state()
    run_session(kernel, tmp_path / "state")
    total = len(kernel.writes)
    assert total > 10
    for position in range(1, total + 1):
        kernel.writes.clear()
        kernel.fail_at = position
        try:
            run_session(kernel, tmp_path / "state")
        except KnobError as error:
            assert "Input/output error" in str(error)
        assert len(kernel.writes) >= position
        assert kernel.state() == before, f"write {position} of {total} failed"
        assert not (tmp_path / "state/journal").exists()


@pytest.mark.usefixtures("unwatched")
def test_a_knob_that_cannot_be_put_back_keeps_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, folder = boards.TX1.build(tmp_path / "root"), tmp_path / "state"
    before = kernel.state()
    stuck = f"{CPU}/cpufreq/policy0/scaling_max_freq"
    write = kernel.write

    def refuse(path: str, value: str) -> None:
        if path == stuck and value == "1734000":
            raise KnobError(f"{path}: wanted {value}, the kernel refused it: Device or resource busy")
        write(path, value)

    monkeypatch.setattr(kernel, "write", refuse)
    found = rf"{stuck}: wanted 1734000, found 102000 .*busy.*journal is kept"
    clocks = find_clocks(kernel)
    with pytest.raises(RestoreError, match=found), held(clocks, ["cpu"], folder, kernel) as pins:
        pins.set(cpu_hz=102_000_000)
    assert (folder / "journal").exists()
    with pytest.raises(HostError, match="colocate restore"), held(clocks, ["cpu"], folder, kernel):
        pass
    monkeypatch.undo()
    assert restore(kernel, folder) is not None
    assert kernel.state() == before


@pytest.mark.usefixtures("unwatched")
def test_an_override_that_was_on_gets_its_rate_back(tmp_path: Path) -> None:
    kernel = boards.TX1_310.build(tmp_path / "root")
    put(kernel.root, f"{DEBUG}/clock/override.gbus/state", "1")
    before = kernel.state()
    run_session(kernel, tmp_path / "state")
    assert kernel.state() == before
    assert kernel.read(f"{DEBUG}/clock/gbus/rate") == "998400000"


def test_nothing_to_pin_writes_nothing(kernel: Kernel, tmp_path: Path) -> None:
    with held(find_clocks(kernel), [], tmp_path / "state", kernel) as pins:
        pins.set()
        with pytest.raises(HostError, match="not held"):
            pins.set(cpu_hz=1)
    assert kernel.writes == [] and not (tmp_path / "state").exists()


@pytest.mark.usefixtures("unwatched")
def test_a_second_session_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, folder = boards.TX1.build(tmp_path / "root"), tmp_path / "state"
    monkeypatch.setattr(journal, "locked", lambda folder: locked(folder, wait_s=0.0))
    clocks = find_clocks(kernel)
    with (
        held(clocks, ["cpu"], folder, kernel),
        pytest.raises(HostError, match="another colocate process"),
        held(clocks, ["gpu"], folder, kernel),
    ):
        pass


@pytest.mark.usefixtures("unwatched")
def test_without_permission_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, folder = boards.TX1.build(tmp_path / "root"), tmp_path / "state"
    monkeypatch.setattr(kernel, "writable", lambda path: not path.endswith("scaling_max_freq"))
    with pytest.raises(HostError, match="run as root"), held(find_clocks(kernel), ["cpu"], folder, kernel):
        pass
    assert kernel.writes == [] and not (folder / "journal").exists()
