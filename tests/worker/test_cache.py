"""A kept file is there whole or not at all, and is built once."""

from __future__ import annotations

import errno
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from colocate.worker import cache


def test_one_of_many_builders_builds(tmp_path: Path) -> None:
    def build() -> bytes:
        built.append(1)
        # Long enough for the others to come to the lock.
        time.sleep(0.1)
        return b"whole"

    built: list[int] = []
    path = tmp_path / "engines" / "a"
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: cache.obtain(path, build), range(4)))
    assert paths == {path}
    assert (path.read_bytes(), len(built)) == (b"whole", 1)


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_in_the_middle_of_writing_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    def fail(descriptor: int) -> None:
        assert list(tmp_path.iterdir()), "the failure comes while the file is there in part"
        raise failure

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(type(failure)):
        cache.obtain(tmp_path / "a", lambda: b"whole")
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_fails_leaves_no_file_and_lets_the_next_one_in(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise ValueError("the builder's own")

    with pytest.raises(ValueError, match="the builder's own"):
        cache.obtain(tmp_path / "a", fail)
    assert list(tmp_path.iterdir()) == []
    assert cache.obtain(tmp_path / "a", lambda: b"whole").read_bytes() == b"whole"


def test_what_a_killed_builder_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "b.onnx.partial").write_bytes(b"half")
    cache.obtain(tmp_path / "a", lambda: b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
