from __future__ import annotations

from pathlib import Path

import pytest

from colocate.errors import HostError
from colocate.host.clocks.find import find_clocks
from colocate.host.restore.session import held
from tests.host import boards
from tests.host.boards import CPU, Board, Kernel, put

EMC_HZ = {"TX1, kernel 3.10": 68_000_000, "TX1, kernel 4.9": 408_000_000, "Nano, kernel 4.9": 408_000_000}


def test_clocks_are_found_with_their_steps(board: Board, kernel: Kernel) -> None:
    clocks = find_clocks(kernel)
    assert clocks.cpu is not None and clocks.gpu is not None
    common = set.intersection(*(set(policy.steps_khz) for policy in board.policies))
    assert clocks.cpu.steps_hz == tuple(khz * 1000 for khz in sorted(common))
    assert clocks.gpu.steps_hz == (board.gpu_steps_hz or boards.TX1_GPU_HZ)
    assert clocks.seen() == (
        board.policies[0].steps_khz[0] * 1000,
        (board.gpu_steps_hz or boards.TX1_GPU_HZ)[0],
        EMC_HZ.get(board.name, 204_000_000 if "Orin" in board.name else None),
    )
    assert kernel.writes == []


def test_a_cluster_without_online_cpus_is_left_alone(tmp_path: Path) -> None:
    kernel = boards.TX2.build(tmp_path)
    put(tmp_path, f"{CPU}/cpufreq/policy1/affected_cpus", "")
    cpu = find_clocks(kernel).cpu
    assert cpu is not None and cpu.steps_hz == tuple(khz * 1000 for khz in boards.TX2_A57_KHZ)


def test_the_seen_clock_is_that_of_the_cpus_asked_for(tmp_path: Path) -> None:
    kernel = boards.TX2.build(tmp_path)
    kernel.write(f"{CPU}/cpufreq/policy0/scaling_min_freq", "2035200")
    clocks = find_clocks(kernel)
    assert clocks.seen()[0] == 345_600_000
    assert clocks.seen((3,))[0] == 2_035_200_000
    assert clocks.seen((2, 3))[0] == 345_600_000


def test_a_driver_without_a_table_can_be_read_but_not_set(tmp_path: Path) -> None:
    kernel = boards.PLAIN.build(tmp_path / "root")
    (tmp_path / "root" / CPU[1:] / "cpufreq/policy0/scaling_available_frequencies").unlink()
    clocks = find_clocks(kernel)
    assert clocks.cpu is not None and clocks.cpu.steps_hz == () and clocks.seen()[0] == 102_000_000
    with pytest.raises(HostError, match="leave it native"), held(clocks, ["cpu"], tmp_path / "state", kernel):
        pass
    assert not (tmp_path / "state").exists()


def test_a_machine_without_clocks_has_none(tmp_path: Path) -> None:
    clocks = find_clocks(boards.Kernel49(tmp_path, ()))
    assert (clocks.cpu, clocks.gpu, clocks.emc) == (None, None, None)
    assert clocks.seen() == (None, None, None)
