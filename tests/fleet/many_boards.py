"""Many boards of the model at once: `processes ADDRESS COUNT` forks one for each, `simulated ADDRESS COUNT SECONDS`
has a hundred in each process, with blocks that sleep and give what the model gave the first time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

from distributed import Security

from colocate.fleet import block
from colocate.fleet.block import Ended, Setup, look
from colocate.fleet.board import hush, serve, worker
from colocate.model.device import USUAL
from colocate.model.trial import Outcome, Trial

# Dask counts what a process has open whenever a worker says that it is there, so more would watch one another.
PER_PROCESS = 100


def main() -> None:
    how, address, count, *seconds = sys.argv[1:]
    # Imported and computed once, and then shared by all.
    look(Setup("tx1-model", (), USUAL), ())
    hush()
    names = [f"b{number:04}" for number in range(int(count))]
    if how == "processes":
        forked(
            [[name] for name in names], lambda own: serve(address, own[0], Security(), lambda line: None, once=True)
        )
    else:
        groups = [names[first : first + PER_PROCESS] for first in range(0, len(names), PER_PROCESS)]
        forked(groups, lambda own: asyncio.run(simulated(address, own, float(seconds[0]))))


def forked(groups: Sequence[Sequence[str]], run: Callable[[Sequence[str]], None]) -> None:
    for own in groups:
        if not os.fork():
            run(own)
            os._exit(0)
        # Not all at the same moment: each needs a tenth of a second of CPU to come up.
        time.sleep(0.05)
    print("started", flush=True)
    for _ in groups:
        os.wait()


async def simulated(address: str, names: Sequence[str], seconds: float) -> None:
    whole, known = block.run_block, dict[object, Outcome]()

    def canned(setup: Setup, trials: Sequence[Trial]) -> Ended:
        time.sleep(seconds)
        for trial in trials:
            if (kind := (trial.inference, trial.task)) not in known:
                known[kind] = whole(setup, (trial,)).outcomes[0]
        own = [dataclasses.replace(known[trial.inference, trial.task], trial=trial) for trial in trials]
        return Ended(tuple(own), look(setup, ()).facts)

    block.run_block = canned
    with tempfile.TemporaryDirectory(prefix="boards-") as scratch:
        # Each has a folder of its own: Dask looks at all that lie in one whenever a worker comes.
        started = [
            await worker(address, name=name, security=Security(), local_directory=f"{scratch}/{name}")
            for name in names
        ]
        await asyncio.gather(*(each.finished() for each in started))


if __name__ == "__main__":
    main()
