"""`colocate report`: tables, figures and page of a run again."""

from __future__ import annotations

import argparse

from colocate.commands.aim import AIM_FLAGS
from colocate.commands.common_arguments import add_flags, named_path
from colocate.commands.study_run import print_report, report_on

SUMMARY = "write tables, figures and the page of a run"
DESCRIPTION = "Rebuilds cells.csv, report.html and the figures of a run from its run.sqlite."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, and another aim for one of `efficiency`."""
    parser.add_argument("folder", type=named_path, metavar="RUN", help="folder of a run, finished or not")
    add_flags(parser.add_argument_group("of a run of `efficiency`, another aim than its own"), AIM_FLAGS)
    parser.add_argument("--json", action="store_true", help="one JSON summary on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Write the report and print it."""
    return print_report(report_on(arguments.folder, arguments), arguments)
