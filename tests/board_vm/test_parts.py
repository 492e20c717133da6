"""Needs no board: what runs there runs anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .shared_boot import ROOT, Boot
from .vm import BoardError


def test_a_part_that_fails_says_why_and_the_next_one_runs(tmp_path: Path) -> None:
    parts = {"none of a number": ["kills", "many", "1"], "none of a file": ["study", str(tmp_path / "nowhere")]}
    command = [sys.executable, "-m", "tests.board_vm.parts", str(tmp_path), "600", json.dumps(parts)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    boot = Boot(tmp_path, BoardError("it was switched off"))
    with pytest.raises(AssertionError, match=r"(?s)none of a number: .*ValueError: invalid literal .*'many'"):
        boot.found("none of a number")
    with pytest.raises(AssertionError, match=r"(?s)none of a file: .*FileNotFoundError: .*nowhere/request\.json"):
        boot.found("none of a file")
    with pytest.raises(pytest.fail.Exception, match="another did not run to its end: it was switched off"):
        boot.found("another")
