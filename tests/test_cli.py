"""The command line as a user meets it: exit codes, one line of reason, and a whole small sweep."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from colocate.inference.backends import availability
from colocate.model.request import Task
from colocate.store import FILE_NAME, Run

TINY = [
    "--backend", "synthetic", "--networks", "spin-1ms", "--stressors", "bitcount", "--placement", "shared",
    "--repeats", "2", "--window", "0.1", "--warmup", "0.02", "--settle", "0",
]  # fmt: skip
COLUMNS = (
    "network,stressor,placement,backend,precision,batch,cpu_hz,gpu_hz,emc_hz,n,blocks,p50_s,p95_s,p99_s,"
    "slowdown_p50,slowdown_p50_lo,slowdown_p50_hi,slowdown_p99,slowdown_p99_lo,slowdown_p99_hi,"
    "power_w,power_gpu_w,power_cpu_w,energy_per_inference_j,idle_power_w,work_per_s,work_loss_ratio,temperature_c,warnings,"
    "graph,wait,period_s,miss_ratio,longest_miss_run,rig,slowdown_mean,slowdown_mean_lo,slowdown_mean_hi"
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
    assert sorted(path.name for path in finished.iterdir()) == ["cells.csv", "figures", "report.html", "run.sqlite"]
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
    refused(2, "break their promise: make a new run", "--resume", "--out", finished, "--repeats", "9", "--quiet")


def test_another_machine_is_not_mixed_in(finished: Path, tmp_path: Path) -> None:
    copy = tmp_path / FILE_NAME
    copy.write_bytes((finished / FILE_NAME).read_bytes())
    with Run.read(finished) as run:
        own = run.header().facts.machine_id
    with sqlite3.connect(copy) as connection:
        connection.execute("UPDATE header SET json = replace(json, ?, 'elsewhere')", [own])
    refused(2, f"machine.machine_id was elsewhere and is {own}", "--resume", "--out", tmp_path, "--quiet")


@pytest.mark.parametrize("asked", [("--graph",), ("--wait", "block"), ("--precision", "fp16")])
def test_what_needs_a_gpu_is_refused_with_what_its_runtimes_lack(asked: tuple[str, ...]) -> None:
    if {"tensorrt", "onnxruntime-cuda"} & set(availability.look().runtimes):
        pytest.skip("this machine runs networks on a GPU")
    reasons = [availability.look().lacks[name].reason for name in ("tensorrt", "onnxruntime-cuda")]
    for reason in reasons:
        refused(3, reason, "--networks", "alexnet", "--placement", "shared", "--dry-run", *asked)


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
        (2, "leave out period-ms", ["--rig", "tx1-model", "--period-ms", "33"]),
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


MODEL = [
    "--rig", "tx1-model", "--networks", "alexnet", "--stressors", "bitcount,jpeg", "--cpu-clocks", "high",
    "--gpu-clocks", "low,high", "--window", "0.5", "--quiet",
]  # fmt: skip


@pytest.fixture(scope="module")
def modelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("advice") / "run"
    done = colocate("sweep", *MODEL, "--repeats", "4", "--out", folder, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["rig"] == "tx1-model" and {row["rig"] for row in said["cells"]} == {"tx1-model"}
    return folder


def test_a_model_names_itself_in_every_file_that_it_leaves(modelled: Path) -> None:
    words = "MODEL of a Tegra X1"
    for path in modelled.rglob("*"):
        if path.suffix == ".csv":
            with path.open(newline="", encoding="utf-8") as file:
                assert {row["rig"] for row in csv.DictReader(file)} == {"tx1-model"}, path
        elif path.suffix == ".png":
            # The picture of the same figure.
            assert path.with_suffix(".svg").exists()
        elif path.suffix in (".svg", ".html"):
            assert words in path.read_text(encoding="utf-8"), path
        elif path.is_file():
            assert path.name == FILE_NAME
            with Run.read(modelled) as run:
                assert words in run.header().facts.cpu_model
    kinds = {path.suffix for path in modelled.rglob("*") if path.is_file()}
    assert {".csv", ".svg", ".html", ".sqlite"} <= kinds


def test_a_model_says_what_its_slowdowns_assume(modelled: Path, tmp_path: Path) -> None:
    table = colocate("report", modelled).stdout
    assert "A model, assuming contention = 1: the size of every slowdown and work loss rests on it." in table
    for figure in (modelled / "figures").glob("heatmap-*.svg"):
        assert "assuming contention = 1" in figure.read_text(encoding="utf-8")
    study = tmp_path / "study.toml"
    study.write_text("[model]\ncontention = 3\n", encoding="utf-8")
    done = colocate("sweep", study, *MODEL, "--repeats", "2", "--out", tmp_path / "run")
    assert "assuming contention = 3" in done.stdout
    assert "assuming" not in colocate("sweep", *TINY, "--out", tmp_path / "machine").stdout


def test_a_dry_run_in_virtual_time_promises_no_minutes() -> None:
    assert "in virtual time: seconds" in colocate("sweep", *MODEL, "--dry-run").stdout
    assert json.loads(colocate("sweep", *MODEL, "--dry-run", "--json").stdout)["estimate_s"] is None


def test_the_model_sleeps_while_it_waits_and_says_so(modelled: Path) -> None:
    with (modelled / "cells.csv").open(newline="", encoding="utf-8") as file:
        assert {row["wait"] for row in csv.DictReader(file)} == {"block"}
    refused(2, "sleeps until the GPU is done", *MODEL, "--wait", "spin")


def test_advice_on_a_run(modelled: Path) -> None:
    done = colocate("advise", modelled, "--power-budget", "9", "--max-slowdown", "1.1", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["finished"] and found["judged"] == 4
    verdicts = {(each["gpu_hz"], each["stressor"]): each["verdict"] for each in found["verdicts"]}
    assert verdicts == {
        (76_800_000, "bitcount"): "SAFE", (76_800_000, "jpeg"): "UNSAFE",
        (998_400_000, "bitcount"): "UNSAFE", (998_400_000, "jpeg"): "UNSAFE",
    }  # fmt: skip
    assert [choice["tasks"] for choice in found["choices"]] == [["bitcount"]]
    table = colocate("advise", modelled, "--power-budget", "9")
    assert table.returncode == 0 and "bitcount, isolated, at 1734/76.8 MHz" in table.stdout
    page = colocate("advise", modelled, "--power-budget", "9", "--markdown").stdout
    assert page.startswith("## 1 SAFE, 3 UNSAFE, 0 UNDECIDED")


def test_nothing_safe_is_in_the_exit_code(modelled: Path) -> None:
    done = colocate("advise", modelled, "--slo-ms", "0.1")
    assert (done.returncode, done.stderr) == (1, "")
    assert "nothing is safe within these limits" in done.stdout


@pytest.mark.parametrize(
    ("said", "flags"),
    [
        ("nothing to judge by: give --slo-ms", []),
        ("must be a ratio above 1", ["--max-slowdown", "0.9"]),
        ("quantile 0.9 is not one of", ["--slo-ms", "30", "--quantile", "0.9"]),
        ("not allowed with", ["--slo-ms", "30", "--json", "--markdown"]),
        ("must be above 0", ["--power-budget", "nan"]),
    ],
)
def test_advice_needs_limits_that_make_sense(modelled: Path, said: str, flags: list[str]) -> None:
    done = colocate("advise", modelled, *flags)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert said in done.stderr


def test_advice_on_an_unfinished_run_says_so(modelled: Path, tmp_path: Path) -> None:
    copy = tmp_path / FILE_NAME
    copy.write_bytes((modelled / FILE_NAME).read_bytes())
    with sqlite3.connect(copy) as connection:
        connection.execute("DELETE FROM trial WHERE rowid > 20")
    done = colocate("advise", tmp_path, "--power-budget", "9")
    assert done.returncode in (0, 1)
    assert "unfinished, with 20 of 48 trials" in done.stdout
    with sqlite3.connect(copy) as connection:
        connection.execute("DELETE FROM trial")
    done = colocate("advise", tmp_path, "--power-budget", "9")
    assert (done.returncode, "nothing to judge yet" in done.stderr) == (2, True)


def trial_ids(folder: Path) -> set[str]:
    with Run.read(folder) as run:
        return run.done()


DECIDED = [*MODEL, "--until", "decided", "--power-budget", "8.7", "--max-slowdown", "1.001", "--quantile", "0.5"]


def test_a_sweep_until_decided_ends_early_and_resumes_to_the_same_end(tmp_path: Path) -> None:
    done = colocate("sweep", *DECIDED, "--repeats", "12", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "UNDECIDED with p50 slowdown <= 1.001, power <= 8.7 W" in done.stderr
    ids = trial_ids(tmp_path / "run")
    assert 48 <= len(ids) < 144, "four repeats of twelve trials are the least"
    assert f"{len(ids)} trials until decided" in done.stdout
    # As a kill leaves it: the last trials are missing.
    with sqlite3.connect(tmp_path / "run" / FILE_NAME) as connection:
        connection.execute("DELETE FROM trial WHERE rowid > 25")
    cut = colocate("advise", tmp_path / "run", "--markdown")
    assert "0 SAFE, 0 UNSAFE, 4 UNDECIDED" in cut.stdout and "unfinished" in cut.stdout
    again = colocate("sweep", "--resume", "--out", tmp_path / "run", "--quiet", "--json")
    assert again.returncode == 0, again.stderr
    assert trial_ids(tmp_path / "run") == ids
    whole = json.loads(colocate("advise", tmp_path / "run", "--json").stdout)
    assert whole["finished"] and whole["until_decided"] and whole["limits"]["power_budget_w"] == 8.7
    assert "looks at the table" in whole["notes"][0]
    other = colocate("sweep", "--resume", "--out", tmp_path / "run", "--power-budget", "9")
    assert other.returncode == 2 and "spec.limits was" in other.stderr


def test_a_budget_ends_a_sweep_until_decided(tmp_path: Path) -> None:
    arguments = [*DECIDED, "--stressors", "bitcount", "--gpu-clocks", "low", "--settle", "0"]
    done = colocate("sweep", *arguments, "--budget", "50s", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    with Run.read(tmp_path / "run") as run:
        header = run.header()
        # A repeat is four windows of 0.5 s, as many warm-ups, and loading: 6.6 s.
        assert (header.spec.budget_s, header.spec.repeats) == (50.0, 28)
    dry = colocate("sweep", *arguments, "--budget", "50s", "--dry-run")
    assert dry.stdout.splitlines()[-2:] == [
        "at the most 112 trials in 56 blocks, in virtual time: seconds",
        "the budget ends it after 50 s at the most: about 33 of these trials fit",
    ]
    refused(2, "two repeats of this study take", *arguments, "--budget", "5s", "--out", tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("said", "flags"),
    [
        ("did you mean 'decided'", ["--until", "decidd", "--slo-ms", "5"]),
        ("name a limit", ["--until", "decided"]),
        ("name a task", ["--until", "decided", "--slo-ms", "5", "--stressors", ""]),
        ("add --until decided", ["--budget", "30m"]),
        ("'half an hour' is no length of time", ["--until", "decided", "--slo-ms", "5", "--budget", "half an hour"]),
        ("one repeat decides nothing", ["--until", "decided", "--slo-ms", "5", "--repeats", "1"]),
    ],
)
def test_until_decided_needs_something_to_decide(said: str, flags: list[str]) -> None:
    refused(2, said, "--rig", "tx1-model", *flags)


def test_on_this_machine_too_an_interrupted_sweep_until_decided_goes_on(tmp_path: Path) -> None:
    arguments = [*TINY, "--repeats", "4", "--until", "decided", "--max-slowdown", "50", "--quantile", "0.5"]
    command = [sys.executable, "-m", "colocate", "sweep", *arguments, "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("[5/12]"):
            process.send_signal(signal.SIGINT)
            break
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130 and "sweep --resume --out" in said
    kept = trial_ids(tmp_path / "run")
    assert 0 < len(kept) < 12
    done = colocate("sweep", "--resume", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert kept < trial_ids(tmp_path / "run")
    assert json.loads(colocate("advise", tmp_path / "run", "--json").stdout)["finished"]
    assert "with p50 slowdown <= 50.000" in done.stderr


def copied(run: Path, to: Path, slower: float, kernel: str, machine_id: str) -> Path:
    """The run as another one, on a machine with another kernel, whose network is so much slower beside jpeg."""
    with Run.read(run) as whole:
        header, records = whole.header(), list(whole.records())
    facts = dataclasses.replace(header.facts, kernel=kernel, machine_id=machine_id)
    with Run.create(to, dataclasses.replace(header, facts=facts)) as run_:
        for each in records:
            factor = slower if each.trial.task == Task("jpeg") else 1.0
            run_.append(dataclasses.replace(each, latencies_s=each.latencies_s * factor))
    return to


def test_a_comparison_finds_what_became_slower(modelled: Path, tmp_path: Path) -> None:
    after = copied(modelled, tmp_path / "after", 1.1, kernel="6.1\x1b[31m", machine_id="another")
    done = colocate("compare", modelled, after, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    found = json.loads(done.stdout)
    regressed = {(each["stressor"], each["quantity"]) for each in found["changes"] if each["regressed"]}
    assert ("jpeg", "latency_p50_s") in regressed and ("jpeg", "slowdown_p50") in regressed
    assert {stressor for stressor, _ in regressed} == {"jpeg"}
    assert any(line.startswith("kernel was ") for line in found["differs"])
    assert "machine_id was " in " ".join(found["differs"])
    for form in ([], ["--markdown"]):
        table = colocate("compare", modelled, after, *form)
        assert (table.returncode, "\x1b" in table.stdout) == (1, False)
        assert "regressions, 0 improvements among" in table.stdout and "worse" in table.stdout
    assert colocate("compare", modelled, after, "--max-regression", "0.15").returncode == 0
    better = colocate("compare", after, modelled)
    assert better.returncode == 0 and "better" in better.stdout


def test_a_run_equals_itself(modelled: Path) -> None:
    done = colocate("compare", modelled, modelled)
    assert done.returncode == 0
    assert "0 regressions, 0 improvements" in done.stdout and "Differs" not in done.stdout


def test_what_cannot_be_compared_is_refused_with_each_reason(modelled: Path, finished: Path, tmp_path: Path) -> None:
    flags = ["--inference-cpus", "1", "--emc-clock", "native", "--batch", "2", "--repeats", "2"]
    other = colocate("sweep", *MODEL, *flags, "--out", tmp_path / "o")
    assert other.returncode == 0, other.stderr
    for runs, reasons in (
        ((modelled, finished), ["rig was tx1-model and is host"]),
        ((modelled, tmp_path / "o"), ["inference_cpus was none and is 1", "batch of alexnet was 1 and is 2"]),
    ):
        done = colocate("compare", *runs)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert all(reason in done.stderr for reason in reasons), done.stderr
    done = colocate("compare", modelled, modelled, "--max-regression", "-1")
    assert "emc_clock" not in colocate("compare", modelled, tmp_path / "o").stderr
    assert done.returncode == 2 and "must be 0 or above" in done.stderr


def test_a_network_at_a_frame_rate(tmp_path: Path) -> None:
    done = colocate("sweep", *TINY, "--period-ms", "4", "--window", "0.4", "--out", tmp_path / "run", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "missed" in done.stdout
    with Run.read(tmp_path / "run") as run:
        for record in run.records():
            if record.trial.inference is not None:
                assert np.allclose(np.diff(record.begins_s), 0.004), "due at each multiple, however late they begin"
                assert (record.latencies_s >= 0.001).all()
    with (tmp_path / "run" / "cells.csv").open() as file:
        for row in csv.DictReader(file):
            assert float(row["period_s"]) == 0.004
            assert 0 <= float(row["miss_ratio"]) <= 1 and int(row["longest_miss_run"]) >= 0
            assert (float(row["miss_ratio"]) == 0) == (row["longest_miss_run"] == "0")
