"""`colocate training`: train every combination of network, batch, GPUs and precision as an ordinary study."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from colocate.commands.asked_study import keys_of, stored_purpose
from colocate.commands.common_arguments import (
    Flags,
    add_flags,
    add_run_flags,
    check_axes,
    given,
    number,
    refuse_pipelines,
    whole_number,
    whole_numbers,
    without,
    words,
)
from colocate.commands.output import say
from colocate.commands.study_flags import LIMIT_FLAGS, OF_INPUTS, STUDY_FLAGS, add_study_flags
from colocate.commands.study_run import report_unless_empty, resumable, run_study
from colocate.errors import SpecError
from colocate.model.device import CPU
from colocate.model.purpose import TrainingAim, TrainingAxes, TrainingPurpose
from colocate.model.written import as_written
from colocate.request.needs import Needs, check_needs

if TYPE_CHECKING:
    from colocate.model.machine import HostFacts

SUMMARY = "what training costs in time and energy over batches and GPUs, and with what accuracy"
DESCRIPTION = """\
Trains each network in every setting, as an ordinary run in shuffled blocks, and picks for each network the setting of
least energy that keeps accuracy and time. Each GPU has one process; the processes split each batch
(DistributedDataParallel over NCCL). With --gpus 0 one process trains on the CPUs. With --device cpu, --gpus is the
number of processes, which split each batch on the CPUs (over gloo).

A trial trains a network from a seed of its own for --epochs and finds its accuracy on held-out images. Then training
continues for one window, in which steps are timed and their energy is measured: that of the GPUs in use, and of the
CPU packages where these are metered. Energy and time of an epoch follow from those of an image.

A setting keeps the accuracy if it is shown to be at most --accuracy-loss below the best; the chance that the chosen
one does not keep it is at most 5 %. It keeps --time-limit if the upper end of the interval for the time of all epochs
is within it. A setting that fails, for example for want of memory or a GPU, has a row with the reason.
Tasks given by --stressors run beside each training, and cells.csv says how much slower a step becomes."""

_GPUS_MAX = 1024
_AXES: Flags = {
    "networks": {
        "type": words,
        "metavar": "A,B",
        "help": "alexnet, lenet, resnet18, resnet34, resnet50, resnet101, resnet152, or your own "
        "package.module:factory",
        "otherwise": "resnet50",
    },
    "batches": {
        "type": whole_numbers,
        "metavar": "N,M",
        "help": "images per step, of all GPUs together",
        "otherwise": "64,128,256",
    },
    "gpus": {
        "type": whole_numbers,
        "metavar": "N,M",
        "help": "how many GPUs share a batch; 0 trains on the CPUs; with --device cpu, the number of "
        "processes that share it",
        "otherwise": "1",
    },
    "precisions": {"type": words, "metavar": "P,Q", "help": "fp32, tf32, bf16", "otherwise": "fp32"},
}
_HOW: Flags = {
    "data": {
        "metavar": "DATA",
        "help": "synthetic (no accuracy), digits (scikit-learn's), or a folder with one folder of images per class",
        "otherwise": "synthetic",
    },
    "epochs": {
        "type": whole_number,
        "metavar": "N",
        "help": "passes over the data before accuracy is found",
        "otherwise": "20",
    },
    "seeds": {
        "type": whole_number,
        "metavar": "R",
        "help": "trainings of each setting, each from another seed; intervals are over them",
        "otherwise": "5",
    },
    "learning_rate": {
        "type": number,
        "metavar": "LR",
        "help": "of stochastic gradient descent with momentum 0.9, the same for every batch",
        "otherwise": "0.01",
    },
}
_AIM: Flags = {
    "accuracy_loss": {
        "type": number,
        "metavar": "SHARE",
        "help": "how far accuracy may be below the best; 0.01 is one in a hundred images",
        "otherwise": "0.01",
    },
    "time_limit": {
        "metavar": "TIME",
        "help": "how long all epochs may take, as 90s, 30m or 2h",
        "otherwise": "no limit",
    },
}
# What is about accuracy needs images of real classes.
_NEEDS: Needs = {"accuracy_loss": (("data",),), "epochs": (("data", "time_limit"),)}
_SHOWN = {"data": "data (digits, or a folder of images)"}
# Flags whose help or default differs from that of a sweep.
_OWN: Flags = {
    "stressors": {**STUDY_FLAGS["stressors"], "otherwise": "none"},
    "placement": {**STUDY_FLAGS["placement"], "otherwise": "isolated; shared where there is one CPU"},
    "inference_cpus": {
        **STUDY_FLAGS["inference_cpus"],
        "otherwise": "all but the last; with tasks, the first half of all",
    },
    "device": {
        "metavar": "DEVICE",
        "help": "cpu: train on the CPUs alone",
        "otherwise": "the first GPUs",
    },
    "window": {
        **STUDY_FLAGS["window"],
        "help": "length of one measured window in seconds; longer where a slow network needs it",
    },
    "rig": {**STUDY_FLAGS["rig"], "help": "host (this machine) alone, as tx1-model cannot train"},
    "worker_python": {
        "metavar": "PATH",
        "help": "Python that trains, with torch",
        "otherwise": "colocate's own",
    },
}
# Keys that the axes of a training decide, or that a training does not use; `seeds` are its repeats.
_LEFT_OUT = (
    *("networks", "pipelines", "batch", "precision", "backend", "graph", "wait", "period_ms", *OF_INPUTS),
    *("repeats", "until", "budget", *LIMIT_FLAGS),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the settings to combine, how to train, what is chosen, keys of a study, and the flags of a run."""
    add_flags(parser.add_argument_group("settings to combine, each with each"), _AXES)
    add_flags(parser.add_argument_group("how networks are trained"), _HOW)
    add_flags(parser.add_argument_group("what is chosen"), _AIM)
    add_study_flags(parser, _LEFT_OUT, _OWN)
    refuse_pipelines(parser, "a program trains as it likes: give the network as package.module:factory")
    add_run_flags(parser)


