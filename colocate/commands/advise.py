"""`colocate advise`: verdicts on a run under limits."""

from __future__ import annotations

import argparse

from colocate.commands.common_arguments import add_forms, named_path
from colocate.commands.limit_changes import add_limit_changes, limit_changes
from colocate.commands.output import print_json, print_lines
from colocate.errors import SpecError

SUMMARY = "which tasks are safe, where, under limits"
DESCRIPTION = """\
Verdicts on every cell, with one promise for the whole table, and what to choose. Limits that are given take the place
of those the study was made for. Exit code 1: nothing is safe."""

NOTHING_SAFE = 1
"""The exit code when no task is safe anywhere."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, limits, and the form of the answer."""
    parser.add_argument("folder", type=named_path, metavar="RUN", help="folder of a run, finished or not")
    add_limit_changes(parser)
    add_forms(parser)


def run(arguments: argparse.Namespace) -> int:
    """Judge the run and print the advice."""
    from colocate.report.advise.load import advise_on
    from colocate.report.advise.markdown import advice_markdown
    from colocate.report.advise.terminal import print_advice
    from colocate.report.advise.to_json import advice_json
    from colocate.report.run_report import load

    loaded = load(arguments.folder, limit_changes(arguments))
    if (limits := loaded.limits) is None:
        raise SpecError("nothing to judge by: give --slo-ms, --max-slowdown, --power-budget-w or --max-work-loss")
    advice = advise_on(loaded, limits)
    if arguments.json:
        print_json(advice_json(advice, arguments.folder))
    elif arguments.markdown:
        print_lines(advice_markdown(advice))
    else:
        print_advice(advice)
    return 0 if advice.safe else NOTHING_SAFE
