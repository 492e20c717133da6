"""Warnings: why a number may be doubtful, and what to do about it."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping


class QualityFlag(str, enum.Enum):
    """A warning: why a number may be wrong. It is shown beside the number, with its `remedy`."""

    TOO_FEW_FOR_P95 = "too few samples for p95"
    TOO_FEW_FOR_P99 = "too few samples for p99"
    TOO_FEW_REPEATS = "too few repeats"
    TASK_ENDED_EARLY = "task ended early"
    NO_RUN_COMPLETED = "no run completed"
    LEFT_PROCESSES = "left processes behind"
    CPU_TIME_STOLEN = "cpu time stolen"
    OTHER_LOAD = "other load"
    CLOCK_DRIFTED = "clock drifted"
    THROTTLED = "throttled"
    STARTED_HOT = "started hot"
    WINDOW_SHORT_FOR_SENSOR = "window short for sensor"
    SENSOR_STALLED = "sensor stalled"
    SENSOR_FAILED = "sensor failed"
    READING_IMPLAUSIBLE = "reading implausible"
    ENERGY_UNRESOLVED = "energy unresolved"
    TRIALS_FAILED = "trials failed"
    PROFILE_DOES_NOT_ADD_UP = "profile does not add up"
    ALTERNATION_DIFFERS = "alternation differs"
    PAUSED_LATE = "paused late"
    QUOTA_THROTTLED = "quota throttled"
    HELD_UP = "held up"
    MOVED_BY_OTHERS = "moved by others"

    @classmethod
    def _missing_(cls, value: object) -> QualityFlag | None:
        """Return the warning that an older run stored under the former name `value`; None if there is none."""
        return _FORMERLY.get(value)

    @property
    def remedy(self) -> str:
        """What happened and what to do about it."""
        return _REMEDIES[self]


_FORMERLY: Mapping[object, QualityFlag] = {"stressor ended early": QualityFlag.TASK_ENDED_EARLY}

# The warning that there are too few samples for a percentile, by its name.
TOO_FEW_FOR = {"p95": QualityFlag.TOO_FEW_FOR_P95, "p99": QualityFlag.TOO_FEW_FOR_P99}

# Disturbances of a window that do not come from its setting. A quota around colocate lasts for the whole study, so it
# is a property of the machine and not a disturbance.
FROM_OUTSIDE = frozenset(
    {
        QualityFlag.CPU_TIME_STOLEN,
        QualityFlag.OTHER_LOAD,
        QualityFlag.STARTED_HOT,
        QualityFlag.HELD_UP,
        QualityFlag.MOVED_BY_OTHERS,
    }
)


def _too_few_for(percentile: str, latencies: int) -> str:
    return (
        f"a {percentile} needs {latencies} independent latencies in a window; the {percentile} of a cell uses only "
        "windows with so many, and is unknown if none has; lengthen --window, or with --rig tx1-model set "
        "inferences_min under [model] in the study file"
    )


# Shown after the warning and a colon: the reason in numbers, then what to do.
_REMEDIES = {
    QualityFlag.TOO_FEW_FOR_P95: _too_few_for("p95", 72),
    QualityFlag.TOO_FEW_FOR_P99: _too_few_for("p99", 368),
    QualityFlag.TOO_FEW_REPEATS: (
        "an interval needs at least two complete ones; raise --repeats, which a training calls --seeds"
    ),
    QualityFlag.TASK_ENDED_EARLY: "it ended inside the window; make it run longer, or find out why it ended",
    QualityFlag.NO_RUN_COMPLETED: (
        "no run fits into a window, of which an alternating one pauses the task for half; lengthen --window, or for "
        "a program that never ends give run or progress in [commands.NAME]"
    ),
    QualityFlag.LEFT_PROCESSES: (
        "the command ended and what it left running was killed, so its runs are not counted; keep it in the "
        'foreground, and if it then runs until it is ended say run = "service"'
    ),
    QualityFlag.CPU_TIME_STOLEN: "the hypervisor gave this machine's CPUs to another; measure on a quieter host",
    QualityFlag.OTHER_LOAD: (
        "other programs ran on the inference CPUs; stop them, or choose other CPUs with --inference-cpus"
    ),
    QualityFlag.CLOCK_DRIFTED: "a pinned clock ran at another rate in the window; look for thermal or power limits",
    QualityFlag.THROTTLED: "the machine slowed itself down; cool it, raise its power limit, or ask for lower clocks",
    QualityFlag.STARTED_HOT: "the machine did not cool to --max-start-temp in time; cool it, or allow a warmer start",
    QualityFlag.WINDOW_SHORT_FOR_SENSOR: (
        "ten refresh periods of the slowest power sensor are needed in each window; lengthen --window"
    ),
    QualityFlag.SENSOR_STALLED: "a power sensor stood still under load; see whether another program holds it",
    QualityFlag.SENSOR_FAILED: "a power sensor could not be read; see python -m colocate doctor for those that can",
    QualityFlag.READING_IMPLAUSIBLE: (
        "a power sensor showed a negative power or a counter that ran backwards; measure again"
    ),
    QualityFlag.ENERGY_UNRESOLVED: (
        "the power above idle has an interval wider than 20 % to either side; lengthen --window, or raise --repeats, "
        "which a training calls --seeds"
    ),
    QualityFlag.TRIALS_FAILED: "their messages say why; run them again with --resume",
    QualityFlag.PROFILE_DOES_NOT_ADD_UP: (
        "all layers together differ from the network by more than 25 %; raise --batch where steps last microseconds, "
        "or measure on a quieter machine"
    ),
    QualityFlag.ALTERNATION_DIFFERS: (
        "steady windows show another slowdown, as heat or a slow governor causes, and the verdict rests on them; "
        "raise --segment-ms, or give --design steady"
    ),
    QualityFlag.PAUSED_LATE: (
        "the task took too long to pause for its segments; raise --segment-ms, or give --design steady"
    ),
    QualityFlag.QUOTA_THROTTLED: (
        "a CPU quota around colocate stopped network or task, so verdicts hold under that quota only; to measure "
        "without it, raise the container's CPU limit (docker run --cpus, or cpu.max of its cgroup)"
    ),
    QualityFlag.HELD_UP: (
        "the window lasted far longer than asked for, twice; let nobody stop colocate while it measures, "
        "nor the machine sleep or be paused"
    ),
    QualityFlag.MOVED_BY_OTHERS: (
        "another program gave the network's process other CPUs or another priority; stop what does so (renice, "
        "taskset, a tuning daemon) and start the run again"
    ),
}


def in_order(flags: Collection[QualityFlag]) -> tuple[QualityFlag, ...]:
    """Return each of `flags` once, in the order of the enum. Every table and message uses this order."""
    return tuple(flag for flag in QualityFlag if flag in flags)
