"""`colocate layers`: on a small network of one's own, and in virtual time."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from colocate import cli
from colocate.commands.layers import CEILING_WINDOW_S, layers_request, subgraph_files
from colocate.errors import SpecError
from colocate.inference.backends.registry import BACKENDS
from colocate.inference.networks.catalogue import resolve, skeleton
from colocate.inference.onnx.graph import layers as layers_of
from colocate.inference.onnx.graph import macs
from colocate.inference.onnx.graph import precision as graph_precision
from colocate.inference.onnx.layer_map import launch_overhead
from colocate.model.layers import LayerMap
from colocate.model.quality import QualityFlag
from colocate.model.request import WIDTH_BYTES, ClockPoint, Inference
from colocate.model.trial import PowerTrace, Trial, TrialRecord
from colocate.report.layers.load import LayersReport
from colocate.report.write import write_report
from colocate.request.spec import make_study
from colocate.rigs.host.rig import HostRig
from colocate.rigs.registry import make_rig
from colocate.store.run_file import Run
from colocate.study.plan import plan
from colocate.sweep import sweep
from colocate.trial_loop import ThisMachine
from tests.commands.command_line import colocate, copy_of, files_of, lose, refused
from tests.commands.own_networks import BRANCHING_MACS, branching
from tests.inference.onnx.files import half, looping, quantised_by_pairs
from tests.observers import Silence
from tests.rows import rows_of

SHORT = ["--repeats", "2", "--window", "0.2", "--warmup", "0.02", "--settle", "0", "--placement", "shared"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with a cache folder that nobody else uses."""
    return {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, cache: dict[str, str]) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    done = colocate(
        "layers", branching(folder / "mine.onnx"), *SHORT, "--out", folder / "run", env=cache, pictures=True
    )
    assert done.returncode == 0, done.stderr
    assert "Layers add up to" in done.stdout
    return folder / "run"


def test_every_layer_has_a_time_and_the_counts_of_the_graph(finished: Path) -> None:
    table = rows_of(finished / "layers.csv")
    assert {name for row in table for name in row["layers"].split(";") if name} == {
        "left", "right", "times", "joined", "flat", "product",
    }  # fmt: skip
    assert sum(int(row["flop"] or 0) for row in table) == 2 * BRANCHING_MACS
    assert all(float(row["time_s_lo"]) <= float(row["time_s"]) <= float(row["time_s_hi"]) for row in table)
    assert sum(float(row["time_share"]) for row in table) == pytest.approx(1)
    groups = rows_of(finished / "layer-groups.csv")
    kinds = {row["name"]: row for row in groups if row["grouping"] == "kind"}
    assert {"convolution", "fully connected"} <= set(kinds)
    (everything,) = [row for row in groups if row["grouping"] == "sum"]
    assert float(everything["time_s"]) == pytest.approx(sum(float(row["time_s"]) for row in kinds.values()))
    assert [row["name"] for row in groups if row["grouping"] == "whole"] == [str(finished.parent / "mine.onnx")]


def test_a_report_writes_the_same_files_again(finished: Path, tmp_path: Path) -> None:
    run, before = copy_of(finished, tmp_path), files_of(finished)
    assert {"figures/layers.png", "figures/roofline.svg", "layers.csv", "layer-groups.csv"} <= {*before}
    for name in before:
        (run / name).unlink()
    refused(2, "a run of `colocate layers` has nothing to judge", "report", run, "--slo-ms", "5")
    done = colocate("report", run, "--json", pictures=True)
    assert files_of(run) == before
    assert json.loads(done.stdout)["ceilings"]["flop_per_s"] > 0


def test_a_run_that_was_cut_short_resumes(finished: Path, tmp_path: Path, cache: dict[str, str]) -> None:
    run = copy_of(finished, tmp_path)
    lose(run, "rowid % 2 = 0")
    done = colocate("layers", "--resume", "--out", run, "--json", "--quiet", env=cache)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["done"] == summary["planned"]
    subgraphs = Path(cache["XDG_CACHE_HOME"], "colocate", "subgraphs")
    assert subgraphs.is_dir() and list(subgraphs.iterdir()) == [], "they are gone when they are no longer needed"


