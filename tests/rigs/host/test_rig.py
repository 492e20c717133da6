"""The local machine as a rig, with networks that only spin."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
from typing import Any

import psutil
import pytest

from colocate.errors import ColocateError, HostError, SpecError, TrialError
from colocate.host.cpus.cpuset import Seat
from colocate.model.containment import parse_containment
from colocate.model.device import Workers
from colocate.model.request import Inference, Pipeline, SweepSpec, Task
from colocate.model.trial import Trial
from colocate.rigs.host import rig as rig_module
from colocate.rigs.host.monitor import Monitor
from colocate.rigs.host.rig import HostRig
from colocate.study.plan import plan
from tests.rigs.host.trials import holds_every_condition, long_enough, trial

SPEC = SweepSpec(
    inferences=(Inference("spin-2ms", "synthetic"),),
    tasks=(Task("stringsearch"),),
    cpu_clocks=("native",),
    gpu_clocks=("native",),
    placements=("shared",),
    repeats=1,
    warmup_s=0.02,
    settle_s=0.0,
    window_s=0.2,
)
FIFO = trial(task=Task("stringsearch", containment=parse_containment("idle+fifo")))
PIPELINE = Inference("cam", "pipeline", precision="", pipeline=Pipeline(("cam",)))


def test_a_study_runs_and_leaves_the_process_as_it_was() -> None:
    rig = HostRig()
    trials = plan(SPEC, rig.facts())
    rig.check(trials)
    before, processes = os.sched_getaffinity(0), set(psutil.Process().children(recursive=True))
    with rig.opened(trials):
        assert os.sched_getaffinity(0) == set(trials[0].placement.housekeeping_cpus)
        records = [rig.run(each) for each in trials]
    assert os.sched_getaffinity(0) == before
    assert set(psutil.Process().children(recursive=True)) <= processes
    assert {(bool(r.trial.inference), bool(r.trial.task)) for r in records} >= {(True, True), (True, False)}
    for record in records:
        assert record.elapsed_s > 0
        assert (record.work is not None) == (record.trial.task is not None)
        if record.trial.inference is None:
            assert record.latencies_s.size == 0
        else:
            assert record.latencies_s.size and (record.latencies_s >= 0.002).all()
            assert record.runtime["spin_s"] == 0.002


def test_after_a_trial_that_failed_the_next_has_new_processes() -> None:
    rig, asked = HostRig(), trial(task=Task("stringsearch"))
    with rig.opened([asked]):
        rig.run(asked)
        assert rig._hold is not None
        (worker,), (task,) = rig._hold.children.worker(asked), rig._hold.children.tasks(asked)
        os.kill(worker._process.pid, signal.SIGKILL)
        with pytest.raises(TrialError, match="killed by SIGKILL"):
            rig.run(asked)
        assert not psutil.pid_exists(task._process.pid)
        assert rig.run(asked).latencies_s.size


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        (trial("alexnet", backend="onnxruntime-cpu", precision="fp16"), HostError, "runs fp32 here, not fp16"),
        (trial("alexnet", backend="onnxruntime-cpu", graph=True), HostError, "leave out --graph and --wait"),
        (trial("spin-fast"), SpecError, "named like spin-2ms"),
        (trial("alexnett", backend="onnxruntime-cpu"), SpecError, "alexnett"),
        (trial("/nowhere/mine.onnx", backend="onnxruntime-cpu"), SpecError, "/nowhere/mine.onnx"),
        (dataclasses.replace(FIFO, inference=PIPELINE), HostError, "start it by `chrt -f 1`"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_written(
    asked: Trial, error: type[ColocateError], said: str
) -> None:
    with pytest.raises(error, match=re.escape(said)):
        HostRig().check([asked])


def test_a_dla_is_asked_for_the_precision_in_which_it_computes() -> None:
    rig = HostRig(workers=Workers(device="dla:0"))
    rig.check([trial("alexnet", backend="tensorrt", precision="fp16")])
    with pytest.raises(HostError, match=r"^tensorrt runs fp16 on dla:0, not fp32; choose fp16$"):
        rig.check([trial("alexnet", backend="tensorrt")])


def test_a_synthetic_network_has_no_file_and_no_layers() -> None:
    inference = Inference("spin-2ms", "synthetic")
    assert HostRig().networks([inference]) == {}
    with pytest.raises(SpecError, match="'spin-2ms' has no layers"):
        HostRig().layer_map(inference, trial().clocks)


@pytest.mark.parametrize("ends", [None, TrialError("failed"), KeyboardInterrupt()])
def test_the_network_has_fifo_while_its_window_lasts_and_not_after(
    ends: BaseException | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker is kept from window to window."""
    rig, seen = HostRig(), list[int]()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(rig.opened([FIFO]))
        except HostError as error:
            pytest.skip(f"no SCHED_FIFO here, or somebody else has it: {error}")
        assert rig._hold is not None
        hold = rig._hold
        (worker,) = hold.children.worker(FIFO)

        def watched(*arguments: Any) -> None:
            seen.append(os.sched_getscheduler(worker.pid))
            if ends is not None:
                raise ends
            Monitor.window(hold.monitor, *arguments)

        with monkeypatch.context() as patch, contextlib.suppress(TrialError, KeyboardInterrupt):
            patch.setattr(hold.monitor, "window", watched)
            # A window that fails ends its worker; this one is looked at.
            patch.setattr(hold.children, "close", lambda: None)
            rig.run(FIFO)
        assert os.sched_getscheduler(worker.pid) == os.SCHED_OTHER
    assert seen == [os.SCHED_FIFO]


def test_fifo_that_is_refused_ends_a_study_before_its_first_window(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(seat: Seat) -> None:
        raise HostError("fifo: SCHED_FIFO is refused; run as root")

    monkeypatch.setattr(rig_module, "allow_fifo", lambda groups: None)
    monkeypatch.setattr(rig_module, "check_fifo", refuse)
    with pytest.raises(HostError, match="fifo: SCHED_FIFO is refused; run as root"), HostRig().opened([FIFO]):
        pytest.fail("it began")


def test_a_mix_runs_at_once_and_each_of_its_tasks_is_counted() -> None:
    network = Task("network:spin-1ms", inference=Inference("spin-1ms", "synthetic"))
    mix = Task("both", parts=(Task("stringsearch"), network))
    rig = HostRig()
    steady = trial("spin-2ms", mix, window_s=0.4)
    turns = dataclasses.replace(steady, alternating=True, window_s=1.0, trial_id="turns")
    with rig.opened([steady, turns]):
        records = [long_enough(rig, steady, lambda record: True), long_enough(rig, turns, holds_every_condition)]
    for record in records:
        assert record.work is not None
        assert [part.unit for part in record.work.parts] == ["passes", "inferences"]


def test_a_gpu_that_is_counted_in_two_ways_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    with pytest.raises(HostError, match=r"CUDA_VISIBLE_DEVICES hides GPUs, .*: unset it"):
        HostRig(workers=Workers(device="cuda:1")).facts()
