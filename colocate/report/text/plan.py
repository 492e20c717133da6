"""The plan of a study in a few lines: which networks run beside which tasks, and at which clocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from colocate.model.request import ClockPoint
from colocate.model.trial import Trial
from colocate.report.text.labels import axes_words, bracketed, clocks_column, network_words, shortened
from colocate.report.text.numbers import counted
from colocate.report.text.tables import print_rows
from colocate.study.plan import distinct_inferences

# In a row without a network, or without a task. With neither the machine idles.
_NO_NETWORK, _NO_TASK = "no network", "no task"
# Columns by name, and whether their text may be broken into lines.
COLUMNS = {"network": True, "beside": True, "placement": False, "alternating": False, "steady": False}


def print_plan(out: Console, trials: Sequence[Trial]) -> None:
    """Print the clock points, and how many windows each combination of network, task and placement has at all clock
    points.
    """
    points = sorted({trial.clocks for trial in trials}, key=lambda point: [hz or 0 for hz in point.by_axis.values()])
    out.print(Text(_points_words(points)))
    rows = plan_rows(trials)
    print_rows(out, "Number of windows.", COLUMNS, rows, [""] * len(rows), keep=("network", "beside"))


def plan_rows(trials: Sequence[Trial]) -> list[tuple[str, ...]]:
    """Return the rows of the table of `print_plan`. Each network comes alone and beside each task; then come the
    tasks alone and the idle machine.
    """
    among = distinct_inferences(trials)
    networks = {inference: network_words(inference, among) for inference in among}
    alternating, steady = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for trial in trials:
        task, network = trial.task, trial.inference
        bound = "" if task is None or task.containment is None else task.containment.words
        key = (
            _NO_NETWORK if network is None else networks[network],
            _NO_TASK if task is None else bracketed(shortened(task.name), bound),
            trial.placement.name,
        )
        (alternating if trial.alternating else steady)[key] += 1
    keys = sorted({*alternating, *steady}, key=_order)
    return [(*key, str(alternating[key] or ""), str(steady[key] or "")) for key in keys]


def _order(key: tuple[str, ...]) -> tuple[object, ...]:
    network, beside, place = key
    return network == _NO_NETWORK, network, place, beside != _NO_TASK, beside


def _points_words(points: Sequence[ClockPoint]) -> str:
    """Return the clock points, `2 clock points, CPU/GPU in MHz: 921.6/537.6, 921.6/998.4`, or that clocks stay
    native.
    """
    if points == [ClockPoint()]:
        return "Clocks stay native."
    named = ", ".join(map(clocks_column, points))
    return f"{counted(len(points), 'clock point')}, {axes_words(points)} in MHz: {named}"
