"""The marks that a user's program makes, in Python and in C, read as colocate reads them."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

import colocate.marks
from colocate.worker.pipeline_output import DESCRIPTOR

HEADER = Path(__file__).parents[1] / "examples" / "pipeline" / "colocate_marks.h"
PROGRAM = """
import marks
before_ns = marks.now_ns()
with marks.inference():
    pass
try:
    with marks.inference():
        raise KeyError
except KeyError:
    pass
marks.mark(before_ns, marks.now_ns())
"""
IN_C = """
#include "colocate_marks.h"
int main(void) {
    int64_t begin_ns = colocate_now_ns();
    struct timespec nap = {0, 1000000};
    nanosleep(&nap, NULL);
    colocate_mark(begin_ns, colocate_now_ns());
    return 0;
}
"""


def records(*command: str | Path, folder: Path) -> list[tuple[int, int]]:
    """What the program writes into its pipe."""
    ours, programs = os.pipe()
    with os.fdopen(ours, "rb") as pipe:
        environment = {**os.environ, DESCRIPTOR: str(programs)}
        subprocess.run(command, cwd=folder, env=environment, pass_fds=(programs,), check=True)
        os.close(programs)
        return list(struct.iter_unpack("<qq", pipe.read()))


def pythons() -> list[str]:
    """Ours, and what older ones this machine has: a program's need not be colocate's."""
    found = [shutil.which(f"python3.{minor}") for minor in range(6, 10)]
    works = [path for path in found if path and not subprocess.run([path, "-c", ""], capture_output=True).returncode]
    return [sys.executable, *works]


@pytest.mark.parametrize("python", pythons())
def test_a_copy_reports_each_inference_that_is_done(python: str, tmp_path: Path) -> None:
    shutil.copy(colocate.marks.__file__, tmp_path / "marks.py")
    before_ns = time.monotonic_ns()
    inside, whole = records(python, "-c", PROGRAM, folder=tmp_path)
    # A float of seconds is coarser than a nanosecond after months.
    assert before_ns - 1000 <= whole[0] < inside[0] < inside[1] <= whole[1] <= time.monotonic_ns() + 1000


@pytest.mark.parametrize("number", [None, "", "many", "-1", "4711", "file"])
def test_nothing_happens_where_nobody_measures(number: str | None, tmp_path: Path) -> None:
    """Nor where the pipe was closed on the way, and its number belongs to a file of the program's own."""
    shutil.copy(colocate.marks.__file__, tmp_path / "marks.py")
    environment = {name: value for name, value in os.environ.items() if name != DESCRIPTOR}
    with (tmp_path / "precious").open("w") as file:
        if number is not None:
            environment[DESCRIPTOR] = str(file.fileno()) if number == "file" else number
        command = [sys.executable, "-c", PROGRAM]
        subprocess.run(command, cwd=tmp_path, env=environment, pass_fds=(file.fileno(),), check=True)
    assert (tmp_path / "precious").read_bytes() == b""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no C compiler")
@pytest.mark.parametrize("language", ["c99", "c++17"])
def test_the_header_reports_from_c_and_from_cpp(language: str, tmp_path: Path) -> None:
    compiler = "g++" if "+" in language else "gcc"
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler}")
    source = tmp_path / ("program.cpp" if compiler == "g++" else "program.c")
    source.write_text(IN_C)
    strict = ["-Wall", "-Wextra", "-Werror", "-pedantic", f"-std={language}", f"-I{HEADER.parent}"]
    subprocess.run([compiler, *strict, "-o", tmp_path / "program", source], check=True)
    before_ns = time.monotonic_ns()
    ((begin_ns, end_ns),) = records(tmp_path / "program", folder=tmp_path)
    assert before_ns <= begin_ns and begin_ns + 1_000_000 <= end_ns <= time.monotonic_ns()
    environment = {name: value for name, value in os.environ.items() if name != DESCRIPTOR}
    subprocess.run([tmp_path / "program"], env=environment, check=True)
