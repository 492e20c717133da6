"""Programs of the user's own in a study: what their tables mean, and what is refused with its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from colocate.errors import SpecError
from colocate.model.command import Command
from colocate.model.request import Inference, Pipeline, Task
from colocate.request.programs import PipelineKeys, make_pipeline, split
from colocate.request.spec import make_spec
from colocate.request.study_file import read_study, study_file

STUDY = r"""
networks = ["alexnet", { network = "cam", window = 5.0 }]

[pipelines]
plain = "python3 'a b.py' --fast"

[pipelines.cam]
argv = ["python3", "camera.py"]
latency = 'infer: ([0-9.]+) us'
latency_unit = "us"
environment = { OMP_NUM_THREADS = "1", A = "" }
directory = "app"
ready_s = 90.0
"""
CAM = Pipeline(
    ("python3", "camera.py"),
    r"infer: ([0-9.]+) us",
    "us",
    (("A", ""), ("OMP_NUM_THREADS", "1")),
    str(Path("app").absolute()),
    90.0,
)


TASKS = r"""
stressors = []

[commands]
plain = "gzip 'a b.bin'"

[commands.listed]
argv = ["gzip", "a b.bin"]

[commands.watched]
command = "gzip 'a b.bin'"
pause = false
"""


def test_a_task_is_a_line_or_a_table(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(TASKS)
    keys = read_study(tmp_path / "study.toml")
    argv = ("gzip", "a b.bin")
    assert make_spec(keys).tasks == (Task("plain", argv), Task("listed", argv), Task("watched", argv, pause=False))
    (tmp_path / "again.toml").write_text(study_file(keys))
    assert make_spec(read_study(tmp_path / "again.toml")).tasks == make_spec(keys).tasks


EVERYTHING = r"""
stressors = []

[commands.encoder]
argv = ["ffmpeg", "-i", "in.mp4"]
run = "service"
ready = { line = "listening" }
progress = 'frame=\s*(\d+)'
copies = "per-cpu"
prepare = "make clip"
cleanup = ["rm", "a && b"]
environment = { OMP_NUM_THREADS = "1", A = "" }
directory = "data"
user = "nobody"

