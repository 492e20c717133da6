"""Every key of a study file as a flag, in the groups of `--help`: its meaning, unit and default."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from types import MappingProxyType

from colocate.commands.common_arguments import Entry, Flags, MixEntry, add_flags, cpus, number, whole_number, words
from colocate.model.limits import parse_percentile

# Key of a limit in the study file -> its flag; these have the same names in every command.
LIMIT_FLAGS: Flags = {
    "slo_ms": {
        "type": number,
        "metavar": "MS",
        "help": "latency limit in ms, for the latency at --percentile",
        "otherwise": "no limit",
    },
    "max_slowdown": {
        "type": number,
        "metavar": "RATIO",
        "help": "largest slowdown, for the latency at --percentile; 1.1 is 10 %% slower",
        "otherwise": "no limit",
    },
    "percentile": {
        "type": parse_percentile,
        "metavar": "P",
        "help": "which latency the limits are for: p50, p95, p99 or mean; 95 or 0.95 is read as p95",
        "otherwise": "p95",
    },
    "power_budget_w": {
        "type": number,
        "metavar": "W",
        "help": "power budget in watts, for the mean power of the board",
        "otherwise": "no limit",
    },
    "max_work_loss": {
        "type": number,
        "metavar": "SHARE",
        "help": "work limit: the largest share of its work that a task may lose, 0.5 is half",
        "otherwise": "no limit",
    },
    "confidence": {
        "type": number,
        "metavar": "C",
        "help": "confidence in all verdicts together, from 0.5 to below 1",
        "otherwise": "0.95",
    },
}
_NETWORKS: Flags = {
    "networks": {
        "type": words,
        "metavar": "A,B",
        "help": "networks that must be on time: built-in ones (alexnet, googlenet, resnet50, resnet152, "
        "squeezenet1_0, squeezenet1_1, vgg16), bandwidth (the GPU copies memory), "
        "spin-1ms (spins the CPU for 1 ms for each image), or paths of .onnx files and of engines",
        "otherwise": "alexnet,googlenet,resnet152; none if --pipeline is given",
    },
    "pipelines": {
        "action": Entry,
        "metavar": "NAME='ARGV ...'",
        "help": "a program of your own as the network, see docs/pipelines.md; repeatable",
        "otherwise": "none",
    },
    "batch": {
        "type": whole_number,
        "metavar": "N",
        "help": "images per inference",
        "otherwise": "what the network's file fixes, else 1",
    },
    "precision": {"metavar": "P", "help": "fp32 or fp16", "otherwise": "fp32"},
    "backend": {
        "metavar": "NAME",
        "help": "runtime: auto, tensorrt, tensorrt-rtx, onnxruntime-cuda, onnxruntime-cpu, bandwidth, synthetic, "
        "onnxruntime, caffe; auto takes the best one that works here, onnxruntime the better of its two; bandwidth "
        "runs only the network of that name, synthetic only spin-1ms, caffe only under --rig tx1-model",
        "otherwise": "auto",
    },
    "device": {
        "metavar": "DEVICE",
        "help": "cuda:N (a GPU, as nvidia-smi counts), dla:N (a Jetson's DLA; layers that it cannot run go to "
        "the GPU) or cpu",
        "otherwise": "the first GPU, else the CPU",
    },
    "graph": {
        "action": argparse.BooleanOptionalAction,
        "help": "launch each inference as one CUDA graph",
        "otherwise": "--no-graph",
    },
    "wait": {"metavar": "HOW", "help": "spin or block while the GPU works", "otherwise": "spin; tx1-model: block"},
    "period_ms": {
        "type": number,
        "metavar": "MS",
        "help": "start an inference every MS milliseconds, like a camera",
        "otherwise": "back to back",
    },
    "shapes": {
        "action": Entry,
        "metavar": "INPUT=1x3x320x320",
        "help": "shape of an input whose size the file leaves open; @batch stands for the batch, as in "
        "images=@batchx3x320x320; repeatable",
        "otherwise": "guessed",
    },
    "inputs": {
        "action": Entry,
        "metavar": "INPUT=FILE.npy",
        "help": "what to feed an input: an array of numpy, or one number; repeatable",
        "otherwise": "random values",
    },
}
_TASKS: Flags = {
    "stressors": {
        "type": words,
        "metavar": "A,B",
        "help": "built-in tasks (bitcount, jpeg, jpeg-small, stringsearch, stringsearch-scan), or network:NAME for a "
        "second network",
        "otherwise": "bitcount,jpeg,stringsearch",
    },
    "commands": {
        "action": Entry,
        "metavar": "NAME='ARGV ...'",
        "help": "a program of your own as a task, see docs/tasks.md; repeatable",
        "otherwise": "none",
    },
    "mixes": {
        "action": MixEntry,
        "metavar": "A+B",
        "help": "tasks that run at once; A@idle+B gives A a containment of its own; repeatable",
        "otherwise": "none",
    },
    "containment": {
        "type": words,
        "metavar": "LIST",
        "help": "measure each task in each of these: none, idle (the task runs only when its CPU has nothing else to "
        "run), weight=10 (the network has 100), quota=20%% "
        "(of one CPU), quota=20%%/10 (of one CPU, in each 10 ms), cpus=2 (the first two of its CPUs), fifo (the "
        "network's launching thread goes first); idle+cpus=2 is both",
        "otherwise": "none",
    },
}
_CPUS: Flags = {
    "placement": {
        "type": words,
        "metavar": "P",
        "help": "isolated (tasks on other CPUs than the network's), shared (tasks on those and on the network's), or "
        "both: isolated,shared; with four CPUs or more, colocate keeps the last for itself",
        "otherwise": "isolated",
    },
    "inference_cpus": {
        "type": cpus,
        "metavar": "LIST",
        "help": "CPUs of the network, as 0 or 0-1,4",
        "otherwise": "the first CPU",
    },
}
_CLOCKS: Flags = {
    "cpu_clocks": {
        "type": words,
        "metavar": "LIST",
        "help": "MHz, some of low,mid,high, or native (left to its governor)",
        "otherwise": "low,mid,high where CPU and GPU clocks can be set, else native",
    },
    "gpu_clocks": {
        "type": words,
        "metavar": "LIST",
        "help": "MHz, some of low,mid,high, or native (left to its governor)",
        "otherwise": "low,mid,high where CPU and GPU clocks can be set, else native",
    },
    "emc_clocks": {
        "type": words,
        "metavar": "LIST",
        "help": "of the memory: MHz, some of low,mid,high, or native (left to its governor)",
        "otherwise": "native",
    },
    "max_start_temp": {
        "type": number,
        "metavar": "C",
        "help": "before each block wait until the machine is no hotter than this, in degrees Celsius",
        "otherwise": "do not wait",
    },
}
_WINDOWS: Flags = {
    "design": {
        "metavar": "HOW",
        "help": "alternating (pause and resume tasks inside each window) or steady (windows with and without a task)",
        "otherwise": "alternating where tasks can be paused",
    },
    "repeats": {
        "type": whole_number,
        "metavar": "R",
        "help": "how often each block is measured; a block is all windows that share network, placement and clocks; "
        "more repeats make narrower intervals",
        "otherwise": "5, or 30 where --until decided is given",
    },
    "window": {
        "type": number,
        "metavar": "S",
        "help": "length of one measured window in seconds; longer where a slow network or tx1-model needs it",
        "otherwise": "2",
    },
    "warmup": {"type": number, "metavar": "S", "help": "load before each window, in seconds", "otherwise": "0.3"},
    "settle": {
        "type": number,
        "metavar": "S",
        "help": "pause after a change of network or clock, in seconds",
        "otherwise": "0.2",
    },
    "segment_ms": {
        "type": number,
        "metavar": "MS",
        "help": "length of a segment in ms: a task runs for one, is paused for the next, and so on",
        "otherwise": "chosen for each window",
    },
    "seed": {"type": whole_number, "metavar": "N", "help": "seed of the order of the trials", "otherwise": "0"},
}
_STOPPING: Flags = {
    "until": {
        "metavar": "decided",
        "help": "stop as soon as no verdict is UNDECIDED, after --repeats at the latest",
        "otherwise": "measure all repeats",
    },
    "budget": {
        "metavar": "TIME",
        "help": "with --until decided: stop after this time, such as 90s, 30m or 2h",
        "otherwise": "no budget",
    },
}
_RIG: Flags = {
    "rig": {
        "metavar": "RIG",
        "help": "host (this machine) or tx1-model (a model, not a measurement)",
        "otherwise": "host",
    },
    "worker_python": {
        "metavar": "PATH",
        "help": "Python that runs the networks' workers: 3.6 or newer, with numpy and the runtime",
        "otherwise": "the one that has the runtime: colocate's own, else the system's",
    },
}
# The title of each group in `--help` -> its flags by the keys of a study file.
GROUPS: Mapping[str, Flags] = {
    "networks": _NETWORKS,
    "tasks": _TASKS,
    "CPUs": _CPUS,
    "limits": LIMIT_FLAGS,
    "clocks": _CLOCKS,
    "windows": _WINDOWS,
    "when to stop": _STOPPING,
    "machine": _RIG,
}
STUDY_FLAGS: Flags = {key: flag for flags in GROUPS.values() for key, flag in flags.items()}
# Keys for the inputs of a network in a user's own file.
OF_INPUTS = ("shapes", "inputs")
# Flags whose help is shorter in a command without tasks and limits.
WITHOUT_TASKS: Flags = {
    "placement": {
        **_CPUS["placement"],
        "help": "isolated; on a machine with a single CPU give shared. This command runs no tasks",
    },
    "repeats": {**_WINDOWS["repeats"], "otherwise": "5"},
}
# Keys that are of no use in a study without tasks.
OF_TASKS = ("stressors", "commands", "mixes", "containment", "design", "segment_ms", "until", "budget", *LIMIT_FLAGS)


def add_study_flags(
    parser: argparse.ArgumentParser, leave_out: Collection[str] = (), own: Flags = MappingProxyType({})
) -> None:
    """Add the keys of a study as flags, group by group, without those in `leave_out`.

    `own` holds the flags that the command describes in another way.
    """
    for title, flags in GROUPS.items():
        if kept := {key: own.get(key, flag) for key, flag in flags.items() if key not in leave_out}:
            add_flags(parser.add_argument_group(title), kept)
