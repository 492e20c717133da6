from __future__ import annotations

import dataclasses
import itertools
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.errors import HostError, SpecError
from colocate.model.command import PER_CPU, SERVICE, Command
from colocate.model.containment import parse_containment
from colocate.model.limits import Limits
from colocate.model.machine import HostFacts, Missing
from colocate.model.request import Inference, SweepSpec, Task
from colocate.model.trial import Trial
from colocate.study.plan import (
    STEADY_REPEATS,
    TRIALS_MAX,
    estimate_s,
    placement,
    plan,
    settled_backend,
)

TX1_CPU_HZ = tuple(
    khz * 1000
    for khz in (
        102000, 204000, 307200, 403200, 518400, 614400, 710400, 825600, 921600,
        1036800, 1132800, 1224000, 1326000, 1428000, 1555500, 1632000, 1734000,
    )
)  # fmt: skip
TX1_GPU_HZ = tuple(round(76.8e6 * step) for step in range(1, 14))


def facts(**changes: object) -> HostFacts:
    plain = HostFacts(
        rig="host",
        machine_id="m",
        architecture="aarch64",
        cpu_model="board",
        cpus=(0, 1, 2, 3),
        last_level_cache_bytes=None,
        kernel="k",
        confinement="affinity",
        backends=("onnxruntime-cuda", "onnxruntime-cpu"),
        backends_missing={"tensorrt": Missing("the package tensorrt is not installed")},
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]  # the names are the test's own


