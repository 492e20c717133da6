"""Inputs that show each defect, for the test that a campaign sees them."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from colocate.errors import SpecError
from tests.fuzz.inputs import Input


def _crash(folder: Path) -> int:
    raise KeyError("nobody caught this")


def _spin(folder: Path) -> int:
    while True:
        pass


def _sleep(folder: Path) -> int:
    time.sleep(3600)
    return 0


def _die(folder: Path) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def _eat(folder: Path) -> int:
    eaten = [bytearray(64 << 20) for _ in range(1000)]
    for each in eaten:
        each[::4096] = b"x" * len(each[::4096])
    return 0


def _ramble(folder: Path) -> int:
    raise SpecError("one\ntwo\nthree\nfour")


def _refuse(folder: Path) -> int:
    print("a remark", file=sys.stderr)
    raise SpecError("no")


def crash(_: random.Random) -> Input:
    return Input(run=_crash)


def spin(_: random.Random) -> Input:
    return Input(run=_spin)


def sleep(_: random.Random) -> Input:
    return Input(run=_sleep)


def die(_: random.Random) -> Input:
    return Input(run=_die)


def eat(_: random.Random) -> Input:
    return Input(run=_eat)


def ramble(_: random.Random) -> Input:
    return Input(run=_ramble)


def refuse(_: random.Random) -> Input:
    return Input(run=_refuse)


def please(_: random.Random) -> Input:
    return Input(("--help",), wrong=True)


def read(random_: random.Random) -> Input:
    name = f"folder/{random_.randrange(100)}"
    return Input(files={name: b"x"}, run=lambda folder: 0 if (folder / name).read_bytes() == b"x" else 4)
