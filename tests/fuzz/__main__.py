"""`python -m tests.fuzz --count 20000 --seed 1 [--kinds A,B] [--jobs N]`; one input again: `--only KIND:NUMBER`.

Prints how many inputs of each kind were accepted and refused, each defect once, by what was said last, and the seed;
Ctrl-C prints that of what is done. It needs no network, and no root: without it a limit stands for the cgroup.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.fuzz import kinds, worker
from tests.fuzz.campaign import Job, campaign, jobs
from tests.fuzz.inputs import Finding

_SAY_EVERY = 1000


@dataclass
class Tally:
    """What is found; of `shown` ones also what is no defect."""

    wanted: int
    show_all: bool = False
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    shown: dict[tuple[str, str, str], list[Finding]] = field(default_factory=dict)
    slowest: dict[str, Finding] = field(default_factory=dict)
    defects: int = 0

    def add(self, found: Finding) -> None:
        """Count it."""
        self.counts[found.kind, found.outcome.value] += 1
        self.defects += found.outcome.is_defect
        if (done := self.counts.total()) % _SAY_EVERY == 0:
            print(f"{done} of {self.wanted}, {self.defects} defects", file=sys.stderr)
        if found.outcome.is_defect or self.show_all:
            self.shown.setdefault((found.kind, found.outcome.value, _signature(found.said)), []).append(found)
        self.slowest[found.kind] = max(found, self.slowest.get(found.kind, found), key=lambda each: each.took_s)

    def print(self, seed: int) -> None:
        """The counts, what is shown, and the totals."""
        for (kind, outcome), count in sorted(self.counts.items()):
            print(f"{kind:24} {outcome:30} {count:6}")
        for kind, found in sorted(self.slowest.items()):
            print(f"{kind:24} slowest {found.took_s:.1f} s: {kind}:{found.number}")
        for (kind, outcome, _), some in self.shown.items():
            print(f"\n{outcome}, {len(some)} times, as {kind}:{some[0].number} (exit code {some[0].exit_code}):")
            print("\n".join(some[0].said.splitlines()[-12:]))
        print(f"\nseed {seed}, {self.counts.total()} inputs of {self.wanted}, {self.defects} defects")


def main() -> int:
    """Run it; 1 where there was a defect."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(kinds.NAMES))
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes (default: CPUs)")
    parser.add_argument("--only", metavar="KIND:NUMBER", help="show one input, and what comes of it")
    arguments = parser.parse_args()
    wanted: Sequence[Job]
    if arguments.only:
        kind, _, number = arguments.only.partition(":")
        print(str(worker.made(kind, arguments.seed, int(number)))[:5000])
        wanted = [(kind, arguments.seed, int(number))]
    else:
        wanted = [*jobs(arguments.kinds.split(","), arguments.seed, arguments.count)]
    tally = Tally(len(wanted), show_all=bool(arguments.only))
    try:
        for found in campaign(wanted, arguments.jobs):
            tally.add(found)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    tally.print(arguments.seed)
    return 1 if tally.defects else 0


def _signature(said: str) -> str:
    """What defects of one cause have in common: the last place in a traceback, or the last line without values."""
    places = re.findall(r'File "(.*)", line (\d+)', said)
    last = (said.strip().splitlines() or [""])[-1]
    return repr(places[-1:]) if places else re.sub(r"'[^']*'|\d+", "", last)[:60]


if __name__ == "__main__":
    sys.exit(main())
