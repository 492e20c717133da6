"""`colocate compare`: what changed between two runs."""

from __future__ import annotations

import argparse

from colocate.commands.common_arguments import add_forms, named_path, number
from colocate.commands.exit_codes import DONE, NO
from colocate.commands.output import print_json, print_lines

SUMMARY = "what changed between two runs"
DESCRIPTION = """\
Compares latency, slowdown and power in every cell (network, task and setting) that both runs have, and shows those
that changed significantly.
Use it after a change of kernel, driver or machine; it also lists what else differs between the runs. Exit code 10:
at least one regression."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two runs, the allowed regression, and the form of the output."""
    parser.add_argument("before", type=named_path, metavar="BEFORE", help="folder of a run")
    parser.add_argument("after", type=named_path, metavar="AFTER", help="folder of a run of the same study")
    parser.add_argument(
        "--max-regression",
        type=number,
        default=0.0,
        metavar="R",
        help="largest rise of a latency, a slowdown or the power that is allowed; 0.05 is 5 %% (default: 0)",
    )
    parser.add_argument(
        "--confidence",
        type=number,
        default=0.95,
        metavar="C",
        help="confidence in all changes together (default: 0.95)",
    )
    add_forms(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare the runs, print what changed, and return the exit code of the answer."""
    from colocate.report.compare.load import compare_runs
    from colocate.report.compare.markdown import comparison_markdown
    from colocate.report.compare.terminal import print_comparison
    from colocate.report.compare.to_json import comparison_json

    found = compare_runs(arguments.before, arguments.after, arguments.max_regression, arguments.confidence)
    if arguments.json:
        print_json(comparison_json(found))
    elif arguments.markdown:
        print_lines(comparison_markdown(found))
    else:
        print_comparison(found)
    return NO if found.comparison.regressions else DONE
