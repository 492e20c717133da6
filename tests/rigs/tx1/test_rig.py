from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Sequence

import numpy as np
import pytest

from colocate.errors import HostError, SpecError
from colocate.model.containment import Containment
from colocate.model.request import Inference, SweepSpec, Task
from colocate.model.trial import Trial, TrialRecord
from colocate.rigs.tx1.constants import Constants, described
from colocate.rigs.tx1.published import figures
from colocate.rigs.tx1.rig import Tx1Rig
from colocate.study.plan import distinct_inferences, plan
from colocate.study.rails import rail_roles

SPEC = SweepSpec(
    inferences=(Inference("alexnet", wait="block"), Inference("resnet152", wait="block")),
    tasks=(Task("bitcount"), Task("jpeg")),
    rig="tx1-model",
    cpu_clocks=("low", "high"),
    gpu_clocks=("low", "high"),
    repeats=2,
)


def ran(spec: SweepSpec, rig: Tx1Rig | None = None) -> tuple[TrialRecord, ...]:
    rig = Tx1Rig() if rig is None else rig
    trials = plan(spec, rig.facts())
    rig.check(trials)
    rig.networks(distinct_inferences(trials))
    with rig.opened(trials):
        return tuple(rig.run(trial) for trial in trials)


def medians_s(records: Sequence[TrialRecord]) -> dict[tuple[object, ...], float]:
    """Median latency per setting, over its windows."""
    windows: dict[tuple[object, ...], list[float]] = {}
    for record in records:
        trial = record.trial
        if trial.inference is not None:
            key = (trial.inference, trial.task, trial.clocks)
            windows.setdefault(key, []).append(float(np.median(record.latencies_s)))
    return {key: float(np.mean(values)) for key, values in windows.items()}


def test_the_facts_name_a_model_with_every_step_and_rail() -> None:
    facts = Tx1Rig().facts()
    assert (facts.rig, len(facts.cpu_steps_hz), len(facts.gpu_steps_hz)) == ("tx1-model", 17, 13)
    assert len(facts.emc_steps_hz) == 10
    assert facts.cpu_model.startswith("MODEL")
    assert () not in rail_roles(facts.rails)
    assert facts.backends == ("tensorrt", "caffe")
    other = Tx1Rig({"contention": 2.0}).facts()
    assert other != facts


def test_a_memory_clock_that_is_set_is_seen_in_every_window() -> None:
    spec = dataclasses.replace(SPEC, inferences=SPEC.inferences[:1], emc_clocks=("mid", "high"), repeats=1)
    for record in ran(dataclasses.replace(spec, alternating=True)):
        assert record.emc_hz_seen == record.trial.clocks.emc_hz in (408_000_000, 1_600_000_000)


def test_all_combinations_of_three_clocks_are_planned() -> None:
    levels = ("low", "mid", "high")
    inferences = tuple(Inference(name, wait="block") for name in ("alexnet", "googlenet", "resnet152"))
    tasks = tuple(map(Task, ("bitcount", "jpeg", "stringsearch")))
    spec = SweepSpec(inferences, tasks, "tx1-model", levels, levels, levels)
    trials = plan(spec, Tx1Rig().facts())
    assert len({(t.inference, t.task, t.clocks) for t in trials if t.inference and t.task}) == 243


def test_the_same_plan_gives_the_same_bytes_and_trial_order_does_not_matter() -> None:
    first, second = ran(SPEC), ran(SPEC)
    assert pickle.dumps(first) == pickle.dumps(second)
    resumed = Tx1Rig()
    for record in reversed(first):
        assert pickle.dumps(resumed.run(record.trial)) == pickle.dumps(record)


def test_another_seed_gives_other_noise_and_the_same_conclusions() -> None:
    first, second = ran(SPEC), ran(dataclasses.replace(SPEC, seed=7))
    one, other = medians_s(first), medians_s(second)
    assert one.keys() == other.keys()
    assert all(one[key] != other[key] for key in one)
    assert list(one.values()) == pytest.approx([other[key] for key in one], rel=0.03)


def test_a_window_holds_enough_inferences_end_to_end() -> None:
    for record in ran(SPEC):
        if record.trial.inference is None:
            assert (len(record.latencies_s), record.elapsed_s) == (0, record.trial.window_s)
        else:
            assert len(record.latencies_s) >= Constants().inferences_min
            assert record.elapsed_s == pytest.approx(record.latencies_s.sum())
            assert np.allclose(record.begins_s[1:], (record.begins_s + record.latencies_s)[:-1])
        assert record.power is not None
        assert (np.diff(record.power.t_s) > 0).all()
        assert record.power.t_s[-1] <= record.elapsed_s + 1e-9


def test_work_is_known_where_there_is_a_task() -> None:
    for record in ran(SPEC):
        assert (record.work is None) == (record.trial.task is None)
        if record.work is not None:
            assert record.work.count > 0
            processes = len(record.trial.placement.task_cpus)
            assert 0 < record.work.cpu_s <= processes * record.elapsed_s * (1 + 1e-9)


def test_windows_of_a_block_drift_together() -> None:
    spec = dataclasses.replace(SPEC, tasks=(Task("bitcount"),), repeats=30, cpu_clocks=("high",))
    blocks: dict[int, list[float]] = {}
    for record in ran(spec):
        if record.trial.inference is not None and record.trial.inference.network == "alexnet":
            key = record.trial.block
            if record.trial.clocks.gpu_hz == 998_400_000:
                blocks.setdefault(key, []).append(float(np.median(record.latencies_s)))
    pairs = np.log(list(blocks.values()))
    assert np.diff(pairs, axis=1).std() < 0.5 * pairs[:, 0].std()


