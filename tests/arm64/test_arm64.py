"""colocate on Debian for arm64 under an emulator of its instructions: installed, swept, tested.

It shows that all of it runs there. An emulator says nothing about time, caches or branch prediction.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from colocate.store.run_file import Run
from tests.arm64.instructions import mix_of
from tests.debian.root import ARM64, CPUINFO, inside, made, missing, pip
from tests.docs.recipes import ROOT

pytestmark = pytest.mark.skipif((reason := missing(ARM64)) is not None, reason=str(reason))

HOME, WHEELS, LOG = "srv/colocate", "srv/wheels", "srv/log"
# Without the bytecode of packages that are never imported: to make it takes an emulator longer than all else.
OFFLINE = {
    "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": f"/{WHEELS}", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_COMPILE": "0",
}  # fmt: skip
# What is emulated is a TX1's Cortex-A57, and /proc/cpuinfo says so: ONNX Runtime crashes on one of another processor.
EMULATED = {"QEMU_CPU": "cortex-a57"}
PROCESSOR = """\
processor\t: {number}
BogoMIPS\t: 38.40
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd07
CPU revision\t: 1

"""
# An emulated inference takes seconds.
SHORT = (
    "--networks squeezenet1_1 --stressors bitcount,jpeg-small,stringsearch --design steady --repeats 1 --window 8 "
    "--warmup 1 --settle 0 --out results/first"
)
TESTING = ("pytest", "pytest-xdist", "hypothesis")
# What needs no processes of its own: nouns, statistics, requests, meters' files, what programs print. What simulates
# thousands of studies takes an emulator hours.
SIMULATING = ("advice", "agreement", "comparison", "coverage", "efficiency", "sequential", "stages")
UNITS = (
    "tests/model", "tests/study", "tests/request", "tests/power", "tests/cpu_workloads/test_kernels.py",
    "tests/cpu_workloads/test_output.py", "tests/cpu_workloads/test_progress.py", "tests/worker/test_older.py",
    *(f"--ignore=tests/study/test_{name}.py" for name in SIMULATING),
)  # fmt: skip
# Of all instructions those that load or store, and those that branch on a condition, in %: the bands of
# tests/bench/test_cachegrind.py, which are for x86-64. Seen: 8.9 and 17.1, 24.3 and 24.3.
BANDS = {"bitcount": ((0, 12), (14, 22)), "stringsearch": ((20, 38), (19, 28))}
# One step of a kernel, and where its instructions are.
_KERNEL = """
import sys
from cpu_workloads import _kernels
from cpu_workloads.bitcount import Bitcount
from cpu_workloads.stringsearch import Stringsearch
task = {"bitcount": lambda: Bitcount(words_per_step=2000), "stringsearch": lambda: Stringsearch(passes_per_step=1)}
task[sys.argv[1]]().step()
print(next(line.split()[0] for line in open("/proc/self/maps") if line.split()[1][2] == "x" and "_kernels" in line))
"""


def run(root: Path, script: str) -> str:
    """What a shell script in colocate's folder printed."""
    done = inside(root, f"/{HOME}", ["sh", "-ec", script], OFFLINE | EMULATED)
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed() -> Path:
    """The Debian in which README's first command has installed this colocate and swept."""
    root = made(ARM64)
    processors = (PROCESSOR.format(number=number) for number in range(len(os.sched_getaffinity(0))))
    (root / CPUINFO).write_text("".join(processors))
    shutil.rmtree(root / HOME, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (root / HOME / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / HOME / name)
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    needed = re.sub(r"#.*", "", settings["options"]["install_requires"]).split("\n")
    wheels = [each.strip() for each in needed if each.strip()] + ["setuptools", "wheel", *TESTING]
    pip("download", ARM64, "--dest", root / WHEELS, *wheels)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (first,) = re.findall(r"^```sh\n(python3 -m venv .* -m colocate sweep)\n```$", readme, re.MULTILINE)
    print(run(root, f"{first} {SHORT}"))
    return root


def test_the_first_command_of_the_readme_measures(installed: Path) -> None:
    with Run.read(installed / HOME / "results/first") as stored:
        records, failures = list(stored.records()), list(stored.failures())
    assert failures == []
    beside = {record.trial.task.name for record in records if record.trial.inference and record.trial.task}
    assert beside == {"bitcount", "jpeg-small", "stringsearch"}
    assert all(len(record.latencies_s) for record in records if record.trial.inference)
    for name in ("report.html", "cells.csv", "report.md"):
        assert (installed / HOME / "results/first" / name).stat().st_size
    assert run(installed, ".venv/bin/python -c 'import platform; print(platform.machine())'").strip() == "aarch64"


@pytest.mark.parametrize("name", BANDS)
def test_a_kernel_keeps_to_the_bands_of_x86_64(name: str, installed: Path) -> None:
    (installed / HOME / "kernel.py").write_text(_KERNEL)

    def kernel(settings: str = "") -> list[str]:
        # Without a random layout the kernel is at the same place in each run.
        call = f"setarch --addr-no-randomize env {settings} .venv/bin/python kernel.py {name}"
        return run(installed, call).strip().split("-")

    first, last = kernel()
    logged = f"QEMU_LOG=in_asm,exec,nochain QEMU_LOG_FILENAME=/{LOG} QEMU_DFILTER=0x{first}..0x{last}"
    assert kernel(logged) == [first, last]
    with (installed / LOG).open() as lines:
        mix = mix_of(lines)
    shares = [100 * count / mix.instructions for count in (mix.memory, mix.conditional)]
    words = f"{shares[0]:.1f} % load or store, {shares[1]:.1f} % branch on a condition"
    print(f"\n{name}: of {mix.instructions} instructions {words}")
    assert all(low <= share <= high for share, (low, high) in zip(shares, BANDS[name], strict=True))


def test_the_units_pass(installed: Path) -> None:
    run(installed, f".venv/bin/pip install --quiet {' '.join(TESTING)}")
    print(run(installed, f".venv/bin/python -m pytest -q -n {len(os.sched_getaffinity(0))} {' '.join(UNITS)}"))
