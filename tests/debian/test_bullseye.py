"""A worker under Debian 11's Python 3.9, numpy 1.19 and ONNX Runtime 1.19, while colocate runs under this Python.

That Debian's own loader and C library start it, so nothing of this machine's libraries is in the process.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from colocate.request.study_keys import StudyKeys
from colocate.store.run_file import Run
from tests.commands.command_line import in_own_process
from tests.debian.older_worker import RUNTIME, worker_python
from tests.debian.root import BULLSEYE, missing

pytestmark = pytest.mark.skipif((reason := missing(BULLSEYE)) is not None, reason=str(reason))

# README's first command with windows that are short.
SHORT = ("--repeats", "1", "--window", "0.5", "--warmup", "0.1", "--settle", "0")


@pytest.fixture(scope="module")
def python() -> Path:
    return worker_python()


def test_it_is_that_debians_python_with_its_numpy(python: Path) -> None:
    said = "numpy.__version__, numpy.__file__, sys.version"
    script = f"import json, sys, numpy, onnxruntime; print(json.dumps([{said}]))"
    done = subprocess.run([python, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    numpy_version, numpy_file, version = json.loads(done.stdout)
    assert version.startswith("3.9.") and numpy_version.startswith("1.19.")
    assert Path(numpy_file).is_relative_to(BULLSEYE.folder / "usr/lib/python3")


def test_it_serves_the_whole_sweep_of_the_readme(python: Path, tmp_path: Path) -> None:
    done = in_own_process("sweep", *SHORT, "--worker-python", python, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    with Run.read(tmp_path / "run") as run:
        records, failures = list(run.records()), list(run.failures())
    assert failures == []
    served = {record.trial.inference.network: record for record in records if record.trial.inference is not None}
    assert served.keys() == {*StudyKeys().networks}
    for record in served.values():
        assert str(record.runtime["python"]).startswith("3.9.") and record.runtime["runtime"] == RUNTIME
        assert len(record.latencies_s)
