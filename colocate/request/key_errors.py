"""Turn pydantic's errors about the keys of a study into one line for the user."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from colocate.model.spelling import unknown
from colocate.model.written import as_written

# pydantic's type of an error -> what to give instead; names in braces are filled in from the error's context.
_WANTED = {
    "string_type": "a text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "greater_than": "a number greater than {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number less than {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "literal_error": "{expected}",
    "tuple_type": "a list",
    "mapping_type": "a table",
    "dict_type": "a table",
    "dataclass_type": "a table",
}
_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_MISSING = ("missing", "missing_argument")


def said(error: ValidationError, root: Any, *above: str) -> str:
    """Return a line with key, value and what to write instead, for the error that lies deepest in the keys.

    `root` is the type of what was read, often a dataclass. If that lies inside others, `above` are the keys that lead
    to it.
    """
    found = [(_place(each, root), each) for each in error.errors()]
    # The user meant that branch of a union whose error lies deepest.
    (path, kind), first = max(found, key=lambda each: len(each[0][0]))
    # `repr` escapes line breaks in a name.
    before, where = (repr(".".join((*above, *keys)))[1:-1] for keys in (path[:-1], path))
    if first["type"] in _UNKNOWN:
        names = [
            own.name for each in _members(kind) if dataclasses.is_dataclass(each) for own in dataclasses.fields(each)
        ]
        return f"{before}: {unknown(path[-1], names, 'key')}"
    if first["type"] in _MISSING:
        return f"{where}: this key is missing"
    if first["type"] not in _WANTED:
        return f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}, not {as_written(first['input'])}"
    alike = (each for (own, _), each in found if own == path and each["type"] in _WANTED)
    wanted = dict.fromkeys(_WANTED[each["type"]].format(**each.get("ctx", {})) for each in alike)
    return f"{where}: give {' or '.join(wanted)}, not {as_written(first['input'])}"


def _place(error: ErrorDetails, root: Any) -> tuple[tuple[str, ...], Any]:
    """Return the keys that lead to the error, without the branches of unions, and the type that was wanted there.

    For an unknown key, the type is the one that has no such key.
    """
    location = [*error["loc"]]
    last = [location.pop()] if error["type"] in _UNKNOWN else []
    path: list[int | str] = []
    kind: Any = root
    for part in location:
        if len(_kinds(kind)) > 1:
            # In a union, pydantic's location first names the branch.
            kind = _branch(kind, str(part))
            continue
        inside = _inside(kind, part)
        if inside is not None:
            path.append(part)
            kind = inside
    return tuple(map(str, [*path, *last])), kind


def _inside(kind: Any, part: int | str) -> Any:
    """If `kind` has a key or a list place `part`, the type of the value there; else None."""
    for each in _members(kind):
        origin, arguments = get_origin(each), get_args(each)
        if dataclasses.is_dataclass(each) and part in {own.name for own in dataclasses.fields(each)}:
            return get_type_hints(each, include_extras=True)[str(part)]
        if origin is Mapping:
            return arguments[1]
        if origin is tuple and isinstance(part, int):
            return arguments[0]
    return None


def _branch(kind: Any, name: str) -> Any:
    """The branch of a union with that name, such as `str` or `tuple[str, ...]`; the union itself if none has it."""
    for each in _kinds(kind):
        of = get_origin(each) or each
        if name.partition("[")[0] in (getattr(of, "__name__", ""), "dict" if of is Mapping else None):
            return each
    return kind


def _kinds(kind: Any) -> list[Any]:
    """The branches of a union except None, which pydantic does not name."""
    return [each for each in _members(kind) if each is not type(None)]


def _members(kind: Any) -> Iterator[Any]:
    """The branches of a union; for any other type, that type alone."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _members(get_args(kind)[0])
    elif origin in (Union, types.UnionType):
        for each in get_args(kind):
            yield from _members(each)
    else:
        yield kind
