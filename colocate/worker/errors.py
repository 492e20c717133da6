"""What can go wrong in a worker; its parent makes one of its own errors of the line on stderr."""

import os
import re
import sys
from typing import NoReturn

from colocate.worker.older import without_prefix

# File, line and the signature of a function.
_SOURCE_PLACE = re.compile(r"/\S+\.(?:h|cc):\d+ [^()]*\([^()]*\) ")


class WorkerError(Exception):
    """The runtime, its GPU or its files refuse; the message is one line that is meant for the user."""


def leave(why: str) -> NoReturn:
    """End this process at once, whatever its threads wait for, with one line."""
    sys.stderr.write(f"{why}\n")
    sys.stderr.flush()
    os._exit(1)


def one_line(error: Exception) -> str:
    """The first line of what a runtime says, without the status code and the places in the source of ONNX Runtime."""
    said = _SOURCE_PLACE.sub("", str(error).strip()).splitlines()
    return without_prefix(said[0], "[ONNXRuntimeError] : ") if said else repr(error)


def refused(what: str, fed: str, error: Exception) -> WorkerError:
    """The error of a runtime that could not do `what`: its words, what inputs were `fed`, and how to feed others."""
    if not fed:
        return WorkerError(f"{what}: {one_line(error)}")
    return WorkerError(f"{what}, fed {fed} (--shape and --input change that): {one_line(error)}")
