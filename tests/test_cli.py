"""The command line as a user meets it: exit codes, one line of reason, and a whole small sweep."""

from __future__ import annotations

import csv
import json
import os
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from colocate.store import FILE_NAME, Run

TINY = [
    "--backend", "synthetic", "--networks", "spin-1ms", "--stressors", "bitcount", "--placement", "shared",
    "--repeats", "2", "--window", "0.1", "--warmup", "0.02", "--settle", "0",
]  # fmt: skip
COLUMNS = (
    "network,stressor,placement,backend,precision,batch,cpu_hz,gpu_hz,emc_hz,n,blocks,p50_s,p95_s,p99_s,"
    "slowdown_p50,slowdown_p50_lo,slowdown_p50_hi,slowdown_p99,slowdown_p99_lo,slowdown_p99_hi,"
    "power_w,power_gpu_w,power_cpu_w,energy_per_inference_j,idle_power_w,work_per_s,work_loss_ratio,temperature_c,doubts,"
    "graph,wait"
)


def colocate(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "colocate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(env or {})})


def refused(code: int, said: str, *arguments: str | Path) -> None:
    done = colocate("sweep", *arguments)
    assert done.returncode == code, done
    assert said in done.stderr
    assert done.stderr.startswith("colocate: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "run"
    done = colocate("sweep", *TINY, "--out", folder)
    assert done.returncode == 0, done.stderr
    assert "this is 1 of the 9 clock pairs" in done.stdout
    assert "[6/6]" in done.stderr, "plain lines when piped"
    return folder


def test_a_sweep_leaves_a_whole_run(finished: Path) -> None:
    assert sorted(path.name for path in finished.iterdir()) == ["cells.csv", "figures", "run.sqlite"]
    with (finished / "cells.csv").open() as file:
        assert file.readline().strip() == COLUMNS
    with (finished / "cells.csv").open() as file:
        solo, beside = csv.DictReader(file)
    assert (solo["stressor"], solo["slowdown_p50"], solo["work_per_s"]) == ("none", "", "")
    assert float(beside["slowdown_p50_lo"]) <= float(beside["slowdown_p50"]) <= float(beside["slowdown_p50_hi"])
    assert float(beside["work_per_s"]) > 0
    names = {path.name for path in (finished / "figures").iterdir()}
    assert {"heatmap-slowdown-p50.png", "heatmap-slowdown-p50.svg"} <= names


def test_a_report_is_rebuilt_from_the_run_alone(finished: Path) -> None:
    before = (finished / "cells.csv").read_bytes()
    (finished / "cells.csv").unlink()
    done = colocate("report", finished, "--json")
    assert (finished / "cells.csv").read_bytes() == before
    summary = json.loads(done.stdout)
    assert (summary["done"], summary["planned"]) == (6, 6)
    assert [cell["stressor"] for cell in summary["cells"]] == ["none", "bitcount"]


def test_a_finished_run_resumes_to_nothing_and_is_not_overwritten(finished: Path) -> None:
    done = colocate("sweep", "--resume", "--out", finished, "--json")
    assert (done.returncode, json.loads(done.stdout)["done"]) == (0, 6)
    refused(2, "holds a run already", *TINY, "--out", finished)


def test_another_study_is_not_mixed_in(finished: Path) -> None:
    refused(2, "spec.window_s was 0.1 and is 0.2", "--resume", "--out", finished, "--window", "0.2", "--quiet")


def test_another_machine_is_not_mixed_in(finished: Path, tmp_path: Path) -> None:
    copy = tmp_path / FILE_NAME
    copy.write_bytes((finished / FILE_NAME).read_bytes())
    with Run.read(finished) as run:
        own = run.header().facts.machine_id
    with sqlite3.connect(copy) as connection:
        connection.execute("UPDATE header SET json = replace(json, ?, 'elsewhere')", [own])
    refused(2, f"machine.machine_id was elsewhere and is {own}", "--resume", "--out", tmp_path, "--quiet")


def test_a_dry_run_touches_nothing(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    arguments = ("--dry-run", "--out", tmp_path / "run", "--placement", "shared")
    done = colocate("sweep", *arguments, env={"XDG_CACHE_HOME": str(cache)})
    assert "75 trials in 20 blocks" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "said", "arguments"),
    [
        (2, "did you mean 'alexnet'", ["--networks", "alexnett"]),
        (2, "did you mean 'bitcount'", ["--stressors", "bitcuont"]),
        (2, "window", ["--window", "0"]),
        (2, "repeats", ["--repeats", "-3"]),
        (2, "invalid int value", ["--repeats", "many"]),
        (2, "inference CPU 4095 does not exist", ["--inference-cpus", "4095"]),
        (2, "No such file", ["absent.toml"]),
        (2, "--resume needs --out", ["--resume"]),
        (2, "NAME=", ["--command", "ffmpeg"]),
        (2, "unrecognized arguments", ["--nonsense"]),
        (3, "CPU clock cannot be set", ["--cpu-clocks", "1000"]),
        (3, "runs fp32 here, not fp16", ["--precision", "fp16"]),
        (4, "holds no run", ["--resume", "--out", "/"]),
    ],
)
def test_a_bad_request_gets_one_line(code: int, said: str, arguments: list[str]) -> None:
    if "--cpu-clocks" in arguments and Path("/sys/devices/system/cpu/cpu0/cpufreq").exists():
        pytest.skip("this machine's CPU clock can be set")
    refused(code, said, "--placement", "shared", *arguments)


def model(path: Path, inputs: int = 1, external: bool = False) -> Path:
    weights = helper.make_tensor("w", TensorProto.FLOAT, [4], np.ones(4, np.float32).tobytes(), raw=True)
    names = [f"x{i}" for i in range(inputs)]
    nodes = [helper.make_node("Sum", [*names, "w"], ["y"])]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in names]
    out = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])]
    graph = helper.make_graph(nodes, "g", values, out, [weights])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(made, path, save_as_external_data=external, location="weights.bin", size_threshold=0)
    return path


