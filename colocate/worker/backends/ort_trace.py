"""ONNX Runtime's profile of a session: how long each step took.

The trace is a list of events in Chrome's format, in whole microseconds. On the CPU a step's length is that of its
kernel; on a GPU it may be no more than the launch.
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from colocate.worker.backend import ProfiledStep
from colocate.worker.backends.ort_session import load, session_options
from colocate.worker.errors import WorkerError, refused
from colocate.worker.inputs import input_arrays
from colocate.worker.request import NetworkFile

_SUFFIX = "_kernel_time"
# Lengths are cut to whole microseconds: half of one is lost on average, and many steps take but a few.
_CUT_OFF_US = 0.5


class TimedStep(NamedTuple):
    """A node of the graph that the runtime made of the network: seconds of each inference, in order."""

    name: str
    kind: str
    times_s: tuple[float, ...]


def recorded(file: NetworkFile, folder: Path, inferences: int, threads: int) -> Path:
    """The trace of a new session on the CPU, in `folder`, under the settings of every other inference.

    Raises WorkerError when the runtime refuses the network.
    """
    options = session_options(threads)
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "onnxruntime")
    session = load(file, options, "CPUExecutionProvider", {})
    feeds = input_arrays(file)
    try:
        for _ in range(inferences):
            session.run(None, feeds)
    except Exception as error:  # of the runtime's own kinds
        raise refused(f"{file.name} cannot run", file, error) from error
    return Path(session.end_profiling())


def steps(trace: Path, warmup: int = 1) -> tuple[TimedStep, ...]:
    """The steps of a profiled session in the order in which they run, without its first `warmup` inferences.

    Raises WorkerError for a file that is no whole trace or holds no further inference.
    """
    try:
        events = json.loads(trace.read_text())
    except (OSError, ValueError) as error:
        raise WorkerError(f"{trace} is no whole profile of ONNX Runtime: {error}") from error
    runs = sorted((event["ts"], event["ts"] + event["dur"]) for event in events if event["name"] == "model_run")
    if len(runs) <= warmup:
        raise WorkerError(f"{trace} holds {len(runs)} inferences, of which {warmup} only warm up; run more")
    begins = [begin for begin, _ in runs]
    found: dict[tuple[str, str], list[float]] = {}
    for event in sorted(events, key=lambda event: event["ts"]):
        run = bisect.bisect_right(begins, event["ts"]) - 1
        is_step = event["cat"] == "Node" and event["name"].endswith(_SUFFIX)
        if is_step and run >= warmup and event["ts"] <= runs[run][1]:
            key = event["name"].removesuffix(_SUFFIX), event["args"]["op_name"]
            found.setdefault(key, [0.0] * (len(runs) - warmup))[run - warmup] += (event["dur"] + _CUT_OFF_US) * 1e-6
    return tuple(TimedStep(name, kind, tuple(times_s)) for (name, kind), times_s in found.items())


def central(session: Sequence[TimedStep]) -> list[ProfiledStep]:
    """Each step with its mean over the half of the inferences whose totals lie in the middle.

    Every step over the same inferences, so that they add up. Medians of each do not: where the CPU is taken away
    once in most inferences, it is in few runs of any one step, and their sum misses it.
    """
    table = np.array([step.times_s for step in session])
    quarter = table.shape[1] // 4
    middle = np.argsort(table.sum(axis=0))[quarter : table.shape[1] - quarter]
    means_s = table[:, middle].mean(axis=1).tolist()
    return [ProfiledStep(step.name, step.kind, mean_s) for step, mean_s in zip(session, means_s, strict=True)]
