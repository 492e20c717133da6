"""Programs of a user's own that infer, for the tests: each spins for 2 ms and reports it."""

from __future__ import annotations

import sys
from pathlib import Path

PATTERN = "infer: ([0-9.]+) ms"
_SPIN = """
import os, sys, time
def infer():
    end_s = time.monotonic() + 0.002
    while time.monotonic() < end_s:
        pass
"""
# `before` runs once, `after` behind each inference, of which `n` have been reported.
_PRINTS = """
print("loading the network")
{before}
n = 0
while True:
    begin_s = time.monotonic()
    infer()
    n += 1
    print(f"{{n}} infer: {{1e3 * (time.monotonic() - begin_s):.4f}} ms")
    {after}
"""
_MARKS = """
import colocate.marks
{before}
n = 0
while True:
    with colocate.marks.inference():
        infer()
    n += 1
    {after}
"""
IN_C = """
#include "colocate_marks.h"
int main(void) {
    for (;;) {
        int64_t begin_ns = colocate_now_ns();
        while (colocate_now_ns() < begin_ns + 2000000) {}
        colocate_mark(begin_ns, colocate_now_ns());
    }
}
"""
HEADER = Path(__file__).parents[2] / "examples" / "pipeline" / "colocate_marks.h"


def prints(before: str = "", after: str = "") -> tuple[str, ...]:
    return (sys.executable, "-c", _SPIN + _PRINTS.format(before=before, after=after))


def marks(before: str = "", after: str = "") -> tuple[str, ...]:
    return (sys.executable, "-c", _SPIN + _MARKS.format(before=before, after=after))
