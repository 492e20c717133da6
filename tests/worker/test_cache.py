"""A kept file is there whole or not at all, and is built once."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from colocate.worker import cache

WHOLE = hashlib.sha256(b"whole").hexdigest()[:16]


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
    (kept,) = paths
    assert kept.parent == path.parent and kept.name == f"a-{WHOLE}"
    assert (kept.read_bytes(), len(built)) == (b"whole", 1)


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
    assert [path.name for path in tmp_path.iterdir()] == [f"a-{WHOLE}"]


def kept_in(folder: Path) -> Path:
    """A file that was built once."""
    return cache.obtain(folder / "net.work.onnx", lambda: b"whole")


def flip(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"whoLe")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def open_to_others(path: Path) -> None:
    path.chmod(0o666)


def give_away(path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    os.chown(path, 12345, -1)


def link(path: Path) -> None:
    target = path.with_name("elsewhere")
    path.rename(target)
    path.symlink_to(target)


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("done", [flip, open_to_others, give_away, link, fifo])
def test_what_was_changed_or_others_could_have_changed_is_built_again(
    tmp_path: Path, done: Callable[[Path], None]
) -> None:
    kept = kept_in(tmp_path)
    assert kept.name == f"net.work-{WHOLE}.onnx"
    cache.check(kept)
    done(kept)
    with pytest.raises(OSError, match=r"damaged|somebody else"):
        cache.check(kept)
    with pytest.raises(OSError, match=r"damaged|somebody else|symbolic|no plain file"):
        cache.read(kept)
    assert kept_in(tmp_path) == kept
    assert cache.read(kept) == b"whole" and not kept.is_symlink()


def test_what_is_as_it_was_is_not_hashed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = kept_in(tmp_path)
    cache.check(kept)
    monkeypatch.setattr(hashlib, "sha256", None)
    cache.check(kept)
    assert kept_in(tmp_path) == kept


def test_a_folder_that_others_can_write_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "colocate" / "engines"
    folder.mkdir(parents=True)
    for each in (folder.parent, folder):
        each.chmod(0o777)
    kept = kept_in(folder)
    assert [each.stat().st_mode & 0o777 for each in (folder.parent, folder, kept)] == [0o755, 0o755, 0o644]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(OSError, match=r"belongs to another user \(12345\), who could change what is loaded from it"):
        kept_in(tmp_path)


def test_a_file_is_closed_whatever_the_umask(tmp_path: Path) -> None:
    former = os.umask(0)
    try:
        assert kept_in(tmp_path).stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(former)


# --- files that are none of the cache's


def test_a_file_of_ones_own_is_read_wherever_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "own"
    path.write_bytes(b"whole")
    path.chmod(0o644)
    # The folder decides nothing: what is read is looked at itself.
    tmp_path.chmod(0o777)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert cache.read_private(path) == cache.read_private(link) == b"whole"
    assert cache.private_sha256(link)[:16] == WHOLE


def test_a_file_that_somebody_else_could_have_written_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "own"
    path.write_bytes(b"whole")
    for mode in (0o664, 0o646):
        path.chmod(mode)
        with pytest.raises(OSError, match="somebody else could have written it"):
            cache.read_private(path)
        with pytest.raises(OSError, match="somebody else could have written it"):
            cache.private_sha256(path)
    with pytest.raises(OSError, match="it is no plain file"):
        cache.read_private(tmp_path)
