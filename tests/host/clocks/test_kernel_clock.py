from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.errors import KnobError
from colocate.host.clocks.domain import Domain
from colocate.host.clocks.find import find_clocks
from tests.host import boards
from tests.host.boards import BOARDS, CPU, Board, Kernel


def every(board: Board, kernel: Kernel) -> dict[str, Domain]:
    clocks = find_clocks(kernel)
    return {name: domain for name in ("cpu", "gpu", "emc") if (domain := clocks.domain(name)) is not None}


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