def test_the_model_of_a_board_tells_energy_as_well(tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = colocate(
        "layers", "squeezenet1_1", "--rig", "tx1-model", "--repeats", "2", "--out", out, "--json", "--quiet"
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


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("wants a network", []),
        ("did you mean 'alexnet'", ["alexnett"]),
        ("one clock point", ["alexnet", "--rig", "tx1-model", "--gpu-clocks", "low,high"]),
        ("has no layers to look at", ["spin-1ms", "--placement", "shared"]),
        ("--resume: it does nothing without --out", ["--resume"]),
        ("my.engine is an engine, whose layers only TensorRT can read; give the .onnx file", ["my.engine"]),
    ],
)
def test_a_bad_request_gets_one_line(said: str, arguments: list[str]) -> None:
    refused(2, said, "layers", *arguments)


# ---- the study


def test_one_clock_point_by_default() -> None:
    keys, _ = layers_request({"rig": "tx1-model"}, "alexnet", make_rig("tx1-model"))
    assert (keys["cpu_clocks"], keys["gpu_clocks"]) == (["high"], ["high"])
    with pytest.raises(SpecError, match="one clock point"):
        layers_request({"rig": "tx1-model", "cpu_clocks": ["low", "high"]}, "alexnet", make_rig("tx1-model"))


@pytest.mark.parametrize("window_s", [0.1, 30.0])
def test_ceilings_have_windows_of_their_own(window_s: float, tmp_path: Path) -> None:
    network = str(branching(tmp_path / "mine.onnx"))
    rig = make_rig("host", profiled=network)
    keys, purpose = layers_request({"window": window_s, "placement": ["shared"]}, network, rig)
    assert {probe.quantity for probe in purpose.ceilings.values()} == {"flop", "bytes"}
    trials = plan(make_study(keys).spec, rig.facts())
    windows_s = {trial.inference.network: trial.window_s for trial in trials if trial.inference is not None}
    # Where power is metered, each layer is run by itself as well.
    alone = dict.fromkeys([network, *purpose.subgraphs], window_s)
    assert windows_s == {**alone, **dict.fromkeys(purpose.ceilings, CEILING_WINDOW_S)}
    assert CEILING_WINDOW_S not in (0.1, 30.0)


def test_a_dry_run_runs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object) -> None:
        raise AssertionError("the network was run")

    monkeypatch.setattr("colocate.inference.backends.profiling.steps", run)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    network, given = str(branching(tmp_path / "mine.onnx")), ["--placement", "shared", "--repeats", "1"]
    with pytest.raises(AssertionError, match="the network was run"):
        cli.run(["layers", network, *given, "--out", str(tmp_path / "run")])
    assert cli.run(["layers", network, *given, "--dry-run"]) == 0


# ---- control flow, and files of their own precision


def written(model: onnx.ModelProto, folder: Path) -> str:
    onnx.save(model, folder / "mine.onnx")
    return str(folder / "mine.onnx")


@pytest.mark.parametrize(
    ("model", "precision", "longest"),
    [(looping(), "fp32", "Loop_1 > MatMul_1"), (quantised_by_pairs(), "int8", "conv1+relu1")],
)
def test_tables_and_titles_hold_a_body_and_the_precision_of_the_file(
    model: onnx.ModelProto, precision: str, longest: str, tmp_path: Path, cache: dict[str, str]
) -> None:
    once = [*SHORT, "--repeats", "1"]
    done = colocate("layers", written(model, tmp_path), *once, "--out", tmp_path / "run", env=cache)
    assert done.returncode == 0, done.stderr
    assert f" {precision} batch 1" in " ".join(done.stdout.split())
    rows = {row["name"]: row for row in rows_of(tmp_path / "run" / "layers.csv")}
    assert rows[longest]["flop"] and float(rows[longest]["time_s"]) > 0
    assert {row["precision"] for row in rows.values()} == {precision}
    groups = rows_of(tmp_path / "run" / "layer-groups.csv")
    assert {row["precision"] for row in groups} == {precision}
    (everything,) = [row for row in groups if row["grouping"] == "sum"]
    assert float(everything["time_s"]) == pytest.approx(sum(float(row["time_s"] or 0) for row in rows.values()))


