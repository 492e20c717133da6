"""Run a study: plan its trials, run those that are missing, store each. Failed trials are recorded, too."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from colocate.errors import ColocateError, SpecError
from colocate.model.fleet import Sharing
from colocate.model.machine import HostFacts
from colocate.model.purpose import Purpose, SweepPurpose
from colocate.model.request import SweepSpec
from colocate.model.trial import Outcome, Trial, TrialRecord
from colocate.request.design import design_of, settled_design
from colocate.request.spec import Study
from colocate.store.cells import as_stored
from colocate.store.run_file import Header, Run
from colocate.study.conditions import alternating_pair
from colocate.study.plan import Stage, loaded_inferences, plan, whole, within_budget
from colocate.trial_loop import Done, Site

if TYPE_CHECKING:
    from colocate.study.narrowing import Narrowing
    from colocate.study.windows import PairOf

# What sets the greatest length of a study. It is fixed before the study begins, because the error rate that the
# verdicts promise is divided over that length.
_LENGTH = ("repeats", "budget_s")
_SHARED = {
    None: "without --fleet",
    Sharing.SPREAD: "with --fleet and --spread",
    Sharing.REPLICATE: "with --fleet and --replicate",
}


class Observer(Protocol):
    """Receives the progress of a study. It is called between windows, never inside one."""

    def begins(self, missing: Sequence[Trial], planned: int, facts: HostFacts) -> None:
        """The `missing` trials are about to run, of `planned` in all, on a machine with these `facts`."""

    def starts(self, trial: Trial) -> None:
        """A trial is about to run."""

    def ended(self, outcome: Outcome) -> None:
        """A trial has ended, and its outcome is on the disk."""

    def enters(self, stage: Stage, wanted: int) -> None:
        """A stage of the plan begins; `wanted` counts the trials up to its end, on all machines together."""

    def completes(self, narrowing: Callable[[], Narrowing | None]) -> None:
        """A repeat is over. `narrowing` works out how narrow the intervals are and will be, or None."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of the whole run.

    `wanted`, `done` (with numbers) and `failed` count trials. `empty` counts settings without any number, `served`
    settings of networks that have some. A setting is a network, a task, a placement and a clock point. `outcomes` are
    all outcomes of the run, as they are stored.
    """

    wanted: int
    done: int
    failed: int
    empty: int
    served: int
    outcomes: tuple[Outcome, ...] = field(default=(), compare=False, repr=False)


def settled(study: Study, facts: HostFacts) -> SweepSpec:
    """Return the study's SweepSpec for a machine with these `facts`, with its design and the repeats in its budget.

    Raises HostError if the machine cannot run the design, and whatever `within_budget` raises.
    """
    return within_budget(settled_design(study.spec, study.keys, facts), facts)


def planned(study: Study, site: Site) -> tuple[SweepSpec, HostFacts, tuple[Trial, ...]]:
    """Return the study's SweepSpec at `site`, the facts that it is planned for, and its trials.

    Nothing runs, and nothing is written. Raises SpecError if a study with --until decided is replicated, as each
    board would stop at another repeat; and whatever `settled`, `plan` and the site raise.
    """
    facts = site.facts()
    spec = settled(study, facts)
    if spec.until_decided and site.sharing is Sharing.REPLICATE:
        raise SpecError("until: a study that is replicated runs as often on each board; give --repeats, or --spread")
    trials = plan(spec, facts)
    site.check(spec, trials)
    return spec, facts, trials


def sweep(
    study: Study,
    site: Site,
    folder: Path,
    observer: Observer,
    *,
    resume: bool,
    trust: bool = False,
    purpose: Purpose | None = None,
) -> Tally:
    """Run every wanted trial of the study that `folder` does not hold yet, and count the results.

    `resume` continues a run; a new one stores its `purpose`. `trust` accepts a folder that others could have written.

    Raises SpecError if the run in `folder` is of another study or machine, and whatever `plan`, the site and the
    store raise. Trials that ended are kept whatever happens.
    """
    spec, facts, trials = planned(study, site)
    networks = site.networks(loaded_inferences(trials))
    header = Header(
        study.keys, spec, facts, networks, site.provenance(), len(trials), purpose or SweepPurpose(), site.sharing
    )
    with contextlib.ExitStack() as stack:
        done: Done = {}
        records: list[TrialRecord] = []
        if resume:
            run = stack.enter_context(Run.resume(folder, trust=trust))
            refuse_other_study(run.header(), header)
            records += run.records()
            done = run.done_by_board()
        missing = site.missing(trials, done)
        if not resume or any(site.missing(stage.trials, done) for stage in _stages(trials, spec, run, records)):
            # Entered before the site, so that an error on leaving the site is marked, too.
            stack.enter_context(_under_way())
            stack.enter_context(site.opened(missing))
        if not resume:
            # Only now: a task that cannot run at all leaves no folder behind.
            run = stack.enter_context(Run.create(folder, header, trust=trust))
        observer.begins(missing, site.machines * len(trials), facts)
        # Cached, because a window shows the same after every repeat.
        pair_of = functools.cache(alternating_pair)
        wanted: list[Trial] = []
        for stage in _stages(trials, spec, run, records):
            wanted += stage.trials
            observer.enters(stage, site.machines * len(wanted))
            done = run.done_by_board()
            # Counted by repeat, because boards come and go, and each ends a repeat at another time.
            left = Counter(trial.repeat for trial in site.missing(stage.trials, done))
            # Closed before the run is: by then no other process may hold its folder.
            outcomes = stack.enter_context(contextlib.closing(site.outcomes(stage.trials, done, observer.starts)))
            for ended in outcomes:
                outcome = as_stored(ended) if isinstance(ended, TrialRecord) else ended
                if not run.append(outcome):
                    continue
                observer.ended(outcome)
                records += [outcome] if isinstance(outcome, TrialRecord) else []
                left[outcome.trial.repeat] -= 1
                if spec.tasks and not left[outcome.trial.repeat] and site.sharing is not Sharing.REPLICATE:
                    observer.completes(functools.partial(_narrowing, records, spec, trials, stage, pair_of))
        return _tally(run, wanted, records)


@contextlib.contextmanager
def _under_way() -> Iterator[None]:
    """Context in which an error is marked as one that ended a running study."""
    try:
        yield
    except ColocateError as error:
        error.ended_study = True
        raise


def _stages(trials: Sequence[Trial], spec: SweepSpec, run: Run, records: Sequence[TrialRecord]) -> Iterator[Stage]:
    """The stages of the plan. With --until decided, the `records` so far decide the next stage."""
    if not spec.until_decided:
        return iter([whole(trials)])
    # These import scipy, which a study that judges nothing before the report does not need.
    from colocate.study.evidence import Evidence, collect
    from colocate.study.stages import stages

    def evidence_after(repeats: int) -> Sequence[Evidence]:
        return collect(
            (record for record in records if record.trial.repeat < repeats),
            spec,
            [failure.trial for failure in run.failures() if failure.trial.repeat < repeats],
        )

    return stages(trials, spec, evidence_after)


def _narrowing(
    records: Sequence[TrialRecord], spec: SweepSpec, trials: Sequence[Trial], stage: Stage, pair_of: PairOf
) -> Narrowing | None:
    """How narrow the intervals of the open cells are, and will be after more trials; None if none are to come."""
    done = {record.trial.trial_id for record in records}
    to_come = [trial for trial in trials if trial.trial_id not in done]
    if not to_come:
        return None
    # These import scipy, as above.
    from colocate.study.evidence import slowdowns
    from colocate.study.narrowing import narrowing

    open_cells = None if stage.progress is None else stage.progress.open_cells
    return narrowing(slowdowns(records, spec, pair_of), to_come, open_cells)


def refuse_other_study(stored: Header, wanted: Header) -> None:
    """Raise SpecError that names every difference between the two studies, so that no run ever mixes two."""
    differences = [
        f"{part}.{field.name} was {_words(was)} and is {_words(now)}"
        for part, before, after in (("spec", stored.spec, wanted.spec), ("machine", stored.facts, wanted.facts))
        for field in fields(before)
        if field.compare and (was := getattr(before, field.name)) != (now := getattr(after, field.name))
        if field.name != "alternating"
    ]
    if stored.spec.alternating != wanted.spec.alternating:
        differences.insert(0, f"design was {design_of(stored.spec)} and is {design_of(wanted.spec)}")
    before, now = stored.networks, wanted.networks
    if changed := [name for name in {**before, **now} if before.get(name) != now.get(name)]:
        differences.append(f"what is in {', '.join(changed)} has changed")
    if stored.sharing is not wanted.sharing:
        differences.append(f"it ran {_SHARED[stored.sharing]} and is to run {_SHARED[wanted.sharing]}")
    if differences:
        longer = any(getattr(stored.spec, key) != getattr(wanted.spec, key) for key in _LENGTH)
        why = (
            " (repeats that are added after a look at the verdicts break their promise: make a new run)"
            if longer
            else ""
        )
        raise SpecError(f"the run cannot be resumed: {'; '.join(differences)}{why}. Choose another --out")


def _words(value: object) -> str:
    """Write a field's value without Python's class names. Of a dataclass, fields at their default are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = [(each, getattr(value, each.name)) for each in fields(value)]
        said = [
            _words(part) if each.default is MISSING else f"{each.name} {_words(part)}"
            for each, part in parts
            if part != each.default
        ]
        return " ".join(said)
    if isinstance(value, tuple):
        return f"({', '.join(map(_words, value))})"
    # A text may have several lines, such as a script in an argument.
    return str(value) if str(value).isprintable() else repr(value)


def _tally(run: Run, trials: Sequence[Trial], records: Sequence[TrialRecord]) -> Tally:
    """Count the outcomes of the run. A replicated study wants each trial from every board."""
    done = {record.trial.trial_id for record in records}
    boards = {record.board.name for record in records if record.board is not None}
    failures = tuple(run.failures())
    asked, shown = (
        {(t.inference, t.task, t.placement, t.clocks) for t in some}
        for some in (trials, [t for t in trials if t.trial_id in done])
    )
    served = sum(inference is not None for inference, *_ in shown)
    machines = max(1, len(boards)) if run.header().sharing is Sharing.REPLICATE else 1
    empty = len(asked - shown)
    return Tally(machines * len(trials), len(records), len(failures), empty, served, (*records, *failures))
