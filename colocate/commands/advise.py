"""`colocate advise`: verdicts on a run under limits."""

from __future__ import annotations

import argparse

from colocate.commands.common_arguments import add_forms, named_path
from colocate.commands.exit_codes import DONE, NO, UNKNOWN
from colocate.commands.limit_changes import add_limit_changes, limit_changes
from colocate.commands.output import print_json, print_lines
from colocate.errors import SpecError

SUMMARY = "which tasks are safe, where, under limits"
DESCRIPTION = """\
Judges every cell, and says what to choose. A cell is one network beside one task in one setting: placement,
containment and clocks. For limits set in advance, the chance of any wrong SAFE in the table is at most 5 %
(--confidence). The limits are those of the study; flags override them one by one.

Exit code 10: all cells are UNSAFE. Exit code 11: no cell is SAFE, and some are UNDECIDED. With --require the required
cells alone count: 10 if any is UNSAFE, else 11 if any is UNDECIDED."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the run, its limits, and the form of the output."""
    parser.add_argument("folder", type=named_path, metavar="RUN", help="folder of a run, finished or not")
    parser.add_argument(
        "--require",
        action="append",
        default=[],
        metavar="NETWORK:TASK[:PLACEMENT][:CONTAINMENT][@CPU/GPU[/MEMORY]]",
        help="every cell that this names must be SAFE; parts left out match all; clocks in MHz; repeatable "
        "(default: none)",
    )
    add_limit_changes(parser)
    add_forms(parser)


def run(arguments: argparse.Namespace) -> int:
    """Judge the run, print the advice, and return the exit code of the answer."""
    from colocate.report.advise.load import advise_on, state_to_judge
    from colocate.report.advise.markdown import advice_markdown
    from colocate.report.advise.terminal import print_advice
    from colocate.report.advise.to_json import advice_json
    from colocate.report.run_report import load
    from colocate.study.verdicts import Verdict

    loaded = load(arguments.folder, limit_changes(arguments))
    # Before the limits: nobody should give some only to read that there is nothing to judge.
    state_to_judge(loaded)
    if (limits := loaded.limits) is None:
        raise SpecError("nothing to judge by: give --slo-ms, --max-slowdown, --power-budget-w or --max-work-loss")
    advice = advise_on(loaded, limits, arguments.require)
    if arguments.json:
        print_json(advice_json(advice, arguments.folder))
    elif arguments.markdown:
        print_lines(advice_markdown(advice))
    else:
        print_advice(advice)
    return {Verdict.SAFE: DONE, Verdict.UNSAFE: NO, Verdict.UNDECIDED: UNKNOWN}[advice.answer]