def test_a_network_of_ones_own_runs(tmp_path: Path) -> None:
    path = model(tmp_path / "mine.onnx")
    done = colocate("sweep", *TINY, "--backend", "auto", "--networks", path, "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)["cells"]
    assert {cell["network"] for cell in cells} == {str(path)}
    assert all(cell["n"] > 100 for cell in cells)


def test_a_run_of_a_real_network_resumes(tmp_path: Path) -> None:
    path = model(tmp_path / "mine.onnx")
    arguments = [*TINY, "--backend", "auto", "--networks", str(path), "--out", str(tmp_path / "run"), "--quiet"]
    assert colocate("sweep", *arguments).returncode == 0
    with sqlite3.connect(tmp_path / "run" / FILE_NAME) as connection:
        connection.execute("DELETE FROM trial WHERE rowid IN (SELECT rowid FROM trial LIMIT 2)")
    # From another folder, as a path of the user's is the same file wherever they stand.
    done = subprocess.run(
        [sys.executable, "-m", "colocate", "sweep", "--resume", "--out", str(tmp_path / "run"), "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"] == 6
    path.write_bytes(model(tmp_path / "other.onnx").read_bytes() + b"")
    other = onnx.load(path)
    other.graph.initializer[0].raw_data = np.zeros(4, np.float32).tobytes()
    onnx.save(other, path)
    refused(2, "the network files differ", "--resume", "--out", tmp_path / "run", "--quiet")


def test_networks_that_cannot_be_run_are_refused(tmp_path: Path) -> None:
    corrupt = tmp_path / "corrupt.onnx"
    corrupt.write_bytes(model(tmp_path / "whole.onnx").read_bytes()[:-20])
    foreign = tmp_path / "foreign.onnx"
    foreign.write_text("hello")
    without_weights = model(tmp_path / "big.onnx", external=True)
    (tmp_path / "weights.bin").unlink()
    for path, said in (
        (corrupt, "corrupt.onnx"),
        (foreign, "is not an ONNX file"),
        (without_weights, "weights.bin"),
    ):
        refused(2, said, "--placement", "shared", "--networks", path, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_task_of_ones_own_is_counted(tmp_path: Path) -> None:
    done = colocate("sweep", *TINY, "--command", "true=true", "--stressors", "", "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    beside = json.loads(done.stdout)["cells"][1]
    assert beside["stressor"] == "true"
    assert beside["work_per_s"] > 1


@pytest.mark.parametrize(
    ("command", "said"), [("sh -c 'echo no input file >&2; exit 7'", "no input file"), ("/absent/program", "absent")]
)
def test_a_task_that_fails_at_once_is_an_error(tmp_path: Path, command: str, said: str) -> None:
    refused(2, said, *TINY, "--command", f"mine={command}", "--out", tmp_path / "run", "--quiet")
    assert not (tmp_path / "run").exists()


def test_a_task_that_fails_later_is_told_in_the_exit_code(tmp_path: Path) -> None:
    late = "late=sh -c 'sleep 0.8; echo [/dev/video0] lost >&2; exit 3'"
    arguments = [*TINY, "--window", "1", "--repeats", "1", "--stressors", "", "--command", late]
    done = colocate("sweep", *arguments, "--out", tmp_path / "run", "--quiet")
    assert done.returncode == 3
    assert "task 'late' failed (3): [/dev/video0] lost" in done.stderr
    assert "have no window that succeeded" in done.stderr


def test_brackets_in_a_message_are_no_markup_on_a_terminal(tmp_path: Path) -> None:
    late = "late=sh -c 'sleep 0.8; echo [/dev/video0] lost >&2; exit 3'"
    arguments = [*TINY, "--window", "1", "--repeats", "1", "--stressors", "", "--command", late]
    command = shlex.join([sys.executable, "-m", "colocate", "sweep", *arguments, "--out", str(tmp_path / "run")])
    done = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, text=True)
    assert done.returncode == 3, done.stdout
    assert "Traceback" not in done.stdout


def test_progress_that_nobody_reads_does_not_end_the_study(tmp_path: Path) -> None:
    command = shlex.join([sys.executable, "-m", "colocate", "sweep", *TINY, "--out", str(tmp_path / "run")])
    done = subprocess.run(["bash", "-c", f"{command} 2> >(true)"], capture_output=True, text=True)
    assert done.returncode == 0
    with Run.read(tmp_path / "run") as run:
        assert len(run.done()) == 6


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "> /dev/full"])
def test_output_that_cannot_be_written_gives_no_traceback(finished: Path, redirection: str) -> None:
    command = f"{sys.executable} -m colocate report {finished} {redirection}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert done.returncode == (4 if "full" in redirection else 0)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(4, str(tmp_path / "file" / "run"), *TINY, "--out", tmp_path / "file" / "run", "--quiet")


def test_a_damaged_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(os.urandom(10_000))
    done = colocate("report", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)


def test_output_into_a_closed_pipe_is_no_error(finished: Path) -> None:
    command = f"{sys.executable} -m colocate sweep --dry-run --placement shared | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stderr == ""