def spec(**changes: object) -> SweepSpec:
    plain = SweepSpec(
        inferences=(Inference("alexnet"), Inference("googlenet"), Inference("resnet152")),
        tasks=(Task("bitcount"), Task("jpeg"), Task("stringsearch")),
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


@given(st.integers(1, 4), st.integers(0, 9), st.lists(st.sampled_from(TX1_CPU_HZ), min_size=1, unique=True))
def test_every_cell_stands_once_in_every_repeat_with_its_solo(repeats: int, seed: int, cpu: list[int]) -> None:
    board = facts(cpu_steps_hz=TX1_CPU_HZ, gpu_steps_hz=TX1_GPU_HZ)
    trials = plan(spec(repeats=repeats, seed=seed, cpu_clocks=tuple(cpu)), board)
    cells = Counter((t.repeat, t.inference, t.task, t.clocks, t.placement) for t in trials)
    assert set(cells.values()) == {1}
    assert len(trials) == repeats * (len(cpu) * 3) * (3 * 4 + 3)
    blocks = defaultdict(list)
    for trial in trials:
        blocks[trial.block].append(trial)
    for block in blocks.values():
        assert len({(t.repeat, t.inference, t.clocks, t.placement) for t in block}) == 1
        if block[0].inference is not None:
            assert sum(t.task is None for t in block) == 1
    assert len({t.trial_id for t in trials}) == len(trials)


@pytest.mark.parametrize("alternating", [False, True])
def test_more_trials_than_can_be_run_are_refused_with_their_number(alternating: bool) -> None:
    tasks = tuple(Task(f"t{number}", ("true",)) for number in range(8000))
    asked = spec(tasks=tasks, repeats=10_000, alternating=alternating)
    for repeats in (2, 3):
        few = spec(tasks=tasks[:20], repeats=repeats, alternating=alternating)
        assert f"{len(plan(few, facts()))} trials" in refusal(few, most=1)
    assert f", and {TRIALS_MAX} are the most; ask for fewer repeats, networks, tasks or clocks" in refusal(asked)


def refusal(asked: SweepSpec, most: int = TRIALS_MAX) -> str:
    with pytest.MonkeyPatch.context() as patched, pytest.raises(SpecError) as refused:
        patched.setattr("colocate.study.plan.TRIALS_MAX", most)
        plan(asked, facts())
    return str(refused.value)


def test_the_same_request_gives_the_same_plan_and_another_seed_another_order() -> None:
    assert plan(spec(), facts()) == plan(spec(), facts())
    one, other = plan(spec(), facts()), plan(spec(seed=1), facts())
    assert [t.task for t in one] != [t.task for t in other]


def test_more_repeats_leave_the_earlier_trials_as_they_are() -> None:
    few, many = plan(spec(repeats=2), facts()), plan(spec(repeats=4), facts())
    assert many[: len(few)] == few


def test_a_network_is_loaded_once_a_repeat() -> None:
    trials = plan(spec(cpu_clocks=("low", "high")), facts(cpu_steps_hz=TX1_CPU_HZ, gpu_steps_hz=TX1_GPU_HZ))
    changes = sum(a.inference != b.inference for a, b in itertools.pairwise(trials))
    assert changes < 5 * 4


def test_idle_is_measured_only_where_a_meter_sees_it() -> None:
    assert not any(t.inference is None and t.task is None for t in plan(spec(), facts()))
    assert any(t.inference is None and t.task is None for t in plan(spec(), facts(rails=("VDD_IN",))))


def test_a_gpu_has_come_to_rest_before_idle_is_measured() -> None:
    trials = plan(spec(repeats=8), facts(rails=("nvml:gpu0",)))
    places = [i for i, trial in enumerate(trials) if trial.inference is None and trial.task is None]
    assert len(places) == 8
    for place in places:
        tasks = [trial for trial in trials if trial.block == trials[place].block]
        assert trials[place - len(tasks) + 1 : place + 1] == tuple(tasks)
        assert all(trial.inference is None for trial in tasks) and len(tasks) > 1


def test_a_containment_that_the_machine_lacks_is_refused_with_what_to_do() -> None:
    bound = spec(tasks=(Task("bitcount"), Task("jpeg", containment=parse_containment("quota=20%+cpus=1"))))
    assert plan(bound, facts())
    without = facts(containment_missing={"quota": Missing("no group gives quotas", "run as root")})
    with pytest.raises(
        HostError, match=r"containment: quota=20%\+cpus=1 is not available here: no group gives quotas; run as root"
    ):
        plan(bound, without)


@given(st.sets(st.integers(0, 63), min_size=1, max_size=16))
def test_no_cpu_serves_two_in_isolation(cpus: set[int]) -> None:
    ordered = tuple(sorted(cpus))
    if len(ordered) == 1:
        with pytest.raises(SpecError, match="--placement shared"):
            placement("isolated", None, ordered)
        return
    place = placement("isolated", None, ordered)
    assert place.inference_cpus == ordered[:1]
    assert not set(place.inference_cpus) & {*place.task_cpus, *place.housekeeping_cpus}
    if len(ordered) >= 4:
        assert not set(place.housekeeping_cpus) & set(place.task_cpus)
        assert {*place.inference_cpus, *place.task_cpus, *place.housekeeping_cpus} == cpus


@given(st.sets(st.integers(0, 63), min_size=1, max_size=16))
def test_shared_adds_the_inference_cpu_to_the_tasks(cpus: set[int]) -> None:
    place = placement("shared", None, tuple(sorted(cpus)))
    assert set(place.inference_cpus) <= set(place.task_cpus)


def test_inference_cpus_that_do_not_exist_are_named() -> None:
    with pytest.raises(SpecError, match="inference_cpus: CPU 9 does not exist"):
        placement("isolated", (9,), (0, 1))
    with pytest.raises(SpecError, match="needs a CPU beside"):
        placement("isolated", (0, 1), (0, 1))


def test_the_best_backend_is_taken_and_a_missing_one_refused() -> None:
    assert {t.inference.backend for t in plan(spec(), facts()) if t.inference} == {"onnxruntime-cuda"}
    with pytest.raises(HostError, match="tensorrt"):
        plan(spec(inferences=(Inference("alexnet", backend="tensorrt"),)), facts())


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ("onnxruntime", "onnxruntime-cuda"),
        ("onnxruntime-cpu", "onnxruntime-cpu"),
        ("bandwidth", "bandwidth"),
    ],
)
def test_a_family_stands_for_its_best_member_and_a_probe_for_itself(asked: str, taken: str) -> None:
    machine = dataclasses.replace(facts(), probes=("bandwidth",))
    assert settled_backend(Inference("x", asked), machine).backend == taken


@pytest.mark.parametrize("asked", ["onnx", "onnxruntime-cud", "bandwidth", "caffe"])
def test_part_of_a_name_is_no_family(asked: str) -> None:
    with pytest.raises(HostError, match=asked):
        settled_backend(Inference("x", asked), facts())


