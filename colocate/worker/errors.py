"""What can go wrong in a worker; its parent makes one of its own errors of the line on stderr."""

from __future__ import annotations

import re

from colocate.worker.request import NetworkFile, TensorSpec

# File, line and the signature of a function.
_SOURCE_PLACE = re.compile(r"/\S+\.(?:h|cc):\d+ [^()]*\([^()]*\) ")


class WorkerError(Exception):
    """The runtime, its GPU or its files refuse; the message is one line that is meant for the user."""


def one_line(error: Exception) -> str:
    """The first line of what a runtime says, without the status code and the places in the source of ONNX Runtime."""
    said = _SOURCE_PLACE.sub("", str(error).strip()).splitlines()
    return said[0].removeprefix("[ONNXRuntimeError] : ") if said else repr(error)


def refused(what: str, file: NetworkFile | None, error: Exception) -> WorkerError:
    """What the runtime has against `what` it should do, with what the inputs were fed and how to feed them else."""
    if file is None:
        return WorkerError(f"{what}: {one_line(error)}")
    told = ", ".join(f"{spec.name}={_told(spec)}" for spec in file.inputs)
    return WorkerError(f"{what}, fed {told} (--shape and --input change that): {one_line(error)}")


def _told(spec: TensorSpec) -> str:
    if spec.shape:
        return "x".join(map(str, spec.shape))
    return "scalar" if spec.constant is None else f"{spec.constant:g}"
