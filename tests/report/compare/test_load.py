"""What two runs have in common, in what they differ, and why some cannot be compared."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from colocate.errors import SpecError, StoreError
from colocate.model.board import BoardState, PowerMode
from colocate.model.provenance import Constant, Provenance
from colocate.model.purpose import Aim, Axes, EfficiencyPurpose
from colocate.model.quality import QualityFlag
from colocate.model.request import Task
from colocate.report.compare.load import compare_runs
from colocate.store.database import FILE_NAME
from colocate.store.run_file import Run
from tests.report.compare.runs import run


def test_the_same_file_elsewhere_is_the_same_network(tmp_path: Path) -> None:
    found = compare_runs(run(tmp_path / "a"), run(tmp_path / "b", "/b/mine.onnx"), 0.0, 0.95)
    assert {change.before.inference.network for change in found.comparison.changes} == {"mine.onnx"}
    assert not found.comparison.only_before and not found.comparison.only_after


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"sha256": "2"}, "what is in network mine.onnx, batch 1, fp32 is not the same"),
        ({"batch": 4}, "batch of mine.onnx was 1 and is 4"),
        ({"argv": ("false",)}, "task mine is not the same program, or is run in another way"),
        (
            {"network": "/a/other.onnx"},
            "no cell in common: the run before has mine.onnx, the run after other.onnx; give two runs of",
        ),
    ],
)
def test_what_is_another_thing_is_not_compared(tmp_path: Path, other: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        compare_runs(run(tmp_path / "a"), run(tmp_path / "b", **other), 0.0, 0.95)


def test_a_run_beside_itself_is_said_to_be_one(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a"), run(tmp_path / "b")
    (tmp_path / "link").symlink_to(a)
    same = "Before and after are the same run: nothing can have changed."
    assert compare_runs(a, tmp_path / "link", 0.0, 0.95).notes == (same,)
    assert same not in compare_runs(a, b, 0.0, 0.95).notes


def test_runs_that_could_show_nothing_are_not_compared(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no change has an interval"):
        compare_runs(run(tmp_path / "a", repeats=1), run(tmp_path / "b", repeats=1), 0.0, 0.95)


def disturbed(folder: Path, to: Path) -> Path:
    """The run with other load in every window."""
    with Run.read(folder) as whole:
        header, records = whole.header(), list(whole.records())
    with Run.create(to, header) as made:
        for record in records:
            made.append(dataclasses.replace(record, warnings=(QualityFlag.OTHER_LOAD,)))
    return to


def test_windows_that_do_not_count_are_named_with_their_warning(tmp_path: Path) -> None:
    a = run(tmp_path / "a")
    b = disturbed(a, tmp_path / "b")
    with pytest.raises(SpecError, match=r"cannot be compared: in the run after no window counts: other load\. `colo"):
        compare_runs(a, b, 0.0, 0.95)
    with pytest.raises(SpecError, match="in the run before no window counts: other load; in the run after no"):
        compare_runs(b, b, 0.0, 0.95)


def test_constants_of_a_model_in_which_two_runs_differ_are_named(tmp_path: Path) -> None:
    a = run(tmp_path / "a")
    with Run.read(a) as whole:
        header, records = whole.header(), list(whole.records())
    for name, contention in (("b", 1.0), ("c", 1.5)):
        constants = (
            Constant("contention", contention, "ratio", "assumed", "none"), Constant("clock", 2.0, "Hz", "read", "a")
        )  # fmt: skip
        facts = dataclasses.replace(header.facts, machine_id=name)
        spec = dataclasses.replace(header.spec, model=(("contention", contention),))
        own = dataclasses.replace(header, facts=facts, spec=spec, provenance=Provenance(constants, ()))
        with Run.create(tmp_path / name, own) as made:
            for record in records:
                made.append(record)
    found = compare_runs(tmp_path / "b", tmp_path / "c", 0.0, 0.95)
    assert found.differs == ("contention, a constant of the model (assumed), was 1 and is 1.5",)
    assert found.notes == (
        "Both runs are of a model: what changed follows from its constants, not from a machine.",
    )  # fmt: skip
    assert compare_runs(tmp_path / "b", tmp_path / "b", 0.0, 0.95).differs == ()


def test_what_is_no_run_is_not_compared(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"there is no folder {tmp_path / 'b'}; python -m colocate list"):
        compare_runs(run(tmp_path / "a"), tmp_path / "b", 0.0, 0.95)
    with pytest.raises(StoreError, match=r"run\.sqlite is a file and holds no run; name the folder"):
        compare_runs(tmp_path / "a", tmp_path / "a" / FILE_NAME, 0.0, 0.95)


def test_runs_of_two_commands_are_refused_by_their_names(tmp_path: Path) -> None:
    with Run.read(run(tmp_path / "a")) as whole:
        header = whole.header()
    purpose = EfficiencyPurpose(Axes((), (), (), ()), Aim(), "onnxruntime-cpu")
    with Run.create(tmp_path / "b", dataclasses.replace(header, purpose=purpose)):
        pass
    said = r"/a and .*/b cannot be compared: command was sweep and is efficiency; give two runs of the same study$"
    with pytest.raises(SpecError, match=said):
        compare_runs(tmp_path / "a", tmp_path / "b", 0.0, 0.95)


def test_a_task_that_only_one_run_has_is_a_cell_and_no_difference(tmp_path: Path) -> None:
    more = run(tmp_path / "b", also=(Task("other", ("true",)),))
    found = compare_runs(run(tmp_path / "a"), more, 0.0, 0.95)
    assert [cell.task for cell in found.comparison.only_after] == ["other"] and found.differs == ()


def test_a_run_equals_itself_and_differs_in_what_was_measured_otherwise(tmp_path: Path) -> None:
    a = run(tmp_path / "a")
    assert compare_runs(a, a, 0.0, 0.95).differs == ()
    with Run.read(a) as before:
        header, records = before.header(), list(before.records())
    facts = dataclasses.replace(header.facts, kernel="6.1", versions={"numpy": "2"}, memory_bytes=1)
    spec = dataclasses.replace(header.spec, warmup_s=1.0, inference_cpus=None)
    with Run.create(tmp_path / "c", dataclasses.replace(header, facts=facts, spec=spec)) as after:
        for record in records:
            after.append(dataclasses.replace(record, runtime={"version": "1.3"}))
    assert compare_runs(a, tmp_path / "c", 0.0, 0.95).differs == (
        "kernel was k and is 6.1",
        "numpy was none and is 2",
        "onnxruntime-cpu version was 1.2 and is 1.3",
        "warmup_s was 0.3 and is 1.0",
    )


def on_board(folder: Path, board: BoardState | None, to: Path) -> Path:
    """The run as if it had been made on this board."""
    with Run.read(folder) as whole:
        header, records = whole.header(), list(whole.records())
    with Run.create(to, dataclasses.replace(header, facts=dataclasses.replace(header.facts, board=board))) as made:
        for record in records:
            made.append(record)
    return to


def test_a_board_that_was_set_otherwise_is_noted_and_its_facts_are_differences(tmp_path: Path) -> None:
    plain_run = run(tmp_path / "a")
    was = BoardState("32.6.1", PowerMode(0, "MAXN"), (), False)
    a = on_board(plain_run, was, tmp_path / "b")
    now = dataclasses.replace(was, power_mode=PowerMode(1, "5W"), cpus_off=(2, 3), desktop=True)
    found = compare_runs(a, on_board(plain_run, now, tmp_path / "c"), 0.0, 0.95)
    assert found.differs == (
        "power mode was 0 (MAXN) and is 1 (5W)",
        "CPUs switched off was none and is 2, 3",
        "desktop was not running and is running",
    )
    assert found.notes == (
        "The board was set otherwise (power mode, CPUs switched off): what changed may follow from that alone.",
    )
    found = compare_runs(plain_run, a, 0.0, 0.95)
    assert (found.differs, found.notes) == ((), ())


def test_a_run_that_is_not_finished_is_noted(tmp_path: Path) -> None:
    found = compare_runs(run(tmp_path / "a"), run(tmp_path / "b", done=8), 0.0, 0.95)
    assert found.notes == ("The run after is unfinished: 8 of 9 trials done.",)
