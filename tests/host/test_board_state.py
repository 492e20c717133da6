from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from colocate.host.board_state import read_board
from colocate.host.clocks.find import find_clocks
from colocate.host.sysfs import Sysfs
from colocate.model.board import BoardState, PowerMode
from tests.host import jetsons
from tests.host.boards import put
from tests.host.jetsons import JETSONS, Jetson


@pytest.fixture(params=JETSONS, ids=lambda jetson: jetson.board.name)
def jetson(request: pytest.FixtureRequest) -> Jetson:
    found: Jetson = request.param
    return found


def described(board: BoardState | None) -> dict[str, object]:
    """Every field: what two boards may differ in and be comparable counts here too."""
    assert board is not None
    return dataclasses.asdict(board)


def test_a_board_is_found_as_its_owner_left_it(jetson: Jetson, tmp_path: Path) -> None:
    kernel = jetson.build(tmp_path)
    kernel.writes.clear()
    assert described(read_board(kernel, find_clocks(kernel))) == described(jetson.found)
    assert kernel.writes == []


def test_no_step_lies_above_the_cap_of_the_mode(jetson: Jetson, tmp_path: Path) -> None:
    clocks = find_clocks(jetson.build(tmp_path))
    if jetson.cpu_cap_khz is not None:
        assert clocks.cpu is not None
        inside = {step for policy in jetson.board.policies for step in policy.steps_khz if step <= jetson.cpu_cap_khz}
        assert clocks.cpu.steps_hz == tuple(khz * 1000 for khz in sorted(inside))
    if jetson.gpu_cap_hz is not None:
        assert clocks.gpu is not None
        assert clocks.gpu.steps_hz == tuple(hz for hz in jetson.board.gpu_steps_hz if hz <= jetson.gpu_cap_hz)
    assert clocks.emc is not None and clocks.emc.steps_hz == jetson.emc_steps_hz


@pytest.mark.parametrize("jetson", [each for each in JETSONS if each.board.policies], ids=lambda j: j.board.name)
def test_pinning_never_raises_a_cap_and_puts_it_back(jetson: Jetson, tmp_path: Path) -> None:
    kernel = jetson.build(tmp_path)
    before = kernel.state()
    caps = {pair: kernel.bounds(pair)[1] for pair in kernel.pairs}
    clocks = find_clocks(kernel)
    for name in ("cpu", "gpu", "emc"):
        domain = clocks.domain(name)
        assert domain is not None
        captured, steps = domain.capture(), domain.steps_hz
        for hz in (steps[0], steps[-1], steps[0]):
            domain.pin(hz)
            # A table that was read while its clock is pinned is the same one.
            assert domain.steps_hz == steps
            assert all(kernel.bounds(pair)[1] <= cap for pair, cap in caps.items())
        domain.release(captured)
    assert kernel.state() == before


def test_a_machine_without_l4t_is_no_such_board(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path)
    assert read_board(sysfs, find_clocks(sysfs)) is None


def test_a_mode_may_be_known_without_its_name_or_a_release(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path)
    put(tmp_path, "/var/lib/nvpmodel/status", "pmode:0012")
    board = read_board(sysfs, find_clocks(sysfs))
    assert board == BoardState(power_mode=PowerMode(12)) and board.jetpack == ""


def test_a_release_that_is_not_listed_has_no_jetpack(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path)
    put(tmp_path, "/etc/nv_tegra_release", jetsons.release(77, "1"))
    board = read_board(sysfs, find_clocks(sysfs))
    assert board is not None and (board.l4t, board.jetpack, board.power_mode) == ("77.1", "", None)


def test_a_file_of_another_form_says_nothing(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path)
    put(tmp_path, "/etc/nv_tegra_release", "Tegra")
    put(tmp_path, "/var/lib/nvpmodel/status", "unset")
    put(tmp_path, "/sys/devices/system/cpu/present", "all of them")
    put(tmp_path, "/proc/swaps", "/dev/zram0")
    assert read_board(sysfs, find_clocks(sysfs)) == BoardState()
