"""Runs that many tests read: each is made by the first process of the tests that needs it, for all of them."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder of that name, which `make` made; one that it could not finish is made anew."""
    # The processes of xdist have a folder each, side by side.
    base = factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.getbasetemp()
    made = base / "made-once" / name
    made.parent.mkdir(parents=True, exist_ok=True)
    finished = base / f"made-once/{name.replace('/', '-')}.finished"
    with finished.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            shutil.rmtree(made, ignore_errors=True)
            make(made)
            finished.touch()
    return made
