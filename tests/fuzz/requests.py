"""Malformed flags of every command, in requests that would be fine without them. Nothing of them is ever measured."""

from __future__ import annotations

import argparse
import functools
import random

from colocate.cli import parser
from tests.fuzz.inputs import Input
from tests.fuzz.wrong import NO_NUMBER, hard

# What each command needs to come as far as its flags: a model, and a plan alone.
_SOUND = {
    "sweep": ("--dry-run", "--rig=tx1-model", "--networks=alexnet", "--cpu-clocks=high", "--gpu-clocks=high"),
    "efficiency": (
        *("--dry-run", "--rig=tx1-model", "--networks=alexnet", "--batches=1"),
        *("--precisions=fp16", "--cpu-clocks=high", "--gpu-clocks=high"),
    ),
    "layers": ("alexnet", "--dry-run", "--rig=tx1-model", "--cpu-clocks=high", "--gpu-clocks=high"),
    "advise": ("missing",),
    "report": ("missing",),
    "compare": ("missing", "missing"),
    "doctor": ("--help",),
    "restore": ("--help",),
}
# Whatever else they say, these commands refuse a run that is not there; the others make a plan and touch nothing.
_ALWAYS_REFUSED = ("advise", "report", "compare")
_NUMBERS = (
    "slo_ms", "max_slowdown", "power_budget_w", "max_work_loss", "confidence", "batch", "period_ms", "repeats",
    "window", "segment_ms", "warmup", "settle", "max_start_temp", "seed", "max_regression",
)  # fmt: skip


@functools.cache
def _options(command: str) -> list[argparse.Action]:
    (commands,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    own = commands.choices[command]
    return [each for each in own._actions if each.option_strings and "--help" not in each.option_strings]


def flags(random_: random.Random) -> Input:
    """A sound request with one flag, or a few, of a hard value."""
    command = random_.choice([*_SOUND])
    arguments = [*_SOUND[command]]
    numbers_alone, wrong = random_.random() < 0.5, command in _ALWAYS_REFUSED
    for _ in range(random_.choice((1, 1, 1, 2, 4))):
        options = _options(command)
        if numbers_alone:
            options = [each for each in options if _key(each) in _NUMBERS] or options
        if not options:
            continue
        option = random_.choice(options)
        if option.nargs == 0:
            arguments.append(option.option_strings[0])
            continue
        named = random_.random() < 0.3
        value = random_.choice(NO_NUMBER) if _key(option) in _NUMBERS and random_.random() < 0.6 else hard(random_)
        text = f"n={value}" if named else value
        wrong = wrong or (not named and _key(option) in _NUMBERS and value in NO_NUMBER)
        flag = option.option_strings[0]
        arguments += [f"{flag}={text}"] if random_.random() < 0.7 else [flag, text]
    return Input((command, *arguments), wrong=wrong and "--help" not in arguments)


def lengths(random_: random.Random) -> Input:
    """Requests of thousands of words, CPUs, commands or networks."""
    many = random_.choice((300, 3000, 30_000))
    words = random_.choice(("a", "alexnet", "n{}", "bitcount", "x{}.onnx", "{}", "weight={}", "network:{}"))
    listed = ",".join(words.format(number) for number in range(many))[:120_000]
    flag = random_.choice(
        ("networks", "stressors", "containment", "cpu-clocks", "gpu-clocks", "placement", "inference-cpus", "mix",
         "command", "shape", "input", "backend", "rig", "budget", "until", "out", "percentile", "design", "precision")
    )  # fmt: skip
    separator = random_.choice((",", "+", "=", " "))
    text = listed.replace(",", separator)
    return Input(("sweep", *_SOUND["sweep"], f"--{flag}={random_.choice(('', 'n='))}{text}"))


def _key(option: argparse.Action) -> str:
    return option.option_strings[0].removeprefix("--").replace("-", "_")
