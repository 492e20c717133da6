"""What networks are trained on."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch

from colocate.training.data import MADE_UP_IMAGES, load
from colocate.training.order import Order
from colocate.worker.errors import WorkerError
from tests.training.test_folder import filled

CPU = torch.device("cpu")


def test_digits_are_real_and_each_is_trained_on_or_judged() -> None:
    pytest.importorskip("sklearn")
    data = load("digits", None, 64)
    assert (data.train_images, data.held_out, data.classes, data.image) == (1438, 359, 10, (1, 8, 8))
    images, labels = next(data.batches(Order(data.train_images, 64, 0), CPU))
    assert images.shape == (64, 1, 8, 8) and set(labels.tolist()) <= set(range(10))
    assert sum(len(labels) for _, labels in data.judged(CPU)) == 359
    large = load("digits", (3, 32, 32), 64)
    assert next(large.batches(Order(large.train_images, 4, 0), CPU))[0].shape == (4, 3, 32, 32)
    with pytest.raises(WorkerError, match="1438 images to train on, fewer than a batch of 2048"):
        load("digits", None, 2048)


def test_made_up_images_are_as_many_as_imagenets_and_have_no_accuracy() -> None:
    data = load("synthetic", (3, 32, 32), 8)
    assert (data.train_images, data.held_out) == (MADE_UP_IMAGES, 0)
    images, labels = next(data.batches(Order(data.train_images, 8, 0, rank=1, ranks=2), CPU))
    assert images.shape == (4, 3, 32, 32) and labels.shape == (4,)
    assert list(data.judged(CPU)) == []


def test_a_folder_is_read_by_processes_of_its_own(tmp_path: Path) -> None:
    for name, value in (("cat", 0), ("dog", 255)):
        filled(tmp_path / name, 5, value)
    data = load(str(tmp_path), (3, 16, 16), 4)
    assert (data.train_images, data.held_out, data.classes) == (8, 2, 2)
    for images, labels in itertools.islice(data.batches(Order(8, 4, 0), CPU), 3):
        # Dark ones are cats.
        assert ((images.mean((1, 2, 3)) > 0) == (labels == 1)).all()
    assert sum(len(labels) for _, labels in data.judged(CPU)) == 2
