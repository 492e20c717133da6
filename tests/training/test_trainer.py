"""One rank of a training, on CPUs."""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

import pytest
import torch

from colocate.training.trainer import Trainer, device_of, one_line
from colocate.worker.errors import WorkerError
from tests.training.requests import request

pytest.importorskip("sklearn")


def trained(steps: int, precision: str = "fp32", seed: int = 0) -> Trainer:
    torch.set_num_threads(1)
    trainer = Trainer(request(precision=precision, seed=seed))
    for _ in range(steps):
        trainer.step()
    return trainer


def test_it_learns() -> None:
    trainer = trained(0)
    assert trainer.steps_per_epoch == 22 and trainer.has_accuracy
    before = trainer.accuracy()
    for _ in range(5 * trainer.steps_per_epoch):
        trainer.step()
    assert before < 0.4 and trainer.accuracy() > 0.85


def test_a_seed_is_a_training() -> None:
    assert trained(20).accuracy() == trained(20).accuracy() != trained(20, seed=1).accuracy()


def test_bf16_trains_too() -> None:
    assert trained(60, "bf16").accuracy() > 0.5


def test_flop_are_those_of_a_hand_count() -> None:
    facts = trained(0).facts()
    # Multiply-adds of an image forward; backward takes twice as many, less what the images themselves would get.
    first, second = 8 * 8 * 20 * 25, 4 * 4 * 50 * 20 * 25
    dense = 200 * 500 + 500 * 10
    assert facts["flop_per_image"] == 2 * (3 * (first + second + dense) - first)
    assert facts["train_images"] == 1438
    assert facts["parameters"] == 20 * 26 + 50 * (20 * 25 + 1) + 201 * 500 + 501 * 10


def test_a_gpu_that_is_missing_is_said() -> None:
    asked = request(on_gpu=True, ranks=2).training
    assert asked is not None
    with patch.object(torch.cuda, "device_count", return_value=1), pytest.raises(WorkerError) as raised:
        device_of(asked, 0)
    assert str(raised.value).startswith("GPU 1 is missing: 2 are asked for and torch sees 1")


def test_a_network_of_the_users_own_that_does_not_fit_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "unfit.py").write_text(
        "from torch import nn\ndef flat(num_classes): return nn.Linear(5, num_classes)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(WorkerError, match="unfit:flat cannot take images of 1x8x8: mat1 and mat2"):
        Trainer(request("unfit:flat"))
    with pytest.raises(WorkerError, match=r"torch\.nn:Linear cannot be made: .*num_classes"):
        Trainer(request("torch.nn:Linear"))


def test_what_torch_says_is_one_sentence() -> None:
    said = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity\nof which"
    assert one_line(RuntimeError(said)) == "CUDA out of memory"
    assert one_line(MemoryError()) == "MemoryError"
