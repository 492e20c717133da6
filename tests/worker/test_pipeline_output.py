"""What a program writes, taken apart: lines, records, and what it said last."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import time

import pytest

from colocate.worker.errors import WorkerError
from colocate.worker.pipeline_output import DESCRIPTOR, LatencyLines, MarkRecords, Output, Times, printable

NOW_NS = 9_000_000_000
PATTERN = r"infer: (\S+)"
DEADLINE_S = 120.0


def record(begin_ns: int, end_ns: int) -> bytes:
    return struct.pack("<qq", begin_ns, end_ns)


def written(code: str, pattern: str | None = None) -> tuple[Output, list[Times]]:
    """The output of a program of this Python code, read to its end, and the inferences in it."""
    output = Output(None if pattern is None else LatencyLines(pattern, "ms"))
    with subprocess.Popen([sys.executable, "-c", code], **output.popen_options()) as process:
        output.listen()
        assert process.wait(DEADLINE_S) == 0
    output._thread.join(DEADLINE_S)
    return output, output.inferences()


@pytest.mark.parametrize(("unit", "latency_ns"), [("ms", 2_500_000), ("us", 2_500), ("s", 2_500_000_000)])
def test_a_line_ends_its_inference_when_it_is_read(unit: str, latency_ns: int) -> None:
    found = list(LatencyLines(PATTERN, unit).read(b"loading\n12: infer: 2.5 took\nbye\n", NOW_NS))
    assert found == [(NOW_NS - latency_ns, NOW_NS)]


def test_a_line_in_parts_is_one_and_a_carriage_return_ends_it_too() -> None:
    lines = LatencyLines(PATTERN, "ms")
    assert list(lines.read(b"infer: 1", NOW_NS)) == []
    assert list(lines.read(b"2\r\nin", NOW_NS)) == [(NOW_NS - 12_000_000, NOW_NS)]
    assert list(lines.read(b"fer: 4\n", NOW_NS)) == [(NOW_NS - 4_000_000, NOW_NS)]


def test_of_lines_that_were_read_together_each_ended_before_the_next_began() -> None:
    lines, later_ns = LatencyLines(PATTERN, "ms"), NOW_NS + 20_000_000
    assert list(lines.read(b"", NOW_NS)) == []
    # The first was not there at the read before, whatever the latencies say: several may be under way at a time.
    assert sorted(lines.read(b"infer: 8\ninfer: 50\ninfer: 4\n", later_ns)) == [
        (NOW_NS - 34_000_000, NOW_NS + 16_000_000),
        (NOW_NS - 8_000_000, NOW_NS),
        (NOW_NS + 16_000_000, later_ns),
    ]


def test_bytes_without_an_end_do_not_fill_the_memory() -> None:
    lines = LatencyLines(PATTERN, "ms")
    for _ in range(10):
        assert list(lines.read(b"x" * 100_000, NOW_NS)) == []
    assert len(lines._rest) < 100_000
    assert len(list(lines.read(b"infer: 1\n", NOW_NS))) == 1


@pytest.mark.parametrize("number", ["fast", "0", "-3", "nan", "inf", "1e400", "0.0000001", "1,5"])
def test_what_is_no_latency_is_refused_with_its_line(number: str) -> None:
    with pytest.raises(
        WorkerError, match=re.escape(f"'{number}' is no latency above 0 in its line 'infer: {number}'")
    ):
        list(LatencyLines(PATTERN, "ms").read(f"infer: {number}\n".encode(), NOW_NS))


def test_a_group_that_took_no_part_is_no_latency() -> None:
    with pytest.raises(WorkerError, match="'' is no latency"):
        list(LatencyLines("infer:( [0-9.]+)?", "ms").read(b"infer: warm\n", NOW_NS))


def test_records_arrive_in_any_parts() -> None:
    marks = MarkRecords()
    both = record(1, 2) + record(3, NOW_NS)
    assert list(marks.read(both[:20], NOW_NS)) == [(1, 2)]
    assert list(marks.read(both[20:], NOW_NS)) == [(3, NOW_NS)]


@pytest.mark.parametrize(("begin_ns", "end_ns"), [(5, 4), (5, 5), (0, 4), (-4, 4), (1, NOW_NS + 1)])
def test_a_record_that_is_no_inference_is_refused(begin_ns: int, end_ns: int) -> None:
    with pytest.raises(WorkerError, match=f"record of {begin_ns} and {end_ns}.* CLOCK_MONOTONIC"):
        list(MarkRecords().read(record(begin_ns, end_ns), NOW_NS))


def test_a_program_that_never_flushes_is_read_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """To a pipe it would write once, at its end."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    code = "import time\nfor _ in range(2): print('infer: 1'); time.sleep(0.3)"
    _, found = written(code, PATTERN)
    (_, first_ns), (_, second_ns) = found
    assert second_ns - first_ns > 100_000_000


def test_what_is_written_arrives_unchanged_and_the_last_words_are_known() -> None:
    output, found = written("import sys; print('infer: 7'); print('shutting down', file=sys.stderr)", PATTERN)
    assert len(found) == 1
    assert output.last_line() == "shutting down"
    output, found = written("print('only'); print('\\x1b[31mthis\\x1b[0m')")
    assert found == []
    assert (
        output.last_line() == output.latest_line() == "\N{REPLACEMENT CHARACTER}[31mthis\N{REPLACEMENT CHARACTER}[0m"
    )
    assert written("pass")[0].last_line() == ""


def test_records_are_read_from_the_pipe_that_the_program_is_told() -> None:
    code = f"""
import os, struct, time
now = int(time.monotonic() * 1e9)
for begin in range(1, 20001):
    os.write(int(os.environ["{DESCRIPTOR}"]), struct.pack("<qq", begin, now))
print("infer: 3")
"""
    _, found = written(code)
    assert [begin for begin, _ in found] == list(range(1, 20001)), "more than a pipe holds"


def test_one_that_prints_latencies_has_no_pipe_for_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DESCRIPTOR, "1")
    output, _ = written(f"import os; print(os.environ.get('{DESCRIPTOR}', 'none'))", PATTERN)
    assert output.last_line() == "none"


def test_after_a_report_that_makes_no_sense_it_reads_on_and_counts_nothing() -> None:
    code = "print('infer: 1'); print('infer: soon')\nfor _ in range(100_000): print('infer: 1')"
    output, found = written(code, PATTERN)
    assert "'soon' is no latency" in output.failure
    assert len(found) <= 1


def test_earlier_inferences_are_forgotten() -> None:
    code = f"""
import os, struct
for begin in (1, 5, 9):
    os.write(int(os.environ["{DESCRIPTOR}"]), struct.pack("<qq", begin, begin + 3))
"""
    output, found = written(code)
    assert found == [(1, 4), (5, 8), (9, 12)]
    output.forget(before_ns=8)
    assert output.inferences() == [(5, 8), (9, 12)]


def test_inferences_are_those_written_up_to_the_question() -> None:
    output = Output(None)
    options = output.popen_options()
    pipe = os.dup(options["pass_fds"][0])
    output.listen()
    try:
        for count in range(1, 20):
            now_ns = time.monotonic_ns()
            os.write(pipe, record(now_ns - 1, now_ns))
            assert len(output.inferences()) == count
    finally:
        os.close(pipe)


def test_long_words_are_shortened() -> None:
    assert printable("  a\tb ") == "a\N{REPLACEMENT CHARACTER}b"
    assert len(printable("x" * 1000)) < 310
