"""A board of the model whose windows take real time: `ADDRESS NAME SECONDS [CONSTANT=VALUE ...]`."""

from __future__ import annotations

import sys
import time

from distributed import Security

from colocate.fleet.board import Own, serve
from colocate.model.trial import Trial, TrialRecord
from colocate.rigs.tx1.rig import Tx1Rig


def main() -> None:
    address, name, seconds, *constants = sys.argv[1:]
    at_once = Tx1Rig.run

    def slowly(rig: Tx1Rig, trial: Trial) -> TrialRecord:
        time.sleep(float(seconds))
        return at_once(rig, trial)

    Tx1Rig.run = slowly  # type: ignore[method-assign, assignment]
    pairs = (each.split("=") for each in constants)
    serve(address, name, Security(), print_now, own=Own({constant: float(value) for constant, value in pairs}))


def print_now(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
