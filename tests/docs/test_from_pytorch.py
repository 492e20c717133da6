"""From PyTorch to a verdict: the export and the commands of the page, as they stand there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.recipes import ROOT, for_these_cpus

PAGE = (ROOT / "examples" / "from_pytorch.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_holds_a_program_and_its_commands() -> None:
    (program,), (commands,) = blocks("python"), blocks("sh")
    compile(program, "export.py", "exec")
    parts = [shlex.split(line) for line in commands.splitlines()]
    assert [" ".join(part[1:4]) for part in parts] == ["export.py", "-m colocate sweep", "-m colocate advise"]
    # The input that the program names and the file that it writes are those of the commands.
    assert '"classifier.onnx"' in program and "classifier.onnx" in parts[1]


def test_the_export_is_measured_and_judged(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    (program,), (commands,) = blocks("python"), blocks("sh")
    (tmp_path / "export.py").write_text(program, encoding="utf-8")
    for line in for_these_cpus(commands).splitlines():
        command = [sys.executable, *shlex.split(line)[1:]]
        if "sweep" in command:
            command += ["--window", "0.2", "--repeats", "2", "--quiet"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        # Whether a task is safe here is this machine's affair.
        assert done.returncode in ((0, 10, 11) if "advise" in command else (0,)), done.stderr
    assert (tmp_path / "classifier.onnx.data").exists()
    again = [sys.executable, "-m", "colocate", "report", "results/classifier", "--json"]
    found = json.loads(subprocess.run(again, cwd=tmp_path, capture_output=True, text=True, check=True).stdout)
    assert {(cell["task"], cell["batch"]) for cell in found["cells"]} == {
        ("none", 4), ("bitcount", 4), ("jpeg", 4),
    }  # fmt: skip
    assert found["failures"] == []
