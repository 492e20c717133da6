"""Arguments -> one call -> exit code. The only file that prints or exits.

Numpy, matplotlib and the rest are imported by the command that needs them, so that `--help` is instant.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import json
import math
import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colocate.arguments import AXES, LIMIT_FLAGS, STUDY_FLAGS, parser
from colocate.errors import ColocateError, HostError, Interrupted, SpecError, StoreError
from colocate.host.signals import interruptible, undisguised

if TYPE_CHECKING:
    from colocate.rigs import Rig
    from colocate.study.model import SweepSpec
    from colocate.sweep import Tally

_Command = Callable[[argparse.Namespace], int]

# Three CPU clocks with three GPU clocks: the full study of interface.md.
FULL_STUDY_CLOCK_PAIRS = 9
# The exit code of `advise` when no task is safe anywhere.
NOTHING_SAFE = 1
# That of `compare` when a regression beyond what is allowed has been shown.
REGRESSED = 1


def run(argv: Sequence[str]) -> int:
    """Run one command; the exit code of interface.md. Foreseeable failures are one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a letter of somebody's file name is no reason to stop.
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = parser().parse_args(argv)
        with interruptible(), undisguised():
            code = _COMMANDS[arguments.command](arguments)
            if sys.stdout is not None:
                sys.stdout.flush()
            return code
    except ColocateError as error:
        _say(f"colocate: {error}")
        return error.exit_code
    except Interrupted as interruption:
        return interruption.exit_code
    except BrokenPipeError:
        # The reader of our output went away (`colocate ... | head`); nor may the interpreter flush to it on exit.
        _drop(1)
        return 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _drop(1)
        _say(f"colocate: cannot write the output: {error.strerror}")
        return StoreError.exit_code
    finally:
        # Progress that nobody read.
        if sys.stderr is not None:
            try:
                sys.stderr.flush()
            except OSError:
                _drop(2)


def _resumable(study: _Command, arguments: argparse.Namespace) -> int:
    """Run a command that leaves a run on the disk, and say how to go on with it when it is cut short."""
    try:
        with undisguised():
            return study(arguments)
    except (Interrupted, StoreError):
        from colocate.store import holds_run

        if arguments.out is not None and holds_run(arguments.out):
            command = f"python -m colocate {arguments.command} --resume --out {shlex.quote(str(arguments.out))}"
            _say(f"Finished trials are kept. Continue with:\n  {command}")
        raise


def _sweep(arguments: argparse.Namespace) -> int:
    from colocate.spec import make_spec

    request = _request(arguments)
    _stored_purpose(arguments, "sweep")
    spec = make_spec(request)
    tally = _swept(arguments, request, _rig(request))
    if tally is None:
        return 0
    code = _report_on(arguments.out, arguments)
    if spec.until_decided:
        _say_what_was_decided(arguments.out)
    if tally.empty:
        _say(f"colocate: {tally.empty} of the settings that were asked for have no window that succeeded")
        return HostError.exit_code
    return code


def _say_what_was_decided(folder: Path) -> None:
    from colocate.report.advice import budget_words, counsel, read_standing, saving_words, summary

    shown = read_standing(folder)
    assert shown.header.spec.limits is not None, "a study until decided has limits"
    with contextlib.suppress(SpecError):  # no cell at all: said in another place
        said = counsel(shown, shown.header.spec.limits)
        _say("\n".join(filter(None, (summary(said), budget_words(said), saving_words(said)))))


def _advise(arguments: argparse.Namespace) -> int:
    from colocate.report.advice import counsel, counsel_json, counsel_markdown, print_counsel, read_standing
    from colocate.spec import make_limits

    shown = read_standing(arguments.folder)
    limits = make_limits({key: vars(arguments).get(key) for key in LIMIT_FLAGS}, shown.header.spec.limits)
    if limits is None:
        raise SpecError("nothing to judge by: give --slo-ms, --max-slowdown, --power-budget or --max-work-loss")
    said = counsel(shown, limits)
    if arguments.json:
        _print_json(counsel_json(said, arguments.folder))
    elif arguments.markdown:
        print(counsel_markdown(said))
    else:
        print_counsel(said)
    return 0 if said.safe else NOTHING_SAFE


def _compare(arguments: argparse.Namespace) -> int:
    from colocate.report.comparison import compare_runs, comparison_json, comparison_markdown, print_comparison

    found = compare_runs(arguments.before, arguments.after, arguments.max_regression, arguments.confidence)
    if arguments.json:
        _print_json(comparison_json(found))
    elif arguments.markdown:
        print(comparison_markdown(found))
    else:
        print_comparison(found)
    return REGRESSED if found.comparison.regressions else 0


