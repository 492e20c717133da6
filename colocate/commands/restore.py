"""`colocate restore`: put back the settings that a power loss or a killed sweep left changed."""

from __future__ import annotations

import argparse

from colocate.commands.output import print_lines, print_words

SUMMARY = "put back what an interrupted run left changed"
DESCRIPTION = (
    "Puts back the settings that a power loss or a killed sweep left changed, and removes the cpusets of that sweep."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no arguments: there is nothing to choose."""


def run(arguments: argparse.Namespace) -> int:
    """Remove stale cpusets and restore from the journal, if there is one."""
    from colocate.host.cpus.cpuset import remove_stale_groups
    from colocate.host.restore.journal import restore, state_folder
    from colocate.host.sysfs import Sysfs
    from colocate.report.text.numbers import counted

    remove_stale_groups()
    repair = restore(Sysfs(), state_folder())
    if repair is None:
        print_lines("Nothing to restore.")
    elif repair.rebooted:
        print_words("The machine was rebooted since, which reset every clock; the journal is removed.")
    else:
        print_lines("\n  ".join([f"Restored {counted(len(repair.changed), 'setting')}", *repair.changed]))
    return 0
