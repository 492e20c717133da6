"""Children's reports -> one TrialRecord."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from colocate.errors import TrialError
from colocate.host.activity import Activity
from colocate.study.model import Doubt, Trial, TrialRecord, Work

# Share of the inference CPUs' time above which others' use of them is a doubt. The kernel counts in 10 ms
# ticks, so a share below this is not told from rounding in a window of a second.
DISTURBED_RATIO = 0.05
# Share of the network's window that a stressor's counted time must cover.
COVERED_RATIO = 0.9
_NS = 1e-9

Report = Mapping[str, Any]


def record(
    trial: Trial, started_unix_s: float, served: Sequence[Report], worked: Sequence[Report], activity: Activity
) -> TrialRecord:
    """One window from the report of its worker (none or one) and of its stressors' processes (none or more).

    Raises TrialError when a task failed inside the window, or the network finished no inference.
    """
    begin_ns, end_ns = _span_ns(served or worked) if served or worked else (0, round(trial.window_s / _NS))
    begins_ns = np.array(served[0]["begins_ns"] if served else [], dtype=np.float64)
    latencies_ns = np.array(served[0]["latencies_ns"] if served else [], dtype=np.float64)
    done = work(worked)
    if served and not latencies_ns.size:
        raise TrialError("the network finished no inference inside the window; lengthen --window")
    return TrialRecord(
        trial=trial,
        started_unix_s=started_unix_s,
        elapsed_s=(end_ns - begin_ns) * _NS,
        begins_s=(begins_ns - begin_ns) * _NS,
        latencies_s=latencies_ns * _NS,
        work=done,
        doubts=tuple(_doubts(trial, served, worked, activity)),
    )


def work(reports: Sequence[Report]) -> Work | None:
    """What the processes of one stressor did together; None without any. Raises TrialError for a failed one."""
    for report in reports:
        if failed := report.get("failed"):
            stderr = str(failed["stderr"]).strip().splitlines()
            said = stderr[-1] if stderr else "it said nothing"
            raise TrialError(f"the task failed ({failed['returncode']}): {said}")
    if not reports:
        return None
    elapsed_s = [(report["end_ns"] - report["begin_ns"]) * _NS for report in reports]
    return Work(
        unit=reports[0]["unit"],
        count=sum(report["count"] for report in reports),
        elapsed_s=sum(elapsed_s) / len(elapsed_s),
        cpu_s=sum(report["cpu_s"] for report in reports),
    )


def _span_ns(reports: Sequence[Report]) -> tuple[int, int]:
    return min(report["begin_ns"] for report in reports), max(report["end_ns"] for report in reports)


def _doubts(trial: Trial, served: Sequence[Report], worked: Sequence[Report], activity: Activity) -> list[Doubt]:
    doubts = []
    cpus_s = trial.window_s * len(trial.placement.inference_cpus)
    if activity.stolen_s > DISTURBED_RATIO * cpus_s:
        doubts.append(Doubt.CPU_TIME_STOLEN)
    # Beside a stressor on the same CPU nobody can tell whose the rest was.
    alone = trial.placement.name == "isolated" or trial.stressor is None
    if served and alone and activity.busy_s - activity.children_s > DISTURBED_RATIO * cpus_s:
        doubts.append(Doubt.OTHER_LOAD)
    if served and worked:
        begin_ns, end_ns = _span_ns(served)
        covered_ns = min(min(r["end_ns"], end_ns) - max(r["begin_ns"], begin_ns) for r in worked)
        if covered_ns < COVERED_RATIO * (end_ns - begin_ns):
            doubts.append(Doubt.STRESSOR_ENDED_EARLY)
    return doubts
