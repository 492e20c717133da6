"""Runs in the guest: a sweep and its watchdog are killed, stopped or run out of memory, in every order, at random
writes; then `restore`, and every knob is compared with what it was.

`orders.py FOLDER SEED FIRST COUNT STEP` does the orders of `range(FIRST, COUNT, STEP)`, and appends one line of JSON
for each to a file in the folder. What is there already is not done again, and each order is the same whenever it is
done: its number and the seed decide.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from colocate.commands import find_commands
from colocate.host.restore.journal import state_folder
from colocate.inference.backends import availability
from tests.board_vm import kills
from tests.board_vm.kills import GONE_S, MARK, alive, described, difference, ended, forked, knobs
from tests.board_vm.writes import Writes

RESULTS = "orders.jsonl"
# Planned quickly, which an emulated machine is slow at.
COMMAND = (*kills.SWEEP, "--networks", "spin-1ms", "--repeats", "2")
SWEEP, WATCHDOG = ACTORS = ("sweep", "watchdog")
KILLED, STOPPED, OUT_OF_MEMORY = FATES = ("killed", "stopped", "out of memory")
# Who meets its fate first, the fate of that one, and of the other.
KINDS = tuple(itertools.product(ACTORS, FATES, FATES))
# Of a sweep's first writes: the groups, the journal, the first clocks, and some windows.
FIRST_WRITE_MAX, NEXT_WRITE_MAX = 80, 20
START_S = 300.0
# Between two writes, and for what was told to end.
STUCK_S = 300.0


@dataclass(slots=True)
class Outcome:
    """What one order came to; `back` says whether all was as before without `restore`."""

    number: int
    order: str
    writes: tuple[int, int]
    met: list[str] = field(default_factory=list)
    back: bool = False
    restore: list[int] = field(default_factory=list)
    left: dict[str, list[str | None]] = field(default_factory=dict)
    orphans: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    tracebacks: int = 0
    took_s: float = 0.0
    said: str = ""


class Order:
    """One sweep, from its start to the comparison after `restore`."""

    def __init__(self, number: int, seed: int, before: dict[str, str], folder: Path) -> None:
        self._random = random.Random(f"{seed} {number}")
        self._first, *self._fates = KINDS[number % len(KINDS)]
        self._second = ACTORS[1 - ACTORS.index(self._first)]
        self._before, self._folder, self._log = before, folder, folder / "log"
        writes = self._random.randint(1, FIRST_WRITE_MAX), self._random.randint(0, NEXT_WRITE_MAX)
        order = f"{self._first} {self._fates[0]}, then {self._second} {self._fates[1]}"
        self._outcome = Outcome(number, order, writes)
        self._pids: dict[str, int] = {}

    def run(self) -> Outcome:
        """Do it; afterwards nothing of it is left, whatever was found."""
        began_s, outcome = time.monotonic(), self._outcome
        with Writes() as writes:
            self._pids[SWEEP] = forked([*COMMAND, "--out", str(self._folder / "run")], self._log)
            # It is up before the first write to a knob.
            within(START_S, lambda: self._find_watchdog() or is_over(self._pids[SWEEP]))
            actors = (self._first, self._second)
            for actor, fate, count in zip(actors, self._fates, outcome.writes, strict=True):
                if not writes.wait(count, self._goes_on, STUCK_S):
                    outcome.stuck += map(described, alive(MARK, "environ"))
                self._meets(actor, fate)
            time.sleep(self._random.uniform(0.0, 1.0))
        self._end()
        self._compare()
        said = self._log.read_text(errors="replace")
        outcome.tracebacks, outcome.said = said.count("Traceback"), said[-1000:]
        outcome.took_s = round(time.monotonic() - began_s, 2)
        return outcome

    def _goes_on(self) -> bool:
        """Whether anybody is about to write: the sweep, or once that is over its watchdog."""
        sweep, watchdog = (state(self._pids[actor]) if actor in self._pids else "X" for actor in ACTORS)
        return (watchdog if sweep in "XZ" else sweep) not in "XZTt"

    def _find_watchdog(self) -> bool:
        """The one of now: a sweep starts another in the place of one that is gone. Whether there is one."""
        sweep = self._pids[SWEEP]
        with contextlib.suppress(OSError):
            for pid in Path(f"/proc/{sweep}/task/{sweep}/children").read_text().split():
                if b"colocate.host.restore.watchdog" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    self._pids[WATCHDOG] = int(pid)
        return WATCHDOG in self._pids

    def _meets(self, actor: str, fate: str) -> None:
        self._find_watchdog()
        pid = self._pids.get(actor)
        if pid is None or is_over(pid):
            self._outcome.met.append(f"{actor} was gone")
            return
        with contextlib.suppress(ProcessLookupError):
            if fate == OUT_OF_MEMORY:
                run_out_of_memory(pid)
            else:
                os.kill(pid, signal.SIGKILL if fate == KILLED else signal.SIGSTOP)
        self._outcome.met.append(f"{actor} {fate}")

    def _end(self) -> None:
        """Who is stopped goes on or is killed, in either order; then the sweep is told to end, if it still runs."""
        for actor in self._random.sample(ACTORS, 2):
            pid = self._pids.get(actor)
            if pid is not None and is_stopped(pid):
                signum = self._random.choice((signal.SIGCONT, signal.SIGKILL))
                self._outcome.met.append(f"{actor} {signum.name}")
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signum)
                time.sleep(self._random.choice((0.0, 0.5)))
        sweep = self._pids[SWEEP]
        if not is_over(sweep):
            signum = self._random.choice((signal.SIGTERM, signal.SIGKILL))
            self._outcome.met.append(f"{SWEEP} {signum.name}")
            os.kill(sweep, signum)
        if not within(GONE_S, lambda: is_over(sweep)):
            self._outcome.orphans.append(f"the sweep itself: {described(sweep)}")
            os.kill(sweep, signal.SIGKILL)
        ended(sweep)

    def _compare(self) -> None:
        """Restore, perhaps killed at a write of its own first, and look at what is left."""
        outcome = self._outcome
        # A watchdog that is putting back needs its time.
        watchdog = self._pids.get(WATCHDOG)
        within(GONE_S, lambda: watchdog is None or is_over(watchdog) or not difference(self._before))
        outcome.back = not difference(self._before)
        if not outcome.back and self._random.random() < 0.5:
            with Writes() as writes:
                first = forked(["restore"], self._log)
                writes.wait(self._random.randint(1, 4), lambda: not is_over(first), STUCK_S)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(first, signal.SIGKILL)
            outcome.restore.append(ended(first))
        last = forked(["restore"], self._log)
        if not within(STUCK_S, lambda: is_over(last)):
            outcome.stuck.append(described(last))
            os.kill(last, signal.SIGKILL)
        outcome.restore.append(ended(last))
        outcome.left = difference(self._before)
        within(GONE_S, lambda: not alive(MARK, "environ"))
        for pid in alive(MARK, "environ"):
            outcome.orphans.append(described(pid))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def within(patience_s: float, holds: Callable[[], bool]) -> bool:
    """Whether it holds before patience ends."""
    deadline_s = time.monotonic() + patience_s
    while not (held := holds()) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return held


def state(pid: int) -> str:
    """The letter that proc(5) has for it; X once there is none of that number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def is_over(pid: int) -> bool:
    return state(pid) in "XZ"


