"""What a user may call a task, a mix, or a network that is a program."""

from __future__ import annotations

from colocate.errors import SpecError

# They part what stands in lists, file names and tables.
_PARTING = "/;,"


def can_name(name: str, also: str = "") -> bool:
    """Whether a user may call something so; characters of `also` may be in it, whatever they part elsewhere."""
    return name not in ("", "none") and all(c.isprintable() and (c in also or c not in _PARTING) for c in name)


def check_name(where: str, name: str, what: str, also: str = "") -> None:
    """Raise SpecError, with the key or flag `where`, for what cannot name `what`."""
    if not can_name(name, also):
        use = ", ".join(["letters", "digits", "'-'", *(f"'{c}'" for c in also)])
        raise SpecError(f"{where}: {name!r} cannot name {what}; use {use} and '_'")
