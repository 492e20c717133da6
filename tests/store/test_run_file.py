from __future__ import annotations

import dataclasses
import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocate.errors import StoreError
from colocate.model.cell import Interval
from colocate.model.layers import Ceilings, FusedLayer, LayerMap
from colocate.model.limits import Limits
from colocate.model.machine import Missing
from colocate.model.provenance import Constant, Provenance, PublishedCheck
from colocate.model.purpose import (
    Aim,
    Axes,
    CeilingProbe,
    EfficiencyPurpose,
    LayersPurpose,
    Purpose,
    SweepPurpose,
)
from colocate.model.quality import QualityFlag
from colocate.model.request import Inference, SweepSpec, Task
from colocate.model.trial import Condition, Failure, PowerTrace, Segment, Step, TrialRecord, Waits, Work
from colocate.store.cells import as_stored
from colocate.store.database import FILE_NAME
from colocate.store.run_file import Header, Run
from colocate.store.tables import SCHEMA_VERSION
from colocate.study.plan import plan
from tests.store.editing import edited
from tests.study.test_plan import facts

FACTS = facts(
    cpusets_missing=Missing("not root", "run as root"),
    clocks_missing={"gpu": Missing("this machine shows no such clock", "root, and a GPU")},
    containment_missing={"fifo": Missing("SCHED_FIFO is refused", "run as root")},
    rails=("VDD_IN",),
    backends=("onnxruntime-cpu",),
    backends_missing={"tensorrt": Missing("the package tensorrt is not installed", "pip install tensorrt")},
)
SPEC = SweepSpec(
    inferences=(Inference("alexnet"), Inference("googlenet"), Inference("resnet152")),
    tasks=(Task("bitcount"), Task("jpeg"), Task("stringsearch")),
    limits=Limits(slo_s=0.033),
)
TRIALS = plan(SPEC, FACTS)
HEADER = Header({"networks": ["alexnet"]}, SPEC, FACTS, {"alexnet": {"macs": 1}}, None, len(TRIALS))


WAITS = Waits(0.25, 0.5, 3, 4, 0.125, 1.0, 5000.0)


def record(index: int, n: int = 3) -> TrialRecord:
    latencies_s = np.linspace(0.001, 0.002, n)
    return TrialRecord(
        trial=TRIALS[index],
        started_unix_s=1.5,
        elapsed_s=2.0,
        begins_s=np.cumsum(latencies_s),
        latencies_s=latencies_s,
        work=Work("frames", 10.0, 2.0, 1.9),
        power=PowerTrace(np.array([0.0, 1.0, 1.000000001]), np.array([[1.5, 2.5]] * 3), ("VDD_IN", "VDD_CPU"), 0.01),
        device_s=latencies_s / 2,
        temperature_c=41.5,
        gpu_temperature_c=55.0,
        throttle_reasons=("power cap",),
        runtime={"provider": "CUDAExecutionProvider", "graph": True, "version": 1.5},
        profile=(Step("conv1", "Conv", 0.001), Step("fc6", "Gemm", 0.002, 0.5, ("loop",), 4.0)),
        warnings=(QualityFlag.CPU_TIME_STOLEN,),
        segments=(Segment(Condition.ALONE, 0, 0.01, 0.06), Segment(Condition.BESIDE, 0, 0.07, 0.12, 41.5, WAITS)),
        waits=WAITS,
        conditions=np.arange(n, dtype=np.uint8) % len(Condition),
    )


