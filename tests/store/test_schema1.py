"""Runs of the first edition: read as what they are, never written to."""

from __future__ import annotations

import copy
import dataclasses
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colocate.cli import run as run_command
from colocate.errors import SchemaError, StoreError
from colocate.model.cell import Interval
from colocate.model.layers import Ceilings, FusedLayer, LayerMap
from colocate.model.limits import Limits
from colocate.model.machine import HostFacts, Missing
from colocate.model.provenance import Constant, Provenance, PublishedCheck
from colocate.model.purpose import (
    Aim,
    Axes,
    CeilingProbe,
    EfficiencyPurpose,
    LayersPurpose,
    SweepPurpose,
)
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Inference, Placement, SweepSpec, Task
from colocate.model.trial import Failure, Step, Trial, Work
from colocate.store.database import FILE_NAME
from colocate.store.run_file import Run
from colocate.study.plan import plan
from tests.first_edition import EFFICIENCY, HEADER, LAYERS, SCALARS, TRIAL, Json, stored

RESULTS = Path(__file__).parents[2] / "results"


def changed(json_: Json, change: Callable[[Json], object]) -> Json:
    """A copy of `json_` after `change`."""
    copied = copy.deepcopy(json_)
    change(copied)
    return copied


def with_purpose(purpose: Json) -> Json:
    return {**HEADER, "purpose": purpose}


def test_a_header_is_read_as_todays(tmp_path: Path) -> None:
    with Run.read(stored(tmp_path)) as run:
        header = run.header()
    assert header.spec == SweepSpec(
        inferences=(Inference("alexnet", "onnxruntime-cpu"),),
        tasks=(Task("jpeg"), Task("mine", ("sh", "-c", "exit 0"))),
        cpu_clocks=("low", 921_600_000),
        repeats=2,
        seed=7,
        model=(("contention", 2.0),),
        limits=Limits(slo_s=0.033),
    )
    assert header.facts == HostFacts(
        "host", "0123456789ab", "aarch64", "board", (0, 1, 2, 3), None, "4.9", "affinity",
        cpu_steps_hz=(102_000_000, 921_600_000), rails=("VDD_IN",), backends=("onnxruntime-cpu",),
        probes=("synthetic",), versions={"python": "3.11.7"},
    )  # fmt: skip
    # Reasons do not count when facts are compared.
    assert header.facts.clocks_missing == {
        "gpu": Missing("this machine shows no such clock"),
        "emc": Missing("/sys/kernel: run as root, or: leave it"),
    }
    assert header.facts.backends_missing == {"tensorrt": Missing("the package tensorrt is not installed")}
    assert header.facts.cpusets_missing == Missing("no cgroup tree has cpusets")
    assert (header.facts.confinement_note, header.facts.memory_bytes) == ("", 4096)
    assert (header.request, header.networks) == (HEADER["request"], HEADER["networks"])
    assert (header.provenance, header.planned, header.purpose) == (None, 4, SweepPurpose())


def test_a_note_on_confinement_where_nothing_is_missing_stays_a_note(tmp_path: Path) -> None:
    def model(header: Json) -> None:
        header["facts"]["confinement"] = "model"

    with Run.read(stored(tmp_path, changed(HEADER, model))) as run:
        facts = run.header().facts
    assert (facts.confinement_note, facts.cpusets_missing) == ("no cgroup tree has cpusets", None)


def test_a_header_from_before_purposes_and_notes_is_a_sweeps(tmp_path: Path) -> None:
    def older(header: Json) -> None:
        del header["purpose"]
        for name in ("clock_notes", "backend_notes", "confinement_note", "probes"):
            del header["facts"][name]

    with Run.read(stored(tmp_path, changed(HEADER, older))) as run:
        header = run.header()
    assert header.purpose == SweepPurpose()
    assert (header.facts.clocks_missing, header.facts.backends_missing, header.facts.cpusets_missing) == (
        {},
        {},
        None,
    )


