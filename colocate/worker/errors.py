"""What can go wrong in a worker; its parent makes one of its own errors of the line on stderr."""

from __future__ import annotations


class WorkerError(Exception):
    """The runtime, its GPU or its files refuse; the message is one line that is meant for the user."""


def one_line(error: Exception) -> str:
    """The first line of what a runtime says, without the status code of ONNX Runtime."""
    said = str(error).strip().splitlines()
    return said[0].removeprefix("[ONNXRuntimeError] : ") if said else repr(error)