def test_what_is_stored_is_read_back(tmp_path: Path) -> None:
    with Run.create(tmp_path, HEADER) as run:
        run.append(record(0))
        run.append(Failure(TRIALS[1], "it failed"))
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME], "a finished run is one plain file"
    with Run.read(tmp_path) as run:
        assert run.header() == HEADER
        # What HostFacts leaves out of a comparison is stored all the same.
        assert dataclasses.asdict(run.header().facts) == dataclasses.asdict(FACTS)
        (back,), (failure,) = run.records(), run.failures()
        assert run.done() == {TRIALS[0].trial_id}
    assert failure == Failure(TRIALS[1], "it failed")
    for field in dataclasses.fields(TrialRecord):
        before, after = getattr(record(0), field.name), getattr(back, field.name)
        if isinstance(before, np.ndarray):
            np.testing.assert_allclose(after, before, atol=0.5e-9)
        elif isinstance(before, PowerTrace):
            np.testing.assert_allclose(after.t_s, before.t_s, atol=0.5e-9)
            np.testing.assert_array_equal(after.power_w, before.power_w)
            assert (after.rails, after.sensor_period_s) == (before.rails, before.sensor_period_s)
        else:
            assert after == before
    np.testing.assert_equal(values_of(back), values_of(as_stored(record(0))))


def values_of(record: TrialRecord) -> dict[str, Any]:
    """All that a record holds, to be compared to the last digit."""
    assert record.power is not None
    held = {field.name: getattr(record, field.name) for field in dataclasses.fields(TrialRecord)}
    return {**held, "power": [getattr(record.power, field.name) for field in dataclasses.fields(PowerTrace)]}


@pytest.mark.parametrize(
    "purpose",
    [
        SweepPurpose(),
        EfficiencyPurpose(Axes(("alexnet",)), Aim(0.01), "tensorrt"),
        LayersPurpose(
            SPEC.inferences[0],
            LayerMap(
                (FusedLayer("conv1", "Conv", ("conv1",), 8, 4, Interval(0.5, None, 0.75)),),
                timed=True,
                ceilings=Ceilings(2.0, 1.0),
                precision="mixed int8/fp32",
            ),
            {"conv1.onnx": 0},
            {"flop.onnx": CeilingProbe("flop", 16, 2, "tensorrt", "fp16")},
        ),
    ],
    ids=lambda purpose: purpose.command,
)
def test_a_purpose_is_read_back(tmp_path: Path, purpose: Purpose) -> None:
    Run.create(tmp_path, dataclasses.replace(HEADER, purpose=purpose)).__exit__()
    with Run.read(tmp_path) as run:
        assert run.header().purpose == purpose


def test_the_provenance_of_a_model_is_read_back(tmp_path: Path) -> None:
    provenance = Provenance(
        (Constant("tile", 64.0, "elements", "assumed", "a guess"),),
        (PublishedCheck("alexnet: latency", "logs", "calibration", "latency_s", 0.1, 0.11, 0.1),),
    )
    Run.create(tmp_path, dataclasses.replace(HEADER, provenance=provenance)).__exit__()
    with Run.read(tmp_path) as run:
        assert run.header().provenance == provenance


@settings(max_examples=20)
@given(st.lists(st.integers(0, 10**15), max_size=50))
def test_latencies_keep_every_nanosecond(nanoseconds: list[int]) -> None:
    from colocate.store.cells import Unpacking, packed

    seconds = np.array(nanoseconds, dtype=np.float64) * 1e-9
    assert np.round(Unpacking(0).seconds(packed(seconds)) / 1e-9).astype(int).tolist() == nanoseconds


def test_a_failed_trial_that_succeeds_later_counts_once(tmp_path: Path) -> None:
    with Run.create(tmp_path, HEADER) as run:
        run.append(Failure(TRIALS[0], "it failed"))
    with Run.resume(tmp_path) as run:
        run.append(record(0))
        assert (len(list(run.records())), list(run.failures())) == (1, [])


def test_a_run_in_progress_can_be_read(tmp_path: Path) -> None:
    with Run.create(tmp_path, HEADER) as writer:
        writer.append(record(0))
        with Run.read(tmp_path) as reader:
            writer.append(record(1))
            assert len(reader.done()) == 2


