"""`colocate compare` on runs of one study, and on runs that have nothing to do with each other."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from colocate.model.request import Task
from colocate.store.run_file import Run
from tests.commands.command_line import MODEL, colocate


def slower_beside_jpeg(run: Path, to: Path, ratio: float, kernel: str, machine_id: str) -> Path:
    """The run as another one, on a machine with another kernel, whose network is so much slower beside jpeg."""
    with Run.read(run) as whole:
        header, records = whole.header(), list(whole.records())
    facts = dataclasses.replace(header.facts, kernel=kernel, machine_id=machine_id)
    with Run.create(to, dataclasses.replace(header, facts=facts)) as run_:
        for each in records:
            factor = ratio if each.trial.task == Task("jpeg") else 1.0
            run_.append(dataclasses.replace(each, latencies_s=each.latencies_s * factor))
    return to


def test_a_comparison_finds_what_became_slower(modelled_run: Path, tmp_path: Path) -> None:
    after = slower_beside_jpeg(modelled_run, tmp_path / "after", 1.1, kernel="6.1\x1b[31m", machine_id="another")
    done = colocate("compare", modelled_run, after, "--json")
    assert (done.returncode, done.stderr) == (10, "")
    found = json.loads(done.stdout)
    regressed = {(each["task"], each["quantity"]) for each in found["changes"] if each["regressed"]}
    assert ("jpeg", "latency_p50_s") in regressed and ("jpeg", "slowdown_p50") in regressed
    assert {task for task, _ in regressed} == {"jpeg"}
    assert any(line.startswith("kernel was ") for line in found["differs"])
    assert "machine_id was " in " ".join(found["differs"])
    for form in ([], ["--markdown"]):
        table = colocate("compare", modelled_run, after, *form)
        assert (table.returncode, "\x1b" in table.stdout) == (10, False)
        assert "regressions, 0 improvements, " in table.stdout and "worse" in table.stdout
    assert colocate("compare", modelled_run, after, "--max-regression", "0.15").returncode == 0
    better = colocate("compare", after, modelled_run)
    assert better.returncode == 0 and "better" in better.stdout


def test_a_run_equals_itself(modelled_run: Path) -> None:
    done = colocate("compare", modelled_run, modelled_run)
    assert done.returncode == 0
    assert "0 regressions, 0 improvements" in done.stdout and "Differs" not in done.stdout


def test_what_cannot_be_compared_is_refused_with_each_reason(
    modelled_run: Path, tiny_run: Path, tmp_path: Path
) -> None:
    flags = ["--inference-cpus", "1", "--emc-clocks", "native", "--batch", "2", "--repeats", "2"]
    other = colocate("sweep", *MODEL, *flags, "--out", tmp_path / "o")
    assert other.returncode == 0, other.stderr
    for runs, reasons in (
        ((modelled_run, tiny_run), ["rig was tx1-model and is host"]),
        ((modelled_run, tmp_path / "o"), ["inference_cpus was none and is 1", "batch of alexnet was 1 and is 2"]),
    ):
        done = colocate("compare", *runs)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert all(reason in done.stderr for reason in reasons), done.stderr
    done = colocate("compare", modelled_run, modelled_run, "--max-regression", "-1")
    assert "emc_clocks" not in colocate("compare", modelled_run, tmp_path / "o").stderr
    assert done.returncode == 2 and "must be 0 or above" in done.stderr


def test_runs_of_other_batches_are_compared_in_those_that_both_have(tmp_path: Path) -> None:
    fixed = ["--precisions", "fp32", "--cpu-clocks", "high", "--gpu-clocks", "high", "--repeats", "2", "--quiet"]
    for batches in ("1,2", "2,4"):
        study = ["--rig", "tx1-model", "--networks", "squeezenet1_1", "--batches", batches, *fixed]
        assert colocate("efficiency", *study, "--out", tmp_path / batches).returncode == 0
    done = colocate("compare", tmp_path / "1,2", tmp_path / "2,4", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert {(each["network"], each["batch"]) for each in found["changes"]} == {("squeezenet1_1", 2)}
