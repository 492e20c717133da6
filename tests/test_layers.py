"""`colocate layers` as a user meets it: on a small network of one's own, and in virtual time."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from colocate.commands.layers import study
from colocate.errors import SpecError
from colocate.inference.backends.registry import BACKENDS
from colocate.inference.networks import cache
from colocate.inference.networks.catalogue import skeleton
from colocate.inference.onnx.graph import layers as layers_of
from colocate.inference.onnx.graph import macs
from colocate.inference.onnx.layer_map import copies
from colocate.model.layers import LayerMap
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Inference
from colocate.model.trial import PowerTrace, Trial, TrialRecord
from colocate.report.write import write_report
from colocate.rigs.registry import make_rig
from colocate.store import FILE_NAME, Run
from colocate.sweep import Observer, sweep
from tests.rows import rows_of
from tests.test_cli import colocate

SHORT = ["--repeats", "2", "--window", "0.2", "--warmup", "0.02", "--settle", "0", "--placement", "shared"]


def branching(path: Path) -> Path:
    """Two convolutions of one input, added, joined with one of them and multiplied: a block with two inputs twice."""
    rng = np.random.default_rng(0)
    stored = [
        numpy_helper.from_array(rng.standard_normal(shape, dtype=np.float32), name)
        for name, shape in (("left.w", (8, 3, 3, 3)), ("right.w", (8, 3, 3, 3)), ("product.w", (16 * 30 * 30, 10)))
    ]
    nodes = [
        helper.make_node("Conv", ["x", "left.w"], ["l"], "left"),
        helper.make_node("Conv", ["x", "right.w"], ["r"], "right"),
        helper.make_node("Mul", ["l", "r"], ["m"], "times"),
        helper.make_node("Concat", ["m", "l"], ["c"], "joined", axis=1),
        helper.make_node("Flatten", ["c"], ["f"], "flat"),
        helper.make_node("MatMul", ["f", "product.w"], ["y"], "product"),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 3, 32, 32]), ("y", [1, 10]))
    ]
    graph = helper.make_graph(nodes, "branching", ends[:1], ends[1:], stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


MACS = 2 * 8 * 30 * 30 * 27 + 16 * 30 * 30 * 10


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    done = colocate("layers", branching(folder / "mine.onnx"), *SHORT, "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    assert "Layers add up to" in done.stdout
    return folder / "run"


def test_every_layer_has_a_time_and_the_counts_of_the_graph(finished: Path) -> None:
    table = rows_of(finished / "layers.csv")
    assert {name for row in table for name in row["layers"].split(";") if name} == {
        "left", "right", "times", "joined", "flat", "product",
    }  # fmt: skip
    assert sum(int(row["flop"] or 0) for row in table) == 2 * MACS
    assert all(float(row["time_s_lo"]) <= float(row["time_s"]) <= float(row["time_s_hi"]) for row in table)
    assert sum(float(row["time_share"]) for row in table) == pytest.approx(1)
    groups = rows_of(finished / "layer-groups.csv")
    kinds = {row["name"]: row for row in groups if row["grouping"] == "kind"}
    assert {"convolution", "fully connected"} <= set(kinds)
    (everything,) = [row for row in groups if row["grouping"] == "sum"]
    assert float(everything["time_s"]) == pytest.approx(sum(float(row["time_s"]) for row in kinds.values()))
    assert [row["name"] for row in groups if row["grouping"] == "whole"] == [str(finished.parent / "mine.onnx")]


def test_a_report_writes_the_same_files_again(finished: Path) -> None:
    names = [path for path in finished.rglob("*") if path.is_file() and path.name != FILE_NAME]
    assert {"layers.png", "roofline.svg", "layers.csv", "layer-groups.csv"} <= {path.name for path in names}
    before = {path: path.read_bytes() for path in names}
    for path in names:
        path.unlink()
    refused = colocate("report", finished, "--latency-limit-ms", "5")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "only a run of `colocate efficiency` has settings to choose from" in refused.stderr
    done = colocate("report", finished, "--json")
    assert {path: path.read_bytes() for path in names} == before
    assert json.loads(done.stdout)["ceilings"]["flop_per_s"] > 0


def test_a_run_that_was_cut_short_resumes(finished: Path, tmp_path: Path) -> None:
    import sqlite3

    out = tmp_path / "run"
    out.mkdir()
    (out / FILE_NAME).write_bytes((finished / FILE_NAME).read_bytes())
    with sqlite3.connect(out / FILE_NAME) as connection:
        connection.execute("DELETE FROM trial WHERE rowid % 2 = 0")
    done = colocate("layers", "--resume", "--out", out, "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["done"] == summary["planned"]
    assert list(cache.folder("pieces").glob("*")) == [], "pieces are gone when they are no longer needed"


def test_the_model_of_a_board_tells_energy_as_well(tmp_path: Path) -> None:
    done = colocate(
        "layers",
        "squeezenet1_1",
        "--rig",
        "tx1-model",
        "--repeats",
        "2",
        "--out",
        tmp_path / "run",
        "--json",
        "--quiet",
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert abs(summary["difference_ratio"]) < 0.10
    layers = summary["layers"]
    assert sum(row["flop"] or 0 for row in layers) == 2 * (macs(layers_of(skeleton("squeezenet1_1", 1))) or 0)
    timed = [row for row in layers if row["time_s"] is not None]
    assert {row["kind"] for row in layers if row["time_s"] is None} == {"Concat"}, "written in place"
    assert all(row["energy_j"] > 0 for row in timed)
    assert all(row["flop_per_s"] <= summary["ceilings"]["flop_per_s"] for row in timed if row["flop_per_s"])
    (whole,) = [row for row in summary["groups"] if row["grouping"] == "whole"]
    assert sum(row["energy_j"] for row in timed) == pytest.approx(whole["energy_j"], rel=0.05)


class Silence(Observer):
    def begins(self, *_: object) -> None: ...
    def enters(self, *_: object) -> None: ...
    def starts(self, trial: Trial) -> None: ...
    def ended(self, outcome: object) -> None: ...


def test_blocks_are_run_by_themselves_where_a_profile_or_a_meter_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runtime that does not profile, on a machine with a meter: 10 W idle, 4 W more beside any network but one."""
    from colocate.rigs.host import rig

    untold = dataclasses.replace(BACKENDS["onnxruntime-cpu"], profiles=False)
    monkeypatch.setitem(BACKENDS, "onnxruntime-cpu", untold)
    facts, run, anatomy = rig.HostRig.facts, rig.HostRig.run, rig.HostRig.anatomy

    def metered(self: rig.HostRig, trial: Trial) -> TrialRecord:
        record = run(self, trial)
        watts = 10.0 + 0.01 * trial.repeat
        if trial.inference is not None:
            # One block's power changes from repeat to repeat as much as it is above idle.
            restless = trial.inference.network.endswith("-001.onnx")
            watts += 4.0 * (trial.repeat + 0.1) if restless else 4.0 + 0.1 * trial.repeat
        trace = PowerTrace(np.array([0.0]), np.array([[watts]]), ("VDD_IN",), 0.01)
        return dataclasses.replace(record, power=trace)

    monkeypatch.setattr(rig.HostRig, "facts", lambda self: dataclasses.replace(facts(self), rails=("VDD_IN",)))

    def on_a_gpu(self: rig.HostRig, inference: Inference, clocks: ClockPoint) -> LayerMap:
        found = anatomy(self, inference, clocks)
        beside = copies(Path(inference.network))
        assert beside is not None and beside.moved_bytes == 4 * (3 * 32 * 32 + 10)
        return dataclasses.replace(found, blocks=(*found.blocks, beside))

    monkeypatch.setattr(rig.HostRig, "run", metered)
    monkeypatch.setattr(rig.HostRig, "anatomy", on_a_gpu)
    network = str(branching(tmp_path / "mine.onnx"))
    keys = {"repeats": 3, "window": 0.1, "warmup": 0.02, "settle": 0, "placement": ["shared"]}
    rig = make_rig("rig", profiled=network)
    found = study(keys, network, rig)
    assert len(found.purpose["pieces"]) == 6, "left, right, times, joined with flat, product; launch and copies"
    with found.cut():
        tally = sweep(found.request, rig, tmp_path / "run", Silence(), resume=False, purpose=found.purpose)
    assert (tally.failed, tally.empty) == (0, 0)
    with Run.read(tmp_path / "run") as stored:
        assert all(not record.profile for record in stored.records())
    report = write_report(tmp_path / "run").layers
    assert report is not None
    assert any("run by itself" in note for note in report.notes)
    assert report.blocks[-1].alone and report.blocks[-1].time_s is not None
    assert any("Launch, input and output" in note for note in report.notes)
    assert any("above idle (10.0 W in this run)" in note for note in report.notes)
    table = {row["layers"].split(";")[0]: row for row in rows_of(tmp_path / "run" / "layers.csv")}
    assert float(table["left"]["power_above_idle_w"]) == pytest.approx(4.1)
    left = next(block for block in report.blocks if block.layers[0] == "left")
    assert left.time_s is not None and left.energy_j is not None
    # The turn of the loop is the block and what starting it takes.
    assert left.energy_j.value >= 4.1 * left.time_s.value
    assert (table["right"]["energy_j"], table["right"]["warnings"]) == ("", QualityFlag.ENERGY_UNRESOLVED.value)


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("wants a network", []),
        ("did you mean 'alexnet'", ["alexnett"]),
        ("one clock point", ["alexnet", "--rig", "tx1-model", "--gpu-clocks", "low,high"]),
        ("has no layers to look at", ["spin-1ms"]),
        ("--resume needs --out", ["--resume"]),
    ],
)
def test_a_bad_request_gets_one_line(said: str, arguments: list[str]) -> None:
    done = colocate("layers", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and done.stderr.count("\n") == 1


def test_one_clock_point_by_default(tmp_path: Path) -> None:
    found = study({"rig": "tx1-model"}, "alexnet", make_rig("tx1-model"))
    assert (found.request["cpu_clocks"], found.request["gpu_clocks"]) == (["high"], ["high"])
    with pytest.raises(SpecError, match="one clock point"):
        study({"rig": "tx1-model", "cpu_clocks": ["low", "high"]}, "alexnet", make_rig("tx1-model"))
