"""What all commands share that store a run: how they plan it, run it, resume it and report on it."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from colocate.commands.aim import utility_of
from colocate.commands.asked_study import file_named
from colocate.commands.fleet_flags import fleet_words
from colocate.commands.limit_changes import limit_changes
from colocate.commands.output import print_json, print_lines, print_words, say
from colocate.errors import ColocateError, HostError, Interrupted, RunMovedError, SpecError, StoreError
from colocate.host.processes.signals import undisguised
from colocate.report.text.commands import shell_word
from colocate.report.text.visible import one_line

if TYPE_CHECKING:
    from colocate.model.limits import Limits
    from colocate.model.machine import HostFacts
    from colocate.model.purpose import Purpose
    from colocate.model.request import SweepSpec
    from colocate.model.trial import Outcome, Trial
    from colocate.report.write import Report
    from colocate.request.spec import Study
    from colocate.rigs.rig import Rig
    from colocate.sweep import Tally
    from colocate.trial_loop import Site

# Three CPU clocks with three GPU clocks: the full study.
FULL_STUDY_CLOCK_PAIRS = 9


def resumable(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Make `command` print how to continue its run, when an error or a signal ends it."""

    @functools.wraps(command)
    def with_advice(arguments: argparse.Namespace) -> int:
        try:
            with undisguised():
                return command(arguments)
        except (Interrupted, ColocateError) as ending:
            if arguments.out is not None and _goes_on(arguments, ending):
                again = ["python", "-m", "colocate", arguments.command, "--resume", "--out", str(arguments.out)]
                say("Finished trials are kept. Continue with:")
                say(f"  {' '.join(map(shell_word, again))}{fleet_words(arguments)}")
            raise

    return with_advice


def _goes_on(arguments: argparse.Namespace, ending: BaseException) -> bool:
    """Whether a run that ended with this error can be resumed."""
    from colocate.store.database import can_be_resumed
    from colocate.store.run_file import Run

    if isinstance(ending, ColocateError) and not (ending.ended_study or isinstance(ending, StoreError)):
        return False
    # The error of a moved run says where the run is now; what has its place is another run.
    if isinstance(ending, RunMovedError) or not can_be_resumed(arguments.out, trust=arguments.trust):
        return False
    if isinstance(ending, StoreError):
        try:
            with Run.read(arguments.out) as run:
                run.done()
        except StoreError:
            return False
    return True


def run_study(arguments: argparse.Namespace, study: Study, rig: Rig, purpose: Purpose) -> Tally | None:
    """Run the study on this machine; see `run_at`."""
    from colocate.trial_loop import ThisMachine

    return run_at(arguments, study, ThisMachine(rig), purpose)


def run_at(arguments: argparse.Namespace, study: Study, site: Site, purpose: Purpose) -> Tally | None:
    """Run the study at `site`, and count its results. With --dry-run, print the plan and return None.

    Afterwards `arguments.out` is the folder of the run. Raises SpecError if it holds a run and --resume is not given.
    """
    from colocate.host.restore.machine_lock import machine_alone
    from colocate.progress import progress
    from colocate.store.database import check_place, holds_run
    from colocate.sweep import planned, sweep

    _say_guesses(study)
    settle_out(arguments, study)
    if holds_run(arguments.out) and not arguments.resume:
        raise SpecError(f"{arguments.out} holds a run already; continue it with --resume or choose another --out")
    check_place(arguments.out, resume=arguments.resume, trust=arguments.trust)
    facts = site.facts()

    def named() -> contextlib.AbstractContextManager[None]:
        return file_named(arguments, lambda alone: planned(alone, site))

    with named():
        for words in level_words(study.spec, facts):
            say(words)
    if arguments.dry_run:
        with named():
            _print_plan(arguments, study, site)
        return None
    for words in (unjudged_words(study.spec.limits, facts), board_words(study.spec, facts)):
        if words:
            say(words)
    # A board of a fleet takes its own lock.
    elsewhere = facts.virtual_time or site.sharing is not None
    alone = machine_alone(wait=arguments.wait_for_machine, waits=say)
    with named(), contextlib.nullcontext() if elsewhere else alone, progress(quiet=arguments.quiet) as observer:
        tally = sweep(
            study, site, arguments.out, observer, resume=arguments.resume, trust=arguments.trust, purpose=purpose
        )
    if tally.failed:
        say(f"{tally.failed} of {tally.wanted} trials failed; --resume runs them again.")
    return tally


