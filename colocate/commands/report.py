"""`colocate report`: write the tables, figures and page of a run again."""

from __future__ import annotations

import argparse

from colocate.commands.aim import UTILITY_FLAG
from colocate.commands.common_arguments import add_flags, named_path
from colocate.commands.limit_changes import add_limit_changes
from colocate.commands.study_run import print_report, report_on

SUMMARY = "write tables, figures and the page of a run"
DESCRIPTION = "Writes the tables, report.md, report.html and the figures of a run again, from its run.sqlite."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the run, limits that override its own, and the form of the output."""
    parser.add_argument("folder", type=named_path, metavar="RUN", help="folder of a run, finished or not")
    add_limit_changes(parser)
    add_flags(
        parser.add_argument_group("a run of `efficiency`"),
        {"utility": {**UTILITY_FLAG["utility"], "otherwise": "the run's own"}},
    )
    parser.add_argument("--json", action="store_true", help="one JSON summary on stdout instead of tables")


def run(arguments: argparse.Namespace) -> int:
    """Write the report and print it."""
    return print_report(report_on(arguments.folder, arguments), arguments)