def is_stopped(pid: int) -> bool:
    return state(pid) in "Tt"


def run_out_of_memory(pid: int) -> None:
    """Let the kernel kill it for memory, as the process that is worth least, whatever it said of itself."""
    Path(f"/proc/{pid}/oom_score_adj").write_text("1000")
    for _ in range(10):
        # The kernel takes another where this one is already about to go: nobody else may be taken, see `main`.
        Path("/proc/sysrq-trigger").write_text("f")
        if within(5.0, lambda: is_over(pid)):
            return
    raise RuntimeError(f"the kernel did not kill process {pid} for memory")


def missing_numbers(folder: Path, numbers: range) -> list[int]:
    """The orders that have no line yet."""
    done = {each["number"] for each in results(folder)}
    return [number for number in numbers if number not in done]


def results(folder: Path) -> list[dict[str, object]]:
    """The lines that are there, less one that was cut off."""
    path, found = folder / RESULTS, []
    for line in path.read_text().splitlines() if path.exists() else ():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def main(folder: Path, seed: int, numbers: range) -> None:
    os.environ["COLOCATE_KILLS"] = "1"
    # Imports every command, for the children as well.
    find_commands()
    # Not this process, nor those that it starts, unless one is chosen.
    Path("/proc/self/oom_score_adj").write_text("-1000")
    # What else each would find out anew: in a guest that takes seconds.
    availability.look()
    # Watched from the first sweep on, so it is there before.
    state_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    before = knobs()
    for number in missing_numbers(folder, numbers):
        with TemporaryDirectory() as run:
            outcome = Order(number, seed, before, Path(run)).run()
        with (folder / RESULTS).open("a") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), range(*map(int, sys.argv[3:6])))
