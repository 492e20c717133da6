"""A training as the worker's backend, alone and with another rank, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from colocate.worker.request import Request
from tests.training.requests import request
from tests.training.test_folder import filled

ROOT = Path(__file__).parents[2]
_STEPS = """
import json, sys
from colocate.training.backend import TrainingSteps
from colocate.worker.errors import WorkerError
from colocate.worker.request import from_json
try:
    steps = TrainingSteps(from_json(sys.argv[1]))
except WorkerError as error:
    sys.exit(str(error))
steps.infer()
print(json.dumps(dict(steps.facts())))
"""
pytest.importorskip("sklearn")


def process(asked: Request) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["taskset", "-c", "0", sys.executable, "-c", _STEPS, asked.to_json()],
        capture_output=True, text=True, timeout=500, cwd=ROOT, check=False,
    )  # fmt: skip


def facts(asked: Request) -> dict[str, Any]:
    done = process(asked)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_two_ranks_learn_what_one_does_and_say_what_their_exchange_takes() -> None:
    one, two = facts(request(epochs=8)), facts(request(epochs=8, ranks=2))
    assert one["accuracy"] > 0.9 and "all_reduce_s" not in one
    # The same images in the same batches; sums are rounded in another order.
    assert two["accuracy"] == pytest.approx(one["accuracy"], abs=0.02)
    assert two["all_reduce_s"] >= 0
    assert one["runtime"].startswith("torch ")


def test_made_up_images_are_not_trained_on_first() -> None:
    asked = request("lenet", "synthetic", batch=2, epochs=1000)
    assert "accuracy" not in facts(asked)


def test_a_folder_is_trained_on_by_a_worker_that_listens(tmp_path: Path) -> None:
    for name in ("a", "b"):
        filled(tmp_path / name, count=6, value=100)
    asked = request("lenet", str(tmp_path), batch=2, epochs=0)
    with subprocess.Popen(
        [sys.executable, "-m", "colocate.worker", asked.to_json()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as worker:  # fmt: skip
        assert worker.stdout is not None and "ready" in json.loads(worker.stdout.readline())
        worker.communicate(timeout=500)


_NETWORK = """
import threading, time
from torch import nn
class Odd(nn.Linear):
    steps = 0
    def __init__(self, num_classes):
        super().__init__(64, num_classes)
        threading.Thread(target=time.sleep, args=(3600,)).start()
    def forward(self, images):
        self.steps += 1
        if self.steps > 9:
            raise ValueError("the ninth was the last")
        return super().forward(images.flatten(1))
"""


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_network_that_fails_ends_the_worker_whatever_its_threads_do(tmp_path: Path, ranks: int) -> None:
    (tmp_path / "odd.py").write_text(_NETWORK)
    asked = request("odd:Odd", ranks=ranks)
    with subprocess.Popen(
        [sys.executable, "-m", "colocate.worker", asked.to_json()],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as worker:  # fmt: skip
        try:
            assert worker.wait(timeout=300) == 1
        finally:
            worker.kill()
        assert worker.stderr is not None and "the ninth was the last" in worker.stderr.read().splitlines()[-1]


def test_an_image_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    for name in ("a", "b"):
        filled(tmp_path / name, count=6, value=100)
    broken = tmp_path / "a" / "01.png"
    broken.write_bytes(broken.read_bytes()[:-40])
    done = process(request("lenet", str(tmp_path), batch=8))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"{broken} cannot be read: ")


def test_what_cannot_be_trained_is_one_line() -> None:
    done = process(request(on_gpu=True, ranks=1))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("GPU 0 is missing: 1 are asked for and torch sees 0")
    # With another rank, which says the same, the process ends at once.
    done = process(request("torch.nn:Linear", ranks=2))
    assert done.returncode == 1
    assert "torch.nn:Linear cannot be made" in done.stderr.splitlines()[-1]
