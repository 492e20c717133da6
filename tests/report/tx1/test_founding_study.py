"""What the founding study's plots need of a run, and of which runs they have it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from colocate.model.request import Placement
from colocate.model.trial import TrialRecord
from colocate.report.tx1.founding_study import NETWORKS, FoundingStudy, founding_study_of
from colocate.store.run_file import Header
from colocate.study.interference import cells
from tests.report.tx1.modelled import modelled, whole

SLOW_HZ, FAST_HZ = 102_000_000, 1_734_000_000


def study(head: Header, records: Sequence[TrialRecord]) -> FoundingStudy | None:
    return founding_study_of(cells(records, head.spec), records, head.networks)


def found(run: tuple[Header, Sequence[TrialRecord]] | None = None) -> FoundingStudy:
    made = study(*(run or whole()))
    assert made is not None
    return made


def task_of(record: TrialRecord) -> str | None:
    return record.trial.task.name if record.trial.task else None


def network_of(record: TrialRecord) -> str | None:
    return record.trial.inference.network if record.trial.inference else None


def test_a_run_of_the_study_has_all_of_it() -> None:
    made = found()
    assert tuple(inference.network for inference in made.networks) == NETWORKS
    assert (list(made.cpu_hz), made.mhz.tolist()) == ([SLOW_HZ, FAST_HZ], [102.0, 1734.0])
    assert (made.jpeg, made.task_cpus, len(made.gpu_hz)) == ("jpeg", 2, 1)
    assert made.task_cpu_w.keys() == {
        (task, hz) for task in ("none", "bitcount", "jpeg", "stringsearch") for hz in made.cpu_hz
    }
    assert made.jpeg_ratio.keys() == {(network, hz) for network in NETWORKS for hz in made.cpu_hz}
    for (network, cpu_hz, gpu_hz), cell in made.alone.items():
        assert (cell.task, cell.inference.network) == ("none", network)
        assert (cell.clocks.cpu_hz, cell.clocks.gpu_hz) == (cpu_hz, gpu_hz)
    assert len(made.alone) == len(NETWORKS) * 2


def test_of_several_memory_clocks_the_highest_is_drawn() -> None:
    made = found(modelled(emc_clocks=["mid", "high"], repeats=2))
    assert made.memory_hz == 1_600_000_000 and found().memory_hz is None
    assert {cell.clocks.emc_hz for cell in made.alone.values()} == {1_600_000_000}
    assert len(made.alone) == len(NETWORKS) * 2


def test_the_cpu_power_of_a_task_is_the_mean_of_its_windows_without_a_network() -> None:
    _, records = whole()
    own = [
        record for record in records
        if record.power and record.trial.inference is None and task_of(record) == "bitcount"
        and record.trial.clocks.cpu_hz == FAST_HZ
    ]  # fmt: skip
    watts = [np.mean(record.power.power_w[:, record.power.rails.index("VDD_CPU")]) for record in own if record.power]
    assert len(watts) == 2
    assert found().task_cpu_w["bitcount", FAST_HZ] == pytest.approx(np.mean(watts), rel=0.02)
    assert found().task_cpu_w["none", FAST_HZ] < found().task_cpu_w["bitcount", FAST_HZ]


def test_the_latency_beside_jpeg_is_set_against_that_beside_bitcount_of_the_same_block() -> None:
    head, records = whole()
    scaled = [
        dataclasses.replace(record, latencies_s=record.latencies_s * 3.0)
        if network_of(record) == "alexnet" and task_of(record) == "jpeg"
        else record
        for record in records
    ]
    before, after = found().jpeg_ratio, found((head, scaled)).jpeg_ratio
    for key in before:
        times = 3.0 if key[0] == "alexnet" else 1.0
        assert after[key].value == pytest.approx(times * before[key].value)


def test_a_block_that_has_one_of_the_two_tasks_alone_does_not_count() -> None:
    head, records = whole()
    first = min(r.trial.block for r in records if network_of(r) == "alexnet" and task_of(r) == "jpeg")
    without = [r for r in records if not (r.trial.block == first and task_of(r) == "jpeg" and network_of(r))]
    made = found((head, without))
    one_block = [interval for interval in made.jpeg_ratio.values() if interval.lo is None]
    assert len(one_block) == 1, "the block of one network and CPU clock"


def test_three_gpu_clocks_are_shown_of_however_many() -> None:
    made = found(modelled(gpu_clocks=[76.8, 230.4, 537.6, 768, 998.4], repeats=1))
    assert list(made.gpu_hz) == [998_400_000, 537_600_000, 76_800_000]
    assert found(modelled(gpu_clocks=[76.8, 998.4], repeats=1)).gpu_hz == [998_400_000, 76_800_000]


def test_tasks_are_compared_at_the_highest_gpu_clock() -> None:
    head, records = modelled(gpu_clocks=[76.8, 998.4], repeats=1)
    fast = [record for record in records if record.trial.clocks.gpu_hz == 998_400_000]
    assert found((head, records)).jpeg_ratio == found((head, fast)).jpeg_ratio
    assert found((head, records)).alone.keys() > found((head, fast)).alone.keys()


def test_of_several_ways_to_run_a_network_the_first_in_the_tables_is_shown() -> None:
    ways = [{"network": "alexnet", "batch": batch} for batch in (4, 1)]
    run = head, records = modelled(networks=[*ways, "googlenet", "resnet152"], repeats=1)
    first = next(cell.inference for cell in cells(records, head.spec))
    assert (first.network, first.batch) == ("alexnet", 1)
    made = found(run)
    assert made.networks[0] == first
    assert {cell.inference for (network, *_), cell in made.alone.items() if network == "alexnet"} == {first}


def test_small_pictures_do_where_there_are_no_large_ones() -> None:
    made = found(modelled(stressors=["bitcount", "jpeg-small", "stringsearch"]))
    assert made.jpeg == "jpeg-small" and ("jpeg-small", FAST_HZ) in made.task_cpu_w


def test_traffic_is_known_where_it_is_of_every_network() -> None:
    head, records = whole()
    made = found()
    assert list(made.traffic_bytes) == [
        head.networks[each.file_label]["memory_traffic_bytes"] for each in made.networks
    ]
    partly = {label: described for label, described in head.networks.items() if not label.startswith("googlenet")}
    assert list(found((dataclasses.replace(head, networks=partly), records)).traffic_bytes) == []


def test_the_first_placement_is_shown() -> None:
    head, records = whole()
    elsewhere = Placement("shared", (0,), (0, 1, 2), (0,))
    spec = dataclasses.replace(head.spec, placements=("isolated", "shared"))
    more = [
        dataclasses.replace(
            record,
            latencies_s=record.latencies_s * 7,
            trial=dataclasses.replace(record.trial, trial_id=f"{record.trial.trial_id}b", placement=elsewhere),
        )
        for record in records
    ]
    made = found((dataclasses.replace(head, spec=spec), [*records, *more]))
    assert made.task_cpus == found().task_cpus
    assert {cell.placement for cell in made.alone.values()} == {"isolated"}
    assert made.jpeg_ratio == found().jpeg_ratio


@pytest.mark.parametrize(
    "kept",
    [
        lambda record: False,
        lambda record: record.trial.inference is not None,
        lambda record: network_of(record) != "googlenet",
        lambda record: task_of(record) != "jpeg",
        lambda record: network_of(record) is None or task_of(record) != "bitcount",
        lambda record: record.trial.clocks.cpu_hz == SLOW_HZ,
        lambda record: (
            (network_of(record), task_of(record), record.trial.clocks.cpu_hz) != ("alexnet", None, SLOW_HZ)
        ),
    ],
    ids=[
        "nothing",
        "no task alone",
        "no googlenet",
        "no jpeg",
        "no ratio",
        "one CPU clock",
        "a clock of one network",
    ],
)
def test_a_run_without_the_cells_is_no_such_study(kept: Callable[[TrialRecord], object]) -> None:
    head, records = whole()
    assert study(head, [record for record in records if kept(record)]) is None


def test_without_a_meter_or_with_the_board_alone_metered_there_is_no_such_study() -> None:
    head, records = whole()
    assert study(head, [dataclasses.replace(record, power=None) for record in records]) is None
    board = [
        dataclasses.replace(
            record,
            power=dataclasses.replace(record.power, rails=("VDD_IN",), power_w=record.power.power_w[:, :1]),
        )
        for record in records
        if record.power is not None
    ]
    assert len(board) == len(records) and study(head, board) is None