[commands.piped]
command = "yes | head -n 5"
shell = true
prepare = "echo $HOME"
ready = { after_s = 2.0 }
copies = 3
"""


def test_a_table_says_how_a_task_is_run_and_counted(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(EVERYTHING)
    keys = read_study(tmp_path / "study.toml")
    encoder, piped = make_spec(keys).tasks
    assert encoder.argv == ("ffmpeg", "-i", "in.mp4") and encoder.pause
    assert encoder.command == Command(
        run="service",
        ready_line="listening",
        progress=r"frame=\s*(\d+)",
        copies="per-cpu",
        prepare=("make", "clip"),
        cleanup=("rm", "a && b"),
        environment=(("A", ""), ("OMP_NUM_THREADS", "1")),
        directory=str(Path("data").absolute()),
        user="nobody",
    )
    assert piped.argv == ("/bin/sh", "-c", "yes | head -n 5")
    assert piped.command == Command(ready_after_s=2.0, copies=3, prepare=("/bin/sh", "-c", "echo $HOME"))
    (tmp_path / "again.toml").write_text(study_file(keys))
    assert make_spec(read_study(tmp_path / "again.toml")).tasks == (encoder, piped)


@pytest.mark.parametrize("line", ["make && run", "yes | head", "A=1 run", "~/run", "run > out", "run $HOME"])
def test_shell_syntax_that_no_shell_reads_is_refused_with_both_ways(line: str) -> None:
    said = r"x(\.\w+)?: .* means something to a shell, and none reads this; write shell = true .*argv = \[\.\.\.\]"
    for keys in (line, {"command": line}, {"command": "true", "prepare": line}, {"argv": ["x"], "cleanup": line}):
        with pytest.raises(SpecError, match=said) as caught:
            make_spec({"commands": {"x": keys}})
        assert "\n" not in str(caught.value)
    assert make_spec({"commands": {"x": {"argv": [line]}}}).tasks[-1].argv == (line,)
    assert make_spec({"commands": {"x": {"command": line, "shell": True}}}).tasks[-1].argv[-1] == line


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"command": "  ", "shell": True}, r"commands\.x: the command is empty"),
        ({"argv": ["true"], "shell": True}, r"commands\.x\.shell: a shell reads a line, not a list"),
        ({"command": "true", "run": "once"}, r"commands\.x\.run: .*'repeat' or 'service', not 'once'"),
        ({"command": "true", "ready": {}}, r"commands\.x\.ready: give either \{ after_s = 2.0 \} or "),
        ({"command": "true", "ready": {"after_s": 1.0, "line": "x"}}, r"commands\.x\.ready: give either "),
        ({"command": "true", "ready": {"after_s": 0}}, r"commands\.x\.ready\.after_s: .*greater than 0"),
        ({"command": "true", "ready": {"after": 1}}, r"commands\.x\.ready: unknown key 'after'"),
        ({"command": "true", "ready": {"line": " "}}, r"commands\.x\.ready\.line: ' ' is in no line, or in every"),
        ({"command": "true", "progress": "(x"}, r"commands\.x\.progress: '\(x' is no regular expression"),
        ({"command": "true", "progress": "(x)(y)"}, r"commands\.x\.progress: .* has 2 groups; put the number alone"),
        (
            {"command": "true", "copies": 0},
            r"commands\.x\.copies: give a number .*, or 'per-cpu', not 0",
        ),
        ({"command": "true", "copies": 100_000}, r"copies: give a number of copies from 1 to 10000, .* not 100000"),
        ({"command": "true", "copies": "all"}, r"commands\.x\.copies: give a number .* not 'all'"),
        ({"command": "true", "copies": 1.5}, r"commands\.x\.copies: .* not 1.5"),
        ({"command": "true", "environment": {"A=": "1"}}, r"commands\.x\.environment: 'A=' cannot be set to '1'"),
        ({"command": "true", "user": ""}, r"commands\.x\.user: '' is no name of a user"),
    ],
)
def test_how_a_task_cannot_be_run_is_named(table: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        make_spec({"commands": {"x": table}})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, r"commands\.x: give either command = .* or argv = "),
        ({"command": "true", "argv": ["true"]}, r"commands\.x: give either command = .* or argv = "),
        ({"command": "gzip 'a"}, r"commands\.x: No closing quotation"),
        ({"argv": []}, r"commands\.x: the command is empty"),
        ({"argv": "true"}, r"commands\.x\.argv: .*list"),
        ({"command": "true", "pause": "no"}, r"commands\.x\.pause: give true or false"),
        ({"command": "true", "paws": False}, r"commands\.x: unknown key 'paws'; did you mean 'pause'"),
    ],
)
def test_a_table_of_a_task_that_means_nothing_is_named(table: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        make_spec({"commands": {"x": table}})
    assert "\n" not in str(caught.value)
    with pytest.raises(SpecError, match=r"commands\.jpeg: this is the name of a built-in stressor"):
        make_spec({"commands": {"jpeg": {"command": "true"}}})


def as_network(name: str, pipeline: Pipeline) -> Inference:
    return Inference(name, "pipeline", precision="", pipeline=pipeline)


def test_a_study_file_says_everything_of_a_pipeline(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    keys = read_study(tmp_path / "study.toml")
    spec = make_spec(keys)
    plain = Pipeline(("python3", "a b.py", "--fast"))
    assert spec.inferences == (Inference("alexnet"), as_network("cam", CAM), as_network("plain", plain))
    assert spec.own_windows_s == (("cam", 5.0),)
    (tmp_path / "again.toml").write_text(study_file(keys))
    assert make_spec(read_study(tmp_path / "again.toml")) == spec


@pytest.mark.parametrize(
    ("keys", "networks"),
    [
        ({}, ["cam"]),
        ({"networks": []}, ["cam"]),
        ({"networks": ["alexnet"]}, ["alexnet", "cam"]),
        ({"networks": ["cam", "alexnet"]}, ["cam", "alexnet"]),
        ({"networks": [{"network": "cam", "window": 1.0}]}, ["cam"]),
    ],
)
def test_every_pipeline_runs_and_what_else_is_named(keys: dict[str, Any], networks: list[str]) -> None:
    spec = make_spec({**keys, "pipelines": {"cam": "true"}})
    assert [inference.network for inference in spec.inferences] == networks


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("  ", r"pipelines\.cam\.argv: the command is empty"),
        ("x 'y", r"pipelines\.cam\.argv: No closing quotation in \"x 'y\""),
        ({"argv": []}, r"pipelines\.cam: the command is empty"),
        ({"argv": [""]}, r"pipelines\.cam: the command is empty"),
        ({"argv": ["a", "b\0"]}, r"pipelines\.cam: no argument of a program can hold a zero byte"),
        ({"argv": ["a", 3]}, r"pipelines\.cam\.argv\.1: .* not 3"),
        ({"argv": 3}, r"pipelines\.cam\.argv: .* not 3"),
        (3, r"pipelines\.cam: .* not 3"),
        ({"latency": "(x)"}, r"pipelines\.cam\.argv: "),
        ({"argv": "x", "latancy": "(x)"}, r"pipelines\.cam: unknown key 'latancy'"),
        ({"argv": "x", "latency": "(x"}, r"pipelines\.cam\.latency: '\(x' is no regular expression"),
        ({"argv": "x", "latency": "x{99999999999}"}, r"pipelines\.cam\.latency: .* is no regular expression"),
        ({"argv": "x", "latency": "x"}, r"pipelines\.cam\.latency: 'x' has 0 groups; put the latency alone"),
        ({"argv": "x", "latency": "(x)(y)"}, r"pipelines\.cam\.latency: '\(x\)\(y\)' has 2 groups"),
        ({"argv": "x", "latency_unit": "min"}, r"pipelines\.cam\.latency_unit: .*'ms', 'us' or 's', not 'min'"),
        ({"argv": "x", "environment": {"A=": "1"}}, r"pipelines\.cam\.environment: 'A=' cannot be set to '1'"),
        ({"argv": "x", "environment": {"A": 1}}, r"pipelines\.cam\.environment\.A: .* not 1"),
        ({"argv": "x", "ready_s": 0}, r"pipelines\.cam\.ready_s: .*greater than 0"),
        ({"argv": "x", "ready_s": 1e9}, r"pipelines\.cam\.ready_s: .*500"),
    ],
)
def test_what_is_wrong_with_a_pipeline_is_named(table: object, said: str) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        make_spec({"pipelines": {"cam": table}})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "none", "a,b", "a/b", "a\nb", "mine.onnx"])
def test_what_cannot_be_a_name(name: str) -> None:
    with pytest.raises(SpecError, match=r"pipelines: .* cannot name a network"):
        make_spec({"pipelines": {name: "true"}})


@pytest.mark.parametrize("name", ["alexnet", "bandwidth", "spin-1ms"])
def test_a_built_in_name_is_taken(name: str) -> None:
    with pytest.raises(SpecError, match=f"pipelines.{name}: this is the name of a built-in network"):
        make_spec({"pipelines": {name: "true"}})


@pytest.mark.parametrize(
    ("key", "value"),
    [("backend", "onnxruntime"), ("precision", "fp16"), ("batch", 8), ("graph", True), ("wait", "block"),
     ("period_ms", 33.3), ("shapes", {"x": "1x3"}), ("inputs", {"x": 1})],
)  # fmt: skip
def test_what_a_program_decides_itself_is_refused(key: str, value: object) -> None:
    said = f"{key}: pipeline 'cam' decides this itself; set it for other networks alone, as in networks = "
    for keys in ({key: value}, {"networks": [{"network": "cam", key: value}]}):
        with pytest.raises(SpecError, match=said):
            make_spec({**keys, "pipelines": {"cam": "true"}})
    alone = {"networks": [{"network": "alexnet", key: value}], "pipelines": {"cam": "true"}}
    assert [inference.network for inference in make_spec(alone).inferences] == ["alexnet", "cam"]


def test_a_string_is_the_command_alone() -> None:
    assert make_pipeline("cam", "a 'b c'") == make_pipeline("cam", PipelineKeys(("a", "b c")))
    assert split("--command x", "a b") == ("a", "b")