def test_where_no_runtime_works_auto_says_what_each_is_missing() -> None:
    missing = {"tensorrt": Missing("no"), "onnxruntime-cpu": Missing("not there", "install it")}
    bare = dataclasses.replace(facts(), backends=(), backends_missing=missing)
    with pytest.raises(HostError, match=r"^backend 'auto': none of its runtimes works here") as caught:
        settled_backend(Inference("x"), bare)
    assert caught.value.details == ("tensorrt: no", "onnxruntime-cpu: not there; install it")
    with pytest.raises(HostError, match=r"^backend 'tensorrt' is not available here: no$"):
        settled_backend(Inference("x", "tensorrt"), bare)


def test_the_estimate_grows_with_windows_and_repeats() -> None:
    short, long = plan(spec(repeats=1), facts()), plan(spec(repeats=2), facts())
    assert 0 < estimate_s(short) < estimate_s(long)
    assert estimate_s(plan(spec(window_s=4.0), facts())) > estimate_s(plan(spec(window_s=2.0), facts()))


def test_the_estimate_knows_of_segments_that_are_longer_than_a_window() -> None:
    within, beyond = (
        plan(spec(alternating=True, segment_s=segment_s, window_s=2.0), facts()) for segment_s in (0.5, 3.0)
    )
    alternating = sum(trial.alternating for trial in beyond)
    assert alternating
    # One of either condition, and one of the task alone.
    assert estimate_s(beyond) - estimate_s(within) == pytest.approx(alternating * (2 * 3.0 + 0.105 - 2.0))


@pytest.mark.parametrize(
    ("command", "pause", "waits"),
    [
        (Command(ready_after_s=5.0), True, 1),
        # The first of several copies prepares what the others need.
        (Command(ready_after_s=5.0, copies=3), True, 2),
        (Command(ready_after_s=5.0, copies=PER_CPU), True, 2),
        (Command(ready_after_s=5.0, run=SERVICE), False, 1),
    ],
)
def test_the_estimate_knows_when_a_program_is_ready(command: Command, pause: bool, waits: int) -> None:
    seconds, windows = estimated_s(command, pause=pause)
    assert seconds - estimated_s(Command())[0] == pytest.approx(waits * 5.0 * windows)


def test_the_estimate_knows_that_a_service_is_started_once_in_each_placement() -> None:
    service = Command(ready_after_s=5.0, run=SERVICE)
    assert estimated_s(service)[0] - estimated_s(Command())[0] == pytest.approx(2 * 5.0)


def estimated_s(command: Command, *, pause: bool = True) -> tuple[float, int]:
    """The seconds of a study with this program as its task, and the number of windows that the program has."""
    task = Task("mine", ("mine",), pause, command=command)
    trials = plan(spec(tasks=(task,), placements=("isolated", "shared")), facts())
    return estimate_s(trials), sum(trial.task is not None for trial in trials)


def test_the_estimate_knows_of_segments_that_hold_whole_periods_of_a_quota() -> None:
    def alternating_s(words: str) -> float:
        tasks = (Task("jpeg", containment=parse_containment(words)),)
        trials = [each for each in plan(spec(alternating=True, tasks=tasks), facts()) if each.alternating]
        return estimate_s(trials, load_s=0.0) / len(trials)

    assert alternating_s("idle") == alternating_s("quota=20%/10")
    assert alternating_s("quota=20%/1000") > alternating_s("idle") + 3.0


@pytest.mark.parametrize(
    ("words", "placements", "said"),
    [
        (
            "cpus=99",
            ("isolated",),
            "cpus=99: tasks may use 2 CPUs on this machine, so that is no bound; name 2",
        ),
        ("cpus=3", ("isolated",), "name 2 at the most, or none"),
        ("cpus=3", ("isolated", "shared"), None),
        (
            "quota=1000%",
            ("shared",),
            "tasks may use 3 CPUs on this machine, .*; name less than 300%, or none",
        ),
        ("quota=150%+cpus=1", ("shared",), "name less than 100%, or none"),
        ("quota=150%", ("isolated",), None),
    ],
)
def test_a_containment_that_bounds_nothing_here_is_refused(
    words: str, placements: tuple[str, ...], said: str | None
) -> None:
    bound = Task("jpeg", containment=parse_containment(words))
    asked = spec(tasks=(Task("mix", parts=(Task("bitcount"), bound)),), placements=placements)
    if said is None:
        assert plan(asked, facts())
    else:
        with pytest.raises(SpecError, match=said):
            plan(asked, facts())


