"""Flags that override the limits of a run key by key, for every command that judges a run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from colocate.commands.common_arguments import Flags, add_flags, given
from colocate.commands.study_flags import LIMIT_FLAGS
from colocate.errors import SpecError
from colocate.model.spelling import unknown

if TYPE_CHECKING:
    from colocate.request.limit_keys import LimitChanges


def _key(text: str) -> str:
    """Return the key of a limit in a study file: `slo-ms` -> `slo_ms`. Raises SpecError if it cannot be dropped."""
    from colocate.request.limit_keys import DROPPABLE

    name = text.strip().removeprefix("--").replace("_", "-")
    keys = {key.replace("_", "-"): key for key in DROPPABLE}
    if name not in keys:
        raise SpecError(f"--without: {unknown(name, keys, 'limit')}")
    return keys[name]


_WITHOUT: Flags = {
    "without": {
        "action": "append",
        "type": _key,
        "metavar": "LIMIT",
        "help": "drop one of the run's own limits: slo-ms, max-slowdown, power-budget-w or max-work-loss; repeatable",
        "otherwise": "keep all",
    },
}


def add_limit_changes(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every limit, and `--without` to drop one."""
    group = parser.add_argument_group("limits", "A run keeps its own limits; each flag replaces the one of its name.")
    own = {key: {**flag, "otherwise": "the run's own"} for key, flag in LIMIT_FLAGS.items()}
    add_flags(group, {**own, **_WITHOUT})


def limit_changes(arguments: argparse.Namespace) -> LimitChanges:
    """Return how the flags change the limits of a run."""
    from colocate.request.limit_keys import LimitChanges

    return LimitChanges(given(arguments, LIMIT_FLAGS), tuple(vars(arguments).get("without", ())))
