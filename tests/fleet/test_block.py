from __future__ import annotations

import dataclasses

import pytest

from colocate.errors import HostError
from colocate.fleet import block
from colocate.fleet.block import Setup, look, on_own_cpus, run_block
from colocate.fleet.blocks_left import blocks_of
from colocate.model.request import Task
from colocate.model.trial import TrialRecord
from colocate.request.spec import make_study
from colocate.rigs.registry import make_rig
from colocate.study.plan import plan
from colocate.trial_loop import outcomes
from colocate.version import __version__

STUDY = make_study({
    "rig": "tx1-model", "design": "steady", "networks": ["alexnet"], "stressors": ["jpeg"], "cpu_clocks": ["high"],
    "gpu_clocks": ["high"], "window": 0.5, "repeats": 2,
})  # fmt: skip
SETUP = Setup.of(STUDY.spec)
RIG = make_rig("tx1-model")
TRIALS = plan(STUDY.spec, RIG.facts())


def test_a_board_says_what_it_is() -> None:
    found = look(SETUP, TRIALS)
    assert (found.version, found.facts, found.trouble) == (__version__, RIG.facts(), "")
    assert found.networks is not None and found.networks.keys() == {"alexnet, batch 1, fp32"}
    assert not SETUP.measures
    assert look(SETUP, ()).networks == {}


def test_a_board_says_why_it_cannot() -> None:
    odd = [dataclasses.replace(TRIALS[0], task=Task("mine", ("true",)))]
    found = look(SETUP, odd)
    assert "what 'mine' does must be measured" in found.trouble and found.exit_code == 2 and found.networks is None


def test_a_block_is_run_whole_as_any_machine_runs_it() -> None:
    own = blocks_of(TRIALS)[0]
    ended = run_block(SETUP, own)
    assert ended.facts == RIG.facts() and not ended.trouble
    assert [each.trial for each in ended.outcomes] == [*own]
    for found, alone in zip(ended.outcomes, outcomes(RIG, own), strict=True):
        assert isinstance(found, TrialRecord) and isinstance(alone, TrialRecord)
        assert found.latencies_s.tolist() == alone.latencies_s.tolist()


def test_a_part_of_a_server_runs_a_block_on_its_own_cpus() -> None:
    """Its CPUs stand for those of the machine that the study is planned for, in order."""
    own = RIG.facts().cpus
    elsewhere = tuple(cpu + 16 for cpu in own)
    planned = plan(STUDY.spec, dataclasses.replace(RIG.facts(), cpus=elsewhere))
    setup = Setup.of(STUDY.spec, elsewhere)
    here = on_own_cpus(setup, planned, own)
    for there, moved in zip(planned, here, strict=True):
        assert moved.trial_id == there.trial_id
        for group in ("inference_cpus", "task_cpus", "housekeeping_cpus"):
            assert [cpu + 16 for cpu in getattr(moved.placement, group)] == [*getattr(there.placement, group)]
    assert [each.placement for each in here] == [each.placement for each in TRIALS]
    first = blocks_of(planned)[0]
    assert [each.trial for each in run_block(setup, first).outcomes] == [*first], "a record is of the trial planned"
    assert look(setup, planned).trouble == ""


@pytest.mark.parametrize("cpus", [(), (4, 5, 6), RIG.facts().cpus])
def test_other_boards_take_the_trials_as_they_are(cpus: tuple[int, ...]) -> None:
    assert on_own_cpus(Setup.of(STUDY.spec, cpus), TRIALS, RIG.facts().cpus) == TRIALS


def test_a_board_that_cannot_hold_its_machine_has_no_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise HostError("no right to write the clock: run as root")

    rig = block._rig(SETUP)
    monkeypatch.setattr(rig, "opened", refuse)
    ended = run_block(SETUP, TRIALS[:1])
    assert (ended.outcomes, ended.trouble) == ((), "no right to write the clock: run as root")