def settle_out(arguments: argparse.Namespace, study: Study) -> Path:
    """Return the folder of the run. If the user named none, it is named after the time and the rig."""
    if arguments.out is None:
        arguments.out = Path("results", f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{study.spec.rig}")
    out: Path = arguments.out
    return out


def unjudged_words(limits: Limits | None, facts: HostFacts) -> str:
    """Say that no cell can be SAFE under the power budget if there is no power meter; else empty."""
    if limits is None or limits.power_budget_w is None or facts.rails:
        return ""
    return (
        f"Nothing can judge the power budget of {limits.power_budget_w:g} W: this machine has no power meter, so no "
        "cell will be SAFE. Leave power_budget_w out, or see python -m colocate doctor."
    )


def board_words(spec: SweepSpec, facts: HostFacts) -> str:
    """Say which settings of a Jetson make its runs comparable with few others; empty if there are none."""
    from colocate.study.clock_points import clock_points

    if (board := facts.board) is None:
        return ""
    reasons = [f"CPUs {board.words['CPUs switched off']} are switched off"] if board.cpus_off else []
    if board.clocks_held and any(None in (point.cpu_hz, point.gpu_hz) for point in clock_points(spec, facts)):
        reasons.append("clocks that are left native are held at one value, as by jetson_clocks")
    if not reasons:
        return ""
    mode = f" in power mode {board.power_mode.words}" if board.power_mode else ""
    return f"This board{mode}: {'; '.join(reasons)}. The run compares with others of that kind alone."


def level_words(spec: SweepSpec, facts: HostFacts) -> Iterator[str]:
    """Yield a sentence for each clock that has fewer steps than the levels (low, mid, high) that were asked for."""
    from colocate.model.request import CLOCK_AXES
    from colocate.report.text.numbers import mhz_text
    from colocate.study.clock_points import shared_levels

    for axis, levels in shared_levels(spec, facts):
        steps = " and ".join(map(mhz_text, facts.steps_by_axis[axis]))
        yield (
            f"This machine shows no steps of the {CLOCK_AXES[axis]} clock but {steps} MHz: {' and '.join(levels)} "
            "are one clock, which is measured once."
        )


def _say_guesses(study: Study) -> None:
    """Print the guessed shapes for each network whose file leaves shapes of inputs open."""
    from colocate.inference.backends.registry import maker_of
    from colocate.inference.networks import catalogue

    in_files = [each for each in study.spec.inferences if each.by_runtime and maker_of(each.network) is None]
    for inference in {each.network: each for each in in_files}.values():
        if guessed := catalogue.guesses(inference.network, inference.batch, inference.inputs):
            say(f"{inference.network} leaves shapes open: it is fed {', '.join(guessed)} (--shape changes that)")


def report_unless_empty(arguments: argparse.Namespace, tally: Tally) -> int:
    """Report on a run and return the exit code: that of a failure if no network has a number."""
    code = print_report(report_on(arguments.out, arguments, tally.outcomes), arguments)
    if tally.served:
        return code
    say("colocate: no network has a window that succeeded")
    return HostError.exit_code


def report_on(folder: Path, arguments: argparse.Namespace, outcomes: Sequence[Outcome] | None = None) -> Report:
    """Write all files of the report. Limits given as flags override the run's own.

    `outcomes` are those of the run; if None, they are read from its folder.
    """
    from colocate.report.write import write_report

    return write_report(folder, limit_changes(arguments), utility_of(arguments), outcomes)


def print_report(report: Report, arguments: argparse.Namespace) -> int:
    """Print the report for a person, or as JSON with --json, and return the exit code 0."""
    run, header = report.run, report.run.header
    if arguments.json:
        from colocate.report.sweep.columns import cell_row

        print_json({
            "run": str(run.folder),
            "rig": header.facts.rig,
            "planned": header.planned,
            "done": len(run.records),
            "failures": [{"trial": f.trial.trial_id, "message": f.message} for f in run.failures],
            "cells": [cell_row(cell, header.facts.rig) for cell in run.cells],
            **report.section.json(report.content, run),
        })  # fmt: skip
        return 0
    for failure in {failure.message for failure in run.failures}:
        say(f"A trial failed: {failure}")
    figures = sum(path.suffix == ".png" for path in report.files)
    tables = ", ".join(path.name for path in report.files if path.suffix not in (".png", ".svg"))
    first = f". Open {' or '.join(names)} first." if (names := report.section.first(report.content, run)) else ""
    print_words(f"Wrote {one_line(str(run.folder), None)}: run.sqlite, {tables} and {figures} figures{first}")
    _print_clock_pairs(report)
    # Printed last, because it ends with the answer.
    report.section.show(report.content, run)
    return 0


def _print_clock_pairs(report: Report) -> None:
    """Print how many clock pairs of the full study this machine could run, if it cannot set some clock."""
    facts = report.run.header.facts
    fixed = [name for name, steps in (("CPU", facts.cpu_steps_hz), ("GPU", facts.gpu_steps_hz)) if not steps]
    if fixed and report.run.header.purpose.command == "sweep":
        pairs = len({(cell.clocks.cpu_hz, cell.clocks.gpu_hz) for cell in report.run.cells})
        print_words(
            f"No {' or '.join(fixed)} clock can be set on this machine: this is {pairs} of the "
            f"{FULL_STUDY_CLOCK_PAIRS} clock pairs of the full study."
        )


def _print_plan(arguments: argparse.Namespace, study: Study, site: Site) -> None:
    from colocate.model.network_path import is_engine
    from colocate.report.sweep.columns import trial_row
    from colocate.report.text.numbers import counted, minutes
    from colocate.report.text.plan import print_plan
    from colocate.report.text.tables import console
    from colocate.store.run_file import Run
    from colocate.study.plan import estimate_s, loaded_inferences
    from colocate.sweep import planned, refuse_other_study

    spec, facts, trials = planned(study, site)
    for name in dict.fromkeys(each.network for each in loaded_inferences(trials) if is_engine(each.network)):
        say(f"{name} is an engine, which TensorRT alone can read: batch and inputs are checked when it is loaded.")
    if arguments.resume:
        with Run.read(arguments.out) as run:
            stored = run.header()
        # The files of its networks are not compared here: only a run makes them.
        refuse_other_study(stored, dataclasses.replace(stored, spec=spec, facts=facts))
    all_s = estimate_s(trials)
    seconds = None if facts.virtual_time else round(min(all_s, spec.budget_s or math.inf))
    if arguments.json:
        rows = [trial_row(trial) for trial in trials]
        alternating = sum(trial.alternating for trial in trials)
        numbers = {"trials": len(trials), "alternating": alternating, "estimate_s": seconds}
        print_json({"rig": facts.rig, **numbers, "plan": rows})
        return
    print_plan(console(), trials)
    most = "at the most " if spec.until_decided else ""
    long = f"about {minutes(all_s)}"
    if any(each.training is not None for each in loaded_inferences(trials)):
        long += ", and what it takes to train before each window"
    repeats, blocks = trials[-1].repeat + 1, trials[-1].block + 1
    each = f"{counted(repeats, 'repeat')} of {counted(blocks // repeats, 'block')}"
    print_words("A block is all windows that share network, placement and clocks.")
    size = f"{most}{_windows_words(trials)}, {each}"
    print_words(size if seconds is None else f"{size}, {long}")
    if seconds is None:
        print_words("How long this takes depends on how fast this machine computes the model.")
    if spec.budget_s is not None and all_s > spec.budget_s:
        fit = math.floor(len(trials) * spec.budget_s / all_s)
        budget = minutes(spec.budget_s)
        print_lines(f"the budget ends it after {budget} at the most: about {fit} of these trials fit")


def _windows_words(trials: Sequence[Trial]) -> str:
    """`75 trials`; if tasks are paused, also the number of each design: `75 trials (45 alternating, 30 steady)`."""
    alternating = sum(trial.alternating for trial in trials)
    designs = f" ({alternating} alternating, {len(trials) - alternating} steady)" if alternating else ""
    return f"{len(trials)} trials{designs}"
