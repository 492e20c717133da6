"""`colocate list`: show the runs in a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from colocate.commands.common_arguments import named_path
from colocate.commands.output import print_json

SUMMARY = "runs with their state"
DESCRIPTION = """\
Lists the runs in a folder and up to two levels below: when each began, how many trials it has, and whether it is
finished; on a wide terminal also which command made it, on which rig. To continue a run, give --resume to the
command that made it, as in `colocate sweep --resume --out RUN`."""
RUNS = Path("results")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder, and the form of the output."""
    parser.add_argument(
        "folder", nargs="?", type=named_path, default=RUNS, metavar="FOLDER", help=f"where to look (default: {RUNS})"
    )
    parser.add_argument("--json", action="store_true", help="one JSON list on stdout (default: a table)")


def run(arguments: argparse.Namespace) -> int:
    """Read the runs and print them."""
    from colocate.report.runs.load import find_runs
    from colocate.report.runs.terminal import print_runs, run_json

    folder: Path = arguments.folder
    # Without the default folder, nothing was run yet.
    runs = () if folder == RUNS and not folder.exists() else find_runs(folder)
    if arguments.json:
        print_json([run_json(each) for each in runs])
    else:
        print_runs(runs, folder)
    return 0
