"""The flags that several commands share, by the keys of a study file."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")
Flags = Mapping[str, Mapping[str, Any]]
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,4000}", re.ASCII)


def words(text: str) -> list[str]:
    """`a,b` -> a and b."""
    return [word.strip() for word in text.split(",") if word.strip()]


def number(text: str) -> float:
    """A finite number as people write it: neither `1_000`, which Python takes, nor digits of another script."""
    if not _NUMBER.fullmatch(text.strip()) or not math.isfinite(value := float(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value


def whole_number(text: str) -> int:
    """A whole number, of no more digits than Python reads."""
    if not _WHOLE.fullmatch(text.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _cpus(text: str) -> list[int]:
    from colocate.host.cpus.cpu_list import parse_cpu_list

    try:
        return list(parse_cpu_list(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of CPUs such as 0 or 0-1,4") from None


def named_path(text: str) -> Path:
    """A path that a user names; an empty one, as of a variable that is not set, names nothing."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty path names no folder or file")
    return Path(text)


class _Entry(argparse.Action):
    """Gathers each `--command NAME='argv ...'` into one table, as a study file's `[commands]` is."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, *_: Any) -> None:
        name, equals, text = values.partition("=")
        if not equals:
            parser.error(f"{self.option_strings[0]} wants {self.metavar}, not {values!r}")
        entries = vars(namespace).setdefault(self.dest, {})
        if name.strip() in entries:
            parser.error(f"{self.option_strings[0]} {name.strip()} is given twice")
        entries[name.strip()] = text


class _Mix(argparse.Action):
    """Gathers each `--mix A+B` under its own text as the name, as a study file's `[mixes]` is."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, *_: Any) -> None:
        entries = vars(namespace).setdefault(self.dest, {})
        if values in entries:
            parser.error(f"{self.option_strings[0]} {values} is given twice")
        entries[values] = values


