"""Substitutes for what Python 3.6, the oldest that runs a worker, does not have."""

import functools
import gc
import operator
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol as Protocol  # novm: for the type checker alone
else:
    Protocol = object

# From Python 3.7 on. A double holds the time since the start of the machine to some nanoseconds.
monotonic_ns: "Callable[[], int]" = getattr(time, "monotonic_ns", lambda: round(time.monotonic() * 1e9))
process_time_ns: "Callable[[], int]" = getattr(time, "process_time_ns", lambda: round(time.process_time() * 1e9))
freeze: "Callable[[], None]" = getattr(gc, "freeze", lambda: None)


def product(sizes: "Iterable[int]") -> int:
    """The product of `sizes`, 1 if there are none: `math.prod` of Python 3.8."""
    return functools.reduce(operator.mul, sizes, 1)


def without_suffix(text: str, suffix: str) -> str:
    """Do what `str.removesuffix` of Python 3.9 does."""
    return text[: -len(suffix)] if suffix and text.endswith(suffix) else text
