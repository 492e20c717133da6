"""Plan a study: turn its SweepSpec and the HostFacts of the machine into trials, in the order in which they run.

A block fixes network, placement and clock point. It holds the solo window (the network without a task) and one window
per task, in shuffled order; without a network, the idle machine comes last. Every repeat holds each block once. In a
repeat the networks are shuffled first, then the blocks of each, because loading a network takes long (a split-plot
design, hard-to-change factor outermost). Repeat r is shuffled from (seed, r) alone, so more repeats leave the earlier
ones unchanged.

In an alternating study, a block with a network also holds one alternating window for each task that may be paused.
Such a window holds its own baseline. The windows above, called steady, then run only in the first `STEADY_REPEATS`
repeats: enough for power, energy and temperature, and to check the alternating windows. With a power budget, steady
windows run in every repeat. So do those of a task that must not be paused, and their baselines.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from colocate.errors import HostError, SpecError
from colocate.model.command import PER_CPU
from colocate.model.containment import containment_words
from colocate.model.machine import HostFacts
from colocate.model.request import Inference, Placement, SweepSpec, Task
from colocate.model.trial import Trial
from colocate.study.alternation import length_s
from colocate.study.clock_points import clock_points

if TYPE_CHECKING:
    from colocate.study.sequential import Interim

_T = TypeVar("_T")

# With fewer CPUs, the measuring process gets no CPU of its own.
HOUSEKEEPING_MIN_CPUS = 4
# With sequential stopping, a table of 81 cells and at most 30 repeats takes the time of 7.5 full repeats
# (tests/bench/test_verdicts.py), because decided cells are dropped.
REPEATS_PER_FULL_REPEAT = 4
# The most trials of one study: more than two days of windows of 2 s.
TRIALS_MAX = 100_000
# The fewest repeats in which the steady windows of a cell show a scatter; without it they check nothing.
STEADY_REPEATS = 2


def plan(spec: SweepSpec, facts: HostFacts) -> tuple[Trial, ...]:
    """Return all trials of the study in the order in which they run.

    Raises SpecError for CPUs or clock steps that do not exist, a containment that limits nothing, or too many trials,
    and HostError for a clock control, containment or runtime that is missing.
    """
    _check_containments(spec.tasks, facts)
    inferences = [settled_backend(inference, facts) for inference in spec.inferences]
    spec = dataclasses.replace(spec, tasks=tuple(_settled_task(task, facts) for task in spec.tasks))
    placements = [placement(name, spec.inference_cpus, facts.cpus) for name in spec.placements]
    _check_counts(spec.tasks, max(len(place.task_cpus) for place in placements))
    settings = list(itertools.product(placements, clock_points(spec, facts)))
    _check_length(spec, facts, [*inferences, None], len(settings))
    trials: list[Trial] = []
    block = 0
    for repeat in range(spec.repeats):
        shuffler = random.Random(f"{spec.seed}:{repeat}")
        for inference in _shuffled([*inferences, None], shuffler):
            for place, clocks in _shuffled(settings, shuffler):
                windows = _shuffled(_windows(spec, facts, inference, repeat), shuffler)
                if inference is None:
                    # A GPU keeps its clock up for seconds after a network: the idle machine comes last.
                    windows.sort(key=lambda window: window.task is None)
                for window in windows:
                    unnamed = Trial(
                        "", repeat, block, inference, window.task, clocks, place,
                        spec.warmup_s, spec.settle_s, _window_s(spec, inference), spec.max_start_temp_c,
                        window.alternating, spec.segment_s if window.alternating else None,
                    )  # fmt: skip
                    trials.append(dataclasses.replace(unnamed, trial_id=_content_hash(unnamed, spec.seed)))
                block += 1
    return tuple(trials)


@dataclass(frozen=True, slots=True)
class Stage:
    """The `trials` to run next, in order, until `repeats` repeats are complete.

    `progress` is the result of the look at the study that chose them; None if there was no look.
    """

    trials: tuple[Trial, ...]
    repeats: int
    progress: Interim | None = None


def whole(trials: Sequence[Trial]) -> Stage:
    """Return the whole plan as one stage, for a study with a fixed number of repeats."""
    return Stage(tuple(trials), trials[-1].repeat + 1)


def distinct_inferences(trials: Sequence[Trial]) -> tuple[Inference, ...]:
    """Return every measured network with its settings, in the order of first use."""
    return tuple(dict.fromkeys(trial.inference for trial in trials if trial.inference is not None))


def loaded_inferences(trials: Sequence[Trial]) -> tuple[Inference, ...]:
    """Return every network that the trials load: the measured ones, then those that run as a task."""
    tasks = dict.fromkeys(trial.task for trial in trials if trial.task is not None)
    beside = [member.inference for task in tasks for member in task.members if member.inference is not None]
    return tuple(dict.fromkeys((*distinct_inferences(trials), *beside)))


def estimate_s(trials: Sequence[Trial], load_s: float = 3.0, overhead_s: float = 0.1) -> float:
    """Return how many seconds the trials should take.

    The sum is of windows, warm-ups, settling times, loads of networks, and waits until user programs are ready.
    """
    total = 0.0
    before: Trial | None = None
    running = set[tuple[Task, Placement]]()
    for trial in trials:
        if before is None or trial.block != before.block:
            total += trial.settle_s
            if trial.inference is not None and (before is None or trial.inference != before.inference):
                total += load_s
        total += _starting_s(trial, running) + trial.warmup_s + length_s(trial) + overhead_s
        before = trial
    return total


def _starting_s(trial: Trial, running: set[tuple[Task, Placement]]) -> float:
    """Return the seconds until the trial's tasks are ready; the tasks of a mix start one after the other.

    Services in `running`, with their placement, take no time. Those that start now and keep running are added to it.
    """
    total = 0.0
    for member in trial.task.members if trial.task else ():
        command, place = member.command, trial.placement
        kept = (dataclasses.replace(member, containment=None), place)
        if not command.ready_after_s or kept in running:
            continue
        copies = len(place.task_cpus) if command.copies == PER_CPU else int(command.copies)
        # The first copy prepares what the others need; then these start together.
        total += command.ready_after_s * min(copies, 2)
        if member.keeps_running:
            running.add(kept)
    return total


def repeats_s(spec: SweepSpec, facts: HostFacts, repeats: int) -> float:
    """Return how many seconds `repeats` full repeats take. In an alternating study the first ones take longer."""
    trials = plan(dataclasses.replace(spec, repeats=min(repeats, STEADY_REPEATS + 1)), facts)
    each_s = [estimate_s([*own]) for _, own in itertools.groupby(trials, lambda trial: trial.repeat)]
    return sum(each_s) + (repeats - len(each_s)) * each_s[-1]


def within_budget(spec: SweepSpec, facts: HostFacts) -> SweepSpec:
    """Return `spec` with at most as many repeats as its time budget can allow; unchanged without a budget.

    Decided cells are dropped, so there may be more repeats than fit in full. Raises SpecError if not even two repeats
    fit, and what `plan` raises.
    """
    if spec.budget_s is None:
        return spec
    two_s = repeats_s(spec, facts, 2)
    if spec.budget_s < two_s:
        raise SpecError(
            f"budget: two repeats of this study take {two_s:.0f} s, and fewer decide nothing; "
            f"give --budget {math.ceil(two_s)}s or more, or ask for fewer cells"
        )
    later_s = repeats_s(spec, facts, STEADY_REPEATS + 1) - repeats_s(spec, facts, STEADY_REPEATS)
    fit = max(2, STEADY_REPEATS + math.floor((spec.budget_s - repeats_s(spec, facts, STEADY_REPEATS)) / later_s))
    # It imports scipy, so it is loaded only for sequential stopping.
    from colocate.study.sequential import FIRST_LOOK

    # If there is no time for a second look, the only look comes when the budget is used up.
    most = fit if fit < FIRST_LOOK else REPEATS_PER_FULL_REPEAT * fit
    return dataclasses.replace(spec, repeats=min(spec.repeats, most))


def settled_backend(inference: Inference, facts: HostFacts) -> Inference:
    """Return `inference` with `auto`, or a name for several runtimes, replaced by the best of them that works here.

    `onnxruntime` stands for `onnxruntime-cuda` and `onnxruntime-cpu`. Raises HostError, with what is missing, if none
    works.
    """
    asked = inference.backend
    if not inference.by_runtime or asked in facts.probes:
        return inference
    for backend in facts.backends:
        if _stands_for(asked, backend):
            return dataclasses.replace(inference, backend=backend)
    missing = {name: why.words for name, why in facts.backends_missing.items() if _stands_for(asked, name)}
    if [*missing] == [asked]:
        raise HostError(f"backend '{asked}' is not available here: {missing[asked]}")
    if missing:
        raise HostError(
            f"backend '{asked}': none of its runtimes works here. What each is missing:",
            [f"{name}: {why}" for name, why in missing.items()],
        )
    raise HostError(
        f"backend '{asked}' is not available here: this machine has {', '.join(facts.backends) or 'none'}"
    )


def _stands_for(asked: str, backend: str) -> bool:
    return asked == "auto" or f"{backend}-".startswith(f"{asked}-")


def _check_length(spec: SweepSpec, facts: HostFacts, inferences: Sequence[Inference | None], settings: int) -> None:
    """Raise SpecError for more than `TRIALS_MAX` trials, before they fill the memory."""
    first, later = (
        settings * sum(len(_windows(spec, facts, inference, repeat)) for inference in inferences)
        for repeat in (0, STEADY_REPEATS)
    )
    trials = first * min(spec.repeats, STEADY_REPEATS) + later * max(spec.repeats - STEADY_REPEATS, 0)
    if trials > TRIALS_MAX:
        raise SpecError(
            f"repeats: {spec.repeats} repeats of this study are {trials} trials, and {TRIALS_MAX} are the most; ask "
            "for fewer repeats, networks, tasks or clocks"
        )


def _check_containments(tasks: Sequence[Task], facts: HostFacts) -> None:
    for task in (member for each in tasks for member in each.members):
        for kind in task.containment.kinds if task.containment else ():
            if (missing := facts.containment_missing.get(kind)) is not None:
                asked = containment_words(task.containment)
                raise HostError(f"containment: {asked} is not available here: {missing.words}")


def _check_counts(tasks: Sequence[Task], cpus: int) -> None:
    """Raise SpecError for a containment that allows a task more than the `cpus` CPUs that it may use at most."""
    for bound in (member.containment for task in tasks for member in task.members if member.containment):
        own = len(bound.own_cpus(range(cpus)))
        here = f"tasks may use {cpus} {'CPU' if cpus == 1 else 'CPUs'} on this machine, so that is no bound"
        if bound.cpus is not None and bound.cpus > cpus:
            raise SpecError(f"containment: {bound.words}: {here}; name {cpus} at the most, or none")
        if bound.quota_ratio is not None and bound.quota_ratio > own:
            raise SpecError(f"containment: {bound.words}: {here}; name less than {100 * own}%, or none")


def _settled_task(task: Task, facts: HostFacts) -> Task:
    """Return `task` with the backend of each network in it chosen by `settled_backend`."""
    inference = None if task.inference is None else settled_backend(task.inference, facts)
    return dataclasses.replace(
        task, inference=inference, parts=tuple(_settled_task(part, facts) for part in task.parts)
    )


def placement(name: str, inference_cpus: Sequence[int] | None, cpus: Sequence[int]) -> Placement:
    """Return on which of `cpus` (those of this process) the network, the tasks and housekeeping run.

    The network gets `inference_cpus`, or the first CPU. Of four CPUs or more, housekeeping (colocate itself) gets the
    last one that the network leaves, if another is left for tasks. Else it shares the tasks' CPUs, or the network's
    if there are no others. If `shared`, tasks also use the network's CPUs. Raises SpecError for a CPU that is not in
    `cpus`, and if `isolated` leaves none for tasks.
    """
    chosen = tuple(inference_cpus) if inference_cpus is not None else (cpus[0],)
    missing = sorted(set(chosen) - set(cpus))
    if missing or not chosen:
        raise SpecError(
            f"inference_cpus: CPU {', '.join(map(str, missing))} does not exist or is not allowed to this process; "
            f"it may use {', '.join(map(str, cpus))}"
        )
    rest = tuple(cpu for cpu in cpus if cpu not in chosen)
    spared = len(cpus) >= HOUSEKEEPING_MIN_CPUS and len(rest) > 1
    tasks, housekeeping = (rest[:-1], rest[-1:]) if spared else (rest, rest or chosen)
    if name == "shared":
        return Placement(name, chosen, tuple(sorted({*chosen, *tasks})), housekeeping)
    if not tasks:
        raise SpecError(
            "placement: 'isolated' needs a CPU beside the inference CPUs and none is left; "
            "use --placement shared, or name fewer --inference-cpus"
        )
    return Placement(name, chosen, tasks, housekeeping)


def _window_s(spec: SweepSpec, inference: Inference | None) -> float:
    return spec.window_s if inference is None else dict(spec.own_windows_s).get(inference.network, spec.window_s)


class _Window(NamedTuple):
    """A window of a block: its task (None for the baseline), and whether it is an alternating window."""

    task: Task | None
    alternating: bool = False


def _windows(spec: SweepSpec, facts: HostFacts, inference: Inference | None, repeat: int) -> list[_Window]:
    few = repeat >= STEADY_REPEATS and not spec.steady_throughout
    steady = [task for task in spec.tasks if not (few and task.pause)]
    paused = [task for task in spec.tasks if spec.alternating and task.pause and inference is not None]
    # Idling is worth a window only where a meter can see it.
    compared = (steady or not spec.tasks) and (inference is not None or facts.rails)
    baseline = [_Window(None)] if compared else []
    return [*baseline, *map(_Window, steady), *(_Window(task, alternating=True) for task in paused)]


def _shuffled(items: Sequence[_T], shuffler: random.Random) -> list[_T]:
    return shuffler.sample(items, len(items))


def _content_hash(trial: Trial, seed: int) -> str:
    """Return the id of a trial: a hash of its content and the seed.

    The hashed field names are those of the first edition, so that a plan keeps its ids. A model's noise follows from
    these.
    """
    placement = dataclasses.asdict(trial.placement)
    placement["stressor_cpus"] = placement.pop("task_cpus")
    fields = {
        "trial_id": "",
        "round": trial.repeat,
        "block": trial.block,
        "inference": None if trial.inference is None else trial.inference.present,
        "stressor": None if trial.task is None else _present(trial.task),
        "clocks": dataclasses.asdict(trial.clocks),
        "placement": placement,
        "warmup_s": trial.warmup_s,
        "settle_s": trial.settle_s,
        "window_s": trial.window_s,
        "max_start_temp_c": trial.max_start_temp_c,
        **({"alternating": True, "segment_s": trial.segment_s} if trial.alternating else {}),
    }
    content = json.dumps([seed, fields], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _present(task: Task) -> dict[str, object]:
    """Return the fields of a task that are set. A field that is added later changes no id of a task without it."""
    found: dict[str, object] = {"name": task.name, "argv": task.argv}
    if not task.pause:
        found["pause"] = False
    if task.containment is not None:
        found["containment"] = task.containment.words
    if task.command.present:
        found["command"] = task.command.present
    if task.inference is not None:
        found["inference"] = task.inference.present
    if task.parts:
        found["parts"] = [_present(part) for part in task.parts]
    return found