def test_the_name_of_its_folder_need_not_be_utf8(tmp_path: Path) -> None:
    folder = tmp_path / "run\udcff"
    with Run.create(folder, HEADER) as run:
        run.append(record(0))
        assert len(list(run.records())) == len(run.done()) == 1
    with Run.read(folder) as run:
        assert len(list(run.records())) == 1


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with Run.create(tmp_path, HEADER), pytest.raises(StoreError, match="another colocate is writing"):
        Run.resume(tmp_path)
    Run.resume(tmp_path).__exit__()


def test_a_second_run_does_not_replace_the_first(tmp_path: Path) -> None:
    Run.create(tmp_path, HEADER).__exit__()
    with pytest.raises(StoreError, match="--resume"):
        Run.create(tmp_path, HEADER)


def test_writes_wait_for_the_disk(tmp_path: Path) -> None:
    with Run.create(tmp_path, HEADER) as run:
        assert run._connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert run._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"this is no database at all, by any means" * 50, "not a database"),
        (b"", "is not a run of colocate"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(StoreError, match=said):
        Run.read(tmp_path)


def test_a_damaged_run_is_refused_in_one_line(tmp_path: Path) -> None:
    with Run.create(tmp_path, HEADER) as run:
        for index in range(len(TRIALS)):
            run.append(record(index, 500))
    path = tmp_path / FILE_NAME
    content = bytearray(path.read_bytes())
    content[8192:] = os.urandom(len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"cannot be used|damaged"), Run.read(tmp_path) as reading:
        list(reading.records())


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ('"tasks":', '"stressors":'),
        ('"command":"sweep"', '"command":"train"'),
        # Limits check themselves.
        ('"confidence":0.95', '"confidence":1.5'),
        ("{", "["),
    ],
)
def test_a_damaged_header_is_said_in_one_line(tmp_path: Path, was: str, now: str) -> None:
    Run.create(tmp_path, HEADER).__exit__()
    with edited(tmp_path) as connection:
        ((text,),) = connection.execute("SELECT json FROM header")
        assert was in text
        connection.execute("UPDATE header SET json = ?", [text.replace(was, now)])
    with pytest.raises(StoreError, match=f"{tmp_path} is damaged: .") as caught, Run.read(tmp_path) as run:
        run.header()
    assert "\n" not in str(caught.value)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    Run.create(tmp_path, HEADER).__exit__()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match=f"schema {SCHEMA_VERSION + 1}"):
        Run.read(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot make the folder .*file/run: .*; choose another --out"):
        Run.create(tmp_path / "file" / "run", HEADER)


FILL = """
import sys, pathlib
from colocate.errors import StoreError
from colocate.store.run_file import Run
from tests.store.test_run_file import TRIALS, HEADER, record
with Run.create(pathlib.Path(sys.argv[1]), HEADER) as run:
    for index in range(len(TRIALS)):
        try:
            run.append(record(index, 20_000))
        except StoreError as error:
            print(index, error)
            break
"""


def test_a_full_disk_keeps_what_is_finished(tmp_path: Path) -> None:
    # A limit on the size of files refuses writes as a full disk does, without root.
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    command = [sys.executable, "-c", FILL, str(tmp_path)]
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    failed_at = int(done.stdout.split()[0])
    assert failed_at > 0 and "disk I/O error; look for a limit on the size of files (ulimit -f)" in done.stdout
    with Run.read(tmp_path) as run:
        assert run.done() == {trial.trial_id for trial in TRIALS[:failed_at]}
        assert len(list(run.records())) == failed_at


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_run_is_open_to_readers_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    former = os.umask(umask)
    try:
        with Run.create(tmp_path / "around" / "run", HEADER) as run:
            run.append(Failure(TRIALS[0], "first"))
            made = [*(tmp_path / "around").rglob("*"), tmp_path / "around"]
            modes = {path.name: path.stat().st_mode & 0o777 for path in made}
    finally:
        os.umask(former)
    assert {modes.pop("around"), modes.pop("run")} == {0o755}
    assert len(modes) == 3 and set(modes.values()) == {0o644}
