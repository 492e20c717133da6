"""Read and write a study in a file of TOML."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colocate.bounded import bounded
from colocate.errors import SpecError
from colocate.model.written import WrittenFloat

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


# Enough for thousands of commands; a parser needs about a second for so much.
_SIZE_MAX_BYTES = 1 << 20


def read_study(path: Path) -> Mapping[str, Any]:
    """Return the keys of a study file. Raises SpecError; if the file is no TOML, it names the line."""
    try:
        content = _content(path)
    except OSError as error:
        raise SpecError(
            f"cannot read the study file {path}: {error.strerror}; python -m colocate init writes one"
        ) from error
    # Time and memory of the parser grow with the square of the dots in a key.
    return bounded(lambda: parsed(path, content), str(path))


def parsed(path: Path, content: bytes) -> Mapping[str, Any]:
    """Return the keys in the `content` of the study file `path`. Raises SpecError, naming the line, if it
    is no TOML.
    """
    try:
        return tomllib.loads(content.decode("utf-8-sig"), parse_float=WrittenFloat)
    except ValueError as error:
        # It is no TOML or no UTF-8, or has a number of thousands of digits.
        raise SpecError(
            f"{path} is not valid TOML: {error}; correct it, or let python -m colocate init write one"
        ) from error
    except RecursionError as error:
        raise SpecError(f"{path} is nested too deeply to be a study") from error


def _content(path: Path) -> bytes:
    # The file may be a pipe, which has no size.
    with path.open("rb") as file:
        content = file.read(_SIZE_MAX_BYTES + 1)
    if len(content) > _SIZE_MAX_BYTES:
        raise SpecError(f"{path} is too large for a study: {_SIZE_MAX_BYTES} bytes are the most")
    return content


def study_file(request: Mapping[str, Any]) -> str:
    """Return the keys as the text of a study file for `read_study`; empty if no key is set."""
    tables = {key: value for key, value in request.items() if isinstance(value, Mapping)}
    lines = [key_line(key, value) for key, value in request.items() if key not in tables and value is not None]
    return "\n".join([*lines, *tables_of(tables)]).strip()


def key_line(key: str, value: object) -> str:
    """One key with its value, as a line of a study file."""
    return f"{key} = {_toml(value)}"


def tables_of(tables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The lines of tables, which come last in a study file."""
    return [
        line
        for name, table in tables.items()
        for line in ("", f"[{name}]", *(f"{_key(key)} = {_toml(value)}" for key, value in table.items()))
    ]


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, (list, tuple)) and any(isinstance(each, Mapping) for each in value):
        return "[\n" + "".join(f"    {_toml(each)},\n" for each in value) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # JSON's strings, numbers and booleans are TOML's. What acts on a terminal is escaped as well.
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
