"""A runtime is tried in a process of its own, and says what it found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from colocate.worker.probe import probe
from colocate.worker.request import Request

SPIN = Request("colocate.worker.backends.synthetic:Synthetic", "spin-1us")


def probed(request: Request) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "colocate.worker.probe", request.to_json()]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_runtime_answers_with_its_facts_after_an_inference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "made_up_runtime.py").write_text(
        "class Backend:\n"
        "    made = 0\n"
        "    def __init__(self, request): pass\n"
        "    def infer(self): self.made += 1\n"
        "    def facts(self): return {'made': self.made}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert probe(SPIN._replace(target="made_up_runtime:Backend")) == {"made": 1}


def test_one_that_measures_something_answers_with_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "made_up_measure.py").write_text(
        "class Backend:\n"
        "    def __init__(self, request): pass\n"
        "    def infer(self): self.warm = True\n"
        "    def facts(self): raise AssertionError('it has more to say than its facts')\n"
        "    def probe(self): return {'warm': self.warm}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert probe(SPIN._replace(target="made_up_measure:Backend")) == {"warm": True}


def test_the_process_answers_on_stdout() -> None:
    done = probed(SPIN)
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, {"spin_s": pytest.approx(1e-6)}, "")


def test_a_refusal_is_one_line_on_stderr() -> None:
    done = probed(SPIN._replace(network="alexnet"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "not 'alexnet'" in done.stderr
