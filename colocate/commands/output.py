"""Print JSON and text on stdout, remarks on stderr. Characters that control a terminal are made visible."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Mapping, Sequence

from colocate.report.text.visible import one_line, visible


def print_json(value: object) -> None:
    """Print `value` as one line of strict JSON on stdout."""
    print(json.dumps(_finite(value), allow_nan=False))


def print_lines(text: str) -> None:
    """Print text for a person on stdout."""
    print(visible(text))


def print_words(text: str) -> None:
    """Print sentences for a person on stdout, wrapped to the width of the terminal."""
    from rich.text import Text

    from colocate.report.text.tables import console

    console().print(Text(text))


def say(line: str) -> None:
    """Print a remark on stderr. It is no failure if nobody reads stderr any more."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(visible(line), file=sys.stderr)


def say_error(message: str, details: Sequence[str] = ()) -> None:
    """Print on stderr why the command ends: the message on one line, and each of `details` on another."""
    say(f"colocate: {one_line(message)}")
    for detail in details:
        say(f"  {one_line(detail)}")


def _finite(value: object) -> object:
    """Return `value` with None (null in JSON) for NaN and infinities, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value