def test_what_has_a_body_is_looped_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    facts = HostRig.facts
    monkeypatch.setattr(HostRig, "facts", lambda self: dataclasses.replace(facts(self), rails=("VDD_IN",)))
    network = written(looping(), tmp_path)
    _, purpose = layers_request({"placement": ["shared"]}, network, make_rig("host", profiled=network))
    layers = purpose.layer_map.fused_layers
    assert [layers[index].full_name for index in purpose.subgraphs.values()] == ["MatMul_0", "Loop_1", "MatMul_2"]
    assert any(layer.within for layer in layers)
    with subgraph_files(purpose):
        assert all(Path(path).is_file() for path in purpose.subgraphs)


@pytest.mark.parametrize(("precisions", "expected"), [(("fp32", "fp16"), "fp16"), (("fp32",), "fp32")])
def test_ceilings_are_those_of_the_precision_of_the_file_where_the_runtime_has_it(
    precisions: tuple[str, ...], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = dataclasses.replace(BACKENDS["onnxruntime-cpu"], precisions=precisions)
    monkeypatch.setitem(BACKENDS, "onnxruntime-cpu", both)
    network = written(half(), tmp_path)
    _, purpose = layers_request({"placement": ["shared"]}, network, make_rig("host", profiled=network))
    assert purpose.layer_map.precision == "fp16"
    assert {probe.precision for probe in purpose.ceilings.values()} == {expected}
    (copied,) = [probe for probe in purpose.ceilings.values() if probe.quantity == "bytes"]
    assert copied.amount % copied.size**2 == 0 and copied.amount // copied.size**2 == 18 * WIDTH_BYTES[expected]


def test_single_layers_are_run_in_the_precision_of_the_network_and_as_they_were_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A DLA knows no other precision, and TensorRT 8 must be told it whatever is in the file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    both = dataclasses.replace(BACKENDS["onnxruntime-cpu"], precisions=("fp32", "fp16"), profiles=False)
    monkeypatch.setitem(BACKENDS, "onnxruntime-cpu", both)
    network = str(branching(tmp_path / "mine.onnx"))
    keys, purpose = layers_request(
        {"placement": ["shared"], "precision": "fp16"}, network, make_rig("host", profiled=network)
    )
    assert len(purpose.subgraphs) > 4 and {entry["precision"] for entry in keys["networks"]} == {"fp16"}
    with subgraph_files(purpose):
        for path in (*purpose.subgraphs, *purpose.ceilings):
            assert str(resolve(path, 1, "fp16").path) == path
        (product,) = [path for path in purpose.ceilings if path.endswith("flop.onnx")]
        assert graph_precision(layers_of(onnx.load(product))) == "fp16"


# What an inference takes, by the end of its network's name; those not named are subgraphs.
TIMES_S = {"mine.onnx": 0.010, "nothing.onnx": 0.00005, "flop.onnx": 0.002, "bytes.onnx": 0.004}
SUBGRAPH_S, BETWEEN_S = 0.001, 0.0001


def timed_and_metered(record: TrialRecord) -> TrialRecord:
    """The window on a machine of known times, whose meter shows 10 W idle and 4 W more beside any network but one."""
    trial = record.trial
    watts = 10.0 + 0.01 * trial.repeat
    latencies_s, elapsed_s = record.latencies_s, record.elapsed_s
    if trial.inference is not None:
        assert len(latencies_s) >= 1, "however slow the machine, a window holds an inference"
        # The power of one subgraph changes from repeat to repeat as much as it is above idle.
        restless = trial.inference.network.endswith("-001.onnx")
        watts += 4.0 * (trial.repeat + 0.1) if restless else 4.0 + 0.1 * trial.repeat
        time_s = TIMES_S.get(Path(trial.inference.network).name, SUBGRAPH_S)
        latencies_s = np.full(len(latencies_s), time_s)
        elapsed_s = len(latencies_s) * (time_s + BETWEEN_S)
    trace = PowerTrace(np.array([0.0]), np.array([[watts]]), ("VDD_IN",), 0.01)
    return dataclasses.replace(record, latencies_s=latencies_s, elapsed_s=elapsed_s, power=trace)


def test_layers_are_run_by_themselves_where_a_profile_or_a_meter_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runtime that does not profile, on a machine with a meter."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    silent = dataclasses.replace(BACKENDS["onnxruntime-cpu"], profiles=False)
    monkeypatch.setitem(BACKENDS, "onnxruntime-cpu", silent)
    facts, run, layer_map = HostRig.facts, HostRig.run, HostRig.layer_map

    def on_a_gpu(self: HostRig, inference: Inference, clocks: ClockPoint, *, runs: bool = True) -> LayerMap:
        found = layer_map(self, inference, clocks, runs=runs)
        beside = launch_overhead(Path(inference.network))
        assert beside is not None and beside.moved_bytes == 4 * (3 * 32 * 32 + 10)
        return dataclasses.replace(found, fused_layers=(*found.fused_layers, beside))

    def timed_run(self: HostRig, trial: Trial) -> TrialRecord:
        return timed_and_metered(run(self, trial))

    monkeypatch.setattr(HostRig, "facts", lambda self: dataclasses.replace(facts(self), rails=("VDD_IN",)))
    monkeypatch.setattr(HostRig, "run", timed_run)
    monkeypatch.setattr(HostRig, "layer_map", on_a_gpu)
    network = str(branching(tmp_path / "mine.onnx"))
    rig = make_rig("host", profiled=network)
    short = {"repeats": 2, "window": 0.1, "warmup": 0.02, "settle": 0, "placement": ["shared"]}
    keys, purpose = layers_request(short, network, rig)
    assert len(purpose.subgraphs) == 6, "left, right, times, joined with flat, product; launch overhead"
    with subgraph_files(purpose):
        tally = sweep(make_study(keys), ThisMachine(rig), tmp_path / "run", Silence(), resume=False, purpose=purpose)
    assert (tally.failed, tally.empty) == (0, 0)
    with Run.read(tmp_path / "run") as stored:
        assert all(not record.profile for record in stored.records())
    report = write_report(tmp_path / "run").content
    assert isinstance(report, LayersReport)
    assert any("run by itself" in note for note in report.notes)
    assert report.fused_layers[-1].is_launch_overhead
    overhead_s = report.fused_layers[-1].time_s
    assert overhead_s is not None and overhead_s.value == pytest.approx(SUBGRAPH_S)
    assert any("Launch, input and output" in note for note in report.notes)
    assert any("adds to idle (10.0 W in this run)" in note for note in report.notes)
    assert any("which it is not of 1 fused layer." in note for note in report.notes)
    table = {row["layers"].split(";")[0]: row for row in rows_of(tmp_path / "run" / "layers.csv")}
    assert float(table["left"]["power_above_idle_w"]) == pytest.approx(4.05)
    left = next(layer for layer in report.fused_layers if layer.layers[0] == "left")
    assert left.time_s is not None and left.energy_j is not None
    assert left.time_s.value == pytest.approx(SUBGRAPH_S - TIMES_S["nothing.onnx"]), "less what starting it takes"
    # The turn of the loop is the layer and what starting it takes.
    assert left.energy_j.value == pytest.approx(4.05 * (SUBGRAPH_S + BETWEEN_S))
    assert (table["right"]["energy_j"], table["right"]["warnings"]) == ("", QualityFlag.ENERGY_UNRESOLVED.value)
    assert report.ceilings is not None
    amounts = {probe.quantity: probe.amount for probe in purpose.ceilings.values()}
    assert report.ceilings.flop_per_s == pytest.approx(amounts["flop"] / TIMES_S["flop.onnx"])
    assert report.ceilings.bytes_per_s == pytest.approx(amounts["bytes"] / TIMES_S["bytes.onnx"])
