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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from colocate import __version__
from colocate.errors import ColocateError, HostError, Interrupted, SpecError, StoreError
from colocate.host.signals import interruptible

if TYPE_CHECKING:
    from colocate.rigs import Rig
    from colocate.study.model import SweepSpec
    from colocate.sweep import Tally

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
        arguments = _parser().parse_args(argv)
        with interruptible():
            code: int = arguments.run(arguments)
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
        _drop_output()
        return 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _drop_output()
        _say(f"colocate: cannot write the output: {error.strerror}")
        return StoreError.exit_code


def _resumable(arguments: argparse.Namespace) -> int:
    """Run a command that leaves a run on the disk, and say how to go on with it when it is cut short."""
    try:
        code: int = arguments.study(arguments)
        return code
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
    limits = make_limits({key: vars(arguments).get(key) for key in _LIMIT_FLAGS}, shown.header.spec.limits)
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
        **{key: tuple(value) for key, value in vars(arguments).items() if key in _AXES},
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
    return request | {key: value for key, value in vars(arguments).items() if key in _STUDY_FLAGS}


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


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _numbers(text: str) -> list[int]:
    try:
        return [int(word) for word in _words(text)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers such as 1,2,4") from None


def _limit_s(text: str) -> float:
    try:
        limit_s = float(text) * 1e-3
    except ValueError:
        limit_s = 0.0
    if not 0 < limit_s < float("inf"):
        raise argparse.ArgumentTypeError(f"a limit is a positive number of milliseconds, not {text!r}")
    return limit_s


def _cpus(text: str) -> list[int]:
    from colocate.host.cpuset import parse_cpu_list

    return list(parse_cpu_list(text))


class _Commands(argparse.Action):
    """Gathers each `--command NAME='argv ...'` into one table, as a study file's `[commands]` is."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, *_: Any) -> None:
        name, equals, line = values.partition("=")
        if not equals:
            parser.error(f"--command wants NAME='program arguments', not {values!r}")
        vars(namespace).setdefault("commands", {})[name.strip()] = line


# Key of a limit in the study file -> its flag.
_LIMIT_FLAGS: dict[str, dict[str, Any]] = {
    "slo_ms": {"type": float, "metavar": "MS", "help": "the latency that must hold, at --quantile"},
    "max_slowdown": {"type": float, "metavar": "R", "help": "the slowdown that is allowed: 1.1 = 10 %% slower"},
    "quantile": {"type": float, "metavar": "Q", "help": "of latency and slowdown: 0.5, 0.95 (default) or 0.99"},
    "power_budget": {"type": float, "metavar": "W", "help": "the mean power of the board that is allowed"},
    "max_work_loss": {"type": float, "metavar": "R", "help": "the share of its work that a task may lose"},
    "confidence": {"type": float, "metavar": "C", "help": "of all verdicts together (default: 0.95)"},
}

# Key of the study file -> its flag.
_STUDY_FLAGS: dict[str, dict[str, Any]] = {
    "rig": {"metavar": "RIG", "help": "host (this machine), or tx1-model (a model, not a measurement)"},
    "networks": {
        "type": _words,
        "metavar": "A,B",
        "help": "alexnet, googlenet, resnet152, bandwidth, or paths of .onnx files",
    },
    "stressors": {"type": _words, "metavar": "A,B", "help": "background tasks (python -m cpu_workloads --list)"},
    "commands": {"action": _Commands, "metavar": "NAME='ARGV ...'", "help": "a task of your own; repeatable"},
    "cpu_clocks": {"type": _words, "metavar": "LIST", "help": "MHz, or some of low,mid,high, or native"},
    "gpu_clocks": {"type": _words, "metavar": "LIST", "help": "MHz, or some of low,mid,high, or native"},
    "emc_clock": {"metavar": "MHZ", "help": "lock the memory clock: MHz, low, mid or high"},
    "backend": {"metavar": "NAME", "help": "auto, tensorrt, onnxruntime, onnxruntime-cuda, onnxruntime-cpu"},
    "precision": {"metavar": "P", "help": "fp32 or fp16"},
    "batch": {"type": int, "metavar": "N", "help": "images per inference"},
    "graph": {"action": argparse.BooleanOptionalAction, "help": "launch each inference as one CUDA graph"},
    "wait": {"metavar": "HOW", "help": "spin or block while the GPU works"},
    "period_ms": {"type": float, "metavar": "MS", "help": "an inference each MS, as of a camera; not back to back"},
    "placement": {
        "type": _words,
        "metavar": "P",
        "help": "isolated, shared (tasks on the inference CPU too), or both",
    },
    "inference_cpus": {"type": _cpus, "metavar": "LIST", "help": "CPUs of the network, as 0 or 0-1,4"},
    "repeats": {"type": int, "metavar": "R", "help": "blocks per cell; intervals narrow with them"},
    "window": {"type": float, "metavar": "SECONDS", "help": "length of one measured window"},
    "warmup": {"type": float, "metavar": "SECONDS", "help": "load before each window that is not counted"},
    "settle": {"type": float, "metavar": "SECONDS", "help": "pause after a change of network or clock"},
    "max_start_temp": {"type": float, "metavar": "C", "help": "before each block wait until it is no hotter"},
    "seed": {"type": int, "metavar": "N", "help": "of the order of the trials"},
    "until": {
        "metavar": "decided",
        "help": "go on until the limits are decided on, --repeats at the most",
    },
    "budget": {"metavar": "TIME", "help": "with --until decided: for no longer than 90s, 30m or 2h"},
    **_LIMIT_FLAGS,
}


# Of the study's, those that `efficiency` multiplies out and a run without tasks has no use for.
_AXES: dict[str, dict[str, Any]] = {
    "networks": {"type": _words, "metavar": "A,B", "help": "as for sweep (default: alexnet,googlenet,resnet152)"},
    "batches": {"type": _numbers, "metavar": "N,M", "help": "images per inference (default: 1,2,4,8,16,32,64,128)"},
    "precisions": {"type": _words, "metavar": "P,Q", "help": "fp32, fp16 or both (default: both)"},
    "backends": {
        "type": _words,
        "metavar": "B,C",
        "help": "as sweep's --backend (default: auto); the first is the default that others are compared with",
    },
}
# What a study without tasks has no use for.
_OF_TASKS = ("stressors", "commands", "until", "budget", *_LIMIT_FLAGS)
_NOT_EFFICIENCY = ("networks", *_OF_TASKS, "backend", "precision", "batch")
_NOT_LAYERS = ("networks", *_OF_TASKS)
_AIM: dict[str, dict[str, Any]] = {
    "latency_limit_ms": {
        "dest": "latency_limit_s",
        "type": _limit_s,
        "metavar": "X",
        "help": "what a latency may be, in ms (default: no limit)",
    },
    "quantile": {
        "dest": "aim_quantile",
        "choices": ("p50", "p99"),
        "help": "of the latencies, which the limit is for (default: p99)",
    },
    "utility": {
        "choices": ("within", "fading"),
        "help": "what a latency beyond the limit is worth (default: within)",
    },
}


class _Parser(argparse.ArgumentParser):
    """Bad arguments are a SpecError like any other bad request: one line, exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise SpecError(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="colocate", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"colocate {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    sweep = commands.add_parser("sweep", help="run a study and report on it", description=_SWEEP)
    sweep.set_defaults(study=_sweep)
    sweep.add_argument("file", nargs="?", type=Path, metavar="SPEC.toml", help="study file; flags override it")
    _add_flags(sweep, _STUDY_FLAGS)
    _add_run_flags(sweep, "sweep")

    efficiency = commands.add_parser(
        "efficiency",
        help="images/s, W and images/s/W over batch, precision and runtime",
        description=_EFFICIENCY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    efficiency.set_defaults(study=_efficiency, file=None)
    _add_flags(efficiency, _AXES)
    _add_flags(efficiency, {key: flag for key, flag in _STUDY_FLAGS.items() if key not in _NOT_EFFICIENCY})
    _add_flags(efficiency, _AIM)
    _add_run_flags(efficiency, "efficiency")

    layers = commands.add_parser(
        "layers",
        help="time and energy per layer of a network",
        description=_LAYERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    layers.set_defaults(study=_layers, file=None)
    layers.add_argument("network", nargs="?", metavar="NETWORK", help="a built-in, or the path of an .onnx file")
    _add_flags(layers, {key: flag for key, flag in _STUDY_FLAGS.items() if key not in _NOT_LAYERS})
    _add_run_flags(layers, "layers")

    report = commands.add_parser("report", help="write tables, figures and the page of a run", description=_REPORT)
    report.set_defaults(run=_report)
    report.add_argument("folder", type=Path, metavar="RUN", help="folder of a run, finished or not")
    _add_flags(report.add_argument_group("of a run of `efficiency`, another aim than its own"), _AIM)
    report.add_argument("--json", action="store_true", help="one JSON summary on stdout")

    advise = commands.add_parser("advise", help="which tasks are safe, where, under limits", description=_ADVISE)
    advise.set_defaults(run=_advise)
    advise.add_argument("folder", type=Path, metavar="RUN", help="folder of a run, finished or not")
    for key, flag in _LIMIT_FLAGS.items():
        advise.add_argument("--" + key.replace("_", "-"), dest=key, **flag)
    _add_forms(advise)

    compare = commands.add_parser("compare", help="what changed between two runs", description=_COMPARE)
    compare.set_defaults(run=_compare)
    compare.add_argument("before", type=Path, metavar="BEFORE", help="folder of a run")
    compare.add_argument("after", type=Path, metavar="AFTER", help="folder of a run of the same study")
    compare.add_argument(
        "--max-regression", type=float, default=0.0, metavar="R", help="what is allowed: 0.05 = 5 %% (default: none)"
    )
    compare.add_argument("--confidence", type=float, default=0.95, metavar="C", help="of all changes (default: 0.95)")
    _add_forms(compare)

    doctor = commands.add_parser("doctor", help="what this machine allows, and what mends each lack")
    doctor.set_defaults(run=_doctor)
    doctor.add_argument("--gpu-bandwidth", action="store_true", help="also measure how fast the GPU copies memory")
    doctor.add_argument("--json", action="store_true", help="one JSON list on stdout")

    restore = commands.add_parser("restore", help="put back what an interrupted run left changed")
    restore.set_defaults(run=_restore)
    return parser


def _add_forms(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object on stdout")
    form.add_argument("--markdown", action="store_true", help="a page of Markdown on stdout")


def _add_flags(parser: argparse._ActionsContainer, flags: Mapping[str, Mapping[str, Any]]) -> None:
    """Flags that leave no trace where they are not given."""
    for key, flag in flags.items():
        name = "--command" if key == "commands" else "--" + key.replace("_", "-")
        parser.add_argument(name, **{"dest": key, "default": argparse.SUPPRESS, **flag})


def _add_run_flags(parser: argparse.ArgumentParser, command: str) -> None:
    """The flags of every command that leaves a run on the disk."""
    parser.set_defaults(run=_resumable, command=command)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the run (default: results/TIME-RIG)")
    parser.add_argument("--resume", action="store_true", help="run what is missing of the run in --out")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and its length; touch nothing")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument("--json", action="store_true", help="one JSON summary on stdout")


_DESCRIPTION = """\
Which background tasks may use the CPU beside a network, at which clocks, without
breaking the latency limit or the power budget - and how sure are we?"""
_SWEEP = (
    "Runs networks beside CPU tasks in paired, shuffled blocks. A default run on two CPUs takes about 4 minutes. "
    "With --until decided and a limit it ends as soon as it is known what is safe."
)
_ADVISE = (
    "Verdicts on every cell, with one promise for the whole table, and what to choose. Limits that are given "
    "take the place of those the study was made for. Exit code 1: nothing is safe."
)
_COMPARE = (
    "Latency, slowdown and power of every cell that both runs have, after over before. For another kernel, driver or "
    "machine: what differs is listed. Exit code 1: a regression was shown."
)
_EFFICIENCY = """\
Runs each network alone at every batch, precision and runtime, as an ordinary run in paired, shuffled blocks, and
picks the best setting (batch, precision, runtime, clocks) of each network: the one of greatest

    utility = images/s/W x f(latency)      in images per joule, f from 0 to 1

f is 1 without --latency-limit-ms X. With it, and L the upper end of the interval of the latency's --quantile in ms:

    --utility within    f = 1 if L <= X, else 0    (so: the least energy per image that keeps the limit)
    --utility fading    f = min(1, X / L)          (twice as late is half as good)

A latency is of one inference, all images of its batch; power is the board's, gross of what it draws idle. "x times
better" is images/s/W of the best over that of the default setting (batch 1, fp32, clocks native or else the highest),
paired by block, with a 95 % interval that allows for picking the best after seeing them all. A setting that fails, as
for want of memory, is a row with its failure; one that no runtime here has is left out with a line that says so."""
_LAYERS = """\
Where one network's time and energy go. After each window of the network its runtime's own profile tells the time of
each step, which is a layer or several that it fused; FLOP and bytes are counted in the graph. The sum over the layers
is set against the network's own p50. For energy each block is cut out, with its true input shapes, and run in a loop
by itself: power above idle times the time of a turn, told only where that power is known to 20 %. An ONNX Runtime on
the GPU tells when it launches and not how long a kernel runs: there times too are those of the blocks by themselves.
The ceilings of the roofline are a large matrix product and a large copy in the same runtime."""
_REPORT = "Rebuilds cells.csv, report.html and the figures of a run from its run.sqlite."


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


def _drop_output() -> None:
    """What is still buffered can go nowhere; nor may the interpreter fail on it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