class _Refusal(argparse.Action):
    """Says why a command has no use for the flag: its `metavar`."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        parser.error(str(self.metavar))


# Key of a limit in the study file -> its flag.
LIMIT_FLAGS: dict[str, dict[str, Any]] = {
    "slo_ms": {"type": number, "metavar": "MS", "help": "the latency that must hold, at --percentile"},
    "max_slowdown": {"type": number, "metavar": "R", "help": "the slowdown that is allowed: 1.1 = 10 %% slower"},
    "percentile": {"metavar": "P", "help": "of latency and slowdown: p50, p95 (default), p99, or mean"},
    "power_budget": {"type": number, "metavar": "W", "help": "the mean power of the board that is allowed"},
    "max_work_loss": {"type": number, "metavar": "R", "help": "the share of its work that a task may lose"},
    "confidence": {"type": number, "metavar": "C", "help": "of all verdicts together (default: 0.95)"},
}
# Key of the study file -> its flag.
STUDY_FLAGS: dict[str, dict[str, Any]] = {
    "rig": {"metavar": "RIG", "help": "host (this machine), or tx1-model (a model, not a measurement)"},
    "networks": {
        "type": words,
        "metavar": "A,B",
        "help": "alexnet, googlenet, resnet152, bandwidth, or paths of .onnx files",
    },
    "pipelines": {
        "action": _Entry,
        "metavar": "NAME='ARGV ...'",
        "help": "a program of your own as a network; repeatable (docs/pipelines.md)",
    },
    "stressors": {
        "type": words,
        "metavar": "A,B",
        "help": "background tasks (python -m cpu_workloads --list), network:NAME for a second network",
    },
    "commands": {"action": _Entry, "metavar": "NAME='ARGV ...'", "help": "a task of your own; repeatable"},
    "mixes": {
        "action": _Mix,
        "metavar": "A+B",
        "help": "tasks that run at once, each contained by itself as in A@idle+B; repeatable",
    },
    "containment": {
        "type": words,
        "metavar": "LIST",
        "help": "bound each task in turn: none, idle, weight=10, quota=20%%, quota=20%%/10 (of each 10 ms), cpus=2, "
        "fifo (the network's launching thread goes first); idle+cpus=2 for both",
    },
    "cpu_clocks": {"type": words, "metavar": "LIST", "help": "MHz, or some of low,mid,high, or native"},
    "gpu_clocks": {"type": words, "metavar": "LIST", "help": "MHz, or some of low,mid,high, or native"},
    "emc_clock": {"metavar": "MHZ", "help": "lock the memory clock: MHz, low, mid or high"},
    "backend": {"metavar": "NAME", "help": "auto, tensorrt, onnxruntime, onnxruntime-cuda, onnxruntime-cpu"},
    "precision": {"metavar": "P", "help": "fp32 or fp16"},
    "batch": {"type": whole_number, "metavar": "N", "help": "images per inference (default: the file's own, or 1)"},
    "shapes": {
        "action": _Entry,
        "metavar": "INPUT=1x3x320x320",
        "help": "the shape of an input that an .onnx file leaves open, @batch for --batch; repeatable",
    },
    "inputs": {
        "action": _Entry,
        "metavar": "INPUT=FILE.npy",
        "help": "what to feed an input: an array of numpy, or one number; repeatable",
    },
    "graph": {"action": argparse.BooleanOptionalAction, "help": "launch each inference as one CUDA graph"},
    "wait": {"metavar": "HOW", "help": "spin or block while the GPU works"},
    "period_ms": {"type": number, "metavar": "MS", "help": "an inference each MS, as of a camera; not back to back"},
    "placement": {
        "type": words,
        "metavar": "P",
        "help": "isolated, shared (tasks on the inference CPU too), or isolated,shared",
    },
    "inference_cpus": {"type": _cpus, "metavar": "LIST", "help": "CPUs of the network, as 0 or 0-1,4"},
    "repeats": {"type": whole_number, "metavar": "R", "help": "blocks per cell; intervals narrow with them"},
    "window": {"type": number, "metavar": "SECONDS", "help": "length of one measured window"},
    "design": {
        "metavar": "HOW",
        "help": "alternating (pause and resume tasks inside each window) or steady (windows with and without a task)",
    },
    "segment_ms": {
        "type": number,
        "metavar": "MS",
        "help": "how long tasks run or pause at a time (default: chosen)",
    },
    "warmup": {"type": number, "metavar": "SECONDS", "help": "load before each window that is not counted"},
    "settle": {"type": number, "metavar": "SECONDS", "help": "pause after a change of network or clock"},
    "max_start_temp": {"type": number, "metavar": "C", "help": "before each block wait until it is no hotter"},
    "seed": {"type": whole_number, "metavar": "N", "help": "of the order of the trials"},
    "until": {
        "metavar": "decided",
        "help": "go on until the limits are decided on, --repeats at the most",
    },
    "budget": {"metavar": "TIME", "help": "with --until decided: for no longer than 90s, 30m or 2h"},
    **LIMIT_FLAGS,
}
# What the network in a user's own file is fed.
OF_INPUTS = ("shapes", "inputs")
# What a study without tasks has no use for.
OF_TASKS = ("stressors", "commands", "mixes", "containment", "design", "segment_ms", "until", "budget", *LIMIT_FLAGS)


def add_flags(parser: argparse._ActionsContainer, flags: Flags) -> None:
    """Flags that leave no trace where they are not given."""
    for key, flag in flags.items():
        # A flag of a table gives one entry.
        one = {"mixes": "mix"}.get(key, key.removesuffix("s") if flag.get("action") is _Entry else key)
        name = "--" + one.replace("_", "-")
        parser.add_argument(name, **{"dest": key, "default": argparse.SUPPRESS, **flag})


def refuse_pipelines(parser: argparse.ArgumentParser, why: str) -> None:
    """Answer `--pipeline` with `why` this command cannot look at a program of the user's own."""
    parser.add_argument("--pipeline", action=_Refusal, metavar=why, help=argparse.SUPPRESS)


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of every command that leaves a run on the disk."""
    parser.add_argument("--out", type=named_path, metavar="DIR", help="folder of the run (default: results/TIME-RIG)")
    parser.add_argument("--resume", action="store_true", help="run what is missing of the run in --out")
    parser.add_argument("--trust", action="store_true", help="use a folder in --out that others can write")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and its length; touch nothing")
    parser.add_argument(
        "--wait-for-machine", action="store_true", help="begin when no other sweep runs here (default: refuse)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument("--json", action="store_true", help="one JSON summary on stdout")


def add_forms(parser: argparse.ArgumentParser) -> None:
    """How a command answers that writes no run."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object on stdout")
    form.add_argument("--markdown", action="store_true", help="a page of Markdown on stdout")


def without(table: Mapping[str, _T], *keys: str) -> dict[str, _T]:
    """`table` less its `keys`."""
    return {key: value for key, value in table.items() if key not in keys}


def only(table: Mapping[str, _T], *keys: str) -> dict[str, _T]:
    """Those of `keys` that `table` has."""
    return {key: value for key, value in table.items() if key in keys}


def given(arguments: argparse.Namespace, flags: Flags) -> dict[str, Any]:
    """The values of those of `flags` that were given, by their keys."""
    return only(vars(arguments), *flags)
