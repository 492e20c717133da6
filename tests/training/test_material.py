"""What trainings are made of, by its digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.training.material import material


def digests(network: str, data: str) -> dict[str, object]:
    return {name: described["sha256"] for name, described in material(network, data)}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name in ("a/1.png", "a/2.PNG", "b/1.jpg", "b/notes.txt"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 9)
    return tmp_path / "images"


def test_a_folder_is_another_where_an_image_is_gone_new_or_of_another_size(images: Path) -> None:
    (described,) = dict(material("lenet", str(images))).values()
    assert described["images"] == 3
    seen = [described["sha256"]]
    for change in (
        lambda: (images / "a/1.png").unlink(),
        lambda: (images / "b/2.png").write_bytes(b""),
        lambda: (images / "b/2.png").write_bytes(b"y"),
        lambda: (images / "b/2.png").rename(images / "a/2.jpg"),
    ):
        change()
        seen += digests("lenet", str(images)).values()
    assert len({*seen}) == 5


def test_a_folder_is_the_same_whatever_else_lies_in_it_and_wherever_it_lies(images: Path) -> None:
    first = [*digests("lenet", str(images)).values()]
    (images / "b/notes.txt").write_text("changed")
    for hidden in ("a/.1.png", ".thumbnails/1.png"):
        (images / hidden).parent.mkdir(exist_ok=True)
        (images / hidden).write_bytes(b"x")
    moved = images.rename(images.parent / "moved")
    assert [*digests("lenet", str(moved)).values()] == first


def test_train_and_val_are_looked_into(images: Path) -> None:
    nested = images.parent / "nested" / "train"
    nested.parent.mkdir()
    images.rename(nested)
    (described,) = dict(material("lenet", str(nested.parent))).values()
    assert described["images"] == 3


def test_a_network_of_the_users_own_is_its_modules_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pack").mkdir()
    for source, name in (
        ("nets.py", "nets:made"),
        ("pack/inner.py", "pack.inner:made"),
        ("pack/__init__.py", "pack:made"),
    ):
        (tmp_path / source).write_text("made = 1")
        before = digests(name, "digits")
        (tmp_path / source).write_text("made = 2")
        assert before.keys() == {name} and digests(name, "digits") != before


@pytest.mark.parametrize("network", ["lenet", "elsewhere:made"])
def test_what_ships_or_lies_elsewhere_has_no_digest(network: str) -> None:
    assert digests(network, "synthetic") == digests(network, "digits") == {}
