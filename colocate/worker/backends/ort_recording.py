"""Measure what ONNX Runtime's profiler adds to the time of each step. Between its two clock reads it examines the
inputs and records the outputs, for some microseconds on a desktop CPU and more with several threads.

Without a correction, a network of many short steps would seem to take twice its time. How much the profiler slows a
network is known from runs without it. Which share of that lies within the recorded times is measured with a chain of
short steps, under the clocks and on the CPUs of the window that the profile belongs to.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from colocate.worker.backends.ort_session import load, session_options
from colocate.worker.backends.ort_trace import Profile, central, middle, read, recorded
from colocate.worker.inputs import input_arrays
from colocate.worker.request import NetworkFile, TensorSpec

_STEPS, _INFERENCES, _WARMUP = 32, 60, 10
# Numbers that a step reads: so few that it takes almost no time.
_ELEMENTS = 64
# Recording adds more in a network whose code and data do not stay in the caches than in the chain. At most twice as
# much was seen; anything beyond that comes from another program.
_MOST = 2.0


class Recording(NamedTuple):
    """What recording adds, measured with a chain of short steps. `added_s` is per step. `share` is the part of the
    profiler's whole cost that lies within recorded times. `shortest_s` is how long a step of the chain takes by
    itself.
    """

    added_s: float
    share: float
    shortest_s: float

    def added_to(self, profile: Profile, plain_s: float) -> float:
        """How much recording adds to each step of a network, in seconds. The network takes `plain_s` without the
        profiler.
        """
        slower_s = _central(profile.lengths_s) - plain_s
        each_s = self.share * slower_s / max(profile.runs, 1.0)
        return min(max(each_s, self.added_s), _MOST * self.added_s)


def measured(folder: Path, threads: int) -> Recording:
    """Measure what recording adds, in separate sessions whose files lie in `folder`. Raises WorkerError."""
    path = folder / "chain.onnx"
    path.write_bytes(chain())
    file = NetworkFile("chain", path, "", (TensorSpec("x0", (1, _ELEMENTS), "float32"),))
    session, feeds = load(file, session_options(threads), "CPUExecutionProvider", {}), input_arrays(file)
    plain_s = plain_length_s(lambda: session.run(None, feeds), _INFERENCES, _WARMUP)
    profile = read(recorded(file, folder, _WARMUP + _INFERENCES, threads), _WARMUP)
    within_s = sum(step.time_s for step in central(profile.steps)) - plain_s
    slower_s = _central(profile.lengths_s) - plain_s
    share = within_s / slower_s if slower_s > 0 else 0.0
    return Recording(max(within_s / profile.runs, 0.0), min(max(share, 0.0), 1.0), plain_s / profile.runs)


def plain_length_s(infer: "Callable[[], object]", inferences: int, warmup: int = 1) -> float:
    """How long an inference takes without the profiler, in seconds: the mean of the middle half of `inferences`."""
    lengths_s = []
    for _ in range(warmup + inferences):
        before_s = time.monotonic()
        infer()
        lengths_s.append(time.monotonic() - before_s)
    return _central(lengths_s[warmup:])


def _central(lengths_s: "Sequence[float]") -> float:
    table = np.array(lengths_s)
    return float(table[middle(table)].mean())


def chain() -> bytes:
    """An ONNX file with a network of short steps, one behind the other.

    It is written field by field (https://protobuf.dev/programming-guides/encoding, onnx.proto): a worker may have no
    onnx.
    """
    nodes = [
        _part(1, _text(1, f"x{i}") + _text(2, f"x{i + 1}") + _text(3, f"step{i}") + _text(4, ("Neg", "Abs")[i % 2]))
        for i in range(_STEPS)
    ]
    # FLOAT, and a shape of one row.
    tensor = _number(1, 1) + _part(2, _part(1, _number(1, 1)) + _part(1, _number(1, _ELEMENTS)))
    ends = [
        _part(field, _text(1, name) + _part(2, _part(1, tensor))) for field, name in ((11, "x0"), (12, f"x{_STEPS}"))
    ]
    graph = b"".join(nodes) + _text(2, "chain") + b"".join(ends)
    # The version of the format, the graph, and the version of the operators.
    return _number(1, 8) + _part(7, graph) + _part(8, _number(2, 13))


def _part(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _part(field, text.encode())


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    """Return `value` with seven bits a byte, the lowest first; all bytes but the last have the highest bit set."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
