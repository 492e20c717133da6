"""A network's steps, from a process that ends with what its runtime holds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from colocate.worker.request import Request
from tests.small import small_network


def profiled(request: Request) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "colocate.worker.profile", request.to_json()]
    return subprocess.run(command, capture_output=True, text=True)


def request_for(folder: Path) -> Request:
    target = "colocate.worker.backends.onnxruntime_cpu:OnnxRuntimeCpu"
    return Request(target, "small", batch=2, file=small_network(folder).file)


def test_the_steps_are_a_list_of_their_fields(tmp_path: Path) -> None:
    done = profiled(request_for(tmp_path))
    assert done.returncode == 0, done.stderr
    steps = json.loads(done.stdout)
    assert all({*step} == {"name", "kind", "time_s", "within", "runs"} and step["time_s"] > 0 for step in steps)
    assert {"Conv", "MatMul"} <= {step["kind"] for step in steps}


def test_a_refusal_is_one_line_on_stderr(tmp_path: Path) -> None:
    request = request_for(tmp_path)
    request.loaded.path.write_bytes(b"no network")
    done = profiled(request)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "onnxruntime cannot load" in done.stderr
