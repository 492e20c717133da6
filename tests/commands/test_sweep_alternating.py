"""`colocate sweep` as a user starts it: tasks are paused and resumed inside windows, where that can be done."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from colocate.model.trial import Condition, Trial, TrialRecord
from colocate.store.run_file import Run
from tests.commands.command_line import MODEL, STEADY, TINY, colocate, copy_of, header_of, lose, refused
from tests.rigs.host.trials import holds_every_condition
from tests.rows import rows_of

# Later flags win.
ALTERNATING = ("--design", "alternating")
ON_THE_MODEL = (*MODEL, *ALTERNATING, "--repeats", "3")


def records_of(run: Path) -> list[TrialRecord]:
    with Run.read(run) as stored:
        return list(stored.records())


def trials_of(run: Path) -> list[Trial]:
    """All that ended: on a machine that others keep busy a window may hold no inference in one of its conditions."""
    with Run.read(run) as stored:
        return [record.trial for record in stored.records()] + [failure.trial for failure in stored.failures()]


@pytest.fixture(scope="module")
def alternating_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of 1 ms beside one task on this machine, and beside one that must not be paused."""
    folder = tmp_path_factory.mktemp("alternating")
    (folder / "study.toml").write_text('[commands.uplink]\ncommand = "sleep 1000"\npause = false\n')
    for window_s in ("0.6", "2.4", "9.6"):
        run = folder / f"run-{window_s}"
        arguments = [*TINY, *ALTERNATING, "--repeats", "3", "--window", window_s]
        done = colocate("sweep", folder / "study.toml", *arguments, "--out", run)
        assert done.returncode == 0, done.stderr
        windows = [record for record in records_of(run) if record.trial.alternating]
        if len(windows) == 3 and all(map(holds_every_condition, windows)):
            break
    assert "Slowdown and work lost come from alternating windows, each " in done.stdout
    assert "Beside uplink, not to be paused, all numbers come from steady windows." in done.stdout
    return run


def test_a_plain_sweep_alternates_where_tasks_can_be_paused(alternating_run: Path) -> None:
    plain = ("--backend", "synthetic", "--networks", "spin-1ms", "--placement", "shared", "--dry-run", "--json")
    by_default, asked, steady = (
        json.loads(colocate("sweep", *plain, *flags).stdout) for flags in ((), ALTERNATING, STEADY)
    )
    assert by_default == asked and 0 < asked["alternating"] < asked["trials"]
    assert steady["alternating"] == 0 and {row["design"] for row in steady["plan"]} == {"steady"}
    facts, spec = header_of(alternating_run).facts, header_of(alternating_run).spec
    assert facts.pausing and spec.alternating and spec.segment_s is None


def test_every_repeat_has_an_alternating_window_and_the_first_two_have_steady_ones(alternating_run: Path) -> None:
    windows = [trial for trial in trials_of(alternating_run) if trial.inference]
    designs = {
        (trial.task.name if trial.task else None, trial.alternating): sorted(
            other.repeat for other in windows if (other.task, other.alternating) == (trial.task, trial.alternating)
        )
        for trial in windows
    }
    assert designs == {
        ("bitcount", True): [0, 1, 2],
        ("bitcount", False): [0, 1],
        # What must not be paused has its steady windows in every repeat, and so has what it is set against.
        ("uplink", False): [0, 1, 2],
        (None, False): [0, 1, 2],
    }


def test_an_alternating_window_says_which_inference_belongs_to_which_condition(alternating_run: Path) -> None:
    for record in records_of(alternating_run):
        if not record.trial.alternating:
            assert record.segments == () and record.conditions is None
            continue
        assert record.conditions is not None and record.conditions.shape == record.latencies_s.shape
        assert holds_every_condition(record)
        assert {*np.unique(record.conditions)} >= {Condition.ALONE, Condition.BESIDE}


def test_its_cells_say_which_design_they_are_of(alternating_run: Path) -> None:
    rows = {row["task"]: row for row in rows_of(alternating_run / "cells.csv")}
    assert rows["bitcount"]["design"] in ("alternating", "steady") and rows["uplink"]["design"] == "steady"
    assert (rows["bitcount"]["design"] == "steady") == ("alternation differs" in rows["bitcount"]["warnings"])
    page = (alternating_run / "report.html").read_text(encoding="utf-8")
    assert "while the tasks of the same windows were paused" in page and "task pausing" in page


def test_an_alternating_run_resumes(alternating_run: Path, tmp_path: Path) -> None:
    run = copy_of(alternating_run, tmp_path)
    before = {trial.trial_id for trial in trials_of(run)}
    lose(run, "rowid > 6")
    done = colocate("sweep", "--resume", "--out", run, "--quiet")
    assert (done.returncode, {trial.trial_id for trial in trials_of(run)}) == (0, before), done.stderr
    refused(2, "design was alternating and is steady", "sweep", "--resume", "--out", run, "--quiet", *STEADY)


def test_a_segment_is_as_long_as_is_asked_for(tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = colocate(
        "sweep", *ON_THE_MODEL, "--segment-ms", "400", "--gpu-clocks", "high", "--out", run, pictures=True
    )
    assert done.returncode == 0, done.stderr
    assert header_of(run).spec.segment_s == 0.4 and "every 400 ms." in done.stdout
    for words in ("alternating windows of ", "task paused or resumed every 400 ms"):
        assert words in (run / "figures" / "heatmap-slowdown-p50.svg").read_text(encoding="utf-8")
    assert "steady windows of " in (run / "figures" / "heatmap-power.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("said", "flags"),
    [
        ("unknown design 'alternate'; did you mean 'alternating'?", ["--design", "alternate"]),
        ("this study is steady; leave segment_ms out, or", [*STEADY, "--segment-ms", "50"]),
        ("design: there is no task that may be paused", [*ALTERNATING, "--stressors", ""]),
        ("segment_ms: give a number of at least 0.001, not 0", ["--segment-ms", "0"]),
    ],
)
def test_a_design_that_makes_no_sense_gets_one_line(said: str, flags: list[str], tmp_path: Path) -> None:
    refused(2, said, "sweep", *TINY, "--out", tmp_path / "run", *flags)
    assert not (tmp_path / "run").exists()


def test_a_network_by_itself_has_no_design() -> None:
    for command in (["efficiency"], ["layers", "alexnet"]):
        refused(2, "unknown flag --design", *command, *ALTERNATING)
