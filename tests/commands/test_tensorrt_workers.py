"""TensorRT of each time in workers of their own, as a user's commands start them: on the fakes of tests/worker.

Each version takes 20 s of CPU: the oldest, one that names tensors and the workstations' run always, all where
COLOCATE_TENSORRT is `whole`. The same code meets all of them in tests/worker/backends.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from colocate.inference.onnx import ceilings
from colocate.rigs.host.rig import HostRig
from colocate.store.run_file import Run
from tests.commands.command_line import Done, colocate
from tests.rows import rows_of
from tests.small import small_network
from tests.worker.backends.compiled import one_node
from tests.worker.plugged_tensorrt import Plug, forget, plug, set_state

RTX = Plug("1.7.1.116", "tensorrt_rtx", gpus=2)
# Those of JetPack 4.6, 5.1, 6.0 and 6.1, the newest, and for workstations.
PLUGS = (
    *(Plug(version, gpus=2, dla_cores=2) for version in ("8.2.1", "8.5.2", "8.6.1", "10.3.0", "11.4.0.106")),
    RTX,
)
TRIED = PLUGS if os.environ.get("COLOCATE_TENSORRT") == "whole" else (PLUGS[0], PLUGS[3], RTX)
SHORT = (
    *("--repeats", "1", "--window", "0.05", "--warmup", "0.01", "--settle", "0", "--placement", "shared"),
    *("--batch", "2", "--quiet", "--json"),
)


@pytest.fixture(scope="module", params=TRIED, ids=lambda plug: f"{plug.backend}-{plug.version}")
def plugged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plug]:
    """What the workers of these tests find; each runtime is tried once."""
    folder = tmp_path_factory.mktemp("plugged")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        plug(monkeypatch, folder / "path", request.param)
        yield request.param
    forget()


def sweep(out: Path, *networks: Path, given: tuple[str, ...] = ()) -> Done:
    names = ",".join(map(str, networks))
    return colocate("sweep", "--networks", names, "--stressors", "", *given, *SHORT, "--out", out)


def served(done: Done, out: Path) -> dict[str, dict[str, object]]:
    """What the worker of each network said of itself, by the network's file."""
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["failures"] == []
    with Run.read(out) as run:
        records = [record for record in run.records() if record.trial.inference is not None]
    assert all(len(record.latencies_s) for record in records)
    return {Path(r.trial.inference.network).name: dict(r.runtime) for r in records if r.trial.inference}


def test_a_network_and_an_engine_run_on_the_gpu_that_was_chosen(plugged: Plug, tmp_path: Path) -> None:
    network = small_network(tmp_path).file
    engine = plugged.engine(network, tmp_path / "My.ENGINE")
    found = served(sweep(tmp_path / "run", network.path, engine, given=("--device", "cuda:1")), tmp_path / "run")
    assert {*found} == {"small.onnx", "My.ENGINE"}
    for facts in found.values():
        assert (facts["runtime"], facts["device"]) == (f"{plugged.package} {plugged.version}", "cuda:1")
    assert "strongly_typed" in found["small.onnx"] and "strongly_typed" not in found["My.ENGINE"]


def test_a_network_runs_on_a_dla_where_the_package_serves_one(plugged: Plug, tmp_path: Path) -> None:
    given = ("--device", "dla:1", "--precision", "fp16", "--backend", plugged.backend)
    done = sweep(tmp_path / "run", small_network(tmp_path).path, given=given)
    if plugged == RTX:
        assert done.returncode == 3
        assert "it runs on a GPU, not on dla:1: TensorRT alone runs networks there" in done.stderr
        return
    (facts,) = served(done, tmp_path / "run").values()
    assert facts["device"] == "dla:1, else cuda:0"


def test_layers_of_half_precision_are_run_one_by_one(
    plugged: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a board with a meter: where there is none, the profile is enough."""
    facts, probes = HostRig.facts, ceilings.probes
    monkeypatch.setattr(HostRig, "facts", lambda self: dataclasses.replace(facts(self), rails=("VDD_IN",)))
    monkeypatch.setattr(
        # The fake's GPU computes on a CPU.
        ceilings, "probes", lambda *, on_gpu: (dataclasses.replace(probes(on_gpu=on_gpu)[0], size=8),)
    )  # fmt: skip
    monkeypatch.setattr("colocate.commands.layers.CEILING_WINDOW_S", 0.05)
    network, out = one_node(tmp_path, "Relu", TensorProto.FLOAT, [2, 4]).path, tmp_path / "run"
    # Of the oldest on its GPU, where the precision of each layer must be told as well.
    device = "cuda:0" if plugged in (PLUGS[0], RTX) else "dla:0"
    done = colocate("layers", network, "--device", device, "--precision", "fp16", *SHORT, "--out", out)
    found = served(done, out)
    # The network, a cast before and one behind it, what is launched for nothing, and the product of a ceiling.
    assert len(found) == 6 and all(str(each["device"]).startswith(device) for each in found.values())
    timed = {row["kind"] for row in rows_of(out / "layers.csv") if row["time_s"]}
    assert "Relu" in timed


def test_a_gpu_without_memory_is_said_to_be_full(
    plugged: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        set_state(full, dataclasses.replace(plugged, free_bytes=1 << 10))
        done = sweep(tmp_path / "run", small_network(tmp_path).path)
    forget()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "the GPU's memory is full: lower --batch, or end what else uses the GPU" in done.stderr


def test_what_an_engine_is_fed_is_refused_by_a_plan_as_by_the_run(plugged: Plug, tmp_path: Path) -> None:
    engine = plugged.engine(small_network(tmp_path).file, tmp_path / "my.engine")
    given = ("--input", f"data={tmp_path}/x.npy")
    planned, run = (sweep(tmp_path / "run", engine, given=(*given, *more)) for more in (("--dry-run",), ()))
    assert planned == run
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"colocate: cannot read the input {tmp_path}/x.npy: No such file or directory\n"
    np.save(tmp_path / "x.npy", np.zeros((2, 3, 8, 9)))
    planned, run = (sweep(tmp_path / "run", engine, given=(*given, *more)) for more in (("--dry-run",), ()))
    assert planned.returncode == 0
    assert planned.stderr.startswith(f"{engine} is an engine, which TensorRT alone can read: ")
    assert run.returncode == 2
    assert f"input 'data' is 2x3x8x8 in {engine}, not 2x3x8x9" in run.stderr


def test_a_damaged_engine_is_refused_with_the_reason_of_tensorrt(plugged: Plug, tmp_path: Path) -> None:
    engine = plugged.engine(small_network(tmp_path).file, tmp_path / "my.plan")
    engine.write_bytes(engine.read_bytes()[:-1] + b"?")
    done = sweep(tmp_path / "run", engine)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert f"cannot load {engine}" in done.stderr and "Magic tag does not match" in done.stderr
