"""Every study in examples/ says what it asks, and runs up to its plan."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from colocate.request.spec import make_study
from colocate.request.study_file import read_study
from colocate.rigs.host.rig import HostRig
from colocate.store.run_file import Run
from colocate.study.plan import distinct_inferences, plan
from tests.commands.command_line import colocate
from tests.docs.recipes import ROOT
from tests.docs.tiny import write_network

EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
# Those whose machine is seldom at hand, with what stands in for it.
STAND_IN = {"jetson-81-cells": ["--rig", "tx1-model"]}
OF_A_GPU = "server-gpu"
HERE = [path for path in EXAMPLES if path.stem != OF_A_GPU]


def planned(path: Path, folder: Path) -> dict[str, Any]:
    """What `sweep FILE --dry-run` plans in `folder`, where a network of the user's lies."""
    write_network(folder / "detector.onnx")
    # On one CPU there is none beside the network's.
    alone = ["--placement", "shared"] if len(os.sched_getaffinity(0)) == 1 else []
    done = colocate("sweep", path, "--dry-run", "--json", *STAND_IN.get(path.stem, alone), cwd=folder)
    assert done.returncode == 0, done.stderr
    assert [left.name for left in folder.iterdir()] == ["detector.onnx"], "a dry run writes nothing"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_there_are_examples() -> None:
    names = {path.stem for path in EXAMPLES}
    wanted = {
        "own-network",
        "mix",
        "own-programs",
        "services",
        "jetson-81-cells",
        OF_A_GPU,
        "tx1-model",
        "until-decided",
    }
    assert wanted <= names and STAND_IN.keys() <= names


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_begins_with_its_question_and_its_command(path: Path) -> None:
    comment, _, _ = path.read_text(encoding="utf-8").partition("\n\n")
    assert all(line.startswith("#") for line in comment.splitlines())
    assert "?" in comment
    assert f"-m colocate sweep examples/{path.name} --out results/" in comment


@pytest.mark.parametrize("path", HERE, ids=lambda path: path.stem)
def test_an_example_has_a_plan(path: Path, tmp_path: Path) -> None:
    found = planned(path, tmp_path)
    study = read_study(path)
    tasks = {*study["stressors"], *study.get("commands", {})}
    assert {trial["task"] for trial in found["plan"]} >= tasks
    if path.stem == "jetson-81-cells":
        beside = {
            (trial["network"], trial["task"], trial["cpu_hz"], trial["gpu_hz"])
            for trial in found["plan"]
            if trial["network"] and trial["task"]
        }
        assert len(beside) == 81


def test_the_example_of_a_gpu_has_a_plan_on_the_server_of_the_shipped_study() -> None:
    (path,) = [path for path in EXAMPLES if path.stem == OF_A_GPU]
    with Run.read(ROOT / "results" / "h200") as run:
        facts = run.header().facts
    trials = plan(make_study(read_study(path)).spec, facts)
    HostRig().check(trials)
    assert [inference.graph for inference in distinct_inferences(trials)].count(True) == 1
    assert {inference.backend for inference in distinct_inferences(trials)} == {"onnxruntime-cuda"}
