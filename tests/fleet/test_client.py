"""A study over boards that are threads of this process, each a Dask worker with the resource of a board."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colocate.errors import HostError, SpecError
from colocate.model.fleet import Sharing
from colocate.model.machine import HostFacts, Missing
from colocate.model.trial import Outcome, Trial
from colocate.request.spec import Study, make_study
from colocate.rigs.registry import make_rig
from colocate.rigs.rig import Rig
from colocate.store.run_file import Run
from colocate.sweep import sweep
from colocate.trial_loop import ThisMachine
from tests.observers import Silence

pytest.importorskip("distributed")

from distributed import Client, LocalCluster

from colocate.fleet import block, seats
from colocate.fleet.block import Ended, Setup
from colocate.fleet.board import RESOURCE
from colocate.fleet.client import Fleet

STUDY = make_study({
    "rig": "tx1-model", "design": "steady", "networks": ["alexnet"], "stressors": ["bitcount", "jpeg"],
    "cpu_clocks": ["high"], "gpu_clocks": ["low", "high"], "window": 0.5, "repeats": 2,
})  # fmt: skip


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp://", resources={RESOURCE: 1},
        dashboard_address=None, host="127.0.0.1",
    ) as started:  # fmt: skip
        yield started


@contextmanager
def fleet(cluster: LocalCluster, sharing: Sharing, said: list[str] | None = None, **more: Any) -> Iterator[Fleet]:
    with Client(cluster.scheduler_address, set_as_default=False) as connection:
        yield Fleet(connection, STUDY.spec, sharing, (said if said is not None else []).append, **more)


def run(
    cluster: LocalCluster, folder: Path, sharing: Sharing, study: Study = STUDY, *, resume: bool = False
) -> Silence:
    observer = Silence()
    with fleet(cluster, sharing) as site:
        sweep(study, site, folder, observer, resume=resume)
    return observer


def numbers(folder: Path) -> dict[tuple[str, str], bytes]:
    with Run.read(folder) as found:
        return {
            (each.trial.trial_id, each.board.name if each.board else ""): np.round(1e9 * each.latencies_s).tobytes()
            for each in found.records()
        }


def test_boards_that_share_a_study_give_what_one_machine_gives(cluster: LocalCluster, tmp_path: Path) -> None:
    observer = run(cluster, tmp_path / "shared", Sharing.SPREAD)
    sweep(STUDY, ThisMachine(make_rig("tx1-model")), tmp_path / "alone", Silence(), resume=False)
    shared, alone = numbers(tmp_path / "shared"), numbers(tmp_path / "alone")
    assert {trial: found for (trial, _), found in shared.items()} == {
        trial: found for (trial, _), found in alone.items()
    }
    assert len(shared) == len(alone) == len(observer.outcomes)
    assert {board for _, board in shared} == {"0", "1"}, "both took part"
    with Run.read(tmp_path / "shared") as found:
        places = {(each.trial.block, each.board.name) for each in found.records() if each.board}
        assert len(places) == len({block for block, _ in places}), "a block is never split"
        assert found.header().sharing is Sharing.SPREAD
    assert len(observer.narrowings) == 2, "one at the end of each repeat"


def test_every_board_runs_a_replicated_study(cluster: LocalCluster, tmp_path: Path) -> None:
    observer = run(cluster, tmp_path / "each", Sharing.REPLICATE)
    with Run.read(tmp_path / "each") as found:
        planned = found.header().planned
    assert Counter(board for _, board in numbers(tmp_path / "each")) == {"0": planned, "1": planned}
    assert len(observer.missing) == len(observer.outcomes) == 2 * planned


@pytest.mark.parametrize("sharing", Sharing)
def test_a_study_goes_on_where_it_was_cut(cluster: LocalCluster, tmp_path: Path, sharing: Sharing) -> None:
    class CutError(Exception):
        pass

    class Cutting(Silence):
        def ended(self, outcome: Outcome) -> None:
            super().ended(outcome)
            if len(self.outcomes) == 5:
                raise CutError

    with pytest.raises(CutError), fleet(cluster, sharing) as site:
        sweep(STUDY, site, tmp_path / "run", Cutting(), resume=False)
    assert len(numbers(tmp_path / "run")) == 5
    with Run.read(tmp_path / "run") as found:
        header = found.header()
    with fleet(cluster, sharing, planned_for=header.facts) as site:
        tally = sweep(STUDY, site, tmp_path / "run", Silence(), resume=True)
    assert tally.done == tally.wanted == header.planned_on(2) and not tally.failed
    other = Sharing.SPREAD if sharing is Sharing.REPLICATE else Sharing.REPLICATE
    with (
        pytest.raises(SpecError, match=f"it ran with --fleet and --{sharing.value} and is to run"),
        fleet(cluster, other) as site,
    ):
        sweep(STUDY, site, tmp_path / "run", Silence(), resume=True)


def test_a_board_that_cannot_go_on_is_set_aside_and_its_block_run_elsewhere(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import get_worker

    whole = block.run_block

    def refusing(setup: Setup, trials: tuple[Trial, ...]) -> Ended:
        ended = whole(setup, trials)
        return ended if get_worker().name == 0 else Ended((), ended.facts, "the GPU fell off the bus")

    monkeypatch.setattr(block, "run_block", refusing)
    said: list[str] = []
    with fleet(cluster, Sharing.SPREAD, said) as site:
        tally = sweep(STUDY, site, tmp_path / "run", Silence(), resume=False)
    assert tally.done == tally.wanted and said == ["Board 1 is not used: the GPU fell off the bus"]
    assert {board for _, board in numbers(tmp_path / "run")} == {"0"}


@pytest.mark.parametrize("sharing", Sharing)
def test_where_no_board_can_go_on_the_study_ends_with_the_reason(
    sharing: Sharing, cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = make_rig("tx1-model").facts()
    monkeypatch.setattr(block, "run_block", lambda *_: Ended((), facts, "the GPU fell off the bus"))
    with (
        pytest.raises(HostError, match=r"no board can go on; [01]: the GPU fell off"),
        fleet(cluster, sharing) as site,
    ):
        sweep(STUDY, site, tmp_path / "run", Silence(), resume=False)


@pytest.mark.parametrize(
    ("otherwise", "why"),
    [
        ({"gpu_steps_hz": (76_800_000,)}, "the study means other trials there: GPU clocks 76.8 MHz, not 76.8, 153.6"),
        # As of a part of a server on whose --device no network of the study runs.
        (
            {
                "backends": (),
                "backends_missing": {"caffe": Missing("it runs on the CPU, not on cuda:1", "fix")},
            },
            "backend 'auto': none of its runtimes works here. What each is missing: caffe: it runs on the CPU",
        ),
    ],
)
def test_a_board_of_another_kind_is_not_used_and_it_is_said_why(
    otherwise: dict[str, Any], why: str, cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import get_worker

    whole = block.look

    def other(setup: Setup, trials: tuple[Trial, ...]) -> block.BoardLook:
        found = whole(setup, trials)
        if get_worker().name == 0:
            return found
        return dataclasses.replace(found, facts=dataclasses.replace(found.facts, **otherwise))

    monkeypatch.setattr(block, "look", other)
    said: list[str] = []
    with fleet(cluster, Sharing.REPLICATE, said) as site:
        sweep(STUDY, site, tmp_path / "run", Silence(), resume=False)
    (line,) = said
    assert line.startswith(f"Board 1 is not used: {why}")
    assert {board for _, board in numbers(tmp_path / "run")} == {"0"}


def test_boards_that_are_parts_of_one_server_share_a_study(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second has as many CPUs as the first, under other numbers."""
    from distributed import get_worker

    whole = block._rig

    class Part:
        def __init__(self, rig: Rig) -> None:
            self._rig = rig

        def __getattr__(self, name: str) -> Any:
            return getattr(self._rig, name)

        def facts(self) -> HostFacts:
            facts = self._rig.facts()
            return dataclasses.replace(facts, cpus=tuple(cpu + 16 for cpu in facts.cpus))

    monkeypatch.setattr(block, "_rig", lambda setup: whole(setup) if get_worker().name == 0 else Part(whole(setup)))
    said: list[str] = []
    with fleet(cluster, Sharing.REPLICATE, said) as site:
        sweep(STUDY, site, tmp_path / "run", Silence(), resume=False)
    assert not said
    with Run.read(tmp_path / "run") as found:
        records = list(found.records())
    assert {each.board.facts.cpus[0] for each in records if each.board} == {0, 16}
    assert {each.trial.placement.inference_cpus for each in records} == {(0,)}, "as the study was planned"


def test_a_board_with_another_colocate_is_not_used(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats, "__version__", "9.9")
    with (
        pytest.raises(HostError, match=r"board 0 has colocate \S+, this is 9\.9: install the same on both"),
        fleet(cluster, Sharing.SPREAD) as site,
    ):
        site.facts()


def test_what_a_board_refuses_is_refused_before_anything_runs(cluster: LocalCluster, tmp_path: Path) -> None:
    study = make_study({**STUDY.keys, "stressors": ["stringsearch"], "containment": ["fifo"]})
    with pytest.raises((SpecError, HostError), match="fifo"), fleet(cluster, Sharing.SPREAD) as site:
        sweep(study, site, tmp_path / "run", Silence(), resume=False)
    assert not (tmp_path / "run").exists()


def test_a_replicated_study_cannot_stop_on_each_board_for_itself(cluster: LocalCluster, tmp_path: Path) -> None:
    study = make_study({**STUDY.keys, "until": "decided", "max_slowdown": 1.1})
    with pytest.raises(SpecError, match="give --repeats, or --spread"), fleet(cluster, Sharing.REPLICATE) as site:
        sweep(study, site, tmp_path / "run", Silence(), resume=False)
