"""`colocate doctor`: what the machine allows, and what is missing and how to fix it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from colocate.commands.output import print_json

if TYPE_CHECKING:
    from colocate.rigs.host.examination import Finding

SUMMARY = DESCRIPTION = "what this machine allows, what is missing and how to fix it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How far to look, and the form of the answer."""
    parser.add_argument("--gpu-bandwidth", action="store_true", help="also measure how fast the GPU copies memory")
    parser.add_argument("--json", action="store_true", help="one JSON list on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything and print it."""
    from dataclasses import asdict

    from colocate.rigs.host.examination import examine

    findings = examine(gpu_bandwidth=arguments.gpu_bandwidth)
    if arguments.json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_findings(findings)
    return 0


def print_findings(findings: Iterable[Finding]) -> None:
    """What `doctor` found, area by area; what is missing stands out by its fix."""
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
    console().print(table)
