from __future__ import annotations

import sys
from pathlib import Path

import pytest

from colocate.errors import HostError, KnobError, RestoreError
from colocate.host.nvml import LOCK_KNOB, UNLOCKED
from colocate.host.restore.knobs import capture, check, put_back, read_knob, write_if_other
from tests.host import boards
from tests.host.boards import CPU, DEBUG, Kernel
from tests.host.fake_nvml import FakeNvml
from tests.host.sessions import NoWatchdog, run_session

MAX = f"{CPU}/cpufreq/policy0/scaling_max_freq"
MIN = f"{CPU}/cpufreq/policy0/scaling_min_freq"


@pytest.fixture
def tx1(tmp_path: Path) -> Kernel:
    return boards.TX1.build(tmp_path / "root")


def test_everything_that_pinning_writes_is_on_the_list(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colocate.host.restore.session.Watchdog", NoWatchdog)
    run_session(kernel, tmp_path / "state")
    assert kernel.writes
    for knob, value in kernel.writes:
        check(kernel, knob, value)


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        (MAX, "fast"),
        (MAX, "-1"),
        (f"{CPU}/cpufreq/policy0/scaling_governor", "performance"),
        (f"{LOCK_KNOB}{FakeNvml.UUID}", "1980"),
        (f"{LOCK_KNOB}0", UNLOCKED),
    ],
)
def test_any_other_name_or_value_is_refused(tx1: Kernel, knob: str, value: str) -> None:
    with pytest.raises(HostError, match="not something that colocate writes"):
        check(tx1, knob, value)


def test_what_can_be_read_and_written_is_captured(tx1: Kernel) -> None:
    assert capture(tx1, [MIN, MAX]) == {MIN: "102000", MAX: "1734000"}
    assert tx1.writes == []


def test_what_cannot_be_read_or_written_is_refused_by_its_path(tx1: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = f"{CPU}/cpufreq/policy7/scaling_max_freq"
    with pytest.raises(HostError, match=r"policy7.*run as root"):
        capture(tx1, [MIN, absent])
    monkeypatch.setattr(tx1, "writable", lambda path: path != MAX)
    with pytest.raises(HostError, match=r"policy0/scaling_max_freq.*run as root"):
        capture(tx1, [MIN, MAX])


def test_a_rate_that_can_only_be_written_is_read_where_it_shows(tx1: Kernel) -> None:
    assert read_knob(tx1, f"{DEBUG}/clk/override.emc/clk_update_rate") == "408000000"


def test_a_knob_that_is_as_wanted_is_left_alone(tx1: Kernel) -> None:
    write_if_other(tx1, MAX, "1734000")
    assert tx1.writes == []
    write_if_other(tx1, MAX, "921600")
    assert tx1.writes == [(MAX, "921600")]


@pytest.mark.parametrize("order", [(MIN, MAX), (MAX, MIN)])
@pytest.mark.parametrize("pinned", ["102000", "1734000"])
def test_limits_come_back_in_any_order(tx1: Kernel, order: tuple[str, str], pinned: str) -> None:
    wanted = {MIN: "403200", MAX: "921600"}
    for knob in (MAX, MIN) if pinned == "1734000" else (MIN, MAX):
        tx1.write(knob, pinned)
    assert set(put_back(tx1, {knob: wanted[knob] for knob in order})) == {MIN, MAX}
    assert capture(tx1, order) == wanted


def test_only_what_differs_is_written_and_reported(tx1: Kernel) -> None:
    tx1.write(MAX, "921600")
    tx1.writes.clear()
    assert put_back(tx1, {MIN: "102000", MAX: "1734000"}) == (MAX,)
    assert tx1.writes == [(MAX, "1734000")]


def test_what_stays_different_is_an_error_and_a_gpu_is_unlocked_all_the_same(
    tx1: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = FakeNvml()
    nvml.lock = (345, 345)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)

    def refuse(path: str, value: str) -> None:
        raise KnobError(f"{path}: Device or resource busy")

    tx1.write(MAX, "921600")
    monkeypatch.setattr(tx1, "write", refuse)
    with pytest.raises(RestoreError, match=rf"{MAX}: wanted 1734000, found 921600 .*busy"):
        put_back(tx1, {MAX: "1734000", LOCK_KNOB + nvml.UUID: UNLOCKED})
    assert nvml.lock is None
