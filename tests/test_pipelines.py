"""The user's own program as the network, from a study file to a verdict."""

from __future__ import annotations

import csv
import dataclasses
import json
import sys
from pathlib import Path

import psutil
import pytest

from colocate.model.request import Inference, Pipeline, SweepSpec
from colocate.progress import _runtimes
from colocate.report.text.labels import inference_label, shared_qualities
from colocate.request.spec import make_spec
from colocate.request.study_file import study_file
from colocate.rigs.registry import make_rig
from colocate.store.run_file import Run
from colocate.study.plan import plan
from tests.commands.command_line import colocate, refused
from tests.worker.pipelines import PATTERN, marks, prints

SMALL = {
    "stressors": ["bitcount"], "placement": ["shared"], "design": "steady", "repeats": 2, "warmup": 0.05,
    "settle": 0.0,
}  # fmt: skip


def study(folder: Path, **keys: object) -> Path:
    path = folder / "study.toml"
    path.write_text(study_file({**SMALL, **keys}))
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that prints and one with marks, each beside a stressor."""
    folder = tmp_path_factory.mktemp("pipelines")
    own = f"# {folder}"
    tables = {"cam": {"argv": prints(own), "latency": PATTERN}, "radar": {"argv": marks(own)}}
    done = colocate("sweep", study(folder, pipelines=tables, window=0.5), "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    assert "networks run on pipeline\n" in done.stderr
    return folder / "run"


def test_a_sweep_measures_a_program_like_any_network(finished: Path) -> None:
    with (finished / "cells.csv").open() as file:
        rows = {(row["network"], row["task"]): row for row in csv.DictReader(file)}
    assert set(rows) == {(network, task) for network in ("cam", "radar") for task in ("none", "bitcount")}
    for (_, task), row in rows.items():
        unknown = [row[name] for name in ("precision", "batch", "graph", "wait", "period_s")]
        assert (row["backend"], unknown) == ("pipeline", [""] * 5)
        assert float(row["p50_s"]) > 0.00199
        assert (row["slowdown_p50"] == "") == (task == "none")
    assert (finished / "report.html").exists()
    with Run.read(finished) as run:
        header, records = run.header(), list(run.records())
    assert header.spec.inferences[0].pipeline == Pipeline(prints(f"# {finished.parent}"), PATTERN)
    served = [record for record in records if record.trial.inference is not None]
    assert {record.trial.inference for record in served} == set(header.spec.inferences)
    for record in served:
        assert record.latencies_s.size and (record.begins_s >= 0).all()
        assert record.begins_s[-1] + record.latencies_s[-1] <= record.elapsed_s + 1e-9
        assert str(record.runtime["program"]).startswith(sys.executable)


def test_none_of_its_processes_is_left(finished: Path) -> None:
    with Run.read(finished) as run:
        programs = [list(each.pipeline.argv) for each in run.header().spec.inferences if each.pipeline is not None]
    assert not [process for process in psutil.process_iter() if _command(process) in programs]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def test_it_is_judged_like_any_network(finished: Path) -> None:
    done = colocate("advise", finished, "--max-slowdown", "1000", "--json")
    assert done.stderr == ""
    assert {verdict["network"] for verdict in json.loads(done.stdout)["verdicts"]} == {"cam", "radar"}


def test_a_finished_run_resumes_to_nothing(finished: Path) -> None:
    done = colocate("sweep", "--resume", "--out", finished, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"] == json.loads(done.stdout)["planned"]
    refused(2, "spec.inferences was", "sweep", "--resume", "--out", finished, "--pipeline", "cam=true", "--quiet")


def test_runs_of_two_programs_are_not_compared(finished: Path, tmp_path: Path) -> None:
    table = {"argv": prints(before="pass"), "latency": PATTERN}
    other = colocate("sweep", study(tmp_path, pipelines={"cam": table}, window=0.2), "--out", tmp_path / "run")
    assert other.returncode == 0, other.stderr
    said = "pipeline cam is not the same program, or is run in another way"
    refused(2, said, "compare", finished, tmp_path / "run")


def test_a_flag_names_a_program_with_marks(tmp_path: Path) -> None:
    (tmp_path / "radar.py").write_text(marks()[2])
    command = f"{sys.executable} '{tmp_path / 'radar.py'}'"
    arguments = ["--stressors", "bitcount", "--placement", "shared", "--repeats", "1", "--window", "0.3"]
    done = colocate("sweep", "--pipeline", f"radar={command}", *arguments, "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    assert {cell["network"] for cell in json.loads(done.stdout)["cells"]} == {"radar"}


def test_one_that_cannot_run_is_one_line_and_leaves_no_folder(tmp_path: Path) -> None:
    out = tmp_path / "run"
    for argv, said in (
        (("no-such-program",), "pipelines.cam: cannot start 'no-such-program': no such program"),
        (("sh", "-c", "echo no such camera >&2; exit 3"), "cam ended (exit status 3): no such camera"),
        (("sleep", "600"), "cam ended (exit status 1): it printed no line that matches 'infer: ([0-9.]+) ms' within"),
    ):
        table = {"argv": argv, "latency": PATTERN, "ready_s": 0.5}
        refused(2, said, "sweep", study(tmp_path, pipelines={"cam": table}), "--out", out)
        assert not out.exists()


def test_one_that_ends_fails_its_windows_and_the_study_goes_on(tmp_path: Path) -> None:
    table = {"argv": prints(after="if n == 40: sys.exit('the film is over')"), "latency": PATTERN}
    asked = study(tmp_path, networks=["spin-2ms"], pipelines={"film": table}, window=0.5, stressors=[])
    done = colocate("sweep", asked, "--out", tmp_path / "run", "--json")
    assert done.returncode == 3, "one of the settings has no window"
    summary = json.loads(done.stdout)
    said = "film ended (exit status 1): the film is over"
    assert {failure["message"] for failure in summary["failures"]} == {said}
    assert {cell["network"] for cell in summary["cells"] if cell["n"]} == {"spin-2ms"}


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("layers of a program cannot be seen from outside", ["layers"]),
        ("a program decides its batch and precision itself", ["efficiency"]),
        ("rig 'tx1-model' is a model and runs no program", ["sweep", "--rig", "tx1-model"]),
        ("period_ms: pipeline 'cam' decides this itself", ["sweep", "--period-ms", "33"]),
        ("batch: pipeline 'cam' decides this itself", ["sweep", "--batch", "8"]),
    ],
)
def test_what_does_not_apply_is_one_line(said: str, arguments: list[str]) -> None:
    refused(2, said, *arguments, "--pipeline", "cam=true")


def test_a_program_is_part_of_an_id_and_its_absence_is_not() -> None:
    facts = make_rig("tx1-model").facts()

    def ids(*inferences: Inference) -> list[str]:
        spec = SweepSpec(inferences, (), repeats=1, cpu_clocks=("native",), gpu_clocks=("native",))
        return [trial.trial_id for trial in plan(spec, facts) if trial.inference is not None]

    assert ids(Inference("alexnet", "tensorrt")) == ["80def97eec669048"], "as before there were pipelines"
    one, other = (Inference("cam", "pipeline", pipeline=Pipeline((name,))) for name in ("a", "b"))
    assert ids(one) != ids(other)


def test_labels_say_nothing_of_what_the_program_decides() -> None:
    (cam, alexnet) = make_spec({**SMALL, "pipelines": {"cam": "true"}, "networks": ["cam", "alexnet"]}).inferences
    assert shared_qualities([cam]) == ["pipeline"]
    assert inference_label(cam, [cam, alexnet]) == ("cam", "pipeline")


def test_only_networks_that_are_loaded_could_have_a_better_runtime() -> None:
    spec = make_spec({**SMALL, "pipelines": {"cam": "true"}, "networks": []})
    facts = dataclasses.replace(make_rig("host").facts(), backends=("onnxruntime-cpu",))
    assert _runtimes(plan(spec, facts), facts) == "networks run on pipeline"