@resumable
def run(arguments: argparse.Namespace) -> int:
    """Run the missing trials of the study, and report on it."""
    from colocate.request.spec import make_study
    from colocate.rigs.registry import make_rig

    stored = stored_purpose(arguments, TrainingPurpose)
    keys = keys_of(arguments)
    purpose = asked_purpose(arguments, stored)
    if stored is None or given(arguments, {**_AXES, **_HOW}):
        keys, left_out = training_keys(keys, purpose.axes, given(arguments, _HOW))
        for line in left_out:
            say(line)
    _check_aim(arguments, purpose.aim, keys["networks"])
    ground = make_study(keys).spec
    rig = make_rig(ground.rig, dict(ground.model), workers=ground.workers)
    tally = run_study(arguments, make_study({**default_seats(keys, rig.facts()), **keys}), rig, purpose)
    return 0 if tally is None else report_unless_empty(arguments, tally)


def training_keys(
    keys: Mapping[str, Any], axes: TrainingAxes, how: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the keys of the study that trains every combination of `axes`, and a line for each that is left out.

    A combination is left out if its batch cannot be divided equally among its ranks (processes). `keys` are those of
    a study file without networks, `how` the flags of a training. Raises SpecError if an axis is wrong or all are left
    out.
    """
    from colocate.request.spec import check_batch

    check_axes(axes)
    for batch in axes.batches:
        check_batch(batch, "batches")
    for gpus in axes.gpus:
        if not 0 <= gpus <= _GPUS_MAX:
            raise SpecError(f"gpus: give numbers from 0 to {_GPUS_MAX}, not {gpus}")
    on_cpus = keys.get("device") == CPU
    common = without(how, "seeds")
    networks, left_out = [], []
    for network, gpus, precision, batch in itertools.product(axes.networks, axes.gpus, axes.precisions, axes.batches):
        if gpus and batch % gpus:
            left_out.append(f"Left out: a batch of {batch} cannot be shared equally by {gpus} GPUs")
            continue
        processes = {"gpus": 0, "ranks": max(1, gpus)} if on_cpus else {"gpus": gpus}
        networks.append(
            {"network": network, "batch": batch, "precision": precision, "training": {**common, **processes}}
        )
    if not networks:
        raise SpecError(f"batches: {left_out[0].removeprefix('Left out: ')}; give multiples")
    return {
        "stressors": [],
        **without(keys, "networks"),
        "networks": networks,
        "repeats": how.get("seeds", keys.get("repeats", 5)),
    }, list(dict.fromkeys(left_out))


def default_seats(keys: Mapping[str, Any], facts: HostFacts) -> Mapping[str, Any]:
    """Return the default CPUs of the training processes: all but the last, or beside tasks the first half.

    colocate keeps the last. On a machine with one CPU, return the placement `shared` instead.
    """
    cpus = facts.cpus
    if "inference_cpus" in keys or len(cpus) < 2:
        return {} if len(cpus) > 1 else {"placement": ["shared"]}
    tasks = any(keys.get(key) for key in ("stressors", "commands", "mixes"))
    return {"inference_cpus": list(cpus[: max(1, len(cpus) // 2)] if tasks else cpus[:-1])}


def _check_aim(arguments: argparse.Namespace, aim: TrainingAim, networks: Iterable[Mapping[str, Any]]) -> None:
    """Raise SpecError for flags about accuracy if the data of these `networks` are synthetic and have none."""
    from colocate.request.training_keys import MADE_UP

    data = {network["training"].get("data", MADE_UP) for network in networks} - {MADE_UP}
    known = {"data": data, "time_limit": aim.time_limit_s}
    check_needs({**given(arguments, {**_HOW, **_AIM}), **known}, _NEEDS, lambda key: _SHOWN.get(key, key))


def asked_purpose(arguments: argparse.Namespace, stored: TrainingPurpose | None) -> TrainingPurpose:
    """Return the axes and the aim that the flags ask for.

    A resumed run keeps what the flags leave out, and its aim cannot be changed. Raises SpecError.
    """
    from colocate.request.spec import parse_duration_s

    before = stored or TrainingPurpose(TrainingAxes(), TrainingAim())
    asked = {key: tuple(value) for key, value in given(arguments, _AXES).items()}
    aim = given(arguments, _AIM)
    if "accuracy_loss" in aim and not 0 <= aim["accuracy_loss"] < 1:
        raise SpecError(f"accuracy_loss: give a share from 0 to below 1, not {as_written(aim['accuracy_loss'])}")
    if "time_limit" in aim:
        aim["time_limit_s"] = parse_duration_s(aim.pop("time_limit"), "time_limit")
    for name, value in aim.items() if stored is not None else ():
        if value != getattr(before.aim, name):
            key = name.removesuffix("_s")
            raise SpecError(f"{key}: the run in {arguments.out} keeps the one that it was made with; leave it out")
    return TrainingPurpose(dataclasses.replace(before.axes, **asked), dataclasses.replace(before.aim, **aim))
