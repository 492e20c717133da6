"""The table of a sweep on a terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from colocate.model.cause import Cause, ExtraTime
from colocate.model.cell import Cell, Interval
from colocate.model.machine import Missing
from colocate.model.provenance import Constant, Provenance
from colocate.model.quality import QualityFlag
from colocate.report.sweep.terminal import print_sweep
from colocate.store.run_file import Header
from tests.report.drawn import cell, header, loaded, records_of


def printed(capsys: pytest.CaptureFixture[str], cells: Sequence[Cell], of: Header | None = None) -> list[str]:
    print_sweep(loaded(cells, records_of(cells), of or header(planned=9)))
    return capsys.readouterr().out.splitlines()


def columns(line: str) -> list[str]:
    return [part.strip() for part in line.strip("\N{BOX DRAWINGS LIGHT VERTICAL}┃").replace("┃", "│").split("│")]


def test_a_cause_has_a_column_and_a_sentence_only_where_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(capsys, [cell(), cell(task="fft", extra_time=ExtraTime(1e-3, ((Cause.QUOTA, 1e-3),)))])
    head, first, second = (columns(line) for line in said if line.startswith(("┃", "│")))
    assert (first[head.index("cause")], second[head.index("cause")]) == ("", "quota 100 %")
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
             warnings=(QualityFlag.TOO_FEW_BLOCKS, QualityFlag.OTHER_LOAD)),
    ]  # fmt: skip
    title, *said = printed(capsys, cells)
    assert title.strip() == "Acme Nine 9000, none, 3 of 9 trials"
    head, first, second = (columns(line) for line in said if line.startswith(("┃", "│")))
    assert head == [
        "network", "beside", "placement", "clocks", "p50 ms", "slowdown p50", "slowdown p99", "work lost", "warnings"
    ]  # fmt: skip
    assert first[:5] == ["alexnet", "jpeg", "isolated", "native", "12.3"]
    assert first[5:] == ["1.130 [1.090, 1.170]", "1.300 n.s. [0.900, 1.600]", "12 %", ""]
    assert second == ["alexnet", "[b]", "isolated", "native", "", "1.500", "", "0 %", "1 2"]
    flags = (QualityFlag.TOO_FEW_BLOCKS, QualityFlag.OTHER_LOAD)
    assert said[-2:] == [f"{number}  {flag.value}: {flag.remedy}" for number, flag in enumerate(flags, start=1)]
    assert (
        "Slowdown is latency beside the task over latency alone, with its 95 % interval; n.s. = not significant."
        in said
    )


def test_misses_have_a_column_where_there_is_a_deadline(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, [cell(period_s=0.01, miss_ratio=0.25, longest_miss_run=3)])
    head, row = (columns(line) for line in found if line.startswith(("┃", "│")))
    assert dict(zip(head, row, strict=True))["missed"] == "25 %, 3 running"


def test_what_numbers_rest_on_is_said_below_them(capsys: pytest.CaptureFixture[str]) -> None:
    said = "\n".join(printed(capsys, [cell()]))
    assert "assuming" not in said and "No cpusets" not in said
    constant = Constant("contention", 1.0, "1", "assumed", "none")
    modelled = dataclasses.replace(header("tx1-model"), provenance=Provenance((constant,), ()))
    assert "A model, assuming contention = 1: the size of every slowdown and work loss rests on it." in printed(
        capsys, [cell()], modelled
    )
    bound = header(confinement="affinity", cpusets_missing=Missing("cgroups are [read-only]", "be root"))
    assert "No cpusets here, CPUs were set apart by affinity alone: cgroups are [read-only]" in printed(
        capsys, [cell()], bound
    )


def test_a_study_until_decided_counts_its_trials_alone(capsys: pytest.CaptureFixture[str]) -> None:
    of = header(planned=9)
    of = dataclasses.replace(of, spec=dataclasses.replace(of.spec, until_decided=True))
    assert printed(capsys, [cell()], of)[0].strip() == "Acme Nine 9000, none, 1 trial until decided"
