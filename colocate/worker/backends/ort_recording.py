"""What ONNX Runtime's profile adds to the length of each step: it looks at the inputs and writes down the outputs
between its two clock reads, some microseconds on a desktop CPU and more with several threads.

Measured, because without it a network of many short steps takes twice its time: a chain of short steps is run with a
profile and without, under the clocks and on the CPUs of the window that the profile belongs to.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from colocate.worker.backends.ort_session import load, session_options
from colocate.worker.backends.ort_trace import Recording, central, middle, recorded, steps
from colocate.worker.inputs import input_arrays
from colocate.worker.request import NetworkFile, TensorSpec

_STEPS, _INFERENCES, _WARMUP = 32, 60, 10
# Numbers that a step reads: enough that it finds its caches as used as in a network.
_ELEMENTS = 4096


def measured(folder: Path, threads: int) -> Recording:
    """What recording adds, in sessions of their own whose files lie in `folder`. Raises WorkerError."""
    path = folder / "chain.onnx"
    path.write_bytes(chain())
    file = NetworkFile("chain", path, "", (TensorSpec("x0", (1, _ELEMENTS), "float32"),))
    session, feeds = load(file, session_options(threads), "CPUExecutionProvider", {}), input_arrays(file)
    lengths_s = []
    for _ in range(_WARMUP + _INFERENCES):
        before_s = time.monotonic()
        session.run(None, feeds)
        lengths_s.append(time.monotonic() - before_s)
    whole_s = np.array(lengths_s[_WARMUP:])
    found = central(steps(recorded(file, folder, _WARMUP + _INFERENCES, threads), _WARMUP))
    shortest_s = float(whole_s[middle(whole_s)].mean()) / len(found)
    recorded_s = sum(step.time_s for step in found) / len(found)
    return Recording(max(recorded_s - shortest_s, 0.0), shortest_s)


def chain() -> bytes:
    """A network of short steps, one behind the other, as an ONNX file.

    Written field by field (https://protobuf.dev/programming-guides/encoding, onnx.proto): a worker has no onnx.
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
    """Seven bits a byte, the lowest first; all but the last byte have the highest bit set."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