def test_a_period_is_part_of_an_id_and_its_absence_is_not() -> None:
    def ids(period_s: float | None) -> set[str]:
        asked = spec(inferences=(Inference("alexnet", period_s=period_s),))
        return {trial.trial_id for trial in plan(asked, facts()) if trial.inference is not None}

    assert ids(0.01).isdisjoint(ids(0.02)) and ids(0.01).isdisjoint(ids(None))
    # As it was before there were periods.
    first = next(trial for trial in plan(spec(), facts()) if trial.inference is not None)
    assert first.trial_id == "e751bca490123f45"


def test_a_network_may_have_windows_of_its_own() -> None:
    trials = plan(spec(own_windows_s=(("googlenet", 0.5),)), facts(rails=("VDD_IN",)))
    windows_s = {(t.inference.network if t.inference else None, t.task is None): t.window_s for t in trials}
    expected = {("googlenet", True): 0.5, ("googlenet", False): 0.5}
    usual = {(network, alone): 2.0 for network in ("alexnet", "resnet152", None) for alone in (True, False)}
    assert windows_s == expected | usual


def by_kind(trials: tuple[Trial, ...]) -> dict[tuple[bool, str | None, bool], set[int]]:
    """The repeats that hold each kind of window: with a network or not, beside which task, alternating or not."""
    found = defaultdict(set)
    for trial in trials:
        task = trial.task.name if trial.task else None
        found[trial.inference is not None, task, trial.alternating].add(trial.repeat)
    return dict(found)


METERED = facts(rails=("VDD_IN",))
EVERY, FIRST = set(range(5)), set(range(STEADY_REPEATS))


def test_an_alternating_study_has_few_steady_windows() -> None:
    trials = plan(spec(alternating=True, segment_s=0.1), METERED)
    expected: dict[object, set[int]] = {(network, None, False): FIRST for network in (True, False)}
    for task in ("bitcount", "jpeg", "stringsearch"):
        expected |= {(True, task, True): EVERY, (True, task, False): FIRST, (False, task, False): FIRST}
    assert by_kind(trials) == expected
    assert {(trial.alternating, trial.segment_s) for trial in trials} == {(True, 0.1), (False, None)}
    assert len({trial.trial_id for trial in trials}) == len(trials)
    more = plan(spec(alternating=True, segment_s=0.1, repeats=7), METERED)
    assert more[: len(trials)] == trials


def test_a_power_budget_needs_steady_windows_throughout() -> None:
    budget = Limits(power_budget_w=9.0)
    kinds = by_kind(plan(spec(alternating=True, limits=budget), METERED))
    assert set(map(frozenset, kinds.values())) == {frozenset(EVERY)}
    kinds = by_kind(plan(spec(alternating=True, limits=Limits(max_slowdown=1.1)), METERED))
    assert kinds[True, None, False] == FIRST


def test_a_task_that_must_not_be_paused_has_steady_windows_throughout() -> None:
    tasks = (Task("bitcount"), Task("jpeg", pause=False))
    assert by_kind(plan(spec(alternating=True, tasks=tasks), METERED)) == {
        (True, "bitcount", True): EVERY, (True, "bitcount", False): FIRST, (False, "bitcount", False): FIRST,
        (True, "jpeg", False): EVERY, (False, "jpeg", False): EVERY,
        (True, None, False): EVERY, (False, None, False): EVERY,
    }  # fmt: skip


@pytest.mark.parametrize("tasks", [(), (Task("jpeg", pause=False),)])
def test_without_a_task_to_pause_both_designs_are_the_same(tasks: tuple[Task, ...]) -> None:
    assert plan(spec(alternating=True, tasks=tasks), METERED) == plan(spec(tasks=tasks), METERED)