def test_what_a_models_numbers_rest_on_is_read(tmp_path: Path) -> None:
    constant = {"name": "tile", "value": 64, "unit": "elements", "kind": "assumed", "source": "a guess"}
    check = {
        "figure": "alexnet: latency", "source": "logs", "role": "calibration", "quantity": "latency_s",
        "published": 0.1, "model": 0.11, "error_ratio": 0.1,
    }  # fmt: skip
    header = {**HEADER, "provenance": {"constants": [constant], "validation": [check]}}
    with Run.read(stored(tmp_path, header)) as run:
        assert run.header().provenance == Provenance(
            (Constant("tile", 64.0, "elements", "assumed", "a guess"),),
            (PublishedCheck("alexnet: latency", "logs", "calibration", "latency_s", 0.1, 0.11, 0.1),),
        )


def test_the_purpose_of_an_efficiency_run_is_read(tmp_path: Path) -> None:
    with Run.read(stored(tmp_path, with_purpose(EFFICIENCY))) as run:
        assert run.header().purpose == EfficiencyPurpose(
            Axes(("alexnet",), (1, 8), ("fp32",), ("onnxruntime-cpu",)), Aim(0.01), "onnxruntime-cpu"
        )


def test_the_purpose_of_a_layers_run_is_read(tmp_path: Path) -> None:
    conv1 = FusedLayer("conv1+relu1", "Conv+Relu", ("conv1", "relu1"), 210_830_400, 1_919_724, step="conv1")
    fc8 = FusedLayer(
        "fc8", conv1.kind, conv1.layers, conv1.flop, conv1.moved_bytes, Interval(0.5, None, 0.75), None, "conv1"
    )
    with Run.read(stored(tmp_path, with_purpose(LAYERS))) as run:
        assert run.header().purpose == LayersPurpose(
            Inference("alexnet", "onnxruntime-cpu"),
            LayerMap((conv1, fc8), timed=True, ceilings=Ceilings(5e11, 1.5e10)),
            {"/cache/pieces/alexnet-000.onnx": 0, "/cache/pieces/alexnet-001.onnx": 1},
            {
                "/cache/pieces/flop.onnx": CeilingProbe("flop", 2147483648, 1024, "onnxruntime-cpu", "fp32"),
                "bandwidth": CeilingProbe("bytes", 536870912, 0, "bandwidth", "fp32"),
            },
        )


def test_records_and_failures_are_read_as_todays(tmp_path: Path) -> None:
    with Run.read(stored(tmp_path)) as run:
        (record,), (failure,) = run.records(), run.failures()
        assert run.done() == {TRIAL["trial_id"]}
    trial = Trial(
        trial_id="50f60d875a539b5a",
        repeat=1,
        block=3,
        inference=Inference("alexnet", "onnxruntime-cpu"),
        task=Task("mine", ("sh", "-c", "exit 0")),
        clocks=ClockPoint(102_000_000),
        placement=Placement("shared", (0,), (0, 1, 2), (3,)),
        warmup_s=0.3,
        settle_s=0.2,
        window_s=2.0,
        max_start_temp_c=60.0,
    )
    assert failure == Failure(dataclasses.replace(trial, trial_id="2"), "it failed")
    assert record.trial == trial
    assert record.warnings == (QualityFlag.CPU_TIME_STOLEN, QualityFlag.THROTTLED)
    assert (record.started_unix_s, record.elapsed_s, record.temperature_c) == (1.5, 2.0, 41.5)
    assert (record.cpu_hz_seen, record.gpu_hz_seen, record.throttle_reasons) == (102_000_000, None, ("power cap",))
    assert record.work == Work("frames", 10.0, 2.0, 1.9)
    assert record.runtime == {"provider": "CPUExecutionProvider", "graph": False, "threads": 4}
    assert record.profile == (Step("conv1", "Conv", 0.001),)
    assert record.begins_s == pytest.approx([0.0, 500e-9]) and record.latencies_s == pytest.approx([400e-9, 450e-9])
    assert record.device_s is None and record.power is not None
    assert (record.power.rails, record.power.power_w.tolist()) == (("VDD_IN",), [[5.0], [6.0]])


