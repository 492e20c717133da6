"""What names a user may give to tasks, mixes and pipelines."""

from __future__ import annotations

from colocate.errors import SpecError

# Characters that separate names in lists, file names and tables.
_PARTING = "/;,"


def can_name(name: str, also: str = "") -> bool:
    """Whether a user may give this name. Characters of `also` may be in it, even if they separate names elsewhere."""
    return name not in ("", "none") and all(c.isprintable() and (c in also or c not in _PARTING) for c in name)


def check_name(where: str, name: str, what: str, also: str = "") -> None:
    """Raise SpecError if `name` cannot name `what`; `where` is the key or flag."""
    if not can_name(name, also):
        use = ", ".join(["letters", "digits", "'-'", *(f"'{c}'" for c in also)])
        raise SpecError(f"{where}: {name!r} cannot name {what}; use {use} and '_'")