def test_clocks_left_to_the_governor_are_the_highest() -> None:
    spec = dataclasses.replace(SPEC, cpu_clocks=("native",), gpu_clocks=("native",), repeats=1)
    assert {(r.cpu_hz_seen, r.gpu_hz_seen) for r in ran(spec)} == {(1_734_000_000, 998_400_000)}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"tasks": (Task("mine", ("true",)),)}, "mine"),
        ({"tasks": (Task("stringsearch-scan"),)}, "stringsearch-scan"),
        ({"tasks": (Task("both", parts=(Task("jpeg"), Task("bitcount"))),)}, "what 'both' does must be measured"),
        ({"tasks": (Task("network:alexnet", inference=Inference("alexnet")),)}, "what 'network:alexnet' does"),
        ({"inferences": (Inference("alexnet"),)}, "sleeps until the GPU is"),
        ({"inferences": (Inference("alexnet", wait="block", graph=True),)}, "leave out graph"),
        ({"inferences": (Inference("vgg16", batch=1000, wait="block"),)}, "lower the batch"),
        ({"inferences": (Inference("alexnett", wait="block"),)}, "alexnet"),
        (
            {"inferences": (Inference("/nets/a.engine", "tensorrt", "", wait="block"),)},
            "an engine, whose layers only",
        ),
    ],
)
def test_what_cannot_be_modelled_is_refused_before_anything_runs(change: dict[str, object], word: str) -> None:
    rig = Tx1Rig()
    spec = dataclasses.replace(SPEC, **change)  # type: ignore[arg-type]  # values of many fields
    with pytest.raises(SpecError, match=word):
        rig.check(plan(spec, rig.facts()))


def test_a_containment_that_is_not_modelled_is_refused() -> None:
    spec = dataclasses.replace(SPEC, tasks=(Task("bitcount", containment=Containment(cpus=1, fifo=True)),))
    with pytest.raises(
        HostError, match="fifo is not available here: this model has no real-time class; leave it out"
    ):
        plan(spec, Tx1Rig().facts())


def test_networks_are_described_without_a_file_of_weights() -> None:
    described = Tx1Rig().networks(SPEC.inferences)
    assert set(described) == {f"{name}, batch 1, fp32" for name in ("alexnet", "resnet152")}
    alexnet = described["alexnet, batch 1, fp32"]
    assert alexnet["macs"] == 724_406_816
    # The weights alone are 244 MB.
    assert alexnet["memory_traffic_bytes"] > 244e6
    twice = [Inference("alexnet", backend, wait="block") for backend in ("tensorrt", "caffe")]
    (both,) = Tx1Rig().networks(twice).values()
    assert "memory_traffic_bytes" not in both


def test_a_network_is_described_for_each_batch() -> None:
    batches = [Inference("alexnet", "tensorrt", batch=batch, wait="block") for batch in (1, 2)]
    one, two = Tx1Rig().networks(batches).values()
    assert one["graph_sha256"] != two["graph_sha256"] and one["memory_traffic_bytes"] < two["memory_traffic_bytes"]


def test_the_strength_of_contention_can_be_set_and_changes_what_depends_on_it() -> None:
    spec = dataclasses.replace(SPEC, tasks=(Task("jpeg"),), cpu_clocks=("high",), gpu_clocks=("high",))
    none, strong = (medians_s(ran(spec, Tx1Rig({"contention": value}))) for value in (0.0, 4.0))
    for (inference, task, clocks), latency_s in strong.items():
        before_s = none[inference, task, clocks]
        assert latency_s > 1.01 * before_s if task else latency_s == before_s


def test_a_constant_that_cannot_be_set_is_refused() -> None:
    with pytest.raises(SpecError, match="'kernel_s' cannot be set"):
        Tx1Rig({"kernel_s": 1e-5})


@pytest.mark.parametrize("end", ["least", "most"])
def test_the_model_works_at_the_bounds_of_every_assumption(end: str) -> None:
    spec = dataclasses.replace(
        SPEC, inferences=(Inference("alexnet", "caffe", wait="block"),), cpu_clocks=("low",), repeats=1
    )
    for entry in dataclasses.fields(Constants):
        if end in entry.metadata:
            for record in ran(spec, Tx1Rig({entry.name: entry.metadata[end]})):
                assert np.isfinite(record.latencies_s).all() and (record.latencies_s > 0).all(), entry.name
                assert record.power is not None and np.isfinite(record.power.power_w).all(), entry.name


def test_the_provenance_has_every_constant_and_every_published_figure() -> None:
    provenance = Tx1Rig({"contention": 2.0}).provenance()
    assert provenance.constants == tuple(described(dataclasses.replace(Constants(), contention=2.0)))
    assert [check.figure for check in provenance.validation] == [figure.name for figure in figures()]
    for check in provenance.validation:
        assert check.error_ratio == pytest.approx(check.model / check.published - 1)


def test_a_trial_is_as_it_was_asked() -> None:
    trials: list[Trial] = [record.trial for record in ran(SPEC)]
    assert tuple(trials) == plan(SPEC, Tx1Rig().facts())
