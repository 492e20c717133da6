from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.errors import HostError, KnobError
from colocate.host.clocks.domain import Domain
from colocate.host.clocks.find import find_clocks
from colocate.host.restore.session import held
from tests.host import boards
from tests.host.boards import BOARDS, CPU, Board, Kernel, put

EMC_HZ = {"TX1, kernel 3.10": 68_000_000, "TX1, kernel 4.9": 408_000_000, "Nano, kernel 4.9": 408_000_000}


def every(board: Board, kernel: Kernel) -> dict[str, Domain]:
    clocks = find_clocks(kernel)
    return {name: domain for name in ("cpu", "gpu", "emc") if (domain := clocks.domain(name)) is not None}


@pytest.fixture(params=BOARDS, ids=lambda board: board.name)
def board(request: pytest.FixtureRequest) -> Board:
    found: Board = request.param
    return found


@pytest.fixture
def kernel(board: Board, tmp_path: Path) -> Kernel:
    return board.build(tmp_path / "root")


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


def test_every_step_can_be_pinned_in_any_order(board: Board, kernel: Kernel) -> None:
    for domain in every(board, kernel).values():
        steps = domain.steps_hz
        for hz in (*steps, *reversed(steps), steps[len(steps) // 2]):
            domain.pin(hz)
            assert domain.read_hz() == hz


@given(data=st.data())
def test_pinning_is_legal_from_any_state(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    board = data.draw(st.sampled_from(BOARDS))
    kernel = board.build(tmp_path_factory.mktemp("root"))
    for pair in kernel.pairs:
        lowest, highest = sorted(data.draw(st.sampled_from(pair.steps)) for _ in range(2))
        kernel.limit(pair, f"{pair.folder}/{pair.lowest}", lowest)
        kernel.limit(pair, f"{pair.folder}/{pair.highest}", highest)
    domains = every(board, kernel)
    captured = {name: domain.capture() for name, domain in domains.items()}
    before = kernel.state()
    for name in data.draw(st.lists(st.sampled_from(sorted(domains)), max_size=6)):
        hz = data.draw(st.sampled_from(domains[name].steps_hz))
        domains[name].pin(hz)
        assert domains[name].read_hz() == hz
    for name, domain in domains.items():
        domain.release(captured[name])
    assert kernel.state() == before


def test_only_what_is_needed_is_written(tmp_path: Path) -> None:
    kernel = boards.TX1.build(tmp_path)
    clocks = find_clocks(kernel)
    assert clocks.cpu is not None and clocks.gpu is not None
    clocks.cpu.pin(921_600_000)
    assert {path.rpartition("/")[2] for path, _ in kernel.writes} == {"scaling_min_freq", "scaling_max_freq"}
    assert {value for _, value in kernel.writes} == {"921600"}  # cpufreq counts in kHz
    kernel.writes.clear()
    clocks.gpu.pin(537_600_000)
    assert [(path.rpartition("/")[2], value) for path, value in kernel.writes] == [
        ("railgate_enable", "0"), ("min_freq", "537600000"), ("max_freq", "537600000"),
    ]  # fmt: skip


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


def test_a_clamped_limit_names_path_wanted_and_found(tmp_path: Path) -> None:
    kernel = boards.ORIN_510.build(tmp_path)
    gpu = find_clocks(kernel).gpu
    assert gpu is not None
    with pytest.raises(KnobError, match=r"ga10b/min_freq: wanted 9999000000, found 1300500000"):
        gpu.pin(9_999_000_000)


def test_a_clock_that_never_arrives_is_an_error(tmp_path: Path) -> None:
    kernel = boards.TX1.build(tmp_path)
    cpu = find_clocks(kernel).cpu
    assert cpu is not None
    kernel.ceiling[f"{CPU}/cpufreq/policy0/scaling_cur_freq"] = 921600
    cpu.pin(921_600_000)
    with pytest.raises(KnobError, match=r"scaling_cur_freq: wanted 1734000, found 921600 after 0.05 s"):
        cpu.pin(1_734_000_000, timeout_s=0.05)
