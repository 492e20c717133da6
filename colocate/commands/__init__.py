"""The commands, one file each: texts for `--help`, flags (`add_arguments`), and what the command does (`run`)."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

# First in the list of `--help`; the others follow in alphabetical order.
_FIRST = ("init", "sweep", "advise", "report", "compare", "list")


def find_commands() -> dict[str, ModuleType]:
    """Return the module of every command by its name. A module that has `add_arguments` is a command."""
    modules = {
        found.name: importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
    }
    commands = {name: module for name, module in modules.items() if hasattr(module, "add_arguments")}
    return {name: commands[name] for name in (*_FIRST, *sorted(commands.keys() - {*_FIRST}))}
