"""`python -m tests.fuzz --count 20000 --seed 1 [--kinds A,B] [--workers N]`; one input again: `--only KIND:NUMBER`.

Prints how many inputs of each kind were accepted and refused, and each defect once, by what was said last.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter

from tests.fuzz import kinds, worker
from tests.fuzz.campaign import campaign, jobs
from tests.fuzz.inputs import Finding

_SAY_EVERY = 1000


def main() -> int:
    """Run it; 1 where there was a defect."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(kinds.NAMES))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", metavar="KIND:NUMBER", help="show one input, and what comes of it")
    arguments = parser.parse_args()
    if arguments.only:
        kind, _, number = arguments.only.partition(":")
        print(str(worker.made(kind, arguments.seed, int(number)))[:5000])
        wanted = [(kind, arguments.seed, int(number))]
    else:
        wanted = [*jobs(arguments.kinds.split(","), arguments.seed, arguments.count)]
    counts: Counter[tuple[str, str]] = Counter()
    defects: dict[tuple[str, str, str], list[Finding]] = {}
    slowest: dict[str, Finding] = {}
    for found in campaign(wanted, arguments.workers):
        counts[found.kind, found.outcome.value] += 1
        if (done := sum(counts.values())) % _SAY_EVERY == 0:
            print(f"{done} of {len(wanted)}, {sum(map(len, defects.values()))} defects", file=sys.stderr)
        if found.outcome.is_defect or arguments.only:
            defects.setdefault((found.kind, found.outcome.value, _signature(found.said)), []).append(found)
        if found.took_s > slowest.get(found.kind, found).took_s or found.kind not in slowest:
            slowest[found.kind] = found
    for (kind, outcome), count in sorted(counts.items()):
        print(f"{kind:24} {outcome:30} {count:6}")
    for kind, found in slowest.items():
        print(f"{kind:24} slowest {found.took_s:.1f} s: {kind}:{found.number}")
    for (kind, outcome, _), some in defects.items():
        print(f"\n{outcome}, {len(some)} times, as {kind}:{some[0].number} (exit code {some[0].exit_code}):")
        print("\n".join(some[0].said.splitlines()[-12:]))
    print(f"\nseed {arguments.seed}, {sum(counts.values())} inputs, {sum(map(len, defects.values()))} defects")
    return 1 if defects else 0


def _signature(said: str) -> str:
    """What defects of one cause have in common: the last place in a traceback, or the last line without values."""
    places = re.findall(r'File "(.*)", line (\d+)', said)
    last = (said.strip().splitlines() or [""])[-1]
    return repr(places[-1:]) if places else re.sub(r"'[^']*'|\d+", "", last)[:60]


if __name__ == "__main__":
    sys.exit(main())
