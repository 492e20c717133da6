"""Show the runs in a folder on a terminal, and for `--json`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from colocate.report.runs.load import ListedRun, RunState
from colocate.report.text.labels import plain
from colocate.report.text.numbers import counted
from colocate.report.text.tables import console, print_rows

# Columns by name, and whether their text may be broken into lines.
COLUMNS = {"run": True, "command": False, "rig": False, "started": False, "state": False, "trials": True}
# Left out first where a terminal is too narrow.
SPARE = ("rig", "command")
_STYLES = {
    RunState.FINISHED: "",
    RunState.UNFINISHED: "yellow",
    RunState.UNREADABLE: "red",
    RunState.TABLES_ONLY: "dim",
}


def print_runs(runs: Sequence[ListedRun], folder: Path) -> None:
    """Print one run a line, and why a run cannot be read."""
    out = console()
    if not runs:
        out.print(Text(f"There is no run in {folder}. To make one: python -m colocate sweep"), soft_wrap=True)
        return
    counts = Counter(run.state for run in runs)
    told = ", ".join(f"{counts[state]} {state.value}" for state in RunState if counts[state])
    heading = f"{counted(len(runs), 'run')} in {plain(str(folder))}: {told}."
    styles = [_STYLES[run.state] for run in runs]
    print_rows(out, heading, COLUMNS, [_row(run, folder) for run in runs], styles, keep=("run", "state"), spare=SPARE)
    for run in runs:
        if run.reason:
            out.print(Text(f"{_name(run.folder, folder)}: {plain(run.reason)}"))


def _row(run: ListedRun, folder: Path) -> tuple[str, ...]:
    name = _name(run.folder, folder)
    if run.header is None:
        return name, "", "", "", run.state.value, ""
    most = "" if run.header.spec.until_decided else f" of {run.header.planned_on(run.boards)}"
    failed = f", {run.failed} failed" if run.failed else ""
    purpose = run.header.purpose.command
    return name, purpose, run.header.facts.rig, _started(run), run.state.value, f"{run.done}{most}{failed}"


def _started(run: ListedRun) -> str:
    """The date and time of the first trial; `virtual time` for a model, whose clock has no date."""
    if run.started_unix_s is not None:
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(run.started_unix_s))
    return "virtual time" if run.header and run.header.facts.virtual_time else "no trial yet"


def _name(run: Path, folder: Path) -> str:
    """The path of a run below `folder`; the name of `folder` if that is the run."""
    return plain(run.absolute().name if run == folder else str(run.relative_to(folder)))


def run_json(run: ListedRun) -> dict[str, Any]:
    """One run as a JSON object; an unknown value is null."""
    header = run.header
    return {
        "run": str(run.folder),
        "state": run.state.value,
        "reason": run.reason or None,
        "command": header and header.purpose.command,
        "rig": header and header.facts.rig,
        "networks": header and list(dict.fromkeys(each.network for each in header.spec.inferences)),
        "planned": header and header.planned_on(run.boards),
        "done": run.done,
        "failed": run.failed,
        "started_unix_s": run.started_unix_s,
    }
