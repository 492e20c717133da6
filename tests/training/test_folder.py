"""A user's folder of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colocate.training.folder import Folder
from colocate.worker.errors import WorkerError

SHAPE = (3, 16, 12)


def filled(folder: Path, count: int, value: int) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.full((30, 40, 3), value, np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    (folder / "notes.txt").write_text("no image")


def test_every_fifth_image_of_a_class_is_held_out(tmp_path: Path) -> None:
    filled(tmp_path / "cat", 10, 0)
    filled(tmp_path / "dog", 5, 255)
    train, held_out = Folder(tmp_path, SHAPE, train=True), Folder(tmp_path, SHAPE, train=False)
    assert (len(train), len(held_out), train.classes) == (12, 3, 2)
    pixels, label = train[11]
    assert pixels.shape == SHAPE and pixels.dtype == np.float32 and label == 1
    # White, less the mean of all images of ImageNet, over their spread.
    assert pixels[:, 8, 6] == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225], rel=1e-4)
    assert Folder(tmp_path, (1, 8, 8), train=False)[0][0].shape == (1, 8, 8)


def test_folders_train_and_val_are_what_they_say(tmp_path: Path) -> None:
    for part, count in (("train", 4), ("val", 2)):
        for name in ("cat", "dog"):
            filled(tmp_path / part / name, count, 128)
    assert len(Folder(tmp_path, SHAPE, train=True)) == 8
    assert len(Folder(tmp_path, SHAPE, train=False)) == 4


def test_train_and_val_must_hold_the_same_classes(tmp_path: Path) -> None:
    # Else the numbers of one would name other classes than those of the other.
    for name in ("train/bird", "train/cat", "train/dog", "val/cat", "val/dog"):
        filled(tmp_path / name, 2, 128)
    for train in (True, False):
        with pytest.raises(WorkerError, match="bird is a class in only one of train and val"):
            Folder(tmp_path, SHAPE, train=train)


def test_a_class_may_be_named_train(tmp_path: Path) -> None:
    for name in ("car", "train"):
        filled(tmp_path / name, 5, 128)
    train, held_out = Folder(tmp_path, SHAPE, train=True), Folder(tmp_path, SHAPE, train=False)
    assert (len(train), len(held_out), train.classes, held_out.classes) == (8, 2, 2, 2)


def test_what_is_hidden_is_no_class_and_no_image(tmp_path: Path) -> None:
    for name in ("a", "b", ".cache"):
        filled(tmp_path / name, 5, 128)
    (tmp_path / "a" / "._00.png").write_text("of another system")
    train = Folder(tmp_path, SHAPE, train=True)
    assert (len(train), train.classes) == (8, 2)


def test_a_class_without_an_image_to_train_on_is_named(tmp_path: Path) -> None:
    filled(tmp_path / "a", 5, 0)
    filled(tmp_path / "b", 1, 0)
    with pytest.raises(WorkerError, match=r"b holds no images to train on; .* and the first is held out"):
        Folder(tmp_path, SHAPE, train=True)


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        filled(tmp_path / name, 5, 0)
    broken = tmp_path / "a" / "01.png"
    broken.write_bytes(broken.read_bytes()[:-40])
    with pytest.raises(WorkerError, match=f"{broken} cannot be read: "):
        Folder(tmp_path, SHAPE, train=True)[0]


def test_a_folder_without_classes_or_images_is_said(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="holds no two folders of images, one per class"):
        Folder(tmp_path, SHAPE, train=True)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with pytest.raises(WorkerError, match="holds no images to train on; they end in"):
        Folder(tmp_path, SHAPE, train=True)
    with pytest.raises(WorkerError, match="cannot be read: No such file"):
        Folder(tmp_path / "gone", SHAPE, train=True)
