"""What two runs have in common, and why some cannot be compared."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from colocate.report.compare.comparison import compare_runs, comparison_json, comparison_markdown

from colocate.errors import SpecError
from colocate.model.request import Inference, SweepSpec, Task
from colocate.model.trial import TrialRecord
from colocate.store import Header, Run
from colocate.study.plan import plan
from tests.study.test_plan import facts

MACHINE = facts(backends=("onnxruntime-cpu",))


def run(
    folder: Path,
    network: str = "/a/mine.onnx",
    sha256: str = "1",
    batch: int = 1,
    argv: tuple[str, ...] = ("true",),
    repeats: int = 3,
) -> Path:
    """A run of one network beside one task, so many blocks of windows that are all alike."""
    spec = SweepSpec((Inference(network, "onnxruntime-cpu", batch=batch),), (Task("mine", argv),), repeats=repeats)
    trials = plan(spec, MACHINE)
    label = f"{network}, batch {batch}, fp32"
    with Run.create(folder, Header({}, spec, MACHINE, {label: {"sha256": sha256}}, {}, len(trials))) as made:
        for index, trial in enumerate(trials):
            latencies_s = np.full(100 if trial.inference else 0, 0.01 * 1.01 ** (index % 3))
            made.append(TrialRecord(trial, 0.0, 1.0, latencies_s, latencies_s, runtime={"version": "1.2"}))
    return folder


def test_the_same_file_elsewhere_is_the_same_network(tmp_path: Path) -> None:
    found = compare_runs(run(tmp_path / "a"), run(tmp_path / "b", "/b/mine.onnx"), 0.0, 0.95)
    assert {change.before.inference.network for change in found.comparison.changes} == {"mine.onnx"}
    assert not found.comparison.only_before and not found.comparison.only_after


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"sha256": "2"}, "what is in network mine.onnx, batch 1, fp32 is not the same"),
        ({"batch": 4}, "batch of mine.onnx was 1 and is 4"),
        ({"argv": ("false",)}, "task mine is not the same program"),
        ({"network": "/a/other.onnx"}, "no cell in common"),
    ],
)
def test_what_is_another_thing_is_not_compared(tmp_path: Path, other: dict[str, str], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        compare_runs(run(tmp_path / "a"), run(tmp_path / "b", **other), 0.0, 0.95)  # type: ignore[arg-type]


def test_runs_that_could_show_nothing_are_not_compared(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no change has an interval"):
        compare_runs(run(tmp_path / "a", repeats=1), run(tmp_path / "b", repeats=1), 0.0, 0.95)


def test_what_could_not_have_been_shown_is_counted(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a"), run(tmp_path / "b")
    blind = {}
    for allowed in (0.0, 0.001, 10.0):
        found = compare_runs(a, b, allowed, 0.95)
        blind[allowed] = comparison_json(found)["blind"]
        said = f"In {blind[allowed]} of {len(found.comparison.changes)} changes a regression of {100 * allowed:g} % "
        assert (said + "could not have been told from none." in comparison_markdown(found)) == (blind[allowed] > 0)
    # The latencies scatter by 1 %, in the slowdowns nothing does.
    assert blind[0.0] == blind[10.0] == 0 < blind[0.001] < len(found.comparison.changes)


def test_names_do_not_break_the_page(tmp_path: Path) -> None:
    name = "/a/x|`y`<b>\x1b[1m.onnx"
    a, b = run(tmp_path / "a", name), run(tmp_path / "b", name)
    slower = tmp_path / "c"
    with Run.read(b) as before, Run.create(slower, before.header()) as after:
        for record in before.records():
            after.append(dataclasses.replace(record, latencies_s=record.latencies_s * 2))
    found = compare_runs(a, slower, 0.0, 0.95)
    assert found.comparison.regressions
    page = comparison_markdown(found)
    assert "\x1b" not in page and "<b>" not in page.replace("\\<b\\>", "") and "x\\|" in page
    assert comparison_json(found)["regressions"] == len(found.comparison.regressions)
