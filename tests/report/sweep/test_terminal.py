"""The table of a sweep on a terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from colocate.model.cause import Cause, ExtraTime
from colocate.model.cell import Cell, Interval
from colocate.model.limits import Limits
from colocate.model.machine import Missing
from colocate.model.provenance import Constant, Provenance
from colocate.model.quality import TOO_FEW_FOR, QualityFlag
from colocate.report.sweep.load import SweepReport
from colocate.report.sweep.terminal import print_sweep
from colocate.request.limit_keys import LimitChanges
from colocate.store.run_file import Header
from tests.report.advise.judged import judged
from tests.report.drawn import cell, header, loaded, records_of


def printed(capsys: pytest.CaptureFixture[str], cells: Sequence[Cell], of: Header | None = None) -> list[str]:
    print_sweep(SweepReport(None), loaded(cells, records_of(cells), of or header(planned=9)))
    return capsys.readouterr().out.splitlines()


def test_a_cause_has_a_column_and_a_sentence_only_where_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(capsys, [cell(), cell(task="fft", extra_time=ExtraTime(1e-3, ((Cause.QUOTA, 1e-3),)))])
    assert [line for line in said if line.startswith("fft ") and "quota 100 %" in line]
    assert any(line.startswith("alexnet beside fft, isolated: a CPU quota around colocate") for line in said)
    assert not any("cause" in line for line in printed(capsys, [cell()]))


def test_every_cell_with_a_task_is_a_line_and_what_is_not_significant_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cells = [
        cell(task="none", slowdown_p50=None, warnings=(QualityFlag.OTHER_LOAD,)),
        cell(slowdown_p99=Interval(1.3, 0.9, 1.6), work_loss_ratio=Interval(0.124, None, None)),
        cell(task="[b]", slowdown_p50=Interval(1.5, None, None), p50_s=None,
             work_loss_ratio=Interval(-0.004, None, None),
             warnings=(QualityFlag.TOO_FEW_REPEATS, QualityFlag.OTHER_LOAD)),
    ]  # fmt: skip
    said = printed(capsys, cells)
    assert said[0] == "Acme Nine 9000; CPU separation: none; 3 of 9 trials, one window each"
    assert said[2] == "alexnet, isolated. In every row: CPU/GPU MHz = native."
    first, second = (line.split() for line in said if line.startswith(("jpeg ", "[b] ")))
    assert " ".join(first) == "jpeg 12.3 1.130 [1.090, 1.170] 1.300 [0.900, 1.600] n.s. 12 %"
    assert " ".join(second) == "[b] 1.500 0 % (1) (2)"
    flags = (QualityFlag.TOO_FEW_REPEATS, QualityFlag.OTHER_LOAD)
    notes = [f"({number}) {flag.value}: {flag.remedy}" for number, flag in enumerate(flags, start=1)]
    assert set(" ".join(notes).split()) <= set(" ".join(said).split())
    assert (
        "Slowdown is latency beside the task over latency alone, with its 95 % interval; n.s. = not significant."
        in said
    )


def test_misses_have_a_column_where_there_is_a_deadline(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, [cell(period_s=0.01, miss_ratio=0.25, longest_miss_run=3)])
    assert any("25 %, 3 running" in line for line in found)


def test_an_interval_is_whole_on_80_columns_and_an_absurd_one_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    wide = Interval(10.44, 0.2, 5e7)
    found = printed(capsys, [cell(slowdown_p99=wide), cell(task="stringsearch", slowdown_p50=wide)])
    assert any("10.4 [0.2, > 100] n.s." in line for line in found)
    assert max(map(len, found[:-1])) <= 80


def test_without_limits_the_command_that_gives_verdicts_comes_last(capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(capsys, [cell()])
    assert said[-2:] == [
        "Which tasks are safe? Give limits, as in this example:",
        f"  python -m colocate advise {loaded([], []).folder} --max-slowdown 1.1",
    ]


def test_the_command_that_says_more_asks_for_the_same_limits(capsys: pytest.CaptureFixture[str]) -> None:
    advice = judged()
    changes = LimitChanges({"slo_ms": 28.0}, ["max_slowdown"])
    print_sweep(SweepReport(advice), dataclasses.replace(advice.run, changes=changes))
    command = f"  python -m colocate advise {advice.run.folder} --slo-ms 28 --without max-slowdown"
    assert command in capsys.readouterr().out.splitlines()


def test_with_limits_each_row_has_its_verdict_and_the_answer_comes_last(capsys: pytest.CaptureFixture[str]) -> None:
    advice = judged()
    print_sweep(SweepReport(advice), advice.run)
    said = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in said if line.startswith(("cool ", "hot ", "warm "))]
    assert [row[1] for row in rows] == ["SAFE", "UNSAFE", "UNDECIDED"]
    answer = said.index("1 SAFE, 1 UNSAFE, 1 UNDECIDED with p95 slowdown <= 1.2, power <= 10 W")
    assert said[answer + 1].startswith("alexnet: cool, isolated: p95 12.0 ms")
    assert said[-1] == "  SAFE nowhere: hot"


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_what_decided_stays_however_narrow_the_terminal(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    advice = judged()
    print_sweep(SweepReport(advice), advice.run)
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("cool ", "hot ", "warm "))]
    assert ["1.050 [1.0" in rows[0], "12.0" in rows[1], "9.95 W [" in rows[2]] == [True] * 3
    assert ["p95 slowdown" in rows[0], "power" in rows[1]] == [True] * 2


def test_a_percentile_that_lacks_samples_is_named_where_it_was_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = {"cool": (QualityFlag.TOO_FEW_FOR_P99,), "warm": (*TOO_FEW_FOR.values(),), "hot": ()}
    for name, marked in (("p95", {"warm"}), ("p99", {"cool", "warm"})):
        limits = Limits(slo_s=0.03, percentile=name)
        run = loaded([cell(task=task, warnings=warnings) for task, warnings in flags.items()], [])
        print_sweep(
            SweepReport(judged(limits)),
            dataclasses.replace(run, changes=LimitChanges({"max_slowdown": 2.0, "percentile": name})),
        )
        said = capsys.readouterr().out
        lines = (line.split() for line in said.splitlines() if line.startswith(("cool ", "warm ", "hot ")))
        rows = {task: numbers for task, *numbers in lines}
        assert {task for task, numbers in rows.items() if numbers[-1:] == ["(1)"]} == marked
        assert [line[:27] for line in said.splitlines() if "too few" in line] == [f"(1) too few samples for {name}"]


def test_what_numbers_rest_on_is_said_below_them(capsys: pytest.CaptureFixture[str]) -> None:
    said = "\n".join(printed(capsys, [cell()]))
    assert "assuming" not in said and "No cpusets" not in said
    constant = Constant("contention", 1.0, "1", "assumed", "none")
    modelled = dataclasses.replace(header("tx1-model"), provenance=Provenance((constant,), ()))
    assert (
        "Slowdown, work lost and latency beside a task rest on an assumption without a source: each byte that task "
        "or network moves in memory delays the other as if the other had moved 1 byte more "
        "(contention = 1; docs/tx1-model.md)."
    ) in " ".join(" ".join(printed(capsys, [cell()], modelled)).split())
    bound = header(confinement="affinity", cpusets_missing=Missing("cgroups are [read-only]", "be root"))
    assert "No cpusets here, CPUs were set apart by affinity alone: cgroups are [read-only]" in printed(
        capsys, [cell()], bound
    )


def test_a_study_until_decided_counts_its_trials_alone(capsys: pytest.CaptureFixture[str]) -> None:
    of = header(planned=9)
    of = dataclasses.replace(of, spec=dataclasses.replace(of.spec, until_decided=True))
    assert printed(capsys, [cell()], of)[0].strip() == "Acme Nine 9000; CPU separation: none; 1 trial until decided"
