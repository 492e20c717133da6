"""The stressors' instruction mix and cache misses against those of the MiBench originals, under valgrind.

The originals were measured with gcc 12.2 -O2 on x86-64, a Cortex-A57's first-level caches and 2 MB of last level.
A figure here is the difference between a long and a short run, so Python's start-up cancels out. Valgrind offers a
program no AVX-512: the C library may copy and clear memory with narrower instructions than natively, which means
more instructions for the same misses. libjpeg-turbo's own code goes up to AVX2, which valgrind has.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cpu_workloads.conversation import ROOT

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind (Debian package valgrind)"),
]

_SETTINGS = (
    "--tool=cachegrind",
    "--cache-sim=yes",
    "--branch-sim=yes",
    "--I1=49152,3,64",
    "--D1=32768,2,64",
    "--LL=2097152,16,64",
)

_NONE = float("inf")
_MEMORY = "memory accesses %"
_BRANCHES = "conditional branches %"
_MISPREDICTED = "mispredicted %"
_MISPREDICTS = "mispredicts per 1000"
_D1 = "D1 misses per 1000"
_LL = "last-level data misses per 1000"

# For every stressor the steps of the short and of the long run, and for every
# figure what MiBench's original has and the band that a faithful kernel keeps to.
_STUDIES: dict[str, tuple[int, int, dict[str, tuple[float, float, float]]]] = {
    "bitcount": (
        2,
        22,
        {
            _MEMORY: (7.4, 0, 12),
            _BRANCHES: (18.0, 14, 22),
            _MISPREDICTED: (2.2, 1.2, 3.5),
            _MISPREDICTS: (3.90, 2.5, 6),
            _D1: (0.000, -0.05, 0.05),
            _LL: (0.0001, -0.01, 0.01),
        },
    ),
    "stringsearch": (
        2,
        22,
        {
            _MEMORY: (30.6, 20, 38),
            _BRANCHES: (23.5, 19, 28),
            _MISPREDICTED: (2.0, 1.5, 4),
            _MISPREDICTS: (4.73, 3.5, 8),
            _D1: (0.77, 0, 1.5),
            _LL: (0.0001, -0.02, 0.02),
        },
    ),
    "jpeg": (
        2,
        10,
        {
            _MEMORY: (30.2, 25, 60),
            _D1: (2.06, 2, _NONE),
            _LL: (0.18, 1, _NONE),
        },
    ),
}


def _events(name: str, steps: int, out_path: Path) -> dict[str, int]:
    """Cachegrind's event counts of a run of so many steps."""
    # The same number of characters for every run: a longer command line shifts the stack, and with it the misses.
    command = [sys.executable, "-m", "cpu_workloads", name, "--iterations", f"{steps:03d}"]
    subprocess.run(
        ["valgrind", *_SETTINGS, f"--cachegrind-out-file={out_path}", *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        check=True,
    )
    lines = dict(line.split(":", 1) for line in out_path.read_text().splitlines() if line.startswith(("ev", "su")))
    return dict(zip(lines["events"].split(), map(int, lines["summary"].split()), strict=True))


def _figures(name: str, short: int, long: int, folder: Path) -> dict[str, float]:
    few, many = (_events(name, steps, folder / f"{steps}.out") for steps in (short, long))
    count = {event: many[event] - few[event] for event in many}
    kilo_instructions = count["Ir"] / 1000
    return {
        _MEMORY: (count["Dr"] + count["Dw"]) / count["Ir"] * 100,
        _BRANCHES: count["Bc"] / count["Ir"] * 100,
        _MISPREDICTED: count["Bcm"] / count["Bc"] * 100,
        # Indirect branches included: those are the calls through a table.
        _MISPREDICTS: (count["Bcm"] + count["Bim"]) / kilo_instructions,
        _D1: (count["D1mr"] + count["D1mw"]) / kilo_instructions,
        _LL: (count["DLmr"] + count["DLmw"]) / kilo_instructions,
    }


@pytest.mark.parametrize("name", _STUDIES)
def test_within_the_bands_of_a_faithful_kernel(name: str, tmp_path: Path) -> None:
    if name != "jpeg":
        pytest.importorskip("cpu_workloads._kernels", reason="the C kernels are not built")
    short, long, expected = _STUDIES[name]
    figures = _figures(name, short, long, tmp_path)
    print(f"\n{name:32} {'ours':>9} {'MiBench':>9}   band")
    for figure, ours in figures.items():
        known = expected.get(figure)
        against = "" if known is None else f"{known[0]:9.4f}   {known[1]:g} to {known[2]:g}"
        print(f"{figure:32} {ours:9.4f} {against}")
    outside = [figure for figure, (_, low, high) in expected.items() if not low <= figures[figure] <= high]
    assert not outside, f"{name}: outside the band: {outside}"
