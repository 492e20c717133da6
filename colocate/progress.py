"""Show the progress of a sweep on stderr, between windows only: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import itertools
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from colocate.inference.backends.registry import BACKENDS
from colocate.model.machine import HostFacts
from colocate.model.request import CLOCK_AXES, ISOLATED, Inference, Task
from colocate.model.trial import Condition, Failure, Trial, TrialRecord
from colocate.report.text.captions import model_words
from colocate.report.text.labels import bracketed, inference_label
from colocate.report.text.numbers import mhz_text, minutes, ms_text
from colocate.report.text.tables import console
from colocate.report.text.visible import one_line
from colocate.study.conditions import latencies
from colocate.study.plan import Stage, distinct_inferences, estimate_s
from colocate.study.stats import median
from colocate.sweep import Observer

if TYPE_CHECKING:
    from colocate.study.narrowing import Narrowing
    from colocate.study.sequential import Interim


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Observer]:
    """Give the observer that suits stderr: a bar on a terminal, lines elsewhere, and nothing if `quiet`."""
    out = console(stderr=True)
    if quiet or sys.stderr is None:
        yield _Silence()
    elif not out.is_terminal:
        yield _Lines()
    else:
        # No refresh thread: a redraw costs a millisecond, and inside a window that would be load on the machine.
        with _Display(*_columns(), console=out, auto_refresh=False, transient=True) as display:
            yield _Bar(display)


def _columns() -> tuple[ProgressColumn, ...]:
    """The columns of the bar: the bar itself, then `12/24 trials, 0:04:12 left`."""

    def whole() -> Column:
        return Column(no_wrap=True)

    return (
        BarColumn(20, table_column=whole()),
        MofNCompleteColumn(table_column=whole()),
        TextColumn("trials,", table_column=whole()),
        TimeRemainingColumn(table_column=whole()),
        TextColumn("left", table_column=whole()),
    )


class _Display(Progress):
    """The bar, and above it three lines: the last result, the present trial, and how narrow intervals are.

    They are lines of their own, because names may be longer than a terminal is wide.
    """

    words, before, known = "starting", "", ""

    def get_renderables(self) -> Iterator[RenderableType]:
        """See `Progress.get_renderables`."""
        # Names and messages are the user's: their brackets are no markup.
        for line in filter(None, (self.before, self.words, self.known)):
            yield Text(one_line(line))
        yield from super().get_renderables()


def describe(trial: Trial, among: Sequence[Inference]) -> str:
    """Describe a trial: `alexnet beside jpeg` or `jpeg alone`, with its clocks if they are set.

    Settings of the network are named if they differ from those of `among`, all networks of the run.
    """
    network = _network_words(trial.inference, among) if trial.inference else None
    task = _task_words(trial.task) if trial.task else None
    text = f"{network} beside {task}" if network and task else f"{network or task or 'idle'} alone"
    clocks = [f"{CLOCK_AXES[axis]} {mhz_text(hz)} MHz" for axis, hz in trial.clocks.by_axis.items() if hz is not None]
    shared = [trial.placement.name] if trial.placement.name != ISOLATED else []
    return ", ".join([text, *shared, *clocks])


def _task_words(task: Task) -> str:
    return bracketed(task.name, task.containment.words if task.containment else "")


def _network_words(inference: Inference, among: Sequence[Inference]) -> str:
    _, qualities = inference_label(inference, [inference, *among])
    # Only the last part of a path, because there is one line.
    return bracketed(inference.network.rpartition("/")[2], qualities)


def _look_words(look: Interim, stage: Stage) -> str:
    """Say how many cells of a study with --until decided are decided, and which trials come next."""
    given_up = f"{len(look.given_up)} given up, " if look.given_up else ""
    return (
        f"{len(look.settled)} of {look.advice.judged} cells decided, {given_up}{len(look.open)} open: "
        f"{len(stage.trials)} trials to repeat {stage.repeats}"
    )


def _narrowing_words(found: Narrowing | None, *, virtual: bool) -> str:
    """`slowdowns known to ±1.1 % (median cell), ±0.5 % expected after 4 more minutes`; empty if `found` is None.

    In virtual time minutes mean nothing, so it counts repeats instead.
    """
    if found is None:
        return ""
    if virtual:
        more = f"{found.further_repeats} more {'repeat' if found.further_repeats == 1 else 'repeats'}"
    else:
        number, unit = minutes(found.further_s).split()
        more = f"{number} more {'seconds' if unit == 's' else 'minutes'}"
    now, then = _half_text(found.width), _half_text(found.further_width)
    return f"slowdowns known to {now} (median cell), {then} expected after {more}"


def _half_text(width: float) -> str:
    """Half of `width` in percent, as `±1.1 %` for 0.022."""
    return "> ±50 %" if width > 1 else f"±{50 * width:#.2g} %".replace(". ", " ")


def _runtimes(trials: Sequence[Trial], facts: HostFacts) -> str:
    """Say which runtimes the networks use, and why better ones are missing. For a model, say that it is a model."""
    if words := model_words(facts):
        return f"{facts.rig}: {words}"
    if not trials:
        return "nothing is missing: every trial is done"
    inferences = distinct_inferences(trials)
    used = list(dict.fromkeys(inference.backend for inference in inferences))
    loaded = [inference.backend for inference in inferences if inference.by_runtime]
    better = itertools.takewhile(lambda name: name not in loaded, BACKENDS if loaded else ())
    missing = [f"{name}: {facts.backends_missing[name].reason}" for name in better if name in facts.backends_missing]
    return f"networks run on {', '.join(used) or 'nothing: there are tasks alone'}" + (
        f" ({'; '.join(missing)})" if missing else ""
    )


class _Silence:
    def begins(self, missing: Sequence[Trial], planned: int, facts: HostFacts) -> None:
        pass

    def starts(self, trial: Trial) -> None:
        pass

    def ended(self, outcome: TrialRecord | Failure) -> None:
        pass

    def enters(self, stage: Stage, wanted: int) -> None:
        pass

    def completes(self, narrowing: Callable[[], Narrowing | None]) -> None:
        pass


class _Medians:
    """The running p50 of each cell: the median of the p50 of its windows so far."""

    def __init__(self) -> None:
        self._medians_s: dict[object, list[float]] = defaultdict(list)

    def note(self, outcome: TrialRecord | Failure) -> str:
        """Add an outcome, and describe it: the running p50, the work rate of a task alone, or why it failed."""
        if isinstance(outcome, Failure):
            return f"failed: {outcome.message}"
        # Of an alternating window only the latencies beside the task count, because its description names the task.
        latencies_s = latencies(outcome, Condition.BESIDE)
        if latencies_s.size:
            trial = outcome.trial
            medians_s = self._medians_s[trial.inference, trial.task, trial.placement, trial.clocks]
            medians_s.append(median(latencies_s))
            beside = " beside it" if trial.task is not None else ""
            return f"p50 {ms_text(statistics.median(medians_s))} ms{beside}"
        if outcome.work is not None and outcome.work.elapsed_s > 0:
            works = outcome.work.parts or (outcome.work,)
            return ", ".join(f"{work.count / work.elapsed_s:.4g} {work.unit}/s" for work in works)
        return ""


class _Lines:
    def __init__(self) -> None:
        self._medians = _Medians()
        self._ended = self._planned = 0
        self._virtual = False
        self._left: dict[str, Trial] = {}
        self._among: Sequence[Inference] = ()

    def begins(self, missing: Sequence[Trial], planned: int, facts: HostFacts) -> None:
        self._left = {trial.trial_id: trial for trial in missing}
        self._planned, self._ended, self._virtual = planned, planned - len(missing), facts.virtual_time
        self._among = distinct_inferences(missing)
        _write(_runtimes(missing, facts))

    def starts(self, trial: Trial) -> None:
        pass

    def ended(self, outcome: TrialRecord | Failure) -> None:
        self._ended += 1
        note = self._medians.note(outcome)
        self._left.pop(outcome.trial.trial_id, None)
        _write(f"trial {self._ended} of {self._planned}: {_line(outcome, self._among, note)}")

    def enters(self, stage: Stage, wanted: int) -> None:
        self._planned = wanted
        # No trial of the next stage has ended yet, and trials of stages that are left out will never run.
        self._left = {trial.trial_id: trial for trial in stage.trials if trial.trial_id in self._left}
        if stage.progress is not None:
            _write(_look_words(stage.progress, stage))

    def completes(self, narrowing: Callable[[], Narrowing | None]) -> None:
        if words := _narrowing_words(narrowing(), virtual=self._virtual):
            _write(", ".join(filter(None, (self._left_words(), words))))

    def _left_words(self) -> str:
        """How long the remaining trials take; empty in virtual time, where minutes mean nothing."""
        if self._virtual or not self._left:
            return ""
        return f"about {minutes(estimate_s(tuple(self._left.values())))} left"


def _line(outcome: TrialRecord | Failure, among: Sequence[Inference], note: str) -> str:
    """Describe a trial, and add the `note` on its outcome unless that is empty."""
    return ": ".join(filter(None, (describe(outcome.trial, among), note)))


def _write(line: str) -> None:
    # A reader who left ends the progress, not the study.
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{one_line(line)}\n")
        sys.stderr.flush()


class _Bar:
    def __init__(self, display: _Display) -> None:
        self._display = display
        self._medians = _Medians()
        self._task: TaskID = display.add_task("", total=None, visible=False)
        self._virtual = False
        self._among: Sequence[Inference] = ()

    def begins(self, missing: Sequence[Trial], planned: int, facts: HostFacts) -> None:
        self._virtual, self._among = facts.virtual_time, distinct_inferences(missing)
        self._display.console.print(_runtimes(missing, facts), markup=False, highlight=False)
        self._display.update(self._task, total=planned, completed=planned - len(missing), visible=True, refresh=True)

    def starts(self, trial: Trial) -> None:
        self._display.words = describe(trial, self._among)
        self._display.refresh()

    def ended(self, outcome: TrialRecord | Failure) -> None:
        # This names the trial that ended: the line below names the next one.
        self._display.before = f"last: {_line(outcome, self._among, self._medians.note(outcome))}"
        self._display.advance(self._task)

    def enters(self, stage: Stage, wanted: int) -> None:
        self._display.update(self._task, total=wanted)
        if stage.progress is not None:
            self._display.console.print(_look_words(stage.progress, stage), markup=False, highlight=False)

    def completes(self, narrowing: Callable[[], Narrowing | None]) -> None:
        # After the last repeat there is nothing more to say.
        self._display.known = _narrowing_words(narrowing(), virtual=self._virtual)
        self._display.refresh()
