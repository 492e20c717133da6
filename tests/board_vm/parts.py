"""Runs in the guest: programs of this folder one after the other, each in a fork of this process.

`parts.py OUT TIMEOUT_S JSON` is told the module and the arguments of each part by its name, and leaves
`OUT/NAME/stdout`, `stderr` and `exit_code`. This process has imported what they need, which takes an emulated machine
a minute, and has tried the runtimes. A part that fails, crashes or does not end in time is followed by the next.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from colocate.commands import find_commands
from colocate.rigs.registry import make_rig
from tests.board_vm import faults, guest, kills, study, suspend

PARTS = {Path(str(module.__file__)).stem: str(module.__file__) for module in (faults, guest, kills, study, suspend)}


def become(file: str, arguments: Sequence[str], folder: Path) -> None:
    """Run the file as if Python had been started with it, all that it prints in files."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.argv[1:] = arguments
    runpy.run_path(file, run_name="__main__")


def run_part(module: str, arguments: Sequence[str], folder: Path, timeout_s: float) -> int:
    """The exit code, negative for a signal; that of one that is late is SIGKILL's."""
    folder.mkdir(parents=True, exist_ok=True)
    part = multiprocessing.get_context("fork").Process(target=become, args=(PARTS[module], arguments, folder))
    part.start()
    part.join(timeout_s)
    part.kill()
    part.join()
    assert part.exitcode is not None
    return part.exitcode


def main(out: Path, timeout_s: float, parts: dict[str, list[str]]) -> None:
    find_commands()
    # As late as can be, so not with the command.
    importlib.import_module("colocate.progress")
    make_rig("host").facts()
    for name, (module, *arguments) in parts.items():
        exit_code = run_part(module, arguments, out / name, timeout_s)
        (out / name / "exit_code").write_text(str(exit_code))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), json.loads(sys.argv[3]))
