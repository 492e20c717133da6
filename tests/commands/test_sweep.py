"""`colocate sweep`: a whole run, resumed runs, networks and tasks of one's own."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from colocate.cli import run as cli
from colocate.model.request import SweepSpec
from colocate.store.run_file import Run
from tests.commands.command_line import MODEL, TINY, colocate, copy_of, header_of, interrupted, lose, refused
from tests.commands.own_networks import adding
from tests.report.sweep.test_columns import COLUMNS
from tests.rows import rows_of


def test_a_sweep_leaves_a_whole_run(tiny_run: Path) -> None:
    assert sorted(path.name for path in tiny_run.iterdir()) == [
        "cells.csv",
        "figures",
        "report.html",
        "report.md",
        "run.sqlite",
    ]
    with (tiny_run / "cells.csv").open() as file:
        assert file.readline().strip() == COLUMNS
    solo, beside = rows_of(tiny_run / "cells.csv")
    assert (solo["task"], solo["slowdown_p50"], solo["work_per_s"]) == ("none", "", "")
    assert float(beside["slowdown_p50_lo"]) <= float(beside["slowdown_p50"]) <= float(beside["slowdown_p50_hi"])
    with Run.read(tiny_run) as run:
        works = [record.work for record in run.records() if record.work and record.trial.inference]
    counts = [work.count for work in works]
    # A window in which no unit was finished, as on a machine that others keep busy, knows no rate.
    assert len(counts) == 2 and (beside["work_per_s"] != "") == (min(counts) > 0)
    assert ("no run completed" in beside["warnings"]) == (min(counts) == 0)
    if min(counts) > 0:
        rate = sum(counts) / sum(work.elapsed_s for work in works)
        assert float(beside["work_per_s"]) == pytest.approx(rate) and rate > 0
    names = {path.name for path in (tiny_run / "figures").iterdir()}
    assert {"heatmap-slowdown-p50.png", "heatmap-slowdown-p50.svg"} <= names


def test_a_sweep_makes_its_spec_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from colocate.request import spec

    make, made = spec.make_spec, []

    def counting(*arguments: object) -> SweepSpec:
        made.append(arguments)
        return make(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(spec, "make_spec", counting)
    arguments = ["--stressors", "bitcount", "--gpu-clocks", "high", "--repeats", "2", "--out", str(tmp_path / "run")]
    assert cli(["sweep", *MODEL, *arguments]) == 0
    assert len(made) == 1 and (tmp_path / "run" / "report.html").exists()


def test_a_finished_run_resumes_to_nothing_and_is_not_overwritten(tiny_run: Path, tmp_path: Path) -> None:
    run, planned = copy_of(tiny_run, tmp_path), header_of(tiny_run).planned
    done = colocate("sweep", "--resume", "--out", run, "--json")
    assert (done.returncode, json.loads(done.stdout)["done"]) == (0, planned)
    refused(2, "holds a run already", "sweep", *TINY, "--out", run)


def test_a_dry_run_touches_nothing(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    arguments = ("--dry-run", "--out", tmp_path / "run", "--placement", "shared", "--cpu-clocks", "native",
                 "--gpu-clocks", "native")  # fmt: skip
    done = colocate("sweep", *arguments, env={"XDG_CACHE_HOME": str(cache)})
    clocks, *rows, last = done.stdout.splitlines()
    # Where a meter would see it the idle machine has a window too, in each of the two repeats with steady windows.
    idle = 2 * sum(row.split()[:2] == ["none", "none"] for row in rows)
    designs = f"{75 + idle} trials (45 alternating, {30 + idle} steady)"
    assert clocks == "Clocks stay native." and last.startswith(f"{designs}, 5 repeats of 4 blocks, about ")
    assert ["alexnet", "jpeg", "5"] in [row.split() for row in rows] and "steady = 2." in rows[0]
    assert list(tmp_path.iterdir()) == []


# ---- networks of one's own


def test_a_network_of_ones_own_runs(tmp_path: Path) -> None:
    path, out = adding(tmp_path / "mine.onnx"), tmp_path / "run"
    done = colocate("sweep", *TINY, "--backend", "auto", "--networks", path, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)["cells"]
    assert {cell["network"] for cell in cells} == {str(path)}
    with Run.read(out) as run:
        counts = {
            (r.trial.task is None, r.trial.repeat): len(r.latencies_s) for r in run.records() if r.trial.inference
        }
    assert [cell["n"] for cell in cells] == [sum(counts[alone, r] for r in (0, 1)) for alone in (True, False)]
    assert min(counts.values()) >= 1 and all(cell["blocks"] == 2 for cell in cells)


def test_a_run_of_a_real_network_resumes(tmp_path: Path) -> None:
    path, out = adding(tmp_path / "mine.onnx"), tmp_path / "run"
    arguments = [*TINY, "--backend", "auto", "--networks", str(path), "--out", str(out), "--quiet"]
    assert colocate("sweep", *arguments).returncode == 0
    lose(out, "rowid IN (SELECT rowid FROM trial LIMIT 2)")
    # From another folder, as a path of the user's is the same file wherever they stand.
    done = colocate("sweep", "--resume", "--out", out, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"] == header_of(out).planned
    other = onnx.load(path)
    other.graph.initializer[0].raw_data = np.zeros(4, np.float32).tobytes()
    onnx.save(other, path)
    refused(2, "has changed", "sweep", "--resume", "--out", out, "--quiet")


def test_networks_that_cannot_be_run_are_refused(tmp_path: Path) -> None:
    corrupt = tmp_path / "corrupt.onnx"
    corrupt.write_bytes(adding(tmp_path / "whole.onnx").read_bytes()[:-20])
    foreign = tmp_path / "foreign.onnx"
    foreign.write_text("hello")
    without_weights = adding(tmp_path / "big.onnx", external=True)
    (tmp_path / "weights.bin").unlink()
    for path, said in (
        (corrupt, "corrupt.onnx"),
        (foreign, "is not an ONNX file"),
        (without_weights, "weights.bin"),
    ):
        refused(2, said, "sweep", "--placement", "shared", "--networks", path, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_network_at_a_frame_rate(tmp_path: Path) -> None:
    done = colocate("sweep", *TINY, "--period-ms", "4", "--window", "0.4", "--out", tmp_path / "run", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "missed" in done.stdout
    with Run.read(tmp_path / "run") as run:
        for record in run.records():
            if record.trial.inference is not None:
                assert np.allclose(np.diff(record.begins_s), 0.004), "due at each multiple, however late they begin"
                assert (record.latencies_s >= 0.001).all()
    for row in rows_of(tmp_path / "run" / "cells.csv"):
        assert float(row["period_s"]) == 0.004
        assert 0 <= float(row["miss_ratio"]) <= 1 and int(row["longest_miss_run"]) >= 0
        assert (float(row["miss_ratio"]) == 0) == (row["longest_miss_run"] == "0")


# ---- tasks of one's own


def test_a_task_of_ones_own_is_counted(tmp_path: Path) -> None:
    for window in ("0.1", "1", "10"):
        out = tmp_path / window
        arguments = [*TINY, "--window", window, "--command", "true=true", "--stressors", "", "--out", out, "--json"]
        done = colocate("sweep", *arguments)
        assert done.returncode == 0, done.stderr
        beside = json.loads(done.stdout)["cells"][1]
        if beside["work_per_s"] is not None:
            break
    with Run.read(out) as run:
        works = [record.work for record in run.records() if record.work and record.trial.inference]
    assert beside["task"] == "true" and {work.unit for work in works} == {"runs"}
    assert len(works) == 2 and all(work.count >= 1 for work in works)
    rate = sum(work.count for work in works) / sum(work.elapsed_s for work in works)
    assert beside["work_per_s"] == pytest.approx(rate)


@pytest.mark.parametrize(
    ("command", "said"), [("sh -c 'echo no input file >&2; exit 7'", "no input file"), ("/absent/program", "absent")]
)
def test_a_task_that_fails_at_once_is_an_error(tmp_path: Path, command: str, said: str) -> None:
    refused(2, said, "sweep", *TINY, "--command", f"mine={command}", "--out", tmp_path / "run", "--quiet")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_task_that_fails_later_is_reported_in_the_exit_code(tmp_path: Path, terminal: bool) -> None:
    for window in ("1", "10"):
        flag, out = tmp_path / f"{window}.flag", tmp_path / window
        # It waits while tasks are tried before the first window, and fails in every window.
        late = f"late=sh -c 'until [ -e {flag} ]; do sleep 0.01; done; echo [/dev/video0] lost >&2; exit 3'"
        arguments = [*TINY, "--window", window, "--repeats", "1", "--stressors", "", "--command", late]
        command = [sys.executable, "-m", "colocate", "sweep", *arguments, "--out", str(out)]
        if terminal:
            command = ["script", "-qec", shlex.join(command), "/dev/null"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        said = next((line for line in process.stdout if "networks run on" in line), "")
        flag.touch()
        said += process.stdout.read()
        if process.wait():
            break
    assert process.returncode == 3 and "Traceback" not in said
    assert "A trial failed: task 'late' failed (3): [/dev/video0] lost" in said
    assert "have no window that succeeded" in said


# ---- the model of a board


def test_a_model_names_itself_in_every_file_that_it_leaves(modelled_run: Path) -> None:
    words = "MODEL of a Tegra X1"
    for path in modelled_run.rglob("*"):
        if path.suffix == ".csv":
            assert {row["rig"] for row in rows_of(path)} == {"tx1-model"}, path
        elif path.suffix == ".png":
            # The picture of the same figure.
            assert path.with_suffix(".svg").exists()
        elif path.suffix in (".svg", ".html", ".md"):
            assert words in path.read_text(encoding="utf-8"), path
        elif path.is_file():
            assert path.name == "run.sqlite"
            assert words in header_of(modelled_run).facts.cpu_model
    kinds = {path.suffix for path in modelled_run.rglob("*") if path.is_file()}
    assert {".csv", ".svg", ".html", ".md", ".sqlite"} <= kinds


def test_a_model_says_what_its_slowdowns_assume(modelled_run: Path, tmp_path: Path) -> None:
    table = colocate("report", copy_of(modelled_run, tmp_path)).stdout
    rests = "delays the other as if the other had moved {} byte more"
    assert f"{rests.format(1)} (contention = 1; " in " ".join(table.split())
    for figure in (modelled_run / "figures").glob("heatmap-*.svg"):
        assert "assuming contention = 1" in figure.read_text(encoding="utf-8")
    study = tmp_path / "study.toml"
    study.write_text("[model]\ncontention = 3\n", encoding="utf-8")
    done = colocate("sweep", study, *MODEL, "--repeats", "2", "--out", tmp_path / "other")
    assert f"{rests.format(3)} (contention = 3; " in " ".join(done.stdout.split())
    assert "contention" not in colocate("sweep", *TINY, "--out", tmp_path / "machine").stdout


def test_a_dry_run_in_virtual_time_promises_no_minutes() -> None:
    assert "How long this takes depends on how fast" in colocate("sweep", *MODEL, "--dry-run").stdout
    assert json.loads(colocate("sweep", *MODEL, "--dry-run", "--json").stdout)["estimate_s"] is None


def test_the_model_sleeps_while_it_waits_and_says_so(modelled_run: Path) -> None:
    assert {row["wait"] for row in rows_of(modelled_run / "cells.csv")} == {"block"}
    refused(2, "sleeps until the GPU is done", "sweep", *MODEL, "--wait", "spin")


def test_an_interrupted_sweep_says_how_to_go_on_and_which_cleanup_failed(tmp_path: Path) -> None:
    failing = 'cleanup = ["sh", "-c", "echo no >&2; exit 3"]'
    (tmp_path / "study.toml").write_text(f'[commands.encoder]\nargv = ["sleep", "600"]\nrun = "service"\n{failing}\n')
    done = interrupted(1, "sweep", tmp_path / "study.toml", *TINY, "--quiet", "--out", tmp_path / "run")
    assert done.returncode == 130
    assert done.stderr == (
        f"Finished trials are kept. Continue with:\n  python -m colocate sweep --resume --out {tmp_path / 'run'}\n"
        "colocate: task 'encoder': its cleanup failed (return code 3): no\n"
    )


@pytest.mark.parametrize("which", [["--dry-run"], []])
def test_a_plan_refuses_a_directory_that_is_not_there_as_the_run_does(which: list[str], tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text('[commands.mine]\nargv = ["true"]\ndirectory = "/nowhere"\n')
    said = "commands.mine.directory: '/nowhere' is no directory that can be entered"
    refused(2, said, "sweep", tmp_path / "study.toml", *TINY, "--out", tmp_path / "run", *which)
    assert not (tmp_path / "run").exists()
