"""Many boards of the model at once: `processes ADDRESS COUNT` forks one for each, `simulated ADDRESS COUNT SECONDS`
has all of them in one event loop, with blocks that sleep and give what the model gave the first time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import resource
import sys
import time
from collections.abc import Sequence

from distributed import Security

from colocate.fleet import block
from colocate.fleet.block import Ended, Setup, look
from colocate.fleet.board import hush, serve, worker
from colocate.model.device import USUAL
from colocate.model.trial import Outcome, Trial


def main() -> None:
    how, address, count, *seconds = sys.argv[1:]
    # In one process they have a connection or two each.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # Imported and computed once, and then shared by all.
    look(Setup("tx1-model", (), USUAL), ())
    hush()
    if how == "processes":
        forked(address, int(count))
    else:
        asyncio.run(simulated(address, int(count), float(seconds[0])))


def forked(address: str, count: int) -> None:
    for number in range(count):
        if not os.fork():
            serve(address, f"b{number:04}", Security(), lambda line: None, once=True)
            os._exit(0)
        # Not all at the same moment: each needs a tenth of a second of CPU to come up.
        time.sleep(0.05)
    print("started", flush=True)
    for _ in range(count):
        os.wait()


async def simulated(address: str, count: int, seconds: float) -> None:
    whole, known = block.run_block, dict[object, Outcome]()

    def canned(setup: Setup, trials: Sequence[Trial]) -> Ended:
        time.sleep(seconds)
        for trial in trials:
            if (kind := (trial.inference, trial.task)) not in known:
                known[kind] = whole(setup, (trial,)).outcomes[0]
        own = [dataclasses.replace(known[trial.inference, trial.task], trial=trial) for trial in trials]
        return Ended(tuple(own), look(setup, ()).facts)

    block.run_block = canned
    started = [await worker(address, name=f"b{number:04}", security=Security()) for number in range(count)]
    print("started", flush=True)
    await asyncio.gather(*(each.finished() for each in started))


if __name__ == "__main__":
    main()
