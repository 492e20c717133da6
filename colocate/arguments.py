"""Every command's flags and words, and what argparse makes of them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from colocate import __version__
from colocate.errors import SpecError


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
LIMIT_FLAGS: dict[str, dict[str, Any]] = {
    "slo_ms": {"type": float, "metavar": "MS", "help": "the latency that must hold, at --quantile"},
    "max_slowdown": {"type": float, "metavar": "R", "help": "the slowdown that is allowed: 1.1 = 10 %% slower"},
    "quantile": {"type": float, "metavar": "Q", "help": "of latency and slowdown: 0.5, 0.95 (default) or 0.99"},
    "power_budget": {"type": float, "metavar": "W", "help": "the mean power of the board that is allowed"},
    "max_work_loss": {"type": float, "metavar": "R", "help": "the share of its work that a task may lose"},
    "confidence": {"type": float, "metavar": "C", "help": "of all verdicts together (default: 0.95)"},
}

# Key of the study file -> its flag.
STUDY_FLAGS: dict[str, dict[str, Any]] = {
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
    **LIMIT_FLAGS,
}


# Of the study's, those that `efficiency` multiplies out and a run without tasks has no use for.
AXES: dict[str, dict[str, Any]] = {
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
_OF_TASKS = ("stressors", "commands", "until", "budget", *LIMIT_FLAGS)
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


def parser() -> argparse.ArgumentParser:
    """Of all commands; what it parses has the name of its own in `command`."""
    whole = _Parser(prog="colocate", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    whole.add_argument("--version", action="version", version=f"colocate {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND", dest="command")

    sweep = commands.add_parser("sweep", help="run a study and report on it", description=_SWEEP)
    sweep.add_argument("file", nargs="?", type=Path, metavar="SPEC.toml", help="study file; flags override it")
    _add_flags(sweep, STUDY_FLAGS)
    _add_run_flags(sweep)

    efficiency = commands.add_parser(
        "efficiency",
        help="images/s, W and images/s/W over batch, precision and runtime",
        description=_EFFICIENCY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    efficiency.set_defaults(file=None)
    _add_flags(efficiency, AXES)
    _add_flags(efficiency, {key: flag for key, flag in STUDY_FLAGS.items() if key not in _NOT_EFFICIENCY})
    _add_flags(efficiency, _AIM)
    _add_run_flags(efficiency)

    layers = commands.add_parser(
        "layers",
        help="time and energy per layer of a network",
        description=_LAYERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    layers.set_defaults(file=None)
    layers.add_argument("network", nargs="?", metavar="NETWORK", help="a built-in, or the path of an .onnx file")
    _add_flags(layers, {key: flag for key, flag in STUDY_FLAGS.items() if key not in _NOT_LAYERS})
    _add_run_flags(layers)

    report = commands.add_parser("report", help="write tables, figures and the page of a run", description=_REPORT)
    report.add_argument("folder", type=Path, metavar="RUN", help="folder of a run, finished or not")
    _add_flags(report.add_argument_group("of a run of `efficiency`, another aim than its own"), _AIM)
    report.add_argument("--json", action="store_true", help="one JSON summary on stdout")

    advise = commands.add_parser("advise", help="which tasks are safe, where, under limits", description=_ADVISE)
    advise.add_argument("folder", type=Path, metavar="RUN", help="folder of a run, finished or not")
    for key, flag in LIMIT_FLAGS.items():
        advise.add_argument("--" + key.replace("_", "-"), dest=key, **flag)
    _add_forms(advise)

    compare = commands.add_parser("compare", help="what changed between two runs", description=_COMPARE)
    compare.add_argument("before", type=Path, metavar="BEFORE", help="folder of a run")
    compare.add_argument("after", type=Path, metavar="AFTER", help="folder of a run of the same study")
    compare.add_argument(
        "--max-regression", type=float, default=0.0, metavar="R", help="what is allowed: 0.05 = 5 %% (default: none)"
    )
    compare.add_argument("--confidence", type=float, default=0.95, metavar="C", help="of all changes (default: 0.95)")
    _add_forms(compare)

    doctor = commands.add_parser("doctor", help="what this machine allows, and what mends each lack")
    doctor.add_argument("--gpu-bandwidth", action="store_true", help="also measure how fast the GPU copies memory")
    doctor.add_argument("--json", action="store_true", help="one JSON list on stdout")

    commands.add_parser("restore", help="put back what an interrupted run left changed")
    return whole


def _add_forms(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object on stdout")
    form.add_argument("--markdown", action="store_true", help="a page of Markdown on stdout")


def _add_flags(parser: argparse._ActionsContainer, flags: Mapping[str, Mapping[str, Any]]) -> None:
    """Flags that leave no trace where they are not given."""
    for key, flag in flags.items():
        name = "--command" if key == "commands" else "--" + key.replace("_", "-")
        parser.add_argument(name, **{"dest": key, "default": argparse.SUPPRESS, **flag})


def _add_run_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of every command that leaves a run on the disk."""
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
