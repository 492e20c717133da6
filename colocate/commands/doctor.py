"""`colocate doctor`: show what the machine allows, what is missing and how to fix it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from colocate.commands.output import print_json

if TYPE_CHECKING:
    from colocate.rigs.host.examination import Finding

SUMMARY = "what this machine allows, what is missing and how to fix it"
DESCRIPTION = "Shows what this machine allows, what is missing, and how to fix it. It changes nothing."

# Area of findings -> its name in the summary, and whether one that works is enough.
_AREAS = {
    "inference": ("latency", True),
    "tasks": ("tasks", False),
    "power": ("power", True),
    "clocks": ("clocks", False),
    "training": ("training", False),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how much to examine, and the form of the output."""
    parser.add_argument("--gpu-bandwidth", action="store_true", help="also measure how fast the GPU copies memory")
    parser.add_argument("--json", action="store_true", help="one JSON list on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Examine the machine and print what was found."""
    from dataclasses import asdict

    from colocate.rigs.host.examination import examine

    findings = examine(gpu_bandwidth=arguments.gpu_bandwidth)
    if arguments.json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_findings(findings)
    return 0


def summary(findings: Sequence[Finding]) -> str:
    """Say what a study can measure here, what is missing, and whether the machine must first be restored."""
    from colocate.inference.backends.registry import makes_networks

    works, missing = [], []
    for area, (words, one_will_do) in _AREAS.items():
        own = [finding for finding in findings if finding.area == area and not makes_networks(finding.name)]
        able = [finding.name for finding in own if not finding.fix]
        unable = [] if one_will_do and able else [finding.name for finding in own if finding.fix]
        if able:
            works.append(f"{words} ({', '.join(able)})")
        if unable:
            missing.append(words if one_will_do else f"{words} ({', '.join(unable)})")
    left = [finding.fix for finding in findings if finding.area == "journal" and finding.fix]
    return " ".join((
        f"Works: {', '.join(works) or 'nothing'}.",
        f"Missing: {', '.join(missing) or 'nothing'}.",
        *(f"Before any of it, restore the machine: {fix}." for fix in left),
    ))  # fmt: skip


def print_findings(findings: Sequence[Finding]) -> None:
    """Print the findings as a table by area, with a fix for what is missing, and then the summary."""
    from rich.table import Table
    from rich.text import Text

    from colocate.report.text.tables import console

    table = Table()
    for name in ("area", "what", "state", "how to fix it"):
        table.add_column(name, overflow="fold")
    area = None
    for finding in findings:
        if area not in (None, finding.area):
            table.add_section()
        table.add_row(
            "" if finding.area == area else finding.area,
            Text(finding.name),
            Text(finding.state),
            Text(finding.fix, style="yellow"),
        )
        area = finding.area
    out = console()
    out.print(table)
    out.print(Text(summary(findings), style="bold"))
