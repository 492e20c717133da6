"""A worker under a Python of its own: it sees colocate beside its files, and nothing else that lies there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import colocate.worker
from colocate.worker import start
from colocate.worker.request import Request
from tests.worker.pythons import OLDER, older_pythons

SPIN = Request("colocate.worker.backends.synthetic:Synthetic", "spin-1ms")
# Of a network as a task: the way through everything that a worker needs.
COUNTED = SPIN._replace(counted=True)
TALK = ("go\n", "stop\n")


def answers(python: str, script: str, request: Request) -> list[dict[str, object]]:
    """What the worker says to a short window."""
    command = [python, script, "colocate.worker", request.to_json()]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        said = [process.stdout.readline()]
        for word in TALK if said[0] else ():
            process.stdin.write(word)
            process.stdin.flush()
        said.append(process.stdout.readline() if said[0] else "")
        process.stdin.close()
        assert process.wait(60) == 0, process.stderr.read()
    return [json.loads(line) for line in said]


@pytest.mark.parametrize("version", OLDER)
def test_a_worker_serves_under_every_older_python(version: str) -> None:
    if version not in older_pythons():
        pytest.skip(f"this machine has no Python {version}")
    for request in (SPIN, COUNTED):
        ready, report = answers(older_pythons()[version], str(start.__file__), request)
        assert isinstance(ready["ready"], dict)
        assert str(ready["ready"]["runtime"]["python"]).startswith(f"{version}.")
        assert report.get("count") or report["latencies_ns"]


def test_packages_beside_colocate_stay_unseen(tmp_path: Path) -> None:
    # As in an environment's folder of packages, which are for another Python.
    home = Path(colocate.worker.__file__).parents[2]
    for name in start.OURS:
        shutil.copytree(home / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("made_up", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a package for another Python')")
    target = SPIN._replace(target="made_up:Backend")
    command = [sys.executable, str(tmp_path / "colocate/worker/start.py"), "colocate.worker.probe"]
    done = subprocess.run([*command, target.to_json()], capture_output=True, text=True, cwd=Path("/"))
    assert done.returncode == 1
    assert done.stderr.startswith("it cannot be loaded under Python")
    assert done.stderr.strip().endswith("No module named 'made_up'")
    spin = subprocess.run([*command, SPIN.to_json()], capture_output=True, text=True, cwd=Path("/"))
    assert json.loads(spin.stdout) == {"spin_s": 0.001}


def test_its_own_folder_hides_no_module_of_python() -> None:
    code = "import profile, sys; sys.exit(profile.__file__)"
    done = subprocess.run(
        [sys.executable, str(start.__file__), "timeit", "-n1", "-r1", code], capture_output=True, text=True
    )
    assert str(Path(start.__file__).parent) not in done.stderr and "profile.py" in done.stderr
