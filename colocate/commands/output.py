"""What commands print: JSON and lines on stdout, remarks on stderr. Nothing in it acts on a terminal."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Mapping, Sequence

from colocate.report.text.visible import one_line, visible


def print_json(value: object) -> None:
    """One line that every JSON reader takes."""
    print(json.dumps(_finite(value), allow_nan=False))


def print_lines(text: str) -> None:
    """Text for a person, on stdout."""
    print(visible(text))


def print_words(text: str) -> None:
    """Sentences for a person, on stdout, broken where the terminal ends."""
    from rich.text import Text

    from colocate.report.text.tables import console

    console().print(Text(text))


def say(line: str) -> None:
    """A remark on stderr; a reader who left is no failure."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(visible(line), file=sys.stderr)


def say_error(message: str, details: Sequence[str] = ()) -> None:
    """Why the command ends, on stderr: one line, whatever it quotes, and one for each of its `details`."""
    say(f"colocate: {one_line(message)}")
    for detail in details:
        say(f"  {one_line(detail)}")


def _finite(value: object) -> object:
    """`value` with null for the numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value