def test_a_solo_and_an_idle_window_are_read(tmp_path: Path) -> None:
    with Run.read(stored(tmp_path, trial={**TRIAL, "inference": None, "stressor": None})) as run:
        (record,) = run.records()
    assert (record.trial.inference, record.trial.task) == (None, None)


def test_it_is_not_continued_and_stays_as_it_is(tmp_path: Path) -> None:
    before = (stored(tmp_path) / FILE_NAME).read_bytes()
    with pytest.raises(SchemaError, match=r"made by an earlier version of colocate.*choose another --out") as caught:
        Run.resume(tmp_path)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    assert (tmp_path / FILE_NAME).read_bytes() == before
    # Nor is it locked by the attempt.
    with pytest.raises(SchemaError):
        Run.resume(tmp_path)


def test_the_command_says_that_and_nothing_of_continuing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request = {"rig": "tx1-model", "networks": ["alexnet"], "stressors": ["jpeg"], "repeats": 1}
    stored(tmp_path, {**HEADER, "request": request})
    assert run_command(["sweep", "--resume", "--quiet", "--out", str(tmp_path)]) == StoreError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"colocate: the run in {tmp_path} was made by an earlier version")


def read_all(folder: Path) -> None:
    with Run.read(folder) as run:
        run.header()
        list(run.records())
        list(run.failures())


def at(*path: str | int) -> Callable[[Json], object]:
    """Deletes what stands at `path`."""

    def delete(json_: Json) -> None:
        inner: Any = json_
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]

    return delete


def put(value: object, *path: str | int) -> Callable[[Json], object]:
    """Puts `value` in the place of what stands at `path`."""

    def replace(json_: Json) -> None:
        inner: Any = json_
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value

    return replace


@pytest.mark.parametrize(
    "change",
    [
        at("spec"), at("spec", "stressors"), at("facts"), at("facts", "confinement"), at("provenance"),
        at("networks"), put(None, "spec"), put([], "spec"), put("spec", "spec"), put(5, "facts"),
        put({}, "spec", "stressors"),
        put(7, "facts", "clock_notes"), put([7], "facts", "clock_notes"), put(None, "facts", "backend_notes"),
        put({"constants": 7}, "provenance"), put(7, "purpose"), put({"command": "train"}, "purpose"),
        put({"command": ["layers"]}, "purpose"), put(1.5, "spec", "limits", "confidence"),
        put({"confidence": 0.95}, "spec", "limits"),
    ],
)  # fmt: skip
def test_a_damaged_header_is_said_in_one_line(tmp_path: Path, change: Callable[[Json], object]) -> None:
    with pytest.raises(StoreError, match=f"{tmp_path} is damaged: .") as caught:
        read_all(stored(tmp_path, changed(HEADER, change)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        at("anatomy"), at("anatomy", "blocks"), at("anatomy", "timed"), at("pieces"), at("ceilings"), at("inference"),
        put(None, "anatomy"), put(7, "anatomy", "blocks"), put([7], "anatomy", "blocks"), put([], "pieces"),
        put("tops", "ceilings", "bandwidth", "quantity"), put(None, "inference"),
    ],
)  # fmt: skip
def test_a_damaged_purpose_is_said_in_one_line(tmp_path: Path, change: Callable[[Json], object]) -> None:
    with pytest.raises(StoreError, match=f"{tmp_path} is damaged: .") as caught:
        read_all(stored(tmp_path, with_purpose(changed(LAYERS, change))))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        at("round"), at("stressor"), at("placement"), at("placement", "stressor_cpus"), put(None, "placement"),
        put([], "placement"), put("first", "round"), put(7, "stressor"),
    ],
)  # fmt: skip
def test_a_damaged_trial_is_said_in_one_line(tmp_path: Path, change: Callable[[Json], object]) -> None:
    with pytest.raises(StoreError, match=f"{tmp_path} is damaged: .") as caught:
        read_all(stored(tmp_path, trial=changed(TRIAL, change)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [at("doubts"), put(["rainy"], "doubts"), put(7, "doubts"), at("elapsed_s")])
def test_damaged_scalars_are_said_in_one_line(tmp_path: Path, change: Callable[[Json], object]) -> None:
    with pytest.raises(StoreError, match=f"{tmp_path} is damaged: ."):
        read_all(stored(tmp_path, scalars=changed(SCALARS, change)))


@pytest.mark.parametrize("whole", [None, 7, "text", [], [[]], {}])
def test_json_of_another_kind_is_said_in_one_line(tmp_path: Path, whole: object) -> None:
    for number, part in enumerate(("header", "trial", "scalars")):
        folder = tmp_path / str(number)
        arguments: dict[str, object] = {part: whole}
        with pytest.raises(StoreError, match=f"{folder} is damaged: ."):
            read_all(stored(folder, **arguments))


@pytest.mark.parametrize("text", ["{", "", "[" * 100_000, "\0"])
def test_text_that_is_no_json_is_said_in_one_line(tmp_path: Path, text: str) -> None:
    connection = sqlite3.connect(stored(tmp_path) / FILE_NAME)
    connection.execute("UPDATE header SET json = ?", [text])
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match=f"{tmp_path} is damaged: .") as caught:
        read_all(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "command", "records"), [("h200", "sweep", 278), ("h200-efficiency", "efficiency", 75)]
)
def test_the_reference_runs_load_with_every_record(name: str, command: str, records: int) -> None:
    with Run.read(RESULTS / name) as run:
        header, found, failures = run.header(), list(run.records()), list(run.failures())
        assert run.done() == {record.trial.trial_id for record in found}
    assert (header.purpose.command, len(found), failures) == (command, records, [])
    assert header.facts.gpus and set(header.facts.clocks_missing) == {"cpu", "emc"}
    assert all(missing.reason for missing in header.facts.clocks_missing.values())
    # The same study has the same trials today, ids included.
    planned = {trial.trial_id: trial for trial in plan(header.spec, header.facts)}
    assert all(planned[record.trial.trial_id] == record.trial for record in found)


