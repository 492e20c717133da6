"""`colocate doctor`: everything that was found, and a fix for what is missing."""

from __future__ import annotations

import json

import pytest

from colocate.cli import run as cli
from colocate.commands.doctor import summary
from colocate.rigs.host import examination
from colocate.rigs.host.examination import Finding
from tests.commands.command_line import colocate

FOUND = (
    Finding("machine", "CPUs", "2 CPUs, [bold]Acme[/bold] Nine"),
    Finding("machine", "user", "not root", "sudo: clocks and cpusets are root's"),
    Finding("inference", "tensorrt", "the package tensorrt is not installed", "pip install 'colocate[tensorrt]'"),
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the bandwidth of the GPU was asked for, look by look; the machine is that of `FOUND`."""
    looks: list[bool] = []

    def examine(*, gpu_bandwidth: bool) -> tuple[Finding, ...]:
        looks.append(gpu_bandwidth)
        return FOUND

    monkeypatch.setattr(examination, "examine", examine)
    return looks


def test_what_is_missing_stands_beside_its_fix(asked: list[bool], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["doctor"]) == 0
    said = capsys.readouterr().out
    rows = [line.split("\N{BOX DRAWINGS LIGHT VERTICAL}")[1:-1] for line in said.splitlines() if "Acme" in line]
    assert [cell.strip() for cell in rows[0]] == ["machine", "CPUs", "2 CPUs, [bold]Acme[/bold] Nine", ""]
    assert [said.count(area) for area in ("machine", "inference")] == [1, 1], "an area is named where it begins"
    assert "pip install 'colocate[tensorrt]'" in said, "brackets are no markup"
    assert asked == [False]


def test_the_last_line_sums_up_what_works_and_what_is_missing(
    asked: list[bool], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli(["doctor"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Works: nothing. Missing: latency."
    more = (
        *FOUND,
        Finding("inference", "synthetic", "built in"),
        Finding("inference", "onnxruntime-cpu", "onnxruntime 1.20"),
        Finding("tasks", "jpeg", "ready"),
        Finding("power", "ina3221", "none", "modprobe ina3221"),
        Finding("power", "package-0", "energy"),
        Finding("clocks", "cpu", "15 steps"),
        Finding("clocks", "gpu", "this machine shows no such clock", "root"),
    )
    said = "Works: latency (onnxruntime-cpu), tasks (jpeg), power (package-0), clocks (cpu). Missing: clocks (gpu)."
    assert summary(more) == said, "of runtimes and meters one will do"
    left = Finding("journal", "/var/lib/colocate", "settings left changed: 2", "python -m colocate restore")
    assert summary((*more, left)) == f"{said} Before any of it, restore the machine: python -m colocate restore."


def test_findings_are_json_with_a_key_for_each_part(asked: list[bool], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["doctor", "--json", "--gpu-bandwidth"]) == 0
    first, second, third = json.loads(capsys.readouterr().out)
    assert first == {"area": "machine", "name": "CPUs", "state": FOUND[0].state, "fix": ""}
    assert (second["fix"], third["name"]) == (FOUND[1].fix, "tensorrt")
    assert asked == [True]


def test_this_machine_is_looked_at_from_end_to_end() -> None:
    done = colocate("doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    areas = list(dict.fromkeys(finding["area"] for finding in found))
    assert areas[:2] == ["machine", "clocks"] and areas[-4:] == ["inference", "training", "tasks", "journal"]
    states = {(finding["area"], finding["name"]): finding["state"] for finding in found}
    assert states["tasks", "bitcount"] == "ready" and states["inference", "synthetic"] == "built in"
