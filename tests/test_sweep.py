"""The trial loop on a rig without a machine: what is run, what is kept, what is tried again."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colocate.errors import HostError, Interrupted, SpecError, TrialError
from colocate.model.layers import LayerMap
from colocate.model.limits import Limits
from colocate.model.machine import HostFacts
from colocate.model.provenance import Provenance
from colocate.model.purpose import Aim, Axes, EfficiencyPurpose, SweepPurpose
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Inference, SweepSpec, Task
from colocate.model.trial import Failure, Trial, TrialRecord
from colocate.request.spec import Study
from colocate.store.database import holds_run
from colocate.store.run_file import Header, Run
from colocate.study.plan import plan
from colocate.sweep import Tally, refuse_other_study, sweep
from colocate.trial_loop import TRANSIENT, ThisMachine
from tests.observers import Silence
from tests.study.test_plan import facts

INFERENCE = Inference("alexnet", "onnxruntime-cpu")
MACHINE = facts(backends=("onnxruntime-cpu",))
STUDY = Study({"repeats": 2}, SweepSpec((INFERENCE,), (Task("jpeg"),), repeats=2))
TRIALS = plan(STUDY.spec, MACHINE)


class Bench:
    """A rig whose windows are all alike. `outcome` may give another record for a trial, or raise."""

    def __init__(self, outcome: Callable[[TrialRecord, int], TrialRecord] = lambda record, _: record) -> None:
        """`outcome` is given the record and how often this trial was run before."""
        self._outcome = outcome
        self.opened_for: list[tuple[Trial, ...]] = []
        self.ran: list[Trial] = []
        self.sha256 = "1"

    def facts(self) -> HostFacts:
        return MACHINE

    def check(self, trials: Sequence[Trial]) -> None: ...

    def networks(self, inferences: Sequence[Inference]) -> Mapping[str, Mapping[str, Any]]:
        return {inference.network: {"sha256": self.sha256} for inference in inferences}

    def provenance(self) -> Provenance | None:
        return None

    @contextlib.contextmanager
    def opened(self, trials: Sequence[Trial]) -> Iterator[None]:
        self.opened_for.append(tuple(trials))
        yield

    def run(self, trial: Trial) -> TrialRecord:
        before = self.ran.count(trial)
        self.ran.append(trial)
        latencies_s = np.full(10 if trial.inference else 0, 0.01)
        return self._outcome(TrialRecord(trial, 0.0, 2.0, latencies_s, latencies_s), before)

    def layer_map(self, inference: Inference, clocks: ClockPoint, *, runs: bool = True) -> LayerMap:
        raise NotImplementedError


def stored(folder: Path) -> tuple[Header, list[TrialRecord], list[Failure]]:
    with Run.read(folder) as run:
        return run.header(), list(run.records()), list(run.failures())


def test_every_trial_of_the_plan_is_run_once_and_kept(tmp_path: Path) -> None:
    rig, observer = Bench(), Silence()
    purpose = EfficiencyPurpose(Axes(("alexnet",)), Aim(), "onnxruntime-cpu")
    tally = sweep(STUDY, ThisMachine(rig), tmp_path / "run", observer, resume=False, purpose=purpose)
    assert tally == Tally(wanted=6, done=6, failed=0, empty=0, served=2)
    header, records, failures = stored(tmp_path / "run")
    assert (header.request, header.spec, header.facts, header.planned) == (STUDY.keys, STUDY.spec, MACHINE, 6)
    assert (header.purpose, header.networks) == (purpose, {"alexnet": {"sha256": "1"}})
    assert (*rig.ran,) == tuple(record.trial for record in records) == TRIALS and not failures
    assert observer.missing == TRIALS and [stage.trials for stage in observer.stages] == [TRIALS]
    assert [outcome.trial for outcome in observer.outcomes] == [*TRIALS]


def test_what_a_sweep_says_of_its_outcomes_is_what_its_run_holds(tmp_path: Path) -> None:
    def third_fails(record: TrialRecord, before: int) -> TrialRecord:
        if record.trial == TRIALS[2] and not before:
            raise TrialError("it failed")
        return dataclasses.replace(record, latencies_s=record.latencies_s / 3)

    rig = Bench(third_fails)
    for resume in (False, True):
        tally = sweep(STUDY, ThisMachine(rig), tmp_path / "run", Silence(), resume=resume)
        with Run.read(tmp_path / "run") as run:
            held = list(run.outcomes())
        for said, read in zip(tally.outcomes, held, strict=True):
            np.testing.assert_equal(dataclasses.asdict(said), dataclasses.asdict(read))


def test_after_each_repeat_its_observer_may_ask_how_narrow_intervals_are(tmp_path: Path) -> None:
    def noisy(record: TrialRecord, _: int) -> TrialRecord:
        return dataclasses.replace(record, latencies_s=record.latencies_s * (1 + 0.01 * (record.trial.block % 3)))

    observer = Silence()
    four = Study({"repeats": 4}, dataclasses.replace(STUDY.spec, repeats=4))
    sweep(four, ThisMachine(Bench(noisy)), tmp_path / "run", observer, resume=False)
    first, *later = observer.narrowings
    assert first is None and len(later) == 3, "an interval takes two repeats"
    assert [found and found.further_repeats for found in later] == [1, 1, None], "behind the last there is none"


def test_a_machine_that_cannot_pause_tasks_gets_steady_windows_and_the_run_says_so(tmp_path: Path) -> None:
    asked = dataclasses.replace(STUDY.spec, alternating=True, segment_s=0.1)
    sweep(Study({}, asked), ThisMachine(Bench()), tmp_path / "run", Silence(), resume=False)
    header, records, _ = stored(tmp_path / "run")
    assert (header.spec.alternating, header.spec.segment_s) == (False, None)
    assert not any(record.trial.alternating for record in records)
    with pytest.raises(HostError, match="tasks cannot be paused"):
        sweep(
            Study({"design": "alternating"}, asked), ThisMachine(Bench()), tmp_path / "other", Silence(), resume=False
        )
    assert not (tmp_path / "other").exists()


def test_a_run_without_a_purpose_is_a_sweeps(tmp_path: Path) -> None:
    sweep(STUDY, ThisMachine(Bench()), tmp_path / "run", Silence(), resume=False)
    assert stored(tmp_path / "run")[0].purpose == SweepPurpose()


def test_a_trial_that_fails_is_recorded_and_run_again_by_a_resumed_study(tmp_path: Path) -> None:
    def beside_a_task(record: TrialRecord, _: int) -> TrialRecord:
        if record.trial.inference and record.trial.task:
            raise TrialError("out of memory")
        return record

    tally = sweep(STUDY, ThisMachine(Bench(beside_a_task)), tmp_path / "run", Silence(), resume=False)
    assert tally == Tally(wanted=6, done=4, failed=2, empty=1, served=1)
    _, records, failures = stored(tmp_path / "run")
    assert len(records) == 4 and [failure.message for failure in failures] == ["out of memory"] * 2
    rig = Bench()
    tally = sweep(STUDY, ThisMachine(rig), tmp_path / "run", Silence(), resume=True)
    assert tally == Tally(wanted=6, done=6, failed=0, empty=0, served=2)
    assert {*rig.ran} == {failure.trial for failure in failures} and rig.opened_for == [(*rig.ran,)]
    assert not stored(tmp_path / "run")[2]


@pytest.mark.parametrize("flag", QualityFlag)
def test_what_may_be_gone_is_tried_once_more_and_then_counts(flag: QualityFlag, tmp_path: Path) -> None:
    def flagged(record: TrialRecord, before: int) -> TrialRecord:
        return dataclasses.replace(record, warnings=(flag,), started_unix_s=float(before))

    rig = Bench(flagged)
    sweep(STUDY, ThisMachine(rig), tmp_path / "run", Silence(), resume=False)
    attempts = 2 if flag in TRANSIENT else 1
    assert [rig.ran.count(trial) for trial in TRIALS] == [attempts] * 6
    _, records, _ = stored(tmp_path / "run")
    assert {(record.warnings, record.started_unix_s) for record in records} == {((flag,), attempts - 1.0)}


def test_a_study_that_was_cut_short_goes_on_where_it_was(tmp_path: Path) -> None:
    def cut(record: TrialRecord, _: int) -> TrialRecord:
        if record.trial == TRIALS[3]:
            raise Interrupted(2)
        return record

    with pytest.raises(Interrupted):
        sweep(STUDY, ThisMachine(Bench(cut)), tmp_path / "run", Silence(), resume=False)
    assert [record.trial for record in stored(tmp_path / "run")[1]] == [*TRIALS[:3]]
    rig, observer = Bench(), Silence()
    assert sweep(STUDY, ThisMachine(rig), tmp_path / "run", observer, resume=True).done == 6
    assert (*rig.ran,) == observer.missing == TRIALS[3:]


def test_for_a_finished_run_no_machine_is_held(tmp_path: Path) -> None:
    sweep(STUDY, ThisMachine(Bench()), tmp_path / "run", Silence(), resume=False)
    rig = Bench()
    assert sweep(STUDY, ThisMachine(rig), tmp_path / "run", Silence(), resume=True).done == 6
    assert (rig.ran, rig.opened_for) == ([], [])


@pytest.mark.parametrize("step", ["check", "networks", "opened"])
def test_what_cannot_run_at_all_leaves_no_folder(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise HostError("no such knob")

    rig = Bench()
    monkeypatch.setattr(rig, step, refuse)
    with pytest.raises(HostError, match="no such knob"):
        sweep(STUDY, ThisMachine(rig), tmp_path / "run", Silence(), resume=False)
    assert not holds_run(tmp_path / "run") and not rig.ran


def test_a_budget_is_kept_with_the_repeats_that_it_comes_to(tmp_path: Path) -> None:
    from colocate.model.limits import Limits

    limits = Limits(max_slowdown=1.1, percentile="p50")
    spec = dataclasses.replace(STUDY.spec, repeats=30, limits=limits, until_decided=True, budget_s=60.0)
    observer = Silence()
    sweep(Study({}, spec), ThisMachine(Bench()), tmp_path / "run", observer, resume=False)
    header, records, _ = stored(tmp_path / "run")
    assert 2 <= header.spec.repeats < 30 and header.planned == 3 * header.spec.repeats
    # All windows are alike, so the first look decides.
    assert len(records) == 3 * observer.stages[0].repeats < header.planned


# ---- two studies


def header(**changes: Any) -> Header:
    plain = Header({}, STUDY.spec, MACHINE, {"alexnet": {"sha256": "1"}}, None, 6)
    return dataclasses.replace(plain, **changes)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"spec": dataclasses.replace(STUDY.spec, window_s=3.0)}, r"spec\.window_s was 2\.0 and is 3\.0\. Choose"),
        (
            {"spec": dataclasses.replace(STUDY.spec, repeats=9)},
            r"spec\.repeats was 2 and is 9 \(repeats that are added",
        ),
        ({"spec": dataclasses.replace(STUDY.spec, budget_s=9.0)}, "break their promise: make a new run"),
        (
            {"spec": dataclasses.replace(STUDY.spec, tasks=(Task("mine", ("true", "-x")),))},
            r"spec\.tasks was \(jpeg\) and is \(mine argv \(true, -x\)\)",
        ),
        (
            {"spec": dataclasses.replace(STUDY.spec, tasks=(Task("jpeg", pause=False),))},
            r"spec\.tasks was \(jpeg\) and is \(jpeg pause False\)",
        ),
        (
            {"spec": dataclasses.replace(STUDY.spec, limits=Limits(slo_s=0.03))},
            r"spec\.limits was None and is slo_s 0\.03\. Choose",
        ),
        (
            {"spec": dataclasses.replace(STUDY.spec, alternating=True, segment_s=0.1)},
            r"resumed: design was steady and is alternating; spec\.segment_s was None and is 0\.1\. Choose",
        ),
        ({"facts": dataclasses.replace(MACHINE, kernel="6.1")}, r"machine\.kernel was k and is 6\.1"),
        ({"networks": {"alexnet": {"sha256": "2"}}}, "what is in alexnet has changed"),
    ],
)
def test_another_study_is_refused_with_all_that_differs(other: Mapping[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        refuse_other_study(header(), header(**other))
    assert "\n" not in str(caught.value) and "(jpeg ())" not in str(caught.value)


def test_the_same_study_is_not_refused_for_what_only_explains_its_machine() -> None:
    grown = dataclasses.replace(MACHINE, memory_bytes=2**40)
    refuse_other_study(header(), header(facts=grown, request={"repeats": 2}))
