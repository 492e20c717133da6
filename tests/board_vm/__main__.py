"""`python -m tests.board_vm --orders 500 --seed 1 --out FOLDER`: kill orders of sweep and watchdog, in one boot.

See `orders.py`. FOLDER keeps a line for each order; the same command again goes on where it was interrupted. Prints
how many orders of each kind there were, the seed, and the knobs that differed after `restore`; 1 where one did.
`--part 0/8` to `--part 7/8` share the orders among eight boards; each needs a folder and a TMPDIR of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tests.board_vm.orders import missing_numbers, results
from tests.board_vm.vm import BoardError, run_in_board

ROOT = Path(__file__).resolve().parents[2]
# An order takes 50 s where the host is busy.
START_S, ORDER_S = 600.0, 120.0


def run_orders(out: Path, seed: int, numbers: range) -> list[dict[str, object]]:
    """Boot the board for those that have no line in `out` yet; all that have one then."""
    if missing := missing_numbers(out, numbers):
        span = map(str, (numbers.start, numbers.stop, numbers.step))
        command = [sys.executable, "-m", "tests.board_vm.orders", str(out), str(seed), *span]
        done = run_in_board(command, START_S + ORDER_S * len(missing), out, cwd=ROOT)
        if done.exit_code:
            raise BoardError(done.stderr[-2000:])
    return results(out)


def is_defect(outcome: dict[str, object]) -> bool:
    """Whether a knob differs, a process is left or stuck, or a traceback was shown."""
    return any(outcome[found] for found in ("left", "orphans", "stuck", "tracebacks"))


def summary(outcomes: list[dict[str, object]], seed: int) -> str:
    """How many of each kind, then every defect, then the line of totals."""
    kinds = Counter(str(each["order"]) for each in outcomes)
    lines = [f"{kind:50} {count:5}" for kind, count in sorted(kinds.items())]
    lines += [str(each) for each in outcomes if is_defect(each)]
    differing = sum(len(each["left"]) for each in outcomes if isinstance(each["left"], dict))
    by_itself = sum(bool(each["back"]) for each in outcomes)
    lines.append(
        f"seed {seed}, {len(outcomes)} orders, {by_itself} put back without restore, {differing} knobs differ after "
        f"it, {sum(map(is_defect, outcomes))} orders with a defect"
    )
    return "\n".join(lines)


def part(text: str) -> tuple[int, int]:
    """K and N of K/N."""
    first, step = map(int, text.split("/"))
    if not 0 <= first < step:
        raise ValueError(text)
    return first, step


def main() -> int:
    """Run them; 1 where there was a defect."""
    parser = argparse.ArgumentParser(prog="python -m tests.board_vm")
    parser.add_argument("--orders", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", type=part, default=(0, 1), metavar="K/N", help="each Nth order, from the Kth on")
    parser.add_argument("--out", type=Path, required=True, help="a folder of this seed alone")
    arguments = parser.parse_args()
    first, step = arguments.part
    outcomes = run_orders(arguments.out, arguments.seed, range(first, arguments.orders, step))
    print(summary(outcomes, arguments.seed))
    return 1 if any(map(is_defect, outcomes)) else 0


if __name__ == "__main__":
    sys.exit(main())
