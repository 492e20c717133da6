"""Errors of a worker. Its parent turns the line on stderr into one of its own errors."""

import os
import re
import sys
from typing import NoReturn

# With number and name of its status, as in `[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : `.
_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : (?:\d+ : \w+ : )?")
# File, line and the signature of a function.
_SOURCE_PLACE = re.compile(r"/\S+\.(?:h|cc):\d+ [^()]*\([^()]*\) ")


class WorkerError(Exception):
    """The runtime, its GPU or its files fail; the message is one line for the user."""


def leave(why: str) -> NoReturn:
    """End this process at once with the line `why` and exit status 1, whatever its threads wait for."""
    sys.stderr.write(f"{why}\n")
    sys.stderr.flush()
    os._exit(1)


def one_line(error: Exception) -> str:
    """The first line of what a runtime says, without ONNX Runtime's prefix and places in its source."""
    said = _SOURCE_PLACE.sub("", str(error).strip()).splitlines()
    return _PREFIX.sub("", said[0]) if said else repr(error)


def refused(what: str, fed: str, error: Exception) -> WorkerError:
    """Return the error of a runtime that failed at `what`: its message, what inputs were `fed`, and how to feed
    others.
    """
    if not fed:
        return WorkerError(f"{what}: {one_line(error)}")
    return WorkerError(f"{what}, fed {fed} (--shape and --input change that): {one_line(error)}")
