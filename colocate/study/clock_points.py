"""(SweepSpec, HostFacts) -> the clock points of a study: every combination of the clocks asked for on each axis."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from colocate.errors import HostError, SpecError
from colocate.model.machine import HostFacts
from colocate.model.request import CLOCK_AXES, ClockPoint, SweepSpec
from colocate.model.written import WrittenHz, as_written

LEVELS = ("low", "mid", "high")
NATIVE = "native"
# A step may be written rounded (921.6 for 921600 kHz); neighbours on any known board lie further apart.
STEP_TOLERANCE_RATIO = 0.002


def clock_points(spec: SweepSpec, facts: HostFacts) -> tuple[ClockPoint, ...]:
    """Return every combination of the clocks asked for; a clock that is `native` is left to its governor.

    What is not asked for comes from `default_clocks`. Raises HostError for a clock that cannot be set, and SpecError
    for a value that is no step of this machine.
    """
    steps = [_steps(axis, asked, facts.steps_by_axis[axis]) for axis, asked in _asked(spec, facts).items()]
    return tuple(ClockPoint(*clocks) for clocks in itertools.product(*steps))


def default_clocks(facts: HostFacts) -> Mapping[str, Sequence[str]]:
    """Return what each axis, `cpu`, `gpu` and `emc` (memory), runs at if a study does not say.

    CPU and GPU run at their low, middle and high step if both can be set, and not only on request; else at `native`,
    as the memory always does.
    """
    both = bool(facts.cpu_steps_hz and facts.gpu_steps_hz and not facts.gpu_on_request)
    return {axis: LEVELS if both and axis in ("cpu", "gpu") else (NATIVE,) for axis in CLOCK_AXES}


def _asked(spec: SweepSpec, facts: HostFacts) -> dict[str, Sequence[int | str]]:
    """Return what each axis is to run at: what the study asks for, or else the default."""
    default = default_clocks(facts)
    return {axis: default[axis] if asked is None else asked for axis, asked in spec.clocks_by_axis.items()}


def shared_levels(spec: SweepSpec, facts: HostFacts) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (axis, levels) for levels asked for that are the same clock here, so that it is measured once.

    In a table of two steps, low and mid are such levels.
    """
    for axis, asked in _asked(spec, facts).items():
        by_step = defaultdict(list)
        if steps_hz := sorted(facts.steps_by_axis[axis]):
            for level, hz in _levels(steps_hz).items():
                if level in asked:
                    by_step[hz].append(level)
        yield from ((axis, tuple(same)) for same in by_step.values() if len(same) > 1)


def _steps(domain: str, wanted: Sequence[int | str], steps_hz: Sequence[int]) -> tuple[int | None, ...]:
    if tuple(wanted) == (NATIVE,):
        return (None,)
    if not steps_hz:
        raise HostError(
            f"the {CLOCK_AXES[domain]} clock cannot be set on this machine; leave it native "
            f"(python -m colocate doctor says what is missing)"
        )
    ordered = sorted(steps_hz)
    levels = _levels(ordered)
    # A dict keeps the order and drops a step named twice: see `shared_levels`.
    return tuple(dict.fromkeys(_step(domain, want, levels, ordered) for want in wanted))


def _levels(ordered: Sequence[int]) -> dict[str, int]:
    return {"low": ordered[0], "mid": ordered[(len(ordered) - 1) // 2], "high": ordered[-1]}


def _step(domain: str, want: int | str, levels: dict[str, int], ordered: Sequence[int]) -> int:
    if isinstance(want, str):
        if want not in levels:
            raise SpecError(f"{domain}_clocks: '{want}' is not one of low, mid, high, or native alone, or MHz")
        return levels[want]
    nearest = min(ordered, key=lambda hz: abs(hz - want))
    if abs(nearest - want) > STEP_TOLERANCE_RATIO * want:
        table = " ".join(f"{hz / 1e6:g}" for hz in ordered)
        asked = want.mhz if isinstance(want, WrittenHz) else as_written(want / 1e6)
        raise SpecError(f"{domain}_clocks: {asked} MHz is not a step of this machine; it has {table}")
    return nearest
