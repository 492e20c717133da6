"""`colocate sweep`: run a study and report on it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from colocate.commands.asked_study import file_named, stored_header, stored_purpose, study_of
from colocate.commands.common_arguments import add_run_flags, named_path
from colocate.commands.fleet_flags import add_fleet_flags, fleet_of
from colocate.commands.output import say
from colocate.commands.study_flags import add_study_flags
from colocate.commands.study_run import print_report, resumable, run_at, run_study, settle_out
from colocate.errors import HostError
from colocate.model.purpose import SweepPurpose
from colocate.request.needs import Needs, check_needs, flag_of

if TYPE_CHECKING:
    from colocate.request.spec import Study
    from colocate.rigs.rig import Rig
    from colocate.sweep import Tally

SUMMARY = "run a study and report on it"
DESCRIPTION = """\
Measures each network beside each CPU task. Slowdown comes from alternating windows, which pause and resume the
task; power comes from steady windows, with and without the task. All windows of one network in one placement at
one clock point are a block; blocks run in shuffled order. A default run on two CPUs takes about 5 minutes."""


# Checked for the whole study, because its tasks may be in a file.
_NEEDS: Needs = {"task_output": (("command",),)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a study file, every key of it as a flag, a fleet, and the flags of a run."""
    parser.add_argument(
        "file", nargs="?", type=named_path, metavar="STUDY.toml", help="study file; flags override it"
    )
    add_study_flags(parser)
    add_fleet_flags(parser)
    add_run_flags(parser).add_argument(
        "--task-output",
        action="store_true",
        help="keep all that tasks of your own print in the run's folder, as task-output/NAME-PLACEMENT.log",
    )


@resumable
def run(arguments: argparse.Namespace) -> int:
    """Run the missing trials of the study, and report on it."""
    stored_purpose(arguments, SweepPurpose)
    study = study_of(arguments)
    tally = _run_here(arguments, study) if arguments.fleet is None else _run_on_fleet(arguments, study)
    if tally is None:
        return 0
    # Imported here, because it loads matplotlib, which no window needs.
    from colocate.report.write import write_report

    code = print_report(write_report(arguments.out, outcomes=tally.outcomes), arguments)
    if tally.empty:
        say(f"colocate: {tally.empty} of the settings that were asked for have no window that succeeded")
        return HostError.exit_code
    return code


def _run_here(arguments: argparse.Namespace, study: Study) -> Tally | None:
    from colocate.rigs.registry import make_rig

    given = {"task_output": arguments.task_output, "command": study.keys.get("commands")}
    check_needs(given, _NEEDS, flag_of)
    output = settle_out(arguments, study) / "task-output" if arguments.task_output else None

    def rig_of(study: Study) -> Rig:
        # The constants as the user wrote them, for messages.
        model = study.keys.get("model", {})
        return make_rig(study.spec.rig, model, task_output=output, workers=study.spec.workers)

    with file_named(arguments, rig_of):
        rig = rig_of(study)
    return run_study(arguments, study, rig, SweepPurpose())


def _run_on_fleet(arguments: argparse.Namespace, study: Study) -> Tally | None:
    with fleet_of(arguments, study, stored_header(arguments)) as site:
        return run_at(arguments, study, site, SweepPurpose())