# What the first edition made of this very study: a run is resumed, and a model's noise drawn, by these ids.
IDS = """
50f60d875a539b5a 9c98ebb34cc76768 dc4d48db7a5f8a47 4d5b3cfada352558 6f72fb8858e193b4 9f8c4ebf5ea350f1
ef3b497621777051 8cf36de0558d0106 c859a12e200d7951 0350ef699527cd2f b120c48f3bdd53a6 9940b71eaae3a80b
46f38587edb598a7 6c1780e094067e73 85a4b94b94013543 1f965c5e26408ebd 3d6a2e0a201c58d0 b8fb89b6072bd157
636dd832f6a433ea e4f75722f08b93b2 ab0b4d429131d6a1 3c2c4b5ff7b5b5c5 559c320c87e61e77 df4cb4b8c48676eb
5749d29da7ef2752 e16bd03464d3c4dc a93938a980a45eca 0c7b44cd2b8cfc2f ce1fb9fb276e2766 1258bc49724209e4
2b7089cbec679e54 2fbd84c704493464 6f446d92e37f850b 1575093c6c1382d6 3521487819846e23 18a039665e6420c7
"""


def test_the_ids_of_a_plan_are_those_of_the_first_edition() -> None:
    facts = HostFacts(
        "host", "m", "aarch64", "board", (0, 1, 2, 3), None, "k", "affinity", rails=("VDD_IN",),
        backends=("onnxruntime-cpu",), cpu_steps_hz=(102_000_000, 1_734_000_000),
    )  # fmt: skip
    spec = SweepSpec(
        inferences=(
            Inference("alexnet"),
            Inference("resnet152", precision="fp16", batch=8, graph=True, wait="block", period_s=0.05),
        ),
        tasks=(Task("jpeg"), Task("mine", ("sh", "-c", "exit 0"))),
        placements=("isolated", "shared"),
        cpu_clocks=("low",),
        repeats=2,
        max_start_temp_c=60.0,
        seed=7,
    )
    assert [trial.trial_id for trial in plan(spec, facts)] == IDS.split()