def _efficiency(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from colocate.efficiency import COMMAND, Axes, settings

    request, stored = _request(arguments), _stored_purpose(arguments, COMMAND)
    for key in ("networks", "stressors"):
        request.pop(key, None)
    axes = Axes(**{
        **stored.get("axes", {}),
        **{key: tuple(value) for key, value in vars(arguments).items() if key in AXES},
    })  # fmt: skip
    rig = _rig(request)
    found = settings(request, axes, rig)
    for line in found.left_out:
        _say(line)
    purpose = {
        "command": COMMAND,
        "axes": asdict(axes),
        "aim": {"latency_limit_s": None, "quantile": "p99_s", "utility": "within", **_aim(arguments)},
        "default_backend": found.default_backend,
    }
    tally = _swept(arguments, found.request, rig, purpose)
    if tally is None:
        return 0
    return _report_on(arguments.out, arguments) if tally.served else _nothing_succeeded(arguments)


def _layers(arguments: argparse.Namespace) -> int:
    from colocate.layers import COMMAND, network_of, resumed, study

    request, stored = _request(arguments), _stored_purpose(arguments, COMMAND)
    if stored:
        network = stored["inference"]["network"]
        rig = _rig(request, profiled=network)
        found = resumed(request, stored)
    elif arguments.network is None:
        raise SpecError("layers wants a network: the name of a built-in, or an .onnx file")
    else:
        network = network_of(request, arguments.network).network
        rig = _rig(request, profiled=network)
        found = study(request, network, rig)
    with found.cut():
        tally = _swept(arguments, found.request, rig, found.purpose)
    if tally is None:
        return 0
    return _report_on(arguments.out, arguments) if tally.served else _nothing_succeeded(arguments)


def _nothing_succeeded(arguments: argparse.Namespace) -> int:
    _report_on(arguments.out, arguments)
    _say("colocate: no network has a window that succeeded")
    return HostError.exit_code


def _rig(request: Mapping[str, Any], profiled: str | None = None) -> Rig:
    from colocate.rigs import make_rig
    from colocate.spec import make_spec

    spec = make_spec({key: value for key, value in request.items() if key in ("rig", "model")})
    return make_rig(spec.rig, dict(spec.model), profiled)


def _swept(
    arguments: argparse.Namespace, request: Mapping[str, Any], rig: Rig, purpose: Mapping[str, Any] | None = None
) -> Tally | None:
    """Run the study, or with --dry-run print its plan: None. `arguments.out` is the run's folder afterwards."""
    from colocate.progress import progress
    from colocate.spec import make_spec
    from colocate.store import holds_run
    from colocate.sweep import sweep

    spec = make_spec(request)
    if arguments.dry_run:
        _print_plan(arguments, spec, rig)
        return None
    if arguments.out is None:
        arguments.out = Path("results", f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{spec.rig}")
    if holds_run(arguments.out) and not arguments.resume:
        raise SpecError(f"{arguments.out} holds a run already; continue it with --resume or choose another --out")
    with progress(quiet=arguments.quiet) as observer:
        tally = sweep(request, rig, arguments.out, observer, resume=arguments.resume, purpose=purpose)
    if tally.failed:
        _say(f"{tally.failed} of {tally.wanted} trials failed; --resume runs them again.")
    return tally


def _doctor(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from colocate.doctor import examine
    from colocate.report.tables import print_findings

    findings = examine(gpu_bandwidth=arguments.gpu_bandwidth)
    if arguments.json:
        _print_json([asdict(finding) for finding in findings])
    else:
        print_findings(findings)
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    from colocate.host.cpuset import remove_stale_groups
    from colocate.host.journal import restore, state_folder
    from colocate.host.sysfs import Sysfs

    remove_stale_groups()
    repair = restore(Sysfs(), state_folder())
    if repair is None:
        print("Nothing to restore.")
    elif repair.rebooted:
        print("The machine was rebooted since, which reset every clock; the journal is removed.")
    else:
        print(f"Restored {len(repair.changed)} knobs{''.join(f'{chr(10)}  {knob}' for knob in repair.changed)}")
    return 0


def _report(arguments: argparse.Namespace) -> int:
    return _report_on(arguments.folder, arguments)


def _report_on(folder: Path, arguments: argparse.Namespace) -> int:
    from colocate.report.tables import cell_row, print_table
    from colocate.report.write import write_report

    report = write_report(folder, _aim(arguments))
    if arguments.json:
        summary: dict[str, Any] = {
            "run": str(folder),
            "rig": report.header.facts.rig,
            "planned": report.header.planned,
            "done": report.done,
            "failures": [{"trial": f.trial.trial_id, "message": f.message} for f in report.failures],
            "cells": [cell_row(cell, report.header.facts.rig) for cell in report.cells],
        }
        if report.efficiency is not None:
            from colocate.report.efficiency import setting_row, trade_off_row

            summary["settings"] = [setting_row(row, report.efficiency) for row in report.efficiency.rows]
            summary["trade_offs"] = [trade_off_row(found) for found in report.efficiency.trade_offs]
        if report.layers is not None:
            from colocate.report.layers import layers_json

            summary |= layers_json(report.layers)
        _print_json(summary)
        return 0
    if report.efficiency is not None:
        from colocate.report.efficiency import print_efficiency

        print_efficiency(report.efficiency, report.header, report.done)
    elif report.layers is not None:
        from colocate.report.layers import print_layers

        print_layers(report.layers, report.header, report.done)
    else:
        print_table(report)
    for failure in {failure.message for failure in report.failures}:
        _say(f"A trial failed: {failure}")
    figures = sum(path.suffix == ".png" for path in report.files)
    tables = ", ".join(path.name for path in report.files if path.suffix not in (".png", ".svg"))
    print(f"Wrote {folder}: run.sqlite, {tables} and {figures} figures")
    if report.header.purpose:
        return 0
    pairs = len({cell.clocks for cell in report.cells})
    facts = report.header.facts
    fixed = [name for name, steps in (("CPU", facts.cpu_steps_hz), ("GPU", facts.gpu_steps_hz)) if not steps]
    if fixed:
        print(
            f"No {' or '.join(fixed)} clock can be set on this machine: this is {pairs} of the "
            f"{FULL_STUDY_CLOCK_PAIRS} clock pairs of the full study."
        )
    return 0


def _print_plan(arguments: argparse.Namespace, spec: SweepSpec, rig: Rig) -> None:
    from colocate.report.tables import minutes, trial_row
    from colocate.study.plan import estimate_s, plan, within_budget

    facts = rig.facts()
    trials = plan(within_budget(spec, facts), facts)
    rig.check(trials)
    all_s = estimate_s(trials)
    seconds = None if facts.virtual_time else round(min(all_s, spec.budget_s or math.inf))
    if arguments.json:
        rows = [trial_row(trial) for trial in trials]
        _print_json({"rig": facts.rig, "trials": len(trials), "estimate_s": seconds, "plan": rows})
        return
    for trial in trials:
        row = trial_row(trial)
        print("  ".join(f"{key}={value}" for key, value in row.items() if value is not None))
    most = "at the most " if spec.until_decided else ""
    long = "in virtual time: seconds" if seconds is None else f"about {minutes(all_s)}"
    print(f"{most}{len(trials)} trials in {trials[-1].block + 1} blocks, {long}")
    if spec.budget_s is not None and all_s > spec.budget_s:
        fit = math.floor(len(trials) * spec.budget_s / all_s)
        print(f"the budget ends it after {minutes(spec.budget_s)} at the most: about {fit} of these trials fit")


def _request(arguments: argparse.Namespace) -> dict[str, Any]:
    """The keys of the study: a resumed run's, over them the file's, over them the flags'."""
    from colocate.spec import read_study
    from colocate.store import Run

    request: dict[str, Any] = {}
    if arguments.resume:
        if arguments.out is None:
            raise SpecError("--resume needs --out, the folder of the run to continue")
        with Run.read(arguments.out) as stored:
            request |= stored.header().request
    if arguments.file is not None:
        request |= read_study(arguments.file)
    return request | {key: value for key, value in vars(arguments).items() if key in STUDY_FLAGS}


def _stored_purpose(arguments: argparse.Namespace, command: str) -> Mapping[str, Any]:
    """What the run that is resumed was made for; nothing for a new one. Raises SpecError for another command's."""
    from colocate.store import Run

    if not arguments.resume:
        return {}
    with Run.read(arguments.out) as run:
        purpose = run.header().purpose
    if (made_by := purpose.get("command", "sweep")) != command:
        raise SpecError(f"the run in {arguments.out} was made by `colocate {made_by}`; continue it with that command")
    return purpose


def _aim(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of an Aim that are given as flags."""
    given = vars(arguments)
    aim = {key: given[key] for key in ("latency_limit_s", "utility") if key in given}
    return aim | ({"quantile": f"{given['aim_quantile']}_s"} if "aim_quantile" in given else {})


def _print_json(value: object) -> None:
    """One line that every JSON reader takes."""
    print(json.dumps(_finite(value), allow_nan=False))


def _finite(value: object) -> object:
    """`value` with null for the numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value


def _say(line: str) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(line, file=sys.stderr)


def _drop(descriptor: int) -> None:
    """What is still buffered for it can go nowhere; nor may the interpreter fail on it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


_COMMANDS: Mapping[str, _Command] = {
    "sweep": partial(_resumable, _sweep),
    "efficiency": partial(_resumable, _efficiency),
    "layers": partial(_resumable, _layers),
    "report": _report,
    "advise": _advise,
    "compare": _compare,
    "doctor": _doctor,
    "restore": _restore,
}
