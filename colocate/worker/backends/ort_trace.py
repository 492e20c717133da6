"""Read ONNX Runtime's profile of a session: how long each step took.

The trace is a list of events in Chrome's trace format, in whole microseconds. On the CPU a step's length is that of
its kernel; on a GPU it may be that of the launch only.

The nodes in the body of a Loop, an If or a Scan have events of their own, inside the event of the outer node. The
time of the outer node is without the runs of its body, so that all times add up. The time between two nodes counts
for neither, in a body as elsewhere.
"""

import bisect
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Mapping, NamedTuple

import numpy as np

from colocate.worker.backend import ProfiledStep
from colocate.worker.backends.ort_session import load, session_options
from colocate.worker.errors import WorkerError, refused
from colocate.worker.inputs import input_arrays
from colocate.worker.older import without_suffix
from colocate.worker.request import NetworkFile

_SUFFIX = "_kernel_time"
# One run of a graph or of a body: its nodes lie in it, and it lies in the node that has the body.
_RUN_OF_A_GRAPH = "SequentialExecutor::Execute"
# Lengths are cut to whole microseconds: half of one is lost on average, and many steps take but a few.
_CUT_OFF_US = 0.5

_Event = Mapping[str, Any]


class TimedStep(NamedTuple):
    """A node of the runtime's graph; `times_s` has its time in each inference, in order, in seconds.

    `within` names the nodes in whose bodies it lies, the outermost first; `runs` is how often it ran in an inference,
    on average.
    """

    name: str
    kind: str
    times_s: "tuple[float, ...]"
    within: "tuple[str, ...]" = ()
    runs: float = 1.0


class Profile(NamedTuple):
    """The steps of a profiled session, in the order in which they run, and the length of each inference in
    seconds.
    """

    steps: "tuple[TimedStep, ...]"
    lengths_s: "tuple[float, ...]"

    @property
    def runs(self) -> float:
        """How many steps run in an inference; a step in a body counts once for each run."""
        return sum(step.runs for step in self.steps)


class _Key(NamedTuple):
    """What identifies a step. Its name is not enough: a body may have nodes of the same names as the outer graph."""

    within: "tuple[str, ...]"
    name: str
    kind: str


class _Span(NamedTuple):
    """An event that others may lie in; `key` is None if it is no step."""

    end_us: int
    key: "_Key | None"


def recorded(file: NetworkFile, folder: Path, inferences: int, threads: int) -> Path:
    """Run a new session with the profiler on the CPU, and return its trace in `folder`. Its settings are those of
    every other session.

    Raises WorkerError if the runtime refuses the network.
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
        raise refused(f"{file.name} cannot run", file.fed, error) from error
    return Path(session.end_profiling())


def read(trace: Path, warmup: int = 1) -> Profile:
    """Return the profile in a trace, without its first `warmup` inferences.

    Raises WorkerError if the file is not a whole trace, or holds no further inference.
    """
    try:
        events = json.loads(trace.read_text())
    except (OSError, ValueError) as error:
        raise WorkerError(f"{trace} is no whole profile of ONNX Runtime: {error}") from error
    runs = sorted((event["ts"], event["ts"] + event["dur"]) for event in events if event["name"] == "model_run")
    if len(runs) <= warmup:
        raise WorkerError(f"{trace} holds {len(runs)} inferences, of which {warmup} only warm up; run more")
    begins = [begin for begin, _ in runs]
    inferences = len(runs) - warmup
    times_s: "defaultdict[_Key, list[float]]" = defaultdict(lambda: [0.0] * inferences)
    counts: "Counter[_Key]" = Counter()
    for event, key, outer in _nested(events):
        run = bisect.bisect_right(begins, event["ts"]) - 1
        if run < warmup or event["ts"] > runs[run][1]:
            continue
        length_s = (event["dur"] + _CUT_OFF_US) * 1e-6
        if key is not None:
            times_s[key][run - warmup] += length_s
            counts[key] += 1
        if outer is not None:
            times_s[outer][run - warmup] -= length_s
    return Profile(
        steps=tuple(
            TimedStep(key.name, key.kind, tuple(own_s), key.within, counts[key] / inferences)
            for key, own_s in times_s.items()
        ),
        lengths_s=tuple((end - begin) * 1e-6 for begin, end in runs[warmup:]),
    )


def central(steps: "Sequence[TimedStep]", added_s: float = 0.0, shortest_s: float = 0.0) -> "list[ProfiledStep]":
    """Return each step with its mean time over the middle half of the inferences, as ordered by total time. Each of
    its runs is shortened by `added_s`, but not below `shortest_s`.

    All steps use the same inferences, so their means add up. Medians do not: if most inferences lose the CPU once,
    each at another step, no median shows it.
    """
    if not steps:
        return []
    table = np.array([step.times_s for step in steps])
    means_s = table[:, middle(table.sum(axis=0))].mean(axis=1).tolist()
    return [
        ProfiledStep(
            step.name,
            step.kind,
            max(mean_s - step.runs * added_s, step.runs * shortest_s),
            step.within,
            step.runs,
        )
        for step, mean_s in zip(steps, means_s)
    ]


def middle(lengths_s: Any) -> Any:
    """The indices of the middle half of `lengths_s` (n,) by length: a few disturbed ones do not count."""
    quarter = len(lengths_s) // 4
    return np.argsort(lengths_s)[quarter : len(lengths_s) - quarter]


def _nested(events: "Sequence[_Event]") -> "Iterator[tuple[_Event, _Key | None, _Key | None]]":
    """Yield every event of a step or of a graph's run, in order, with the key of its step and the key of the step
    directly around it. Either is None if there is no such step.
    """
    around: "list[_Span]" = []
    for event in sorted(filter(_counts, events), key=lambda event: (event["ts"], -event["dur"])):
        while around and event["ts"] >= around[-1].end_us:
            around.pop()
        key = None
        if event["cat"] == "Node":
            within = tuple(span.key.name for span in around if span.key is not None)
            key = _Key(within, without_suffix(event["name"], _SUFFIX), event["args"]["op_name"])
        yield event, key, around[-1].key if around else None
        around.append(_Span(event["ts"] + event["dur"], key))


def _counts(event: _Event) -> bool:
    if event["cat"] == "Node":
        return bool(event["name"].endswith(_SUFFIX))
    return bool(event["name"] == _RUN_OF_A_GRAPH)
