"""docs/reference.md lists every command, flag, key, column and exit code, and none besides."""

from __future__ import annotations

import argparse
import dataclasses
import re
from pathlib import Path

import pytest

import colocate
from colocate import errors
from colocate.cli import parser
from colocate.commands.exit_codes import DONE, NO, UNKNOWN
from colocate.commands.parsing import CommandParser
from colocate.host.processes.signals import STOPPING
from colocate.model.cause import Cause
from colocate.model.limits import Limits
from colocate.model.provenance import Constant, PublishedCheck
from colocate.report.advise.verdicts_file import verdict_row
from colocate.report.efficiency.load import load as load_settings
from colocate.report.efficiency.rows import setting_row
from colocate.report.fleet.rows import board_row, promise_row
from colocate.report.layers.load import load as load_layers
from colocate.report.layers.rows import group_rows, layer_row
from colocate.report.sweep.columns import NO_CELL, cell_row, setting_columns
from colocate.report.training.load import load as load_trainings
from colocate.report.training.rows import training_row
from colocate.request.programs import CommandKeys, PipelineKeys
from colocate.request.study_keys import NetworkKeys, StudyKeys
from colocate.study.population import Promise
from colocate.study.verdicts import Verdict
from tests.docs.recipes import ROOT
from tests.report.advise.judged import judged
from tests.report.compare.runs import run
from tests.report.efficiency.settings import PLAIN
from tests.report.efficiency.test_section import run_of
from tests.report.layers import looked_at
from tests.report.training.settings import run_of as trained

_CSV = re.compile(r'"([a-z-]+\.csv)"')
PAGE = (ROOT / "docs/reference.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """What stands below a heading, up to the next of its level or above."""
    level = title.partition(" ")[0]
    _, _, below = PAGE.partition(f"\n{title}\n")
    assert below, title
    return re.split(rf"^#{{1,{len(level)}}} ", below, maxsplit=1, flags=re.MULTILINE)[0]


def rows(title: str) -> list[list[str]]:
    """The cells of every row of the tables there, without their headings."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    headings = {index - 1 for index, row in enumerate(cells) if set("".join(row)) <= set("-")}
    return [row for index, row in enumerate(cells) if index not in headings and index - 1 not in headings]


def commands() -> dict[str, CommandParser]:
    (found,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    return dict(found.choices)


def test_every_command_with_what_it_takes() -> None:
    told = [row[0].strip("`") for row in rows("## Commands")]
    usages = (own.format_usage() for own in commands().values())
    assert told == [usage.removeprefix("usage: colocate ").removesuffix(" [options]\n") for usage in usages]


def test_every_flag_with_its_value_in_every_command_that_has_it() -> None:
    found: dict[str, set[str]] = {}
    values: dict[str, set[str]] = {}
    for name, own in commands().items():
        for action in own._actions:
            if action.option_strings and action.help != argparse.SUPPRESS and action.dest != "help":
                flag = action.option_strings[0]
                found.setdefault(flag, set()).add(name)
                values.setdefault(flag, set()).add(action.metavar if isinstance(action.metavar, str) else "")
    told = {row[0].strip("`").partition(" ")[0]: row for row in rows("## Flags")}
    assert told.keys() == found.keys()
    assert len(told) == len(rows("## Flags")), "each once"
    for flag, row in told.items():
        assert {name.strip() for name in row[3].split(",")} == found[flag], flag
        assert values[flag] == {row[0].strip("`").partition(" ")[2]}, flag
        assert row[1], f"{flag} has a meaning"


def test_every_exit_code() -> None:
    told = {int(code) for row in rows("## Exit codes") for code in row[0].split(",")}
    failures = {each.exit_code for each in errors.ColocateError.__subclasses__()}
    assert told == {DONE, NO, UNKNOWN, *failures, *(128 + signum for signum in STOPPING)}


@pytest.mark.parametrize(
    ("begins", "kind"),
    [("An entry of `networks`", NetworkKeys), ("An entry of `[commands]`", CommandKeys),
     ("An entry of `[pipelines]`", PipelineKeys)],
)  # fmt: skip
def test_every_key_of_a_table(begins: str, kind: type) -> None:
    (words,) = [each for each in section("## A study file").split("\n\n") if each.startswith(begins)]
    told = re.findall(r"`(\w+)`", words.partition(" with the keys ")[2])
    assert told == [field.name for field in dataclasses.fields(kind)]


def test_every_table_of_a_study_file() -> None:
    tables = {field.name for field in dataclasses.fields(StudyKeys) if field.default_factory is dict}
    assert {row[0].strip("`[]") for row in rows("## A study file")} == tables


def columns(title: str) -> list[str]:
    return [row[0].strip("`") for row in rows(title)]


def test_every_column_of_a_sweep() -> None:
    assert columns("### cells.csv") == [*cell_row(NO_CELL, "host")]
    (first, *_) = judged().advice.rulings
    assert [*setting_columns(NO_CELL, "host"), *columns("### verdicts.csv")] == [*verdict_row(first, "host")]


def test_every_file_of_columns_says_what_each_means() -> None:
    written = {name for path in (ROOT / "colocate/report").rglob("*.py") for name in _CSV.findall(path.read_text())}
    told = re.findall(r"^### (.*\.csv)$", PAGE, flags=re.MULTILINE)
    assert {*told} == written | {f"{name}.csv" for name in ("constants", "validation")}
    for name in told:
        # The ends of an interval are explained once, above all tables.
        assert [row[0] for row in rows(f"### {name}") if not row[1] and not re.search(r"_(lo|hi)`$", row[0])] == []


def test_the_causes_of_a_slowdown() -> None:
    (words,) = [row[1] for row in rows("### cells.csv") if row[0] == "`cause`"]
    assert re.findall(r"`([^`]+)`", words) == [cause.value for cause in Cause]


def test_every_column_of_a_model() -> None:
    for name, kind in (("constants", Constant), ("validation", PublishedCheck)):
        assert columns(f"### {name}.csv") == [*(field.name for field in dataclasses.fields(kind)), "rig"]


def test_every_column_of_a_fleet() -> None:
    settings = [*setting_columns(NO_CELL, "host")]
    first, *others = board_row("b1", NO_CELL, "host")
    assert columns("### boards.csv") == [first, *others[len(settings) :]]
    promise = Promise(NO_CELL, 2, Verdict.UNDECIDED, {})
    row = [*promise_row(promise, Limits(max_slowdown=1.1), "host")]
    assert [*settings, *columns("### boards-like-these.csv")] == row


def test_every_column_of_the_other_runs(tmp_path: Path) -> None:
    settings = load_settings(run_of(tmp_path, PLAIN), {})
    assert columns("### efficiency.csv") == [*setting_row(settings.rows[0], settings)]
    trainings = load_trainings(trained(tmp_path), {})
    assert columns("### training.csv") == [*training_row(trainings.rows[0], trainings)]
    layers = load_layers(looked_at.run(), {})
    assert columns("### layers.csv") == [*layer_row(layers.fused_layers[0], layers)]
    assert columns("### layer-groups.csv") == [*group_rows(layers)[0]]


def test_the_python_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", section("## Python"), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    run(tmp_path / "results/NAME")
    assert colocate.load("results/NAME").cells
    lines = [line for line in code.splitlines() if "pandas" not in line]
    exec("\n".join(lines), {})
