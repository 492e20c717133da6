"""The instructions of a log are classed and counted as often as their block was executed."""

from __future__ import annotations

from tests.arm64.instructions import Mix, mix_of

# As QEMU 7.2 writes it; the second block is translated again with fewer instructions.
LOG = """\
----------------
IN: bitcount
0x5502838850:  a9b27bfd  stp      x29, x30, [sp, #-0xe0]!
0x5502838854:  b0000144  adrp     x4, #0x5502861000
0x5502838858:  35000040  cbnz     w0, #0x5502838860

Trace 0: 0x7fa268000240 [0000000001009331/0000005502838850/00000001/00000200] bitcount
----------------
IN:
0x550283885c:  f9472080  ldr      x0, [x4, #0xe40]
0x5502838860:  3607ffe0  tbz      w0, #0, #0x550283885c
Trace 0: 0x7fa2680005c0 [0000000001009331/000000550283885c/00000001/00000200] \n\
Trace 0: 0x7fa2680005c0 [0000000001009331/000000550283885c/00000001/00000200] \n\
----------------
IN:
0x5502838860:  3607ffe0  tbz      w0, #0, #0x550283885c
0x5502838864:  54000041  b.ne     #0x550283886c
Trace 0: 0x7fa268000800 [0000000001009331/0000005502838860/00000001/00000200] \n\
"""


def test_a_block_counts_as_often_as_it_was_executed() -> None:
    assert mix_of(LOG.splitlines()) == Mix(instructions=3 + 2 * 2 + 2, memory=1 + 2, conditional=1 + 2 + 2)


def test_a_log_without_executions_is_empty() -> None:
    assert mix_of(["IN: ", "0x5502838850:  a9b27bfd  stp      x29, x30, [sp, #-0xe0]!"]) == Mix(0, 0, 0)
